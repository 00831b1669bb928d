"""Products of ball arrays and the matrix functions, through Arb's matrices; tangents by the product rule.

d(AB) = dA·B + A·dB;  d(A⁻¹) = −A⁻¹ dA A⁻¹;  d det A = det A · tr(A⁻¹ dA);  A x = b gives dx = A⁻¹(db − dA x).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from flint import arb, arb_mat
from numpy import asarray, empty  # bound now: the attributes of numpy are replaced while user code runs

from gradproof.numeric.balls.arrays import balls_of
from gradproof.numeric.balls.ball import ZERO, Ball, NotOnBalls
from gradproof.numeric.balls.frames import user_line

Objects: TypeAlias = np.ndarray[Any, Any]


def values_of(a: Objects) -> arb_mat:
    return arb_mat([[x.v for x in row] for row in a.tolist()])


def tangents_of(a: Objects) -> arb_mat | None:
    rows = a.tolist()
    if all(x.d is None for row in rows for x in row):
        return None
    zero = arb(0)
    return arb_mat([[zero if x.d is None else x.d for x in row] for row in rows])


def _sum(a: arb_mat | None, b: arb_mat | None) -> arb_mat | None:
    return b if a is None else a if b is None else a + b


def paired(v: arb_mat, d: arb_mat | None) -> Objects:
    n, k = v.nrows(), v.ncols()
    values = v.entries()
    tangents: Sequence[arb | None] = [None] * (n * k) if d is None else d.entries()
    result = empty(n * k, dtype=object)
    for i, (value, tangent) in enumerate(zip(values, tangents, strict=True)):
        result[i] = Ball(value, tangent)
    return result.reshape(n, k)


def _product(a: Objects, b: Objects) -> Objects:
    """(n, k) @ (k, m) of plain object arrays of balls."""
    n, m = a.shape[0], b.shape[1]
    if 0 in (n, m, a.shape[1]):
        result = empty((n, m), dtype=object)
        result.fill(ZERO)
        return result
    av, bv, ad, bd = values_of(a), values_of(b), tangents_of(a), tangents_of(b)
    d = _sum(None if ad is None else ad * bv, None if bd is None else av * bd)
    return paired(av * bv, d)


def matmul(a: Objects, b: Objects) -> Any:
    """``a @ b`` for any dimensions that NumPy allows, on plain object arrays of balls."""
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError("matmul: an operand is a scalar")
    left = a[np.newaxis, :] if a.ndim == 1 else a
    right = b[:, np.newaxis] if b.ndim == 1 else b
    if left.shape[-1] != right.shape[-2]:
        raise ValueError(f"matmul: shapes {a.shape} and {b.shape} do not fit: {left.shape[-1]} != {right.shape[-2]}")
    if left.ndim == 2 and right.ndim == 2:
        result = _product(left, right)
    else:
        outer = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        left = np.broadcast_to(left, outer + left.shape[-2:])
        right = np.broadcast_to(right, outer + right.shape[-2:])
        result = empty((*outer, left.shape[-2], right.shape[-1]), dtype=object)
        for index in np.ndindex(*outer):
            result[index] = _product(left[index], right[index])
    if a.ndim == 1:
        result = result[..., 0, :]
    if b.ndim == 1:
        result = result[..., 0]
    return result[()] if result.ndim == 0 else result


def dot(a: Any, b: Any) -> Any:
    """``np.dot``: a product of scalars, vectors or matrices, or the sum over a's last and b's last-but-one axis."""
    a, b = balls_of(a), balls_of(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if a.ndim <= 2 and b.ndim <= 2:
        return matmul(a, b)
    return tensordot(a, b, ((-1,), (max(b.ndim - 2, 0),)))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """``np.tensordot`` as one matrix product."""
    a, b = balls_of(a), balls_of(b)
    if isinstance(axes, (int, np.integer)):
        pairs = (list(range(a.ndim - axes, a.ndim)), list(range(axes)))
    else:
        first, second = axes
        pairs = (list(np.atleast_1d(first)), list(np.atleast_1d(second)))
    over_a = [int(axis) % a.ndim for axis in pairs[0]]
    over_b = [int(axis) % b.ndim for axis in pairs[1]]
    if [a.shape[i] for i in over_a] != [b.shape[i] for i in over_b]:
        raise ValueError(f"tensordot: shapes {a.shape} and {b.shape} do not fit over axes {pairs}")
    free_a = [i for i in range(a.ndim) if i not in over_a]
    free_b = [i for i in range(b.ndim) if i not in over_b]
    inner = int(np.prod([a.shape[i] for i in over_a], dtype=int))
    shape = [a.shape[i] for i in free_a] + [b.shape[i] for i in free_b]
    left = a.transpose(free_a + over_a).reshape(-1, inner)
    right = b.transpose(over_b + free_b).reshape(inner, -1)
    return _product(left, right).reshape(shape)


def _diagonal(operand: Objects, labels: list[str]) -> tuple[Objects, list[str]]:
    """An operand with a repeated label (``ii``) reduced to its diagonal."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            i = labels.index(label)
            j = labels.index(label, i + 1)
            operand = np.diagonal(operand, axis1=i, axis2=j)
            labels = [x for k, x in enumerate(labels) if k not in (i, j)] + [label]
    return operand, labels


