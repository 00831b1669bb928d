"""Why a step goes wrong, in the words of numerical analysis: a table by operation and by what came out."""

from __future__ import annotations

import ast
import math
from typing import Final

from gradproof.numeric.audit.accuracy import LARGEST
from gradproof.numeric.audit.locate import Site
from gradproof.numeric.audit.patterns import Scope

_OVERFLOW: Final = {
    "exp": math.log, "expm1": math.log, "cosh": lambda x: math.log(x) + math.log(2), "square": math.sqrt,
}  # fmt: skip
"""Where a function overflows: at this function of the largest number."""


def cause(site: Site, kind: str) -> str:
    """One phrase for the cause, or "" where the operation alone does not tell."""
    node = site.node
    call = Scope(site.source, site.source.tree).call(node)
    name = call[0] if call is not None else ""
    match node:
        case ast.BinOp(op=ast.Sub() | ast.Add()) if kind in ("digits", "zero"):
            return "cancellation: what is left of nearly equal numbers is their rounding"
        case ast.BinOp(op=ast.Div()) if kind in ("inf", "nan"):
            return "division of 0 by 0, of infinity by infinity, or by a number that was rounded to 0"
        case ast.BinOp(op=ast.Pow()) if kind in ("inf", "nan"):
            return "the power is beyond the range of the type"
        case ast.BinOp(op=ast.Mult()) if kind == "nan":
            return "0 times infinity"
    if name in _OVERFLOW and kind in ("inf", "nan"):
        limits = ", ".join(f"{_OVERFLOW[name](largest):.4g} in {dtype}" for dtype, largest in LARGEST.items())
        return f"{name} overflows from {limits} on"
    if name == "log":
        if kind in ("inf", "nan"):
            return "its argument was rounded to 0, or past it"
        return "its argument was rounded near 1, where log magnifies the rounding"
    if name in ("sum", "mean") and kind in ("digits", "zero"):
        return "cancellation between the terms of the sum"
    return ""
