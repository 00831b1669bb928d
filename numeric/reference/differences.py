"""Gradients by differences of the loss: the oracle that needs nothing but the loss itself.

``loss`` takes a dict of parameters and gives a scalar. A central difference with step h is wrong by h²·C‴/6 plus
eps·\\|C\\|/h; the default h = eps^(1/3) balances the two, which leaves about ten digits in float64. One Richardson step
(4 D(h/2) − D(h))/3 removes the h² term. The complex step Im C(w + ih)/h has no subtraction, hence no rounding to
balance, and is exact to the last digits; but it needs a loss that is analytic: no abs, no cast to real.

None of them sees a wrong term that vanishes at the point looked at, and near a kink they mix both sides.

>>> import numpy as np
>>> w = {"w": np.array([1.0, 2.0])}
>>> g = complex_step(lambda p: np.sum(p["w"] ** 3), w)
>>> g["w"].tolist()
[3.0, 12.0]
>>> compare(central_difference(lambda p: np.sum(p["w"] ** 3), w), g)["w"] < 1e-9
True
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import ShapeError, UnsupportedError, UsageError

from .common import Array, Params

LossOfParams: TypeAlias = Callable[[Params], Any]


def _float_copies(params: Mapping[str, Array]) -> dict[str, NDArray[Any]]:
    copies: dict[str, NDArray[Any]] = {}
    for name, value in params.items():
        array = np.array(value)
        if array.dtype.kind in "iub":
            array = array.astype(np.float64)
        if array.dtype.kind != "f":
            raise UsageError(f"parameter {name} has dtype {array.dtype}; differences need real floats")
        copies[name] = array
    return copies


def _step_for(dtype: np.dtype[Any], h: float | None, richardson: bool) -> float:
    if h is None:
        return float(np.finfo(dtype).eps ** (1 / 5 if richardson else 1 / 3))
    if not (h > 0 and np.isfinite(h)):
        raise UsageError(f"the step h is {h}; it must be a positive number")
    return float(h)


def central_difference(
    loss: LossOfParams, params: Mapping[str, Array], h: float | None = None, richardson: bool = False
) -> Params:
    """(C(w + h) − C(w − h))/2h for every entry of every parameter: a dict of arrays of the parameters' shapes.

    The step of an entry w is h·max(1, \\|w\\|). ``params`` is left as it was; each entry costs two evaluations of the
    loss, with ``richardson`` four.
    """
    work = _float_copies(params)
    gradients: Params = {}
    for name, array in work.items():
        gradient = np.empty(array.shape, dtype=array.dtype)
        step = _step_for(array.dtype, h, richardson)
        for index in np.ndindex(array.shape):
            here = array[index]
            size = step * max(1.0, abs(float(here)))

            def slope(size: float, array: NDArray[Any] = array, index: Any = index, here: Any = here) -> Any:
                array[index] = here + size
                above, upper = loss(work), array[index]
                array[index] = here - size
                below, lower = loss(work), array[index]
                array[index] = here
                # divide by the step that was really made, after rounding
                return (above - below) / (upper - lower)

            gradient[index] = (4 * slope(size / 2) - slope(size)) / 3 if richardson else slope(size)
        gradients[name] = gradient
    return gradients


def directional(
    loss: LossOfParams,
    params: Mapping[str, Array],
    direction: Mapping[str, Array],
    h: float | None = None,
    richardson: bool = False,
) -> float:
    """The derivative of the loss along ``direction``, Σ ⟨∂C/∂w, v⟩, by a central difference: two evaluations in all.

    >>> w, v = {"w": np.array([1.0, 2.0])}, {"w": np.array([1.0, 0.5])}
    >>> round(directional(lambda p: np.sum(p["w"] ** 2), w, v), 9)
    4.0
    """
    work = _float_copies(params)
    along = _float_copies(direction)
    _same_names(along, work, "direction")
    steps = (_step_for(array.dtype, h, richardson) for array in work.values())
    step = max(steps, default=0.0)

    def slope(step: float) -> float:
        above = loss({name: work[name] + step * along[name] for name in work})
        below = loss({name: work[name] - step * along[name] for name in work})
        return float((above - below) / (2 * step))

    return (4 * slope(step / 2) - slope(step)) / 3 if richardson else slope(step)


def complex_step(loss: LossOfParams, params: Mapping[str, Array], h: float = 1e-30) -> Params:
    """Im C(w + ih)/h for every entry of every parameter, exact to rounding for an analytic loss.

    Raises UnsupportedError where the loss gives a real number back: something in it (abs, a cast, a norm) dropped the
    imaginary part. Comparisons look at the real part first, so ``np.maximum`` and ``np.where(z > 0, ...)`` are fine.
    """
    work: dict[str, NDArray[Any]] = {
        name: array.astype(np.result_type(array.dtype, np.complex64)) for name, array in _float_copies(params).items()
    }
    gradients: Params = {}
    for name, array in work.items():
        gradient = np.empty(array.shape, dtype=array.real.dtype)
        for index in np.ndindex(array.shape):
            here = array[index]
            array[index] = here + 1j * h
            value = loss(work)
            array[index] = here
            if not np.iscomplexobj(value):
                raise UnsupportedError(
                    "the loss drops the imaginary part (abs, norm or a cast to float): use central_difference"
                )
            gradient[index] = value.imag / h
        gradients[name] = gradient
    return gradients


def _same_names(claimed: Mapping[str, Array], reference: Mapping[str, Array], what: str) -> None:
    if set(claimed) != set(reference):
        raise UsageError(f"the {what} has {', '.join(claimed) or 'nothing'}; expected {', '.join(reference)}")
    for name in reference:
        if np.shape(claimed[name]) != np.shape(reference[name]):
            raise ShapeError(
                f"{name} of the {what} has shape {np.shape(claimed[name])}; expected {np.shape(reference[name])}"
            )


def compare(claimed: Mapping[str, Array], reference: Mapping[str, Array], floor: float = 1e-4) -> dict[str, float]:
    """The largest relative error of each parameter's gradient: max \\|c − r\\| / max(\\|c\\|, \\|r\\|, floor·S).

    S is the largest \\|r\\| of all parameters: below floor·S the digits of a difference are rounding, so a smaller
    entry is judged on that scale (which is what the comparison cannot see). NaN or infinity gives infinity. Raises
    UsageError for other names than the reference's, ShapeError for other shapes.

    >>> compare({"w": np.array([1.0, 2.0])}, {"w": np.array([1.0, 2.5])})
    {'w': 0.2}
    """
    _same_names(claimed, reference, "claimed gradient")
    scale = max((float(np.max(np.abs(r), initial=0.0)) for r in reference.values()), default=0.0)
    errors: dict[str, float] = {}
    for name in reference:
        c, r = np.asarray(claimed[name], dtype=np.float64), np.asarray(reference[name], dtype=np.float64)
        if not (np.isfinite(c).all() and np.isfinite(r).all()):
            errors[name] = float("inf")
            continue
        size = np.maximum(np.maximum(np.abs(c), np.abs(r)), floor * scale)
        difference = np.abs(c - r)
        errors[name] = float(np.max(difference / np.where(size == 0, 1, size), initial=0.0))
    return errors
