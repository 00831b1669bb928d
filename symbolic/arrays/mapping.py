r"""A function of one element, or of one line, done for all of them: ``np.vectorize``, ``np.apply_along_axis``.

The function is run once, on an array that stands for any one element: :math:`t = f(e)`. Its equations then get the
indices of the whole array, :math:`t_{ij} = f(x_{ij})`, whatever the sizes. A branch on the element (``if e > 0``) is
taken both ways and becomes a choice by its condition.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import ShapeError, UnsupportedError

from ..equations.definition import Definition, define, input_definition, ordered, owner, references
from ..equations.dims import broadcast_shapes, free_index, own_index
from ..equations.questions import Respondent, answered_by, respondent
from .array import Array, as_array, broadcast_index
from .reductions import normalise_axes

MOST_PATHS = 16
"""So many combinations of branches on one element are tried."""

_numbers = itertools.count()


@dataclass(slots=True)
class _Both:
    """Answers of one run on one element: the outcomes of its conditions in turn, everything else by who is there."""

    above: Respondent | None
    outcomes: tuple[bool, ...]
    met: list[tuple[Array, bool]] = field(default_factory=list)
    _known: dict[Definition, bool] = field(default_factory=dict)

    def truth(self, array: Any) -> bool:
        condition = as_condition(array)
        if isinstance(condition, bool):
            return condition
        if condition.definition not in self._known:
            taken = len(self.met)
            outcome = self.outcomes[taken] if taken < len(self.outcomes) else True
            self._known[condition.definition] = outcome
            self.met.append((Array(condition.definition), outcome))
        return self._known[condition.definition]

    def same(self, left: Any, right: Any) -> bool:
        return self.above is not None and self.above.same(left, right)

    def broadcast(self, left: Any, right: Any) -> bool:
        return self.above is not None and self.above.broadcast(left, right)

    def number(self, size: Any) -> int:
        if self.above is None:
            raise UnsupportedError(f"the size {size} has to be a number here; give it as one")
        return self.above.number(size)

    def at_most(self, left: Any, right: Any) -> None:
        if self.above is not None:
            self.above.at_most(left, right)

    def quotient(self, size: Any, divisor: Any) -> Any:
        if self.above is None:
            return size / divisor
        return self.above.quotient(size, divisor)


def as_condition(array: Array) -> Array | bool:
    """A condition that is asked for its truth, as a scalar mask; a constant one as its truth."""
    if array.size != 1:
        raise UnsupportedError(f"the truth of {array.name}, which has more than one element, is ambiguous")
    scalar: Any = array[(0,) * array.ndim] if array.ndim else array
    if "boolean" not in scalar.definition.assumptions:
        scalar = scalar != 0
    value = scalar.definition.rhs
    return bool(value) if value is not None and value.is_number else scalar


def on_both_sides(run: Callable[[], Any]) -> Any:
    """The result of ``run`` over all outcomes of the conditions that it meets: arrays chosen by the conditions."""
    pending: list[tuple[bool, ...]] = [()]
    leaves: list[tuple[list[tuple[Array, bool]], Any]] = []
    while pending:
        outcomes = pending.pop()
        answers = _Both(respondent(), outcomes)
        with answered_by(answers):
            leaves.append((answers.met, run()))
        taken = [outcome for _, outcome in answers.met]
        pending += [(*taken[:depth], False) for depth in range(len(outcomes), len(taken))]
        if len(leaves) + len(pending) > MOST_PATHS:
            raise UnsupportedError(f"more than {MOST_PATHS} combinations of branches on one element; use np.where")
    return _chosen(leaves, 0)


def _chosen(leaves: list[tuple[list[tuple[Array, bool]], Any]], depth: int) -> Any:
    from .selecting import where

    if len(leaves) == 1:
        return leaves[0][1]
    condition = leaves[0][0][depth][0]
    yes, no = (_chosen([one for one in leaves if one[0][depth][1] is side], depth + 1) for side in (True, False))
    if isinstance(yes, tuple) and isinstance(no, tuple) and len(yes) == len(no):
        return tuple(where(condition, a, b) for a, b in zip(yes, no, strict=True))
    return where(condition, yes, no)


# -- one for all ------------------------------------------------------------------------------------------------------
def lifted(result: Any, batches: Mapping[Definition, Array], lead: Sequence[Any]) -> Array:
    """The array of ``result`` for all elements: ``batches`` hold, after the axes ``lead``, what an input stands for."""
    changed: dict[Definition, Definition] = {}
    target = as_array(result).definition
    depends = set(batches)
    for d in ordered([target]):
        if d in depends or not depends.intersection(d.uses):
            continue
        if d.group is not None or d.rhs is None:
            raise UnsupportedError("a recurrence inside of a function of one element has no symbolic form")
        depends.add(d)
        count = len(lead)
        shift = {free_index(p): free_index(count + p) for p in range(d.rank)}
        rhs = _with_lead(d.rhs.xreplace(shift), batches, changed, lead)
        changed[d] = define(d.name, (*lead, *d.shape), rhs, assumptions=d.assumptions)
    if target in changed:
        return Array(changed[target])
    if target in batches:
        return batches[target]
    from .reshaping import broadcast_to

    return Array(broadcast_to(Array(target)[(None,) * len(lead)], (*lead, *target.shape)).definition)


def _with_lead(rhs: Any, batches: Mapping[Definition, Array], changed: dict[Definition, Definition], lead: Any) -> Any:
    front = own_index(lead)
    new: dict[Any, Any] = {}
    for reference in references(rhs):
        d = owner(reference)
        if d is None or (d not in batches and d not in changed):
            continue
        own = reference.indices if isinstance(reference, sp.Indexed) else ()
        if any(owner(part) is not None for index in own for part in references(index)):
            raise UnsupportedError("a gather inside of a function of one element has no symbolic form")
        if d in changed:
            new[reference] = changed[d].at(*front, *own)
            continue
        whole = batches[d].definition.shape
        new[reference] = batches[d].element(*broadcast_index(whole[: len(lead)], lead, front), *own)
    return rhs.xreplace(new)


def _stand_in(shape: tuple[Any, ...], like: Array) -> Array:
    """An input that stands for any one element, or any one line."""
    words = like.definition.assumptions & {"integer", "boolean", "positive", "nonnegative"}
    return Array(input_definition(f"element{next(_numbers)}", shape, words))


def over_elements(function: Callable[..., Any], arguments: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
    """``function`` of the broadcast elements of the arguments; a tuple of results gives a tuple of arrays."""
    arrays = [as_array(a) for a in arguments]
    shape = broadcast_shapes(*(a.definition.shape for a in arrays), what="the arguments of np.vectorize")
    elements = [_stand_in((), a) for a in arrays]
    result = on_both_sides(lambda: function(*elements, **keywords))
    full = [_with_axes(a, len(shape)) for a in arrays]
    batches = {e.definition: a for e, a in zip(elements, full, strict=True)}
    if isinstance(result, tuple):
        return tuple(lifted(_scalar(part), batches, shape) for part in result)
    return lifted(_scalar(result), batches, shape)


def _with_axes(a: Array, rank: int) -> Array:
    return a[(None,) * (rank - a.ndim)] if a.ndim < rank else a


def _scalar(value: Any) -> Array:
    made = as_array(value)
    if made.ndim:
        raise ShapeError("np.vectorize: the function gave an array for one element; it must give a number")
    return made


def apply_along_axis(function: Callable[..., Any], axis: Any, arr: Any, *args: Any, **kwargs: Any) -> Array:
    """``np.apply_along_axis``: a function of one line along an axis, for all lines."""
    from .products import transpose

    a = as_array(arr)
    (along,) = normalise_axes(axis, a.ndim, "np.apply_along_axis")
    rest = [p for p in range(a.ndim) if p != along]
    turned = transpose(a, [*rest, along])
    line = _stand_in((turned.definition.shape[-1],), a)
    lead = turned.definition.shape[:-1]
    one = as_array(on_both_sides(lambda: function(Array(line.definition), *args, **kwargs)))
    made = lifted(one, {line.definition: Array(turned.definition)}, lead)
    extra = range(len(lead), made.ndim)
    order = [*range(along), *extra, *range(along, len(lead))]
    return Array(transpose(made, order).definition)


def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> Array:
    """``np.apply_over_axes``: a function with an axis, over one axis after the other, which are kept."""
    x = as_array(a)
    for axis in axes if isinstance(axes, (tuple, list)) else (axes,):
        made = as_array(func(x, axis=axis))
        (along,) = normalise_axes(axis, x.ndim, "np.apply_over_axes")
        x = made if made.ndim == x.ndim else made[(*[slice(None)] * along, None)]
    return x


class Vectorized:
    """``np.vectorize``: of symbolic arrays an elementwise function, of others NumPy's own."""

    def __init__(self, pyfunc: Callable[..., Any], otypes: Any = None, doc: Any = None, excluded: Any = None,
                 cache: bool = False, signature: Any = None) -> None:  # fmt: skip
        self.pyfunc = pyfunc
        self._given = {"otypes": otypes, "excluded": excluded, "signature": signature}
        self.__name__ = getattr(pyfunc, "__name__", "function")
        self.__doc__ = doc or pyfunc.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not any(isinstance(a, Array) for a in (*args, *kwargs.values())):
            return np.vectorize(self.pyfunc, **self._given)(*args, **kwargs)
        if self._given["signature"] is not None:
            return self._by_signature(args)
        excluded = set(self._given["excluded"] or ())
        mapped = [p for p in range(len(args)) if p not in excluded]
        named = [key for key in kwargs if key not in excluded]

        def call(*elements: Any) -> Any:
            values = list(args)
            for p, element in zip(mapped, elements, strict=False):
                values[p] = element
            return self.pyfunc(*values, **(kwargs | dict(zip(named, elements[len(mapped) :], strict=True))))

        return over_elements(call, [*(args[p] for p in mapped), *(kwargs[key] for key in named)], {})

    def _by_signature(self, args: tuple[Any, ...]) -> Array:
        """A signature such as ``(n),(n)->()``: the named axes go to the function, the ones before them are looped."""
        inputs = [part.strip("() ") for part in self._given["signature"].split("->")[0].replace("),", ")|").split("|")]
        ranks = [len(part.split(",")) if part else 0 for part in inputs]
        arrays = [as_array(a) for a in args]
        leads = [a.definition.shape[: a.ndim - rank] for a, rank in zip(arrays, ranks, strict=True)]
        lead = broadcast_shapes(*leads, what="the arguments of np.vectorize")
        lines = [_stand_in(a.definition.shape[a.ndim - rank :], a) for a, rank in zip(arrays, ranks, strict=True)]
        full = [_with_axes(a, len(lead) + rank) for a, rank in zip(arrays, ranks, strict=True)]
        one = on_both_sides(lambda: self.pyfunc(*lines))
        return lifted(one, {x.definition: a for x, a in zip(lines, full, strict=True)}, lead)


class _Ufunc:
    """What ``np.frompyfunc`` gives."""

    def __init__(self, function: Callable[..., Any], nin: int, nout: int, **kwargs: Any) -> None:
        self._function, self._plain = function, np.frompyfunc(function, nin, nout, **kwargs)
        self.nin, self.nout = nin, nout

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not any(isinstance(a, Array) for a in args):
            return self._plain(*args, **kwargs)
        return over_elements(self._function, args, kwargs)


def frompyfunc(function: Callable[..., Any], nin: int, nout: int, **kwargs: Any) -> _Ufunc:
    """``np.frompyfunc``."""
    return _Ufunc(function, nin, nout, **kwargs)
