r"""The table of elementwise functions: value, derivative, meaning in elementary terms, LaTeX, NumPy, kinks.

Adding a function is adding a row. Each row is checked when it is loaded: the derivative is held against the numerical
derivative of the value, and the value against its elementary definition, at points on both sides of every kink
(:func:`check_row`). SymPy's own functions (exp, log, tanh, sin, ...) are rows as well, so that everything that
differentiates, prints, proves or emits code reads one table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.codegen.cfunctions import expm1 as Expm1
from sympy.codegen.cfunctions import log1p as Log1p

from .nodes import Iverson, expressions


@dataclass(frozen=True, slots=True)
class Row:
    """One elementwise function.

    ``definition`` rewrites the function in exp, log, powers, erf and brackets (what proofs compare);
    ``derivatives`` gives one partial derivative an argument, as an expression in the arguments and the value;
    ``numpy`` is NumPy source with ``{0}``, ``{1}`` for the arguments, stable for every float input;
    ``kinks`` are the argument values where the derivative jumps (any one-sided choice is a valid subgradient);
    ``jumps`` says that the value itself does, between pieces on which it is constant: an atom of its own in proofs.
    """

    name: str
    head: type[sp.Function]
    definition: Callable[..., sp.Expr]
    derivatives: tuple[Callable[..., sp.Expr], ...]
    numpy: str
    latex: str
    domain: str = "real"
    kinks: tuple[sp.Expr, ...] = ()
    doc: str = ""
    jumps: bool = False

    @property
    def arity(self) -> int:
        return len(self.derivatives)


TABLE: dict[str, Row] = {}
"""Every elementwise function by name."""

BY_HEAD: dict[type, Row] = {}
"""The same rows by the class of their SymPy node."""

_half = sp.Rational(1, 2)
SELU_ALPHA = sp.Rational(*(1.6732632423543772).as_integer_ratio())
SELU_SCALE = sp.Rational(*(1.0507009873554805).as_integer_ratio())
"""The constants of Klambauer et al. (2017), as the float64 numbers that every implementation uses."""

GELU_CUBIC = sp.Rational("0.044715")


def _new_head(name: str, latex: str, arity: int) -> type[sp.Function]:
    """A SymPy function class whose derivative and LaTeX come from its row."""

    def fdiff(self: Any, argindex: int = 1) -> Any:
        return BY_HEAD[type(self)].derivatives[argindex - 1](*self.args, self)

    def _latex(self: Any, printer: Any, exp: Any = None) -> str:
        inner = latex.format(*(printer._print(a) for a in self.args))
        return inner if exp is None else rf"{{{inner}}}^{{{exp}}}"

    def _eval_evalf(self: Any, precision: int) -> Any:
        return BY_HEAD[type(self)].definition(*self.args)._evalf(precision)

    space = {"nargs": arity, "is_real": True, "fdiff": fdiff, "_latex": _latex, "_eval_evalf": _eval_evalf}
    if name in ("sigmoid", "softplus"):
        space["is_positive"] = True
    if name in ("floor", "rint"):
        space["is_integer"] = True
    return type(name, (sp.Function,), space)


def _row(
    name: str,
    definition: Callable[..., Any],
    derivatives: tuple[Callable[..., Any], ...],
    numpy: str,
    latex: str,
    *,
    head: type[sp.Function] | None = None,
    domain: str = "real",
    kinks: tuple[Any, ...] = (),
    doc: str = "",
    jumps: bool = False,
) -> type[sp.Function]:
    head = head or _new_head(name, latex, len(derivatives))
    row = Row(name, head, definition, derivatives, numpy, latex, domain, expressions(kinks), doc, jumps)
    check_row(row)
    TABLE[name] = row
    BY_HEAD[head] = row
    return head


_POINTS: dict[str, tuple[tuple[str, str], ...]] = {
    "real": (("-1.37", "0.8"), ("0.61", "-0.45"), ("2.2", "1.9")),
    "positive": (("0.37", "0.8"), ("1.61", "0.45"), ("2.2", "1.9")),
    "above -1": (("-0.37", "0.8"), ("0.61", "-0.45"), ("2.2", "1.9")),
}


def check_row(row: Row) -> None:
    """Hold a row's derivatives against central differences of its definition, at points on both sides of its kinks.

    Raises ``AssertionError`` that names the row, the argument and the two values.
    """
    arguments = sp.symbols("x y", real=True)[: row.arity]
    value = row.definition(*arguments)
    step = sp.Float("1e-12", 40)
    for point in _POINTS[row.domain]:
        at = {a: sp.Float(p, 40) for a, p in zip(arguments, point, strict=False)}
        numbers = tuple(at.values())
        own = row.definition(*numbers)
        for position, derivative in enumerate(row.derivatives):
            claimed = sp.N(derivative(*numbers, own), 30)
            up, down = list(numbers), list(numbers)
            up[position] += step
            down[position] -= step
            measured = (row.definition(*up) - row.definition(*down)) / (2 * step)
            if not abs(sp.N(claimed - measured, 30)) < sp.Float("1e-15") * (1 + abs(measured)):
                raise AssertionError(
                    f"the row of {row.name} claims {claimed} as its derivative by argument {position + 1} "
                    f"at {point}; differences of its definition give {sp.N(measured, 15)}"
                )
    if value.has(sp.Piecewise) and not row.kinks and row.name not in ("where", "elu", "selu", "arctan2"):
        raise AssertionError(f"the row of {row.name} is piecewise but names no kink")


def _if_positive(x: Any, yes: Any, no: Any) -> Any:
    return sp.Piecewise((yes, x > 0), (no, True))


def exceeds(x: Any, y: Any) -> Any:
    """[x > y], in the shorter of two spellings; max(a, b) exceeds what is above b where a does."""
    if type(x) is getattr(TABLE.get("maximum"), "head", None) and (x.args[1] - y).is_negative:
        return exceeds(x.args[0], y)
    difference = sp.expand(x - y)
    return Iverson(difference > 0) if difference.count_ops() < sp.count_ops((x, y)) else Iverson(x > y)


def _phi(x: Any) -> Any:
    return (1 + sp.erf(x / sp.sqrt(2))) / 2


def _angle(y: Any, x: Any) -> Any:
    """The angle of (x, y): by the arctangent of y/x where x is not 0."""
    if x.is_positive:
        return sp.atan(y / x)
    half = sp.Piecewise((sp.pi, y >= 0), (-sp.pi, True), evaluate=False)
    pieces = ((sp.atan(y / x), x > 0), (sp.atan(y / x) + half, x < 0), (sp.sign(y) * sp.pi / 2, True))
    return sp.Piecewise(*pieces, evaluate=False)


def _gelu_inner(x: Any) -> Any:
    return sp.sqrt(2 / sp.pi) * (x + GELU_CUBIC * x**3)


# -- functions that SymPy has -----------------------------------------------------------------------------------------
_row("exp", sp.exp, (lambda x, y: y,), "np.exp({0})", r"e^{{{0}}}", head=sp.exp)
_row("log", sp.log, (lambda x, y: 1 / x,), "np.log({0})", r"\log {0}", head=sp.log, domain="positive")
_row("tanh", sp.tanh, (lambda x, y: 1 - y**2,), "np.tanh({0})", r"\tanh {0}", head=sp.tanh)
_row("sin", sp.sin, (lambda x, y: sp.cos(x),), "np.sin({0})", r"\sin {0}", head=sp.sin)
_row("cos", sp.cos, (lambda x, y: -sp.sin(x),), "np.cos({0})", r"\cos {0}", head=sp.cos)
_row("tan", sp.tan, (lambda x, y: 1 + y**2,), "np.tan({0})", r"\tan {0}", head=sp.tan)
_row("sinh", sp.sinh, (lambda x, y: sp.cosh(x),), "np.sinh({0})", r"\sinh {0}", head=sp.sinh)
_row("cosh", sp.cosh, (lambda x, y: sp.sinh(x),), "np.cosh({0})", r"\cosh {0}", head=sp.cosh)
_row("arctan", sp.atan, (lambda x, y: 1 / (1 + x**2),), "np.arctan({0})", r"\arctan {0}", head=sp.atan)
_row(
    "erf", sp.erf, (lambda x, y: 2 / sp.sqrt(sp.pi) * sp.exp(-(x**2)),), "erf({0})", r"\operatorname{{erf}} {0}",
    head=sp.erf,
)  # fmt: skip
_row("log1p", lambda x: sp.log(1 + x), (lambda x, y: 1 / (1 + x),), "np.log1p({0})", r"\log(1 + {0})", head=Log1p,
     domain="above -1")  # fmt: skip
_row("expm1", lambda x: sp.exp(x) - 1, (lambda x, y: sp.exp(x),), "np.expm1({0})", r"\left(e^{{{0}}} - 1\right)",
     head=Expm1)  # fmt: skip
_row("abs", lambda x: x * (2 * Iverson(x > 0) - 1), (lambda x, y: sp.sign(x),), "np.abs({0})", r"\left|{0}\right|",
     head=sp.Abs, kinks=(0,))  # fmt: skip
_row("sign", lambda x: Iverson(x > 0) - Iverson(x < 0), (lambda x, y: sp.S.Zero,), "np.sign({0})",
     r"\operatorname{{sign}} {0}", head=sp.sign, kinks=(0,))  # fmt: skip


# -- rounding: constant between jumps, so that the derivative is 0 wherever there is one ------------------------------
def _to_even(x: Any) -> Any:
    up = sp.floor(x + _half)
    return up - Iverson(sp.Eq(up, x + _half)) * sp.Mod(up, 2)


floor = _row(
    "floor", sp.floor, (lambda x, y: sp.S.Zero,), "np.floor({0})", r"\left\lfloor {0} \right\rfloor", jumps=True,
)  # fmt: skip
rint = _row(
    "rint", _to_even, (lambda x, y: sp.S.Zero,), "np.rint({0})", r"\operatorname{{round}}\left({0}\right)", jumps=True,
    doc="the nearest integer, of two the even one",
)  # fmt: skip


def trunc(x: Any) -> Any:
    """Towards 0: the floor of a positive number, the ceiling of a negative one."""
    if x.is_integer:
        return x
    return floor(x) if x.is_nonnegative else sp.Piecewise((floor(x), x >= 0), (-floor(-x), True), evaluate=False)


# -- activations and the like -----------------------------------------------------------------------------------------
sigmoid = _row(
    "sigmoid", lambda x: 1 / (1 + sp.exp(-x)), (lambda x, y: y * (1 - y),),
    "0.5 * (1 + np.tanh(0.5 * {0}))", r"\sigma\left({0}\right)", doc=r"\sigma(x) = 1/(1 + e^{-x})",
)  # fmt: skip
relu = _row(
    "relu", lambda x: x * Iverson(x > 0), (lambda x, y: Iverson(x > 0),), "np.maximum({0}, 0)",
    r"\operatorname{{relu}}\left({0}\right)", kinks=(0,), doc=r"\max(x, 0)",
)  # fmt: skip
maximum = _row(
    "maximum", lambda x, y: y + (x - y) * Iverson(x - y > 0),
    (lambda x, y, v: exceeds(x, y), lambda x, y, v: 1 - exceeds(x, y)),
    "np.maximum({0}, {1})", r"\max\left({0}, {1}\right)", kinks=(0,),
)  # fmt: skip
minimum = _row(
    "minimum", lambda x, y: y + (x - y) * (1 - Iverson(x - y > 0)),
    (lambda x, y, v: 1 - exceeds(x, y), lambda x, y, v: exceeds(x, y)),
    "np.minimum({0}, {1})", r"\min\left({0}, {1}\right)", kinks=(0,),
)  # fmt: skip
arctan2 = _row(
    "arctan2", lambda y, x: _angle(y, x), (lambda y, x, v: x / (x**2 + y**2), lambda y, x, v: -y / (x**2 + y**2)),
    "np.arctan2({0}, {1})", r"\operatorname{{arctan2}}\left({0}, {1}\right)",
)  # fmt: skip
leaky_relu = _row(
    "leaky_relu", lambda x, a: x * (a + (1 - a) * Iverson(x > 0)),
    (lambda x, a, y: _if_positive(x, sp.S.One, a), lambda x, a, y: _if_positive(x, sp.S.Zero, x)),
    "np.where({0} > 0, {0}, {1} * {0})", r"\operatorname{{lrelu}}_{{{1}}}\left({0}\right)", kinks=(0,),
)  # fmt: skip
elu = _row(
    "elu", lambda x, a: _if_positive(x, x, a * (sp.exp(x) - 1)),
    (lambda x, a, y: _if_positive(x, sp.S.One, a * sp.exp(minimum(x, 0))),
     lambda x, a, y: _if_positive(x, sp.S.Zero, Expm1(minimum(x, 0)))),
    "np.where({0} > 0, {0}, {1} * np.expm1(np.minimum({0}, 0)))", r"\operatorname{{elu}}_{{{1}}}\left({0}\right)",
    kinks=(0,),
)  # fmt: skip
selu = _row(
    "selu", lambda x: SELU_SCALE * _if_positive(x, x, SELU_ALPHA * (sp.exp(x) - 1)),
    (lambda x, y: SELU_SCALE * _if_positive(x, sp.S.One, SELU_ALPHA * sp.exp(minimum(x, 0))),),
    f"{float(SELU_SCALE)!r} * np.where({{0}} > 0, {{0}}, {float(SELU_ALPHA)!r} * np.expm1(np.minimum({{0}}, 0)))",
    r"\operatorname{{selu}}\left({0}\right)", kinks=(0,),
)  # fmt: skip
softplus = _row(
    "softplus", lambda x: sp.log(1 + sp.exp(x)), (lambda x, y: sigmoid(x),),
    "(np.maximum({0}, 0) + np.log1p(np.exp(-np.abs({0}))))", r"\operatorname{{softplus}}\left({0}\right)",
)  # fmt: skip
silu = _row(
    "silu", lambda x: x / (1 + sp.exp(-x)), (lambda x, y: sigmoid(x) + y * (1 - sigmoid(x)),),
    "{0} * (0.5 * (1 + np.tanh(0.5 * {0})))", r"\operatorname{{silu}}\left({0}\right)",
)  # fmt: skip
gelu = _row(
    "gelu", lambda x: x * _phi(x), (lambda x, y: _phi(x) + x * sp.exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi),),
    "0.5 * {0} * (1 + erf({0} / math.sqrt(2)))", r"\operatorname{{gelu}}\left({0}\right)",
)  # fmt: skip
gelu_tanh = _row(
    "gelu_tanh", lambda x: x * (1 + sp.tanh(_gelu_inner(x))) / 2,
    (lambda x, y: (1 + sp.tanh(_gelu_inner(x))) / 2
     + x * (1 - sp.tanh(_gelu_inner(x)) ** 2) * sp.sqrt(2 / sp.pi) * (1 + 3 * GELU_CUBIC * x**2) / 2,),
    "0.5 * {0} * (1 + np.tanh(math.sqrt(2 / math.pi) * ({0} + 0.044715 * {0} * {0} * {0})))",
    r"\operatorname{{gelu}}_{{\tanh}}\left({0}\right)",
)  # fmt: skip


def apply(name: str, *arguments: Any) -> Any:
    """The SymPy expression of a table function at the given scalar expressions."""
    return TABLE[name].head(*arguments)
