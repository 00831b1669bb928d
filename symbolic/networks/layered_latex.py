r"""LaTeX of layered index expressions: layers as superscripts, neurons as subscripts, in index form and in matrix
form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta
from sympy.printing.latex import LatexPrinter

from gradproof.errors import UnsupportedError

from ..equations.definition import bound, owner
from ..equations.dims import free_index
from ..equations.nodes import Arbitrary, FunctionalPartial, Iverson

_FREE = ("l", "j", "k")
_BOUND = ("k", "p", "q", "r", "s", "t", "u", "v")
_LETTER = {"delta": r"\delta", "d_a": "a", "d_z": "z"}


class IndexForm:
    """Index expressions of a layered system in plain symbols and in LaTeX.

    The first index of a symbol is its layer, a superscript. Free indices are called l, j, k, summed ones k, p, q, ...
    """

    def symbols(self, expression: Any) -> Any:
        """The expression with names for definitions and letters for indices."""
        free = {free_index(p): sp.Symbol(letter, integer=True, nonnegative=True) for p, letter in enumerate(_FREE)}
        taken = {str(free[s]) for s in expression.free_symbols if s in free}
        spare = (letter for letter in _BOUND if letter not in taken)
        renamed = {i: sp.Symbol(next(spare), integer=True, nonnegative=True) for i in bound(expression)}
        labels = {r.base.label: sp.Symbol(r.base.label.name) for r in expression.atoms(sp.Indexed)}
        return expression.xreplace({**free, **renamed, **labels})

    def show(self, expression: Any) -> str:
        """LaTeX of the expression."""
        return _Printer().doprint(self.symbols(expression))  # type: ignore[no-any-return]


class _Printer(LatexPrinter):  # type: ignore[misc]
    def _print_Indexed(self, node: Any) -> str:
        name, indices = str(node.base.label), [self._print(i) for i in node.indices]
        letter = _LETTER.get(name, name)
        shown = (
            rf"{letter}^{{{indices[0]}}}_{{{''.join(indices[1:])}}}"
            if len(indices) > 1
            else f"{letter}_{{{indices[0]}}}"
        )
        return rf"\frac{{\partial C}}{{\partial {shown}}}" if name.startswith("d_") else shown

    def _print_Mul(self, node: Any) -> str:
        factors = sorted(node.args, key=_place)
        shown = [self._print(f) for f in factors]
        return " ".join(
            rf"\left({s}\right)" if isinstance(f, sp.Add) else s for s, f in zip(shown, factors, strict=True)
        )

    def _print_Sum(self, node: Any) -> str:
        indices = "".join(rf"\sum_{{{self._print(limit[0])}}} " for limit in reversed(node.limits))
        body = self._print(node.args[0])
        return indices + (rf"\left({body}\right)" if isinstance(node.args[0], sp.Add) else body)

    def _print_KroneckerDelta(self, node: Any) -> str:
        left, right = node.args if not node.args[0].is_number else node.args[::-1]
        return rf"\left[{self._print(left)} = {self._print(right)}\right]"

    def _print_AppliedUndef(self, node: Any) -> str:
        return f"{node.func.__name__}_{{{self._print(node.args[0])}}}"


def _place(factor: Any) -> tuple[int, str]:
    """Brackets, then derivatives of C, sums, weights, activations, errors, and σ′ last: the order of the textbooks."""
    if factor.is_number:
        return 0, str(factor)
    if isinstance(factor, (KroneckerDelta, Iverson)):
        return 1, str(factor)
    if isinstance(factor, FunctionalPartial):
        return 2, str(factor)
    if isinstance(factor, sp.Indexed):
        name = str(factor.base.label)
        return {"w": 4, "a": 5, "delta": 6}.get(name, 3), str(factor)
    if isinstance(factor, sp.Sum):
        return 3, str(factor)
    return (8 if isinstance(factor, Arbitrary) else 7), str(factor)


# -- matrix form ------------------------------------------------------------------------------------------------------
def matrix_latex(expression: Any, free: Sequence[Any]) -> str:
    r"""LaTeX of a product in vectors and matrices; ``free`` are the neuron indices of the result: one, or row and
    column.

    Rules: f_j g_j is :math:`f \odot g`; f_j g_k is :math:`f g^\top`; Σ_k w_jk v_k is :math:`W v`; Σ_k w_kj v_k is
    :math:`W^\top v`; ∂C/∂a_j is :math:`\nabla_a C`. Raises :class:`UnsupportedError` for what is no such product.
    """
    factors = sorted(sp.Mul.make_args(expression), key=lambda f: _place(_plain(f)))
    if len(free) == 2:
        if len(factors) == 1:
            return _matrix(factors[0], free)
        columns = [_vector(f, free[0]) for f in factors if f.has(free[0])]
        rows = [_vector(f, free[1]) for f in factors if not f.has(free[0])]
        return rf"{_hadamard(columns)} \left({_hadamard(rows)}\right)^{{\top}}"
    return _hadamard([_vector(f, free[0]) for f in factors])


def _hadamard(parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return r" \odot ".join(rf"\left({p}\right)" if p.startswith((r"\left(", "W")) else p for p in parts)


def _plain(expression: Any) -> Any:
    return expression.xreplace({r.base.label: sp.Symbol(r.base.label.name) for r in expression.atoms(sp.Indexed)})


def _named(node: Any, capital: bool = False) -> str:
    layer = _Printer().doprint(node.indices[0].xreplace({free_index(0): sp.Symbol("l")}))
    name = node.base.label.name
    letter = _LETTER.get(name, name.upper() if capital else name)
    return f"{letter}^{{{layer}}}"


def _vector(factor: Any, index: Any) -> str:
    if isinstance(factor, sp.Indexed) and len(factor.indices) == 2 and factor.indices[1] == index:
        return _named(factor)
    if isinstance(factor, Arbitrary):
        name, order, argument = factor.args
        return rf"{_Printer().doprint(name)}{chr(39) * int(order)}\left({_vector(argument, index)}\right)"
    if isinstance(factor, FunctionalPartial) and len(factor.args[1].indices) == 2:
        return _gradient(factor)
    if isinstance(factor, sp.Sum) and len(factor.limits) == 1:
        return _product(factor, index)
    raise UnsupportedError(f"{factor} has no matrix form as a vector along {index}; use form='index'")


def _gradient(factor: Any) -> str:
    cost, element = factor.args
    known = owner(element)
    if known is not None and not known.is_input:
        return rf"\nabla_{{{_named(element)}}} {cost}"
    return rf"\frac{{\partial {cost}}}{{\partial {_named(element)}}}"


def _matrix(factor: Any, free: Sequence[Any]) -> str:
    if isinstance(factor, FunctionalPartial) and tuple(factor.args[1].indices[1:]) == tuple(free):
        return rf"\frac{{\partial {factor.args[0]}}}{{\partial {_named(factor.args[1], capital=True)}}}"
    raise UnsupportedError(f"{factor} has no matrix form; use form='index'")


def _product(total: Any, index: Any) -> str:
    k = total.limits[0][0]
    factors = sp.Mul.make_args(total.args[0])
    matrices = [f for f in factors if isinstance(f, sp.Indexed) and {index, k} == set(f.indices[1:])]
    if len(matrices) != 1:
        raise UnsupportedError(f"{total} is no product of one matrix with a vector; use form='index'")
    (matrix,) = matrices
    rest = [f for f in factors if f is not matrix]
    vector = _hadamard([_vector(f, k) for f in rest])
    shown = _named(matrix, capital=True)
    if matrix.indices[1] == k:
        shown = rf"\left({shown}\right)^{{\top}}"
    return f"{shown} {vector}" if len(rest) == 1 else rf"{shown} \left({vector}\right)"
