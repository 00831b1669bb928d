"""Comparisons of symbolic sizes in a user's code, and sizes that it needs as numbers, as questions.

To SymPy ``m == 3`` is false, since a symbol is no number, and ``range(m)`` is an error. In the user's own lines both
are questions about the sizes; everywhere else (SymPy and the engine compare all the time) nothing changes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sympy as sp
from sympy.core.basic import Basic
from sympy.core.relational import Relational

from .scopes import Reached
from .sizes import Sizes


@contextmanager
def asking_about_sizes(sizes: Sizes, reached: Reached) -> Iterator[None]:
    """Let ``sizes`` answer what the lines of the reached modules ask about sizes."""
    users = {id(module) for module in reached.modules}
    plain_eq, plain_bool = Basic.__eq__, Relational.__bool__
    plain_floordiv, plain_mod = sp.Expr.__floordiv__, sp.Expr.__mod__

    def asked() -> bool:
        return id(sys._getframe(2).f_globals) in users

    def eq(self: Any, other: Any) -> Any:
        same = plain_eq(self, other)
        if same is True or not asked():
            return same
        return sizes.equals(self, other) if _is_size(self) and _is_size(other) else same

    def ne(self: Any, other: Any) -> Any:
        same = plain_eq(self, other)
        if asked() and same is not True and _is_size(self) and _is_size(other):
            return not sizes.equals(self, other)
        return same if same is NotImplemented else not same

    def index(self: Any) -> int:
        if not asked():
            raise TypeError(f"{type(self).__name__!r} object cannot be interpreted as an integer")
        return sizes.number(self)

    def divided(self: Any, other: Any) -> Any:
        if asked() and _are_sizes(self, other):
            return sizes.quotient(self, other)
        return plain_floordiv(self, other)

    def rest(self: Any, other: Any) -> Any:
        if asked() and _are_sizes(self, other):
            return self - other * sizes.quotient(self, other)
        return plain_mod(self, other)

    def truth(self: Any) -> bool:
        if asked() and all(_is_size(side) for side in self.args) and self.free_symbols:
            sizes.number(self.lhs - self.rhs)
        return plain_bool(self)  # type: ignore[no-any-return]

    changed: list[tuple[Any, str, Any]] = [
        (sp.Expr, "__eq__", eq), (sp.Expr, "__ne__", ne), (sp.Expr, "__index__", index),
        (sp.Expr, "__floordiv__", divided), (sp.Expr, "__mod__", rest), (Relational, "__bool__", truth),
    ]  # fmt: skip
    kept = [(owner, name, owner.__dict__.get(name)) for owner, name, _ in changed]
    for owner, name, new in changed:
        setattr(owner, name, new)
    try:
        yield
    finally:
        for owner, name, old in kept:
            if old is None:
                delattr(owner, name)
            else:
                setattr(owner, name, old)


def _are_sizes(*sides: Any) -> bool:
    """Whether all are sizes, and one of them is no number."""
    return all(map(_is_size, sides)) and any(sp.sympify(side, strict=True).free_symbols for side in sides)


def _is_size(value: Any) -> bool:
    if isinstance(value, int):
        return True
    return isinstance(value, sp.Expr) and bool(value.is_integer)
