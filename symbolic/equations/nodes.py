"""The SymPy nodes that index equations need beside SymPy's own: brackets, reductions, and functions left arbitrary."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp
from sympy.concrete.expr_with_limits import ExprWithLimits
from sympy.functions.special.tensor_functions import KroneckerDelta


def expressions(values: Iterable[Any]) -> tuple[Any, ...]:
    """Numbers and symbols as SymPy's; text is refused, since SymPy would run it."""
    return tuple(sp.sympify(value, strict=True) for value in values)


class Iverson(sp.Function):  # type: ignore[misc]
    """``[condition]``: 1 where the condition holds, else 0. Its derivative is 0 (almost everywhere).

    >>> x = sp.Symbol("x", real=True)
    >>> Iverson(x > 0).diff(x)
    0
    """

    nargs = 1
    is_real = True
    is_nonnegative = True

    @classmethod
    def eval(cls, condition: Any) -> Any:
        if condition in (True, sp.true):
            return sp.S.One
        if condition in (False, sp.false):
            return sp.S.Zero
        if isinstance(condition, sp.Eq) and all(side.is_integer for side in condition.args):
            return KroneckerDelta(*condition.args)
        if isinstance(condition, sp.And):
            return sp.Mul(*(cls(part) for part in condition.args))
        if isinstance(condition, sp.Not):
            return 1 - cls(condition.args[0])
        if isinstance(condition, sp.Ne):
            return 1 - cls(sp.Eq(*condition.args))
        return None

    def _eval_derivative(self, symbol: Any) -> Any:
        return sp.S.Zero

    def _eval_power(self, exponent: Any) -> Any:
        return self if exponent.is_positive else None

    def _latex(self, printer: Any, exp: Any = None) -> str:
        return rf"\left[{printer._print(self.args[0])}\right]"


class Sum(sp.Sum):  # type: ignore[misc]
    """SymPy's sum without its folding of piecewise bodies, which lets a condition on an inner index leave its sum.

    >>> i, j = sp.symbols("i j", integer=True)
    >>> Sum(Sum(sp.Piecewise((i, i > 2), (0, True)), (i, 0, 5)), (j, 0, 1)).func is Sum
    True
    """

    def __new__(cls, function: Any, *limits: Any, **assumptions: Any) -> Any:
        body = sp.sympify(function, strict=True)
        if body == 0:
            return sp.S.Zero
        return sp.Expr.__new__(cls, body, *(sp.Tuple(*limit) for limit in limits))

    @property
    def is_commutative(self) -> bool:
        return True


class Reduction(ExprWithLimits):  # type: ignore[misc]
    """A reduction over bound indices that is no plain sum: its arguments are the body and ``(index, first, last)``."""

    is_commutative = True
    is_real = True
    short = ""

    def __new__(cls, body: Any, *limits: Any, **assumptions: Any) -> Any:
        return sp.Expr.__new__(cls, sp.sympify(body, strict=True), *(sp.Tuple(*limit) for limit in limits))

    @property
    def function(self) -> Any:
        return self.args[0]

    @property
    def limits(self) -> tuple[Any, ...]:
        return self.args[1:]  # type: ignore[no-any-return]

    def doit(self, **hints: Any) -> Any:
        return self

    def rebuilt(self, body: Any, limits: tuple[Any, ...]) -> Any:
        """The same reduction with another body and other limits."""
        return self.func(body, *limits)

    def _latex(self, printer: Any, exp: Any = None) -> str:
        under = ", ".join(printer._print(limit[0]) for limit in self.limits)
        tex = rf"\operatorname{{{self.short}}}_{{{under}}} \left({printer._print(self.function)}\right)"
        return tex if exp is None else rf"\left({tex}\right)^{{{exp}}}"


class LogSumExp(Reduction):
    r""":math:`\log \sum_k e^{x_k}`; its derivative by :math:`x_k` is softmax, :math:`e^{x_k - \mathrm{LSE}}`."""

    short = "logsumexp"


class MaxOver(Reduction):
    r""":math:`\max_k x_k`; its derivative by :math:`x_k` is :math:`[x_k = \max]`, shared evenly between ties."""

    short = "max"


