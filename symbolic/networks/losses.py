r"""Loss functions: one row each, the term that every entry of prediction and target adds to the cost.

Predictions and targets have the shape ``(m, outputs)``: m examples in rows. Unless a row says otherwise a loss is the
**mean over the batch of the sum over the outputs**, :math:`C = \frac1m \sum_i \sum_j \ell(a_{ij}, y_{ij})`. Nothing
is clipped and no epsilon is added.

>>> a, y = sp.symbols("a y", real=True)
>>> LOSSES["mse"].term(a, y)
(a - y)**2
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import sympy as sp

from gradproof.errors import ShapeError, UsageError

from ..arrays.array import Array
from ..equations import functions as fn
from ..equations.definition import define
from ..equations.dims import bound_index, full_range, same_dim, show_shape
from ..equations.nodes import Sum
from ..equations.numbers import exact
from .layers import ACTIVATIONS, choose


@dataclass(frozen=True, slots=True)
class Loss:
    """A row: ``term(a, y)`` is one entry's share of the cost; ``mean`` says whether the batch size divides the sum.

    ``doc`` is the formula. ``activations`` are those that the last layer may have (empty: any), and ``otherwise`` is
    what to do where it has another. ``targets`` says what the targets must be; ``kinks`` is True where the loss has
    corners.
    """

    name: str
    term: Callable[[Any, Any], Any]
    doc: str
    mean: bool = True
    activations: tuple[str, ...] = ()
    otherwise: str = ""
    targets: str = "real numbers"
    kinks: bool = False


def _huber(a: Any, y: Any) -> Any:
    r = a - y
    return sp.Piecewise((r**2 / 2, sp.Abs(r) <= 1), (sp.Abs(r) - sp.Rational(1, 2), True))


_NEVER_NEGATIVE: Final = ("sigmoid", "softmax", "relu", "softplus", "exp", "abs", "square", "cosh")

_ROWS = (
    Loss("mse", lambda a, y: (a - y) ** 2, r"\frac1m \sum_i \sum_j (a_{ij} - y_{ij})^2"),
    Loss("half_mse", lambda a, y: (a - y) ** 2 / 2, r"\frac1{2m} \sum_i \sum_j (a_{ij} - y_{ij})^2"),
    Loss("sum_squares", lambda a, y: (a - y) ** 2 / 2, r"\frac12 \sum_i \sum_j (a_{ij} - y_{ij})^2", mean=False),
    Loss(
        "cross_entropy", lambda p, y: -y * sp.log(p), r"-\frac1m \sum_i \sum_j y_{ij} \log p_{ij}",
        activations=("softmax",), otherwise="give the last layer softmax, or use binary_cross_entropy with sigmoid",
        targets="one-hot rows",
    ),
    Loss(
        "binary_cross_entropy", lambda p, y: -y * sp.log(p) - (1 - y) * sp.log(1 - p),
        r"-\frac1m \sum_i \sum_j \left( y_{ij} \log p_{ij} + (1 - y_{ij}) \log (1 - p_{ij}) \right)",
        activations=("sigmoid", "softmax"),
        otherwise="it needs outputs in (0, 1): give the last layer sigmoid, or use binary_cross_entropy_with_logits "
        "with identity",
        targets="numbers from 0 to 1",
    ),
    Loss(
        "binary_cross_entropy_with_logits", lambda z, y: fn.softplus(z) - y * z,
        r"\frac1m \sum_i \sum_j \left( \log(1 + e^{z_{ij}}) - y_{ij} z_{ij} \right)",
        activations=("identity",),
        otherwise="it applies the sigmoid itself: give the last layer identity, or use binary_cross_entropy",
        targets="numbers from 0 to 1",
    ),
    Loss(
        "hinge", lambda a, y: fn.relu(1 - y * a), r"\frac1m \sum_i \sum_j \max(0, 1 - y_{ij} a_{ij})",
        activations=tuple(a for a in ACTIVATIONS if a not in _NEVER_NEGATIVE),
        otherwise="its targets are -1 and 1, so outputs must take both signs: give the last layer identity",
        targets="-1 and 1", kinks=True,
    ),
    Loss(
        "huber", _huber,
        r"\frac1m \sum_i \sum_j h(a_{ij} - y_{ij}),\; h(r) = r^2/2 \text{ where } |r| \le 1, \text{ else } |r| - 1/2",
    ),
)  # fmt: skip

LOSSES: Final[Mapping[str, Loss]] = MappingProxyType({row.name: row for row in _ROWS})
"""Every loss by name; the same names and conventions as in ``gradproof.numeric.reference.losses``."""


def find_loss(name: object, where: str = "Network") -> Loss:
    """The row of that name; a :class:`UsageError` lists the names."""
    return LOSSES[choose(name, LOSSES, "loss", where)]


def cost(loss: str | Loss, prediction: Array, target: Array, name: str = "C") -> Array:
    """The cost as one index equation; prediction and target have one shape ``(m, outputs)``.

    >>> from gradproof.symbolic.arrays.array import array
    >>> cost("half_mse", array("a", ("m", "n")), array("y", ("m", "n"))).shape
    ()
    """
    row = find_loss(loss, "cost") if isinstance(loss, str) else loss
    _one_shape(prediction, target)
    return _total(
        row, prediction.definition.shape, lambda i: row.term(prediction.element(*i), target.element(*i)), name
    )


def cross_entropy_from_logits(z: Array, log_sum: Array, target: Array, name: str = "C") -> Array:
    r""":math:`\frac1m \sum_i \sum_j y_{ij} (\mathrm{LSE}_i - z_{ij})`: cross-entropy of softmax, without log 0.

    ``log_sum`` holds the rows' log Σ exp z, of shape ``(m, 1)``.
    """
    _one_shape(z, target)

    def entry(i: tuple[Any, ...]) -> Any:
        return target.element(*i) * (log_sum.element(i[0], sp.S.Zero) - z.element(*i))

    return _total(LOSSES["cross_entropy"], z.definition.shape, entry, name)


def l2_penalty(weight: Array, strength: Any, name: str = "R") -> Array:
    r""":math:`\frac\lambda2 \sum W^2`; its gradient is :math:`\lambda W`. Biases are not penalised."""
    return _penalty(weight, lambda w: exact(strength) * w**2 / 2, name)


def l1_penalty(weight: Array, strength: Any, name: str = "R") -> Array:
    r""":math:`\lambda \sum |W|`; its gradient is :math:`\lambda \operatorname{sign} W`. Biases are not penalised."""
    return _penalty(weight, lambda w: exact(strength) * sp.Abs(w), name)


def _penalty(weight: Array, term: Callable[[Any], Any], name: str) -> Array:
    return _summed(weight.definition.shape, lambda i: term(weight.element(*i)), sp.S.One, name)


def _total(row: Loss, shape: tuple[Any, ...], entry: Callable[[tuple[Any, ...]], Any], name: str) -> Array:
    return _summed(shape, entry, shape[0] if row.mean else sp.S.One, name)


def _summed(shape: tuple[Any, ...], entry: Callable[[tuple[Any, ...]], Any], divisor: Any, name: str) -> Array:
    """Σ over every axis of ``shape``, constants in front: c Σ f is how a person writes it."""
    limits = [full_range(bound_index(axis), size) for axis, size in enumerate(shape) if size != 1]
    body = entry(tuple(sp.S.Zero if size == 1 else bound_index(axis) for axis, size in enumerate(shape)))
    constant, rest = body.as_coeff_Mul()
    total = Sum(rest, *limits) if limits else rest
    return Array(define(name, (), constant * total / divisor))


def _one_shape(prediction: Array, target: Array) -> None:
    left, right = prediction.definition.shape, target.definition.shape
    if len(left) != 2 or len(right) != 2 or not all(same_dim(p, q) for p, q in zip(left, right, strict=True)):
        raise ShapeError(
            f"the prediction has shape {show_shape(left)} but the target {show_shape(right)}; "
            "give both the shape (m, outputs)"
        )


def check_targets(loss: str, targets: Any, where: str = "Y") -> None:
    """:class:`UsageError` where numbers cannot be targets of the loss: hinge with 0 and 1, rows that are not one-hot.

    >>> check_targets("hinge", [[0.0], [1.0]])
    Traceback (most recent call last):
    gradproof.errors.UsageError: Y: the targets of hinge must be -1 and 1, but 0.0 is among them; use 2 * Y - 1 for 0
    and 1
    """
    row = find_loss(loss, where)
    bad: Any = None
    entries = [[float(v) for v in line] for line in targets]
    if row.targets == "-1 and 1":
        bad = next((v for line in entries for v in line if v not in (-1.0, 1.0)), None)
        advice = "use 2 * Y - 1 for 0 and 1"
    elif row.targets == "numbers from 0 to 1":
        bad = next((v for line in entries for v in line if not 0 <= v <= 1), None)
        advice = "use (Y + 1) / 2 for -1 and 1"
    elif row.targets == "one-hot rows":
        bad = next((line for line in entries if sorted(line) != [0.0] * (len(line) - 1) + [1.0]), None)
        advice = "use numpy.eye(classes)[labels] for integer labels"
    else:
        return
    if bad is not None:
        raise UsageError(f"{where}: the targets of {loss} must be {row.targets}, but {bad} is among them; {advice}")
