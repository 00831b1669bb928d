"""A fitted factor as the user would write it: by a number, a size or a scalar that is in scope."""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from gradproof.numeric.verification.mends.edit import Context, Edit, Fit, expression

CLOSE: Final = 1e-6
"""How near a fitted factor has to be to the number that it is taken for; balls decide in the end."""

MANY: Final = 8
"""So many names of one factor are tried."""

_CONSTANTS: Final = {
    "np.pi": math.pi, "2 * np.pi": 2 * math.pi, "np.pi / 2": math.pi / 2, "1 / np.pi": 1 / math.pi,
    "np.sqrt(2)": math.sqrt(2), "1 / np.sqrt(2)": math.sqrt(0.5), "np.sqrt(np.pi)": math.sqrt(math.pi),
    "np.sqrt(2 * np.pi)": math.sqrt(2 * math.pi), "np.sqrt(2 / np.pi)": math.sqrt(2 / math.pi),
    "1 / np.sqrt(np.pi)": 1 / math.sqrt(math.pi), "2 / np.sqrt(np.pi)": 2 / math.sqrt(math.pi),
    "1 / np.sqrt(2 * np.pi)": 1 / math.sqrt(2 * math.pi), "np.log(2)": math.log(2), "np.log(2 * np.pi)":
    math.log(2 * math.pi), "np.e": math.e, "np.sqrt(3)": math.sqrt(3),
}  # fmt: skip
"""Numbers of densities and activations that no decimal is equal to."""

ALIKE: Final = 4
"""So many sizes with the same number are told apart by their names."""

DIMS: Final = 10
"""Of so many sizes the products of two are considered."""


def finals(context: Context, fit: Fit, factor: float, tolerance: float = CLOSE) -> list[Edit]:
    """The edits that a fitted proposal stands for, the most telling name of its factor first."""
    found: list[Edit] = []
    for extra, cause, text, divides in _names(context, fit.site, factor, tolerance):
        negative = text.startswith("-")
        amount = expression(text.lstrip("-")) if text.lstrip("-") != "1" else None
        if not isinstance(fit.site, ast.expr):
            store = scaled_store(fit.site, text, divides)
            found.append(Edit(cause, fit.site, (context.put(fit.site, store),), fit.cost + extra))
            continue
        term = fit.term
        assert isinstance(term, ast.expr)
        if amount is not None:
            term = _product(term, amount, divides, fit.adds)
        if fit.adds:
            new: ast.expr = ast.BinOp(fit.site, ast.Sub() if negative else ast.Add(), term)
        else:
            new = _negated(term) if negative else term
        if new is fit.site:
            continue
        own = fit.cause if (fit.adds or fit.term is not fit.site) else cause
        own = cause if own == "spare factor" and cause == "size" else own
        weighted = 0.3 if amount is not None and fit.adds else 0.0
        weighted += 0.2 if isinstance(context.statement(fit.site), ast.Return) else 0.0  # mostly an earlier line
        found.append(Edit(own, fit.site, (context.put(fit.site, new),), fit.cost + extra + weighted))
    return found[:MANY]


def scaled_store(statement: ast.AST, amount: str, divides: bool = False) -> list[ast.stmt]:
    """``P[i, y] -= 1`` and then ``P /= m``: what is stored to is scaled after the statement."""
    assert isinstance(statement, (ast.AugAssign, ast.Assign))
    target = statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0]
    while isinstance(target, ast.Subscript):
        target = target.value
    assert isinstance(target, ast.Name)
    op = ast.Div() if divides else ast.Mult()
    return [statement, ast.AugAssign(ast.Name(target.id, ast.Store()), op, expression(amount))]


def plain_numbers(value: float, context: Context) -> Iterator[ast.expr]:
    """The numbers that a computed one may stand for: those of the loss, π, short decimals."""
    for literal in context.literals:
        if literal and abs(value / literal - 1) <= CLOSE:
            yield ast.Constant(literal)
    for text, constant in _CONSTANTS.items():
        if context.numpy and abs(abs(value) / constant - 1) <= CLOSE:
            yield expression(("-" if value < 0 else "") + text.replace("np.", f"{context.numpy}."))
    tried = set()
    for digits in range(1, 11):
        short = float(f"{value:.{digits}g}")
        if abs(short - value) <= 1e-6 * abs(value) and short not in tried:
            tried.add(short)
            yield ast.Constant(int(short) if short.is_integer() else short)


def _product(term: ast.expr, amount: ast.expr, divides: bool, adds: bool) -> ast.expr:
    if divides:
        return ast.BinOp(term, ast.Div(), amount)
    if adds or isinstance(term, ast.BinOp):
        first = amount if adds else term
        return ast.BinOp(first, ast.Mult(), term if adds else amount)
    return ast.BinOp(term, ast.Mult(), amount)