def _as_text(*parts: Any) -> tuple[str, tuple[Any, ...]]:
    """``einsum(x, [0, 1], y, [1, 2], [0, 2])`` in letters: ``("ab,bc->ac", (x, y))``."""
    count = len(parts) // 2
    lists = [*parts[1 : 2 * count : 2], *parts[2 * count :]]
    if any(label is Ellipsis for labels in lists for label in labels):
        raise NotOnBalls(f"{user_line()}: np.einsum with an Ellipsis in a list is not implemented on balls")
    texts = ["".join(chr(ord("a") + int(label)) for label in labels) for labels in lists]
    return ",".join(texts[:count]) + ("->" + texts[count] if len(texts) > count else ""), parts[0 : 2 * count : 2]


def einsum(subscripts: Any, *operands: Any, **_: Any) -> Any:
    """``np.einsum`` with a subscript string: operand after operand, each step one batched matrix product."""
    if not isinstance(subscripts, str):
        subscripts, operands = _as_text(subscripts, *operands)
    arrays = [balls_of(operand) for operand in operands]
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(arrays):
        raise ValueError(f"einsum: {len(terms)} terms for {len(arrays)} operands")
    used = {c for c in subscripts if c.isalpha()}
    spare = [c for c in map(chr, range(ord("A"), ord("z") + 1)) if c.isalpha() and c not in used]
    width = max(
        (a.ndim - len(t.replace("...", "")) for a, t in zip(arrays, terms, strict=True) if "..." in t), default=0
    )
    dots = spare[:width]
    labels: list[list[str]] = []
    for array, term in zip(arrays, terms, strict=True):
        head, ellipsis, tail = term.partition("...")
        count = array.ndim - len(head) - len(tail) if ellipsis else 0
        labels.append([*head, *dots[width - count :], *tail])
    if arrow:
        head, _dots, tail = right.partition("...")
        output = [*head, *(dots if _dots else []), *tail]
    else:
        flat = [c for term in labels for c in term]
        output = dots + sorted(c for c in set(flat) if flat.count(c) == 1 and c not in dots)
    current, names = _diagonal(arrays[0], labels[0])
    for position in range(1, len(arrays)):
        other, others = _diagonal(arrays[position], labels[position])
        keep = set(output).union(*labels[position + 1 :])
        current, names = _contract(current, names, other, others, keep)
    for axis in sorted((i for i, c in enumerate(names) if c not in output), reverse=True):
        current = np.add.reduce(current, axis=axis)
    names = [c for c in names if c in output]
    if sorted(names) != sorted(output):
        raise ValueError(f"einsum: the output {''.join(output)} has labels that no operand has")
    return asarray(current, dtype=object).transpose([names.index(c) for c in output])