class ProductOver(Reduction):
    r""":math:`\prod_{k \ne s} x_k` over one index but for some places: ``ProductOver(x_k, (k, first, last), *places)``.

    Its derivative by :math:`x_k` is the product without k, too, which has a value where entries are zero.

    >>> k, i, n = sp.symbols("k i n", integer=True)
    >>> x = sp.IndexedBase("x", real=True)
    >>> ProductOver(x[k], (k, 0, n - 1), i, i).excluded
    (i,)
    """

    short = "prod"

    def __new__(cls, body: Any, limit: Any, *excluded: Any, **assumptions: Any) -> Any:
        places = sorted(dict.fromkeys(expressions(excluded)), key=str)
        return sp.Expr.__new__(cls, sp.sympify(body, strict=True), sp.Tuple(*limit), *places)

    @property
    def limits(self) -> tuple[Any, ...]:
        return self.args[1:2]  # type: ignore[no-any-return]

    @property
    def excluded(self) -> tuple[Any, ...]:
        return self.args[2:]  # type: ignore[no-any-return]

    @property
    def free_symbols(self) -> set[Any]:
        (index, first, last), *_ = self.limits
        inside: set[Any] = (self.args[0].free_symbols | first.free_symbols | last.free_symbols) - {index}
        return inside.union(*(place.free_symbols for place in self.excluded))

    def rebuilt(self, body: Any, limits: tuple[Any, ...]) -> Any:
        return ProductOver(body, *limits, *self.excluded)

    def _eval_is_positive(self) -> Any:
        return True if self.args[0].is_positive else None

    def _eval_is_nonnegative(self) -> Any:
        return True if self.args[0].is_nonnegative else None


class Arbitrary(sp.Function):  # type: ignore[misc]
    r"""An arbitrary differentiable scalar function: ``Arbitrary(sigma, 0, z)`` is σ(z), with 1 for 0 it is σ′(z)."""

    nargs = 3
    is_real = True

    def fdiff(self, argindex: int = 3) -> Any:
        if argindex != 3:
            return sp.S.Zero
        name, order, argument = self.args
        return Arbitrary(name, order + 1, argument)

    def _eval_derivative(self, symbol: Any) -> Any:
        return self.fdiff(3) * self.args[2].diff(symbol)

    def _latex(self, printer: Any, exp: Any = None) -> str:
        name, order, argument = self.args
        tex = rf"{printer._print(name)}{chr(39) * int(order)}\left({printer._print(argument)}\right)"
        return tex if exp is None else rf"\left({tex}\right)^{{{exp}}}"


class Functional(Reduction):
    r"""An arbitrary differentiable function of a whole vector.

    ``Functional(body, (j, first, last), name)`` is ``C(body_0, ..., body_{n-1})``.
    """

    short = "C"

    def __new__(cls, body: Any, *rest: Any, **assumptions: Any) -> Any:
        *limits, name = rest
        body, label = sp.sympify(body, strict=True), sp.sympify(name, strict=True)
        return sp.Expr.__new__(cls, body, *(sp.Tuple(*limit) for limit in limits), label)

    @property
    def limits(self) -> tuple[Any, ...]:
        return self.args[1:-1]  # type: ignore[no-any-return]

    @property
    def name(self) -> sp.Symbol:
        return self.args[-1]

    def rebuilt(self, body: Any, limits: tuple[Any, ...]) -> Any:
        return Functional(body, *limits, self.name)

    def _latex(self, printer: Any, exp: Any = None) -> str:
        return printer._print(self.name)  # type: ignore[no-any-return]


class FunctionalPartial(sp.Function):  # type: ignore[misc]
    r"""∂C/∂a_j of a :class:`Functional`: ``FunctionalPartial(C, a_j)``, at the element that is its second argument."""

    nargs = 2
    is_real = True

    def _eval_derivative(self, symbol: Any) -> Any:
        from gradproof.errors import UnsupportedError

        raise UnsupportedError("second derivatives of an arbitrary cost C are not supported; give the cost itself")

    def _latex(self, printer: Any, exp: Any = None) -> str:
        name, element = self.args
        return rf"\frac{{\partial {printer._print(name)}}}{{\partial {printer._print(element)}}}"


class LocalPartial(sp.Function):  # type: ignore[misc]
    r"""∂v[I]/∂u[P] by the equation of v alone, not worked out: ``LocalPartial(v[I], u[P])``."""

    nargs = 2
    is_real = True


REDUCTIONS = (sp.Sum, Reduction)
"""Nodes that bind indices: ``args[0]`` is the body, ``limits`` the bound indices with their ranges."""


def rebuild(node: Any, body: Any, limits: tuple[Any, ...]) -> Any:
    """The same reduction with another body and other limits."""
    return node.rebuilt(body, limits) if isinstance(node, Reduction) else node.func(body, *limits)