def _negated(term: ast.expr) -> ast.expr:
    return term.operand if isinstance(term, ast.UnaryOp) else ast.UnaryOp(ast.USub(), term)


def _names(context: Context, site: ast.AST, c: float, tolerance: float) -> Iterator[tuple[float, str, str, bool]]:
    """(cost, cause, text of the amount with its sign, whether it divides)."""

    def close(value: float) -> bool:
        return bool(value) and abs(abs(c) / abs(value) - 1) <= tolerance

    if not c:
        return  # without its term: that is an edit of the structure
    sign = "-" if c < 0 else ""
    simple = "sign" if sign else "factor"
    if close(1.0):
        yield 0.0, simple, f"{sign}1", False
        return
    known = list(sizes(context, site))
    for n, name in known:
        small = 0.3 if n in context.literals or 1 / n in context.literals else 0.0
        if close(1 / n):
            yield 0.0 + small, "size", f"{sign}{name}", True
        if close(n):
            yield 0.1 + small, "size", f"{sign}{name}", False
    for k in (2.0, 3.0, 4.0):
        if close(k):
            yield 0.1, simple, f"{sign}{k:.0f}", False
        if close(1 / k):
            yield 0.1, simple, f"{sign}{k:.0f}", True
    for value, name in _scalars(context, site):
        for k in (1.0, 2.0, 0.5):
            front = "" if k == 1 else f"{k:g} * "
            if close(k * value):
                yield 0.2 + 0.2 * (k != 1), "factor", f"{_sign(c, value)}{front}{name}", False
            if close(k / value):
                text = name if k == 1 else f"(2 * {name})" if k == 0.5 else f"({name} / 2)"
                yield 0.3 + 0.2 * (k != 1), "factor", f"{_sign(c, value)}{text}", True
    for n, name in known:
        if close(2 / n):
            yield 0.4, "size", f"{sign}({name} / 2)", True
        if close(0.5 / n):
            yield 0.4, "size", f"{sign}(2 * {name})", True
        if context.numpy and close(n**-0.5):
            yield 0.4, "size", f"{sign}{context.numpy}.sqrt({name})", True
        if context.numpy and close(n**0.5):
            yield 0.4, "size", f"{sign}{context.numpy}.sqrt({name})", False
    fraction = Fraction(abs(c)).limit_denominator(200)
    if close(float(fraction)):
        decimal = f"{float(fraction):.12g}"
        text = decimal if len(decimal) <= 6 else f"{fraction.numerator} / {fraction.denominator}"
        yield 0.5, simple, f"{sign}{text if len(decimal) <= 6 else f'({text})'}", False
    for digits in (2, 4, 6, 8, 10):
        text = f"{abs(c):.{digits}g}"
        if abs(float(text) / abs(c) - 1) <= max(tolerance, 1e-10) and len(text.strip("0.").replace(".", "")) < digits:
            yield 0.6, simple, f"{sign}{text}", False
            return


def _sign(c: float, value: float) -> str:
    return "-" if c * value < 0 else ""


def sizes(context: Context, site: ast.AST) -> Iterator[tuple[float, str]]:
    """Integers above 1 in scope, then sizes of arrays in scope."""
    seen: Counter[float] = Counter()
    scope = context.sights.scope(site)
    for name, its in scope.items():
        if its.kind == "i" and its.shape == () and its.value is not None and its.value > 1:
            yield its.value, name
    for name, its in scope.items():
        for axis, n in enumerate(its.shape):
            if n > 1 and seen[n] < ALIKE:  # which of them is meant, other shapes tell
                seen[n] += 1
                yield float(n), f"len({name})" if axis == 0 else f"{name}.shape[{axis}]"
    dims = [
        (n, f"len({name})" if axis == 0 else f"{name}.shape[{axis}]")
        for name, its in scope.items() for axis, n in enumerate(its.shape) if n > 1
    ][:DIMS]  # fmt: skip
    for i, (n, one) in enumerate(dims):
        for m, two in dims[i + 1 :]:
            yield float(n * m), f"({one} * {two})"
    whole: set[int] = set()
    for name, its in scope.items():
        total = 1
        for n in its.shape:
            total *= n
        if len(its.shape) > 1 and total and total not in whole:
            whole.add(total)
            yield float(total), f"{name}.size"


def _scalars(context: Context, site: ast.AST) -> Iterator[tuple[float, str]]:
    """Numbers in scope, and then what is left to 1 of those between, as 1 - rate."""
    found = [
        (its.value, name) for name, (_, its) in context.pool(site).items()
        if its.kind == "f" and its.shape == () and its.value and "[" not in name.replace("['", "")
    ]  # fmt: skip
    yield from found
    yield from ((1 - value, f"(1 - {name})") for value, name in found if 0 < value < 1)