def _contract(a: Objects, la: list[str], b: Objects, lb: list[str], keep: set[str]) -> tuple[Objects, list[str]]:
    """Multiply two labelled arrays and sum over the shared labels that nothing needs any more."""
    batch = [c for c in la if c in lb and c in keep]
    inner = [c for c in la if c in lb and c not in keep]
    free_a = [c for c in la if c not in lb]
    free_b = [c for c in lb if c not in la]
    left = a.transpose([la.index(c) for c in batch + free_a + inner])
    right = b.transpose([lb.index(c) for c in batch + inner + free_b])
    size = {c: n for names, array in ((la, a), (lb, b)) for c, n in zip(names, array.shape, strict=True)}
    for names, array in ((la, a), (lb, b)):
        for c, n in zip(names, array.shape, strict=True):
            if n != size[c]:
                raise ValueError(f"einsum: label {c} has lengths {n} and {size[c]}")

    def sizes(names: list[str]) -> list[int]:
        return [size[c] for c in names]

    k = int(np.prod(sizes(inner), dtype=int))
    left = left.reshape(*sizes(batch), -1 if left.size else int(np.prod(sizes(free_a), dtype=int)), k)
    right = right.reshape(*sizes(batch), k, -1 if right.size else int(np.prod(sizes(free_b), dtype=int)))
    result = asarray(matmul(left, right), dtype=object)
    return result.reshape(sizes(batch + free_a + free_b)), batch + free_a + free_b


def each_matrix(a: Any, function: Any) -> Any:
    a = balls_of(a)
    if a.ndim == 2:
        return function(a)
    results = [function(a[index]) for index in np.ndindex(*a.shape[:-2])]
    shape = np.shape(results[0])
    joined = empty((len(results), *shape), dtype=object)
    for i, result in enumerate(results):
        joined[i] = result
    return joined.reshape(a.shape[:-2] + shape)


def _inverse(v: arb_mat) -> arb_mat:
    """v⁻¹; NumPy's own error for a matrix that is singular, and a refusal for one that may be."""
    try:
        return v.inv()
    except ZeroDivisionError as error:
        if all(x.is_exact() for x in v.entries()):
            raise np.linalg.LinAlgError("Singular matrix") from error
        raise NotOnBalls(f"{user_line()}: a matrix is singular, or so near to it that balls cannot tell") from error


def inv(a: Any) -> Any:
    """The inverse of one matrix or of a stack of them."""

    def one(matrix: Objects) -> Objects:
        v, d = values_of(matrix), tangents_of(matrix)
        inverse = _inverse(v)
        return paired(inverse, None if d is None else -(inverse * d * inverse))

    return each_matrix(a, one)


def _det_slope(v: arb_mat, value: arb, d: arb_mat) -> arb:
    """d det A = det A · tr(A⁻¹ dA); by cofactors where A is singular."""
    try:
        return value * (v.inv() * d).trace()
    except ZeroDivisionError:
        n, total = v.nrows(), arb(0)
        for i, j in np.ndindex(n, n):
            rows = [[v[p, q] for q in range(n) if q != j] for p in range(n) if p != i]
            minor = arb_mat(rows).det() if n > 1 else arb(1)
            total += (-1) ** (i + j) * minor * d[i, j]
        return total


def det(a: Any) -> Any:
    """The determinant of one matrix or of a stack of them."""

    def one(matrix: Objects) -> Ball:
        v, d = values_of(matrix), tangents_of(matrix)
        value = v.det()
        return Ball(value, None if d is None else _det_slope(v, value, d))

    return each_matrix(a, one)


def solve(a: Any, b: Any) -> Any:
    """The solution of A x = b, for a matrix A and a vector or matrix b."""
    a, b = balls_of(a), balls_of(b)
    if a.ndim != 2:
        return matmul(inv(a), b)
    right = b[:, np.newaxis] if b.ndim == 1 else b
    v, d, bv, bd = values_of(a), tangents_of(a), values_of(right), tangents_of(right)
    x = v.solve(bv) if v.det() != 0 else _inverse(v) * bv
    residual = _sum(bd, None if d is None else -(d * x))
    result = paired(x, None if residual is None else v.solve(residual))
    return result[:, 0] if b.ndim == 1 else result
