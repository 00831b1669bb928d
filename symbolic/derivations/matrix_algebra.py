"""The algebra of matrix expressions: products, sums and transposes that simplify as they are put together."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import sympy as sp

from ..equations.functions import relu
from ..equations.matrix_functions import ROWS
from ..equations.symmetry import is_symmetric
from .block_nodes import Joined
from .function_nodes import Apply, Diag, OfMatrix, Power, Where
from .matrix_nodes import (
    Hadamard,
    Identity,
    Leaf,
    Mask,
    MatMul,
    Node,
    Number,
    Ones,
    Scale,
    Shape,
    Sum,
    Transpose,
)
from .matrix_scaling import ONE, powers, scale
from .matrix_sums import coefficients_together, like_terms, negation, shared_factor, shared_scalars
from .time_nodes import Slice, SumOver


def transpose(node: Node) -> Node:
    """The transpose, pushed through what is symmetric."""
    if isinstance(node, Transpose):
        return node.operand
    if node.is_scalar or isinstance(node, (Identity, Diag)):
        return node
    if isinstance(node, MatMul):
        return matmul(*(transpose(f) for f in reversed(node.factors)))
    turned = (node.shape[1], node.shape[0])
    if isinstance(node, SumOver):
        return SumOver(turned, node.limits, transpose(node.operand))
    if isinstance(node, Scale):
        return scale(node.scalars, transpose(node.operand))
    if isinstance(node, Joined):
        parts = [transpose(part) for part in node.parts]
        if node.axis == 0 or not (node.shape[0] == 1 or any(isinstance(part, Transpose) for part in parts)):
            return joined(1 - node.axis, parts)
    if isinstance(node, Mask) and node.kind != "Φ":
        return node.turned
    if isinstance(node, Leaf) and not isinstance(node, Slice) and is_symmetric(node.definition):
        return node
    if isinstance(node, Sum):
        turned_terms = tuple(transpose(t) for t in node.terms)
        if set(turned_terms) == set(node.terms):
            return node
    if isinstance(node, OfMatrix):
        inner = transpose(node.operand)
        return node if inner == node.operand and ROWS[node.function].turns else Transpose(turned, node)
    return Transpose(turned, node)


def matmul(*factors: Node) -> Node:
    """The product, flattened, with scalars and identities taken out and diagonal matrices multiplied in."""
    flat: list[Node] = []
    scalars: list[Node] = []
    for f in factors:
        if isinstance(f, Scale):
            scalars.extend(f.scalars)
            f = f.operand
        for part in map(_plain_diagonal, f.factors if isinstance(f, MatMul) else (f,)):
            if isinstance(part, Scale):
                scalars.extend(part.scalars)
                part = part.operand
            flat.append(part)
    kept = [f for f in flat if not isinstance(f, Identity)] or flat[:1]
    for position, (left, right) in enumerate(itertools.pairwise(kept)):
        joined = _joined(left, right)
        if joined is not None:
            return scale(scalars, matmul(*kept[:position], joined, *kept[position + 2 :]))
    shape = (flat[0].shape[0], flat[-1].shape[1])
    return scale(scalars, kept[0] if len(kept) == 1 else MatMul(shape, tuple(kept)))


def diagonal(shape: Shape, vector: Node) -> Node:
    """diag(v), scalars taken out; of ones, the identity."""
    if isinstance(vector, Scale):
        return scale(vector.scalars, diagonal(shape, vector.operand))
    return Identity(shape) if isinstance(vector, Ones) else Diag(shape, vector)


def _column(node: Diag) -> Node:
    """The vector of a diagonal matrix, which may stand there as a row."""
    vector = node.operand
    return transpose(vector) if vector.shape[0] == 1 and node.shape[0] != 1 else vector


def _plain_diagonal(node: Node) -> Node:
    return diagonal(node.shape, node.operand) if isinstance(node, Diag) else node


def _joined(left: Node, right: Node) -> Node | None:
    """diag(u) 𝟏 = u, diag(u) diag(v) = diag(u ⊙ v), diag(u) (I − 𝟏 vᵀ) = diag(u) − u vᵀ, transposed too; A⁻¹A = I."""
    cancelled = _cancelled(left, right)
    if cancelled is not None:
        return cancelled
    if isinstance(left, Diag):
        if isinstance(right, Ones):
            return _column(left)
        if isinstance(right, Diag):
            return diagonal(left.shape, hadamard([_column(left), _column(right)]))
        if isinstance(right, Sum) and _simplifies(right, left=True):
            return Sum(right.shape, tuple(matmul(left, t) for t in right.terms))
        return None
    if isinstance(left, Sum) and isinstance(right, Diag):
        shared = _without_first(left)
        if shared is not None and _joined(shared[1], right) is not None:
            return matmul(shared[0], matmul(shared[1], right))
    if isinstance(right, (Diag, Ones)) and isinstance(left, (Sum, Transpose)):
        turned = _turned_terms(left) if isinstance(left, Sum) else transpose(left)
        mirrored = _joined(right, turned) if isinstance(right, Diag) else None
        if isinstance(mirrored, Sum):
            return _turned_terms(mirrored)
        return transpose(mirrored) if mirrored is not None else None
    return None


def of_matrix(shape: Shape, function: str, operand: Node) -> Node:
    """A function of a matrix; the inverse of an inverse is the matrix, that of a transpose the transposed inverse."""
    if function == "inv" and isinstance(operand, Transpose):
        return transpose(of_matrix(shape, function, operand.operand))
    if function == "inv" and isinstance(operand, OfMatrix) and operand.function == "inv":
        return operand.operand
    return OfMatrix(shape, function, operand)


def _inverse_of(node: Node) -> Node | None:
    """The matrix whose inverse, perhaps transposed, a node is."""
    if isinstance(node, Transpose):
        inner = _inverse_of(node.operand)
        return None if inner is None else transpose(inner)
    return node.operand if isinstance(node, OfMatrix) and node.function == "inv" else None


def _without_first(node: Sum) -> tuple[Node, Node] | None:
    """The factor A that all terms of a sum begin with, and the rest: A − A p 𝟏ᵀ as A and I − p 𝟏ᵀ."""
    cores = [term.operand if isinstance(term, Scale) else term for term in node.terms]
    first = {core.factors[0] if isinstance(core, MatMul) else core for core in cores}
    if len(first) != 1 or any(core.is_scalar for core in cores):
        return None
    (shared,) = first
    size, columns = shared.shape[1], node.shape[1]
    terms: list[Node] = []
    for term, core in zip(node.terms, cores, strict=True):
        rest = matmul(*core.factors[1:]) if isinstance(core, MatMul) else Identity((size, size))
        terms.append(scale(term.scalars if isinstance(term, Scale) else (), rest))
    return shared, total((size, columns), terms)


def _cancelled(left: Node, right: Node) -> Node | None:
    """A⁻¹ A = I, and of square matrices (A B)⁻¹ A = B⁻¹ and B (A B)⁻¹ = A⁻¹."""
    if left.shape != right.shape or left.shape[0] != left.shape[1]:
        return None
    for inverse, other, first in ((left, right, True), (right, left, False)):
        matrix = _inverse_of(inverse)
        if matrix == other:
            return Identity(left.shape)
        if isinstance(matrix, MatMul) and all(f.shape == matrix.shape for f in matrix.factors):
            end, rest = (matrix.factors[0], matrix.factors[1:]) if first else (matrix.factors[-1], matrix.factors[:-1])
            if end == other:
                return _inverse(matmul(*rest))
    return None


def _inverse(node: Node) -> Node:
    """The inverse of a product, the transposition outside: A^{-⊤}."""
    ends = node.factors if isinstance(node, MatMul) else (node,)
    if isinstance(ends[0], Transpose):
        return transpose(of_matrix(node.shape, "inv", transpose(node)))
    return of_matrix(node.shape, "inv", node)


def _turned_terms(node: Sum) -> Sum:
    return Sum((node.shape[1], node.shape[0]), tuple(transpose(t) for t in node.terms))


def joined(axis: int, parts: Sequence[Node]) -> Node:
    """Matrices side by side or below each other, what they share taken out: [Xᵀ A  Xᵀ B] = Xᵀ [A  B]."""
    first, *others = parts
    if isinstance(first, SumOver) and all(isinstance(p, SumOver) and p.limits == first.limits for p in others):
        return sum_over(first.limits, joined(axis, [p.operand for p in parts if isinstance(p, SumOver)]))
    if isinstance(first, Scale) and all(isinstance(p, Scale) and p.scalars == first.scalars for p in others):
        return scale(first.scalars, joined(axis, [p.operand for p in parts if isinstance(p, Scale)]))
    column = first.shape[1] == 1  # which takes less room as a row
    if axis == 0 and (column or all(isinstance(p, Transpose) for p in parts)):
        row = joined(1, [transpose(p) for p in parts])
        return Transpose((row.shape[1], row.shape[0]), row) if isinstance(row, Joined) else transpose(row)
    if all(isinstance(p, MatMul) for p in parts):
        rows = [p.factors if axis else p.factors[::-1] for p in parts if isinstance(p, MatMul)]
        shared = len(list(itertools.takewhile(lambda f: len(set(f)) == 1, zip(*rows, strict=False))))
        shared = min(shared, *(len(row) - 1 for row in rows))
        if shared:
            rest = joined(axis, [matmul(*(row[shared:] if axis else row[shared:][::-1])) for row in rows])
            return matmul(*rows[0][:shared], rest) if axis else matmul(rest, *rows[0][:shared][::-1])
    size = sp.expand(sp.Add(*(p.shape[axis] for p in parts)))
    shape = (first.shape[0], size) if axis else (size, first.shape[1])
    return Joined(shape, axis, tuple(parts))


def _simplifies(total: Sum, left: bool) -> bool:
    """Whether every term of a sum gets shorter when a diagonal matrix is multiplied in."""
    for term in total.terms:
        core = term.operand if isinstance(term, Scale) else term
        first = core.factors[0] if isinstance(core, MatMul) else core
        if not isinstance(first, (Identity, Diag, Ones)) or core.is_scalar:
            return False
    return True


def hadamard(factors: Sequence[Node]) -> Node:
    """The elementwise product of nodes of one shape, with scalars taken out."""
    scalars: list[Node] = []
    flat: list[Node] = []
    for f in factors:
        if isinstance(f, Scale):
            scalars.extend(f.scalars)
            f = f.operand
        flat.extend(f.factors if isinstance(f, Hadamard) else (f,))
    flat = [f for f in flat if not _is_ones(f)] or flat[:1]
    flat = [f for f in flat if not _holds_where(f, flat)]
    masks = list(dict.fromkeys(f for f in flat if _is_mask(f)))
    flat, shape = [f for f in flat if f not in masks], flat[0].shape
    if any(isinstance(f, Power) for f in flat):
        flat = powers(flat) or [_spread(Number((ONE, ONE), ONE), shape)]
    flat = [*masks, *flat]
    for f in flat if len(flat) > 1 and not masks else ():
        repeated = _repeated(f)
        if repeated is not None:  # A ⊙ v 𝟏ᵀ = diag(v) A
            diagonal, left, core = repeated
            others = [core if g is f else g for g in flat]
            rest = hadamard([g for g in others if g is not None])
            return scale(scalars, matmul(diagonal, rest) if left else matmul(rest, diagonal))
    if masks and isinstance(masks[0], Transpose):  # Φ(Xᵀ)ᵀ
        return scale(scalars, Transpose(flat[0].shape, hadamard([transpose(f) for f in flat])))
    if len(flat) > 1 and all(isinstance(f, Transpose) for f in flat):
        return scale(scalars, transpose(hadamard([transpose(f) for f in flat])))
    return scale(scalars, flat[0] if len(flat) == 1 else Hadamard(flat[0].shape, tuple(flat)))


def _repeated(node: Node) -> tuple[Diag, bool, Node | None] | None:
    """A column v 𝟏ᵀ as diag(v) from the left (True), a row 𝟏 vᵀ as diag(v) from the right; diag(v) A with A left."""
    if not isinstance(node, MatMul):
        return None
    first, last = node.factors[0], node.factors[-1]
    if isinstance(first, Diag) and not isinstance(last, Diag):
        return first, True, matmul(*node.factors[1:])
    if isinstance(last, Diag):
        return last, False, matmul(*node.factors[:-1])
    if isinstance(last, Transpose) and isinstance(last.operand, Ones) and not isinstance(first, Ones):
        return Diag((node.shape[0], node.shape[0]), matmul(*node.factors[:-1])), True, None
    if isinstance(first, Ones) and node.shape[1] != 1:
        row = matmul(*node.factors[1:])
        return None if _is_ones(row) else (Diag((node.shape[1], node.shape[1]), transpose(row)), False, None)
    return None


def _holds_where(node: Node, others: Sequence[Node]) -> bool:
    """Whether a factor is a bracket [t > 0] beside relu(t), which is 0 elsewhere."""
    if not (isinstance(node, Where) and node.operator == ">" and node.right == Number(node.right.shape, sp.S.Zero)):
        return False
    return any(isinstance(f, Apply) and f.head is relu and f.arguments == (node.left,) for f in others)


def _is_ones(node: Node) -> bool:
    """A column of ones, or 𝟏 𝟏ᵀ."""
    if isinstance(node, MatMul):
        return len(node.factors) == 2 and all(map(_is_ones, node.factors))
    return isinstance(node.operand if isinstance(node, Transpose) else node, Ones)


def _is_mask(node: Node) -> bool:
    return isinstance(node.operand if isinstance(node, Transpose) else node, Mask)


def sum_over(limits: Sequence[tuple[Any, Any, Any]], node: Node) -> Node:
    """The sum of a node over times, numbers taken out."""
    if isinstance(node, Scale) and any(isinstance(s, Number) for s in node.scalars):
        times = {time for time, _, _ in limits}
        out = [s for s in node.scalars if isinstance(s, Number) and not s.expression.free_symbols & times]
        rest = scale([s for s in node.scalars if s not in out], node.operand)
        return scale(out, SumOver(node.shape, tuple(limits), rest))
    return SumOver(node.shape, tuple(limits), node)


def _is_identity(node: Node) -> bool:
    return isinstance(node.operand if isinstance(node, Scale) else node, (Identity, Diag))


def _spread(scalar: Node, shape: Shape) -> Node:
    """A number in each entry, c 𝟏 𝟏ᵀ."""
    rows, columns = Ones((shape[0], ONE)), Ones((shape[1], ONE))
    return scale([scalar], matmul(rows, transpose(columns)))


def total(shape: Shape, terms: Sequence[Node]) -> Node:
    """The sum, sums among its terms taken apart and equal terms counted."""
    terms = [part for term in terms for part in (term.terms if isinstance(term, Sum) else (term,))]
    if any(_is_identity(term) for term in terms):  # c + I would be read as (c + 1) I
        terms = [_spread(term, shape) if term.is_scalar and shape != (ONE, ONE) else term for term in terms]
    kept = [negated for negated in (negation(terms),) if negated is not None]
    kept = kept or coefficients_together(like_terms(terms))
    if len(kept) == 1 and kept[0].shape == shape:
        return kept[0]
    scalars, kept = shared_scalars(kept)
    if scalars:
        return scale(scalars, total(shape, kept))
    shared = shared_factor(kept) if shape != (ONE, ONE) else None
    if shared is not None:
        factor, first, rests = shared
        inner = (factor.shape[1], shape[1]) if first else (shape[0], factor.shape[0])
        terms = [scale(scalars, matmul(*rest)) for scalars, rest in rests]
        others = total(inner, sorted(terms, key=lambda term: isinstance(term, Transpose)))
        return matmul(factor, others) if first else matmul(others, factor)
    return Sum(shape, tuple(kept))
