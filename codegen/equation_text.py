"""An index equation as one line of plain text, for the comments in generated code."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.printing.str import StrPrinter

from gradproof.symbolic.equations.definition import Definition, bound, owner
from gradproof.symbolic.equations.tiles import as_cases

_FREE = ("i", "j", "k", "l", "p", "q", "r", "s", "t", "u")
_BOUND = ("k", "l", "p", "q", "r", "s", "t", "u", "v", "w")


class _Text(StrPrinter):  # type: ignore[misc]
    """SymPy's text with references by name, Σ for sums and brackets for conditions."""

    def __init__(self, names: dict[Definition, str], letters: dict[Any, str]) -> None:
        super().__init__()
        self.names, self.letters = names, letters

    def _name(self, e: Any) -> str | None:
        d = owner(e)
        return None if d is None else self.names.get(d, d.name)

    def _print_Symbol(self, e: Any) -> str:
        return self.letters.get(e) or self._name(e) or str(e.name)

    _print_Dummy = _print_Symbol

    def _print_Indexed(self, e: Any) -> str:
        return f"{self._name(e)}[{', '.join(self._print(i) for i in e.indices)}]"

    def _reduced(self, word: str, e: Any) -> str:
        body = self._print(e.args[0])
        under = ",".join(self._print(limit[0]) for limit in e.limits)
        return f"{word}_{under} ({body})" if e.args[0].is_Add or word != "Σ" else f"{word}_{under} {body}"

    def _print_Sum(self, e: Any) -> str:
        return f"({self._reduced('Σ', e)})"

    def _print_LogSumExp(self, e: Any) -> str:
        return self._reduced("logsumexp", e)

    def _print_MaxOver(self, e: Any) -> str:
        return self._reduced("max", e)

    def _print_ProductOver(self, e: Any) -> str:
        k = self._print(e.limits[0][0])
        under = ",".join(f"{k}≠{self._print(place)}" for place in e.excluded) or k
        body = self._print(e.args[0])
        return f"(Π_{under} {f'({body})' if e.args[0].is_Add else body})"

    def _print_MatrixFunction(self, e: Any) -> str:
        inside = ", ".join(self._matrix(body, [limit[0] for limit in e.ends]) for body in e.bodies)
        return f"{e.name}({inside})" + (f"[{', '.join(map(self._print, e.index))}]" if e.index else "")

    _print_ExponentialAlong = _print_MatrixFunction

    def _matrix(self, body: Any, ends: list[Any]) -> str:
        own = list(body.indices[-2:]) if isinstance(body, sp.Indexed) else []
        if own not in (ends, ends[::-1]):
            return str(self._print(body))
        batch = ", ".join(map(self._print, body.indices[:-2]))
        name = f"{self._name(body)}[{batch}]" if batch else str(self._name(body))
        return name if own == ends else f"{name}.T"

    def _print_KroneckerDelta(self, e: Any) -> str:
        return f"δ({self._print(e.args[0])}, {self._print(e.args[1])})"

    def _print_Iverson(self, e: Any) -> str:
        return f"[{self._print(e.args[0])}]"

    def _print_Piecewise(self, e: Any) -> str:
        parts = [
            f"{self._print(v)} otherwise" if c in (True, sp.true) else f"{self._print(v)} if {self._print(c)}"
            for v, c in e.args
        ]
        return "{" + "; ".join(parts) + "}"


def _is_float(e: Any) -> bool:
    """Whether a fraction is a float that was read with all of its digits."""
    return bool(e.q > 10**9 and sp.Rational(*float(e).as_integer_ratio()) == e)


def equation_text(d: Definition, names: dict[Definition, str]) -> str:
    """``W1_bar[i, j] = (Σ_k X[k, i]*z1_bar[k, j])`` and the like; canonical indices become letters."""
    letters = dict(zip(d.indices, _FREE, strict=False))
    spare = [c for c in (*_BOUND, *_FREE) if c not in letters.values()]
    letters |= dict(zip(bound(d.rhs), spare, strict=False))
    printer = _Text(names, letters)
    left = names.get(d, d.name)
    if d.rank:
        left += f"[{', '.join(letters[i] for i in d.indices)}]"
    rhs = as_cases(d.rhs, d.ranges)
    floats = {e: sp.Symbol(repr(float(e))) for e in rhs.atoms(sp.Rational) if _is_float(e)}
    right = printer.doprint(rhs.xreplace(floats))
    if isinstance(d.rhs, sp.Sum):
        right = right[1:-1]
    return f"{left} = {right}"
