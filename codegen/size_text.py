"""Dimensions as Python source: ``n - 1``, ``2 * m``, ``-(-n // 2)``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

from .precedence import ATOM, PLUS, POWER, TIMES, UNARY


def size_source(expression: Any, dims: Mapping[Any, str]) -> str:
    """``n - 1``, ``2 * m``, ``-(-n // 2)`` for a dimension expression."""
    return size_text(sp.sympify(expression, strict=True), dims)[0]


def size_text(e: Any, dims: Mapping[Any, str]) -> tuple[str, int]:
    """The source of a size, and how tightly it holds together."""
    if e.is_Integer:
        return str(e), ATOM if e >= 0 else UNARY
    if e in dims:
        return dims[e], ATOM
    if isinstance(e, sp.Add):
        text = ""
        for term in sorted(e.args, key=lambda t: (bool(t.could_extract_minus_sign()), t.is_number, str(t))):
            if term.could_extract_minus_sign() and text:
                text += " - " + _wrap(size_text(-term, dims), TIMES)
            else:
                text += (" + " if text else "") + size_text(term, dims)[0]
        return text, PLUS
    if isinstance(e, (sp.ceiling, sp.floor)):
        top, bottom = sp.fraction(sp.together(e.args[0]))
        content, rest = top.as_content_primitive()  # (n + 1)/2 may stand as n/2 + 1/2
        top, bottom = content.p * rest, content.q * bottom
        up, down = _wrap(size_text(top, dims), UNARY), _wrap(size_text(bottom, dims), POWER)
        return (f"{up} // {down}", TIMES) if isinstance(e, sp.floor) else (f"-(-{up} // {down})", UNARY)
    if isinstance(e, sp.Mul):
        top, bottom = sp.fraction(e)
        if bottom != 1:
            return f"{_wrap(size_text(top, dims), TIMES)} // {_wrap(size_text(bottom, dims), POWER)}", TIMES
        if e.could_extract_minus_sign():
            return f"-{_wrap(size_text(-e, dims), TIMES)}", UNARY
        return " * ".join(_wrap(size_text(f, dims), TIMES + 1) for f in e.args), TIMES
    if isinstance(e, sp.Pow) and e.args[1].is_Integer and e.args[1] > 0:
        return f"{_wrap(size_text(e.args[0], dims), ATOM)}**{e.args[1]}", POWER
    if isinstance(e, sp.Mod):
        return f"{_wrap(size_text(e.args[0], dims), TIMES)} % {_wrap(size_text(e.args[1], dims), POWER)}", TIMES
    raise ValueError(f"the size {e} has no Python source")


def _wrap(part: tuple[str, int], precedence: int) -> str:
    return part[0] if part[1] >= precedence else f"({part[0]})"
