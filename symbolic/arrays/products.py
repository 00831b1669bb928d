"""Products: matmul, dot, outer, einsum, tensordot, trace, Kronecker; transposes and diagonals."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.functions.special.tensor_functions import KroneckerDelta

from gradproof.errors import ShapeError, UnsupportedError, UsageError

from ..equations.definition import define
from ..equations.dims import (
    bound_index,
    broadcast_shapes,
    fits,
    free_index,
    full_range,
    own_index,
    same_dim,
    show_shape,
)
from ..equations.nodes import Sum
from ..equations.questions import respondent
from .array import Array, as_array, broadcast_index
from .grouping import apart, grouped, joined, same_factors
from .reductions import normalise_axes

_FEW = 8
"""Sums over so many blocks of a joined axis are written out."""


def _sum_of_products(shape: tuple[Any, ...], terms: list[Any], k: Any, size: Any) -> Array:
    body = sp.Mul(*terms)
    if size == 1:
        return Array(define("t", shape, body.xreplace({k: sp.S.Zero})))
    return Array(define("t", shape, Sum(body, full_range(k, size))))


def _need_same(left: Any, right: Any, a: Array, b: Array, what: str) -> None:
    if not fits(left, right):
        raise ShapeError(
            f"{what}: {a.name} {show_shape(a.definition.shape)} and {b.name} {show_shape(b.definition.shape)} do not "
            f"fit: {left} against {right}"
        )


def matmul(x: Any, y: Any, **kwargs: Any) -> Array:
    """``x @ y`` by NumPy's rules: vectors, matrices, and stacks of matrices with broadcasting."""
    a, b = as_array(x), as_array(y)
    if a.ndim == 0 or b.ndim == 0:
        raise ShapeError("matmul does not take scalars; use *")
    sa, sb = a.definition.shape, b.definition.shape
    inner_a, inner_b = sa[-1], sb[-2] if b.ndim > 1 else sb[0]
    _need_same(inner_a, inner_b, a, b, "matmul")
    stack = broadcast_shapes(sa[:-2], sb[:-2], what="the stacks of a matmul")
    if grouped(a) or grouped(b):
        letters = "abcdefgh"[: len(stack)]
        first = letters[len(letters) - len(sa[:-2]) :] + "ij"[max(0, 2 - a.ndim) :]
        second = letters[len(letters) - len(sb[:-2]) :] + "jk"[: b.ndim]
        return einsum(f"{first},{second}->{letters}{'i' * (a.ndim > 1)}{'k' * (b.ndim > 1)}", a, b)
    rows = sa[-2:-1]
    columns = sb[-1:] if b.ndim > 1 else ()
    shape = (*stack, *rows, *columns)
    index = [free_index(p) for p in range(len(shape))]
    k = bound_index(0)
    lead = index[: len(stack)]
    row = index[len(stack) : len(stack) + len(rows)]
    column = index[len(stack) + len(rows) :]
    left = (*broadcast_index(sa[:-2], stack, lead), *row, k)
    right = (*broadcast_index(sb[:-2], stack, lead), k, *column)
    zero = [(i, n) for i, n in zip(index, shape, strict=True) if n == 1]
    body = [a.element(*left), b.element(*right)]
    body = [e.xreplace({i: sp.S.Zero for i, _ in zero}) for e in body]
    return _sum_of_products(shape, body, k, inner_a)


def dot(x: Any, y: Any, **kwargs: Any) -> Array:
    """``np.dot``: the last axis of ``x`` with the last but one of ``y``; scalars multiply."""
    a, b = as_array(x), as_array(y)
    if a.ndim == 0 or b.ndim == 0:
        return a * b  # type: ignore[no-any-return]
    if a.ndim <= 2 and b.ndim <= 2:
        return matmul(a, b)
    sa, sb = a.definition.shape, b.definition.shape
    axis = b.ndim - 2 if b.ndim > 1 else 0
    _need_same(sa[-1], sb[axis], a, b, "dot")
    return tensordot(a, b, axes=((a.ndim - 1,), (axis,)))


def inner(x: Any, y: Any) -> Array:
    """``np.inner``: the last axes with each other."""
    a, b = as_array(x), as_array(y)
    if a.ndim == 0 or b.ndim == 0:
        return a * b  # type: ignore[no-any-return]
    return tensordot(a, b, axes=((a.ndim - 1,), (b.ndim - 1,)))


def vdot(x: Any, y: Any) -> Array:
    """Σ of the elementwise product of two flattened arrays of one shape."""
    from .reductions import sum_

    return sum_(as_array(x) * as_array(y))


def outer(x: Any, y: Any, **kwargs: Any) -> Array:
    """``np.outer``: all products of two vectors; other arrays are flattened first."""
    from .reshaping import reshape

    a, b = as_array(x), as_array(y)
    return outer_nd(a if a.ndim == 1 else reshape(a, -1), b if b.ndim == 1 else reshape(b, -1))


def outer_nd(x: Any, y: Any) -> Array:
    """All products of an element of ``x`` with one of ``y``: shape ``x.shape + y.shape``."""
    a, b = as_array(x), as_array(y)
    shape = a.definition.shape + b.definition.shape
    index = list(own_index(shape))
    return Array(define("t", shape, a.element(*index[: a.ndim]) * b.element(*index[a.ndim :])))


def tensordot(x: Any, y: Any, axes: Any = 2) -> Array:
    """``np.tensordot``."""
    a, b = as_array(x), as_array(y)
    if isinstance(axes, int):
        pair = tuple(range(a.ndim - axes, a.ndim)), tuple(range(axes))
    else:
        pair = tuple(tuple(p) if isinstance(p, (tuple, list)) else (p,) for p in axes)  # type: ignore[assignment]
    left, right = ([p % n for p in part] for part, n in zip(pair, (a.ndim, b.ndim), strict=True))
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    first = [next(letters) for _ in range(a.ndim)]
    second = [next(letters) for _ in range(b.ndim)]
    for p, q in zip(left, right, strict=True):
        _need_same(a.definition.shape[p], b.definition.shape[q], a, b, "tensordot")
        second[q] = first[p]
    out = [c for p, c in enumerate(first) if p not in left] + [c for q, c in enumerate(second) if q not in right]
    return einsum(f"{''.join(first)},{''.join(second)}->{''.join(out)}", a, b)


def _with_letters(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """``einsum(x, [0, 1], y, [1, 2], [0, 2])`` as subscripts and arrays."""
    count = len(operands) // 2
    arrays, lists = operands[: 2 * count : 2], operands[1 : 2 * count : 2]

    def text(axes: Any) -> str:
        return "".join("..." if axis is Ellipsis else chr(97 + int(axis)) for axis in axes)

    output = f"->{text(operands[-1])}" if len(operands) % 2 else ""
    return ",".join(map(text, lists)) + output, *arrays


def einsum(*operands: Any, **kwargs: Any) -> Array:
    """``np.einsum`` with subscripts as a string: implicit or explicit output, repeated letters, ellipses."""
    if operands and not isinstance(operands[0], str):
        operands = _with_letters(operands)
    arrays = [as_array(x) for x in operands[1:]]
    inputs, output = _subscripts(operands[0], arrays)
    cut = _apart(inputs, output, arrays)
    if cut is not None:
        return cut
    size: dict[str, Any] = {}
    for letters, x in zip(inputs, arrays, strict=True):
        for letter, n in zip(letters, x.definition.shape, strict=True):
            known = size.setdefault(letter, n)
            if known == 1:
                size[letter] = n
            elif n != 1 and not fits(known, n):
                raise ShapeError(f"einsum: the index {letter} has size {known} and {n} in {operands[0]!r}")
    place: dict[str, Any] = {letter: free_index(p) for p, letter in enumerate(output)}
    limits: list[Any] = []
    for letter in dict.fromkeys("".join(inputs)):
        if letter not in place:
            place[letter] = bound_index(len(limits))
            limits.append(full_range(place[letter], size[letter]))
    terms = []
    for letters, x in zip(inputs, arrays, strict=True):
        index = [sp.S.Zero if n == 1 else place[c] for c, n in zip(letters, x.definition.shape, strict=True)]
        terms.append(x.element(*index))
    body = sp.Mul(*terms)
    shape = tuple(size[c] for c in output)
    live = [limit for limit in limits if limit[2] != 0]
    return Array(define("t", shape, Sum(body, *live) if live else body))


def _apart(inputs: list[str], output: str, arrays: list[Array]) -> Array | None:
    """The sum over factors, where letters stand for joined axes; None where none do, or in different ways."""
    factors: dict[str, tuple[Any, ...]] = {}
    for letters, x in zip(inputs, arrays, strict=True):
        known = grouped(x)
        for letter, part in zip(letters, known.factors() if known else [], strict=False):
            if len(part) > 1 and not same_factors(factors.setdefault(letter, part), part):
                return None
    if not factors:
        return None
    spare = iter(c for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in "".join(inputs))
    spelt = {letter: "".join(next(spare) for _ in part) for letter, part in factors.items()}
    operands = []
    for letters, x in zip(inputs, arrays, strict=True):
        sizes = [factors.get(c, (n,)) for c, n in zip(letters, x.definition.shape, strict=True)]
        if not all(fits(sp.Mul(*part), n) for part, n in zip(sizes, x.definition.shape, strict=True)):
            return None
        operands.append(apart(x, sizes))
    inside = ["".join(spelt.get(c, c) for c in letters) for letters in inputs]
    result = _each_block(inside, "".join(spelt.get(c, c) for c in output), operands)
    return joined(result, [len(spelt.get(c, c)) for c in output])


def _each_block(inputs: list[str], output: str, operands: list[Array]) -> Array:
    """The sum over a few blocks (gates, heads) written out, so that what each was made of is seen."""
    pairs = list(zip(inputs, operands, strict=True))
    size = {c: n for letters, x in pairs for c, n in zip(letters, x.definition.shape, strict=True)}
    few = next((c for c, n in size.items() if c not in output and n.is_Integer and 1 < n <= _FEW), None)
    if few is None or not any(isinstance(x.definition.rhs, sp.Piecewise) for _, x in pairs):
        return einsum(f"{','.join(inputs)}->{output}", *operands)
    total: Any = None
    for k in range(int(size[few])):
        cut = [x[tuple(k if c == few else slice(None) for c in letters)] for letters, x in pairs]
        part = _each_block([letters.replace(few, "") for letters in inputs], output, cut)
        total = part if total is None else total + part
    return total  # type: ignore[no-any-return]


def _subscripts(text: str, arrays: list[Array]) -> tuple[list[str], str]:
    spec = text.replace(" ", "")
    left, arrow, right = spec.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(arrays):
        raise UsageError(f"einsum {text!r} names {len(inputs)} operands but {len(arrays)} were given")
    spare = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in spec]
    widest = ""
    for position, (part, x) in enumerate(zip(inputs, arrays, strict=True)):
        if "..." in part:
            rank = x.ndim - (len(part) - 3)
            letters = "".join(spare[:rank])
            widest = max(widest, letters, key=len)
            inputs[position] = part.replace("...", letters)
        if len(inputs[position]) != x.ndim:
            raise UsageError(f"einsum {text!r}: operand {position + 1} has {x.ndim} axes, not {len(inputs[position])}")
    if arrow:
        return inputs, right.replace("...", widest)
    letters = "".join(inputs)
    return inputs, widest + "".join(sorted(c for c in set(letters) if letters.count(c) == 1 and c not in widest))


def _axis(axis: Any, a: Array, what: str) -> int:
    """One axis as a non-negative integer; out of range is an error."""
    if isinstance(axis, (tuple, list)):
        raise UnsupportedError(f"np.{what} on symbolic arrays takes one axis at a time")
    return normalise_axes(axis, a.ndim, f"np.{what}")[0]


def transpose(x: Any, axes: Any = None, *more: Any) -> Array:
    """Axes in another order; reversed by default."""
    a = as_array(x)
    if more:
        axes = (axes, *more)
    order = tuple(reversed(range(a.ndim))) if axes is None else tuple(_axis(p, a, "transpose") for p in axes)
    if sorted(order) != list(range(a.ndim)):
        raise UsageError(f"transpose: {axes} is no order of the {a.ndim} axes of {a.name}")
    shape = tuple(a.definition.shape[p] for p in order)
    index: list[Any] = [None] * a.ndim
    for position, p in enumerate(order):
        index[p] = free_index(position) if shape[position] != 1 else sp.S.Zero
    if order == tuple(range(a.ndim)):
        return a
    back = tuple(order.index(p) for p in range(a.ndim))
    known = grouped(a)
    if known is not None:
        axes = known.axes()
        moved = joined(transpose(known.inner, [q for p in order for q in axes[p]]), [len(axes[p]) for p in order])
        moved.contiguous = False
        return moved.view_of(a, lambda base: transpose(base, order), lambda base, new: transpose(new, back))
    words = a.definition.assumptions & {"integer", "boolean"}
    result = Array(define("t", shape, a.element(*index), assumptions=words), contiguous=False)
    return result.view_of(a, lambda base: transpose(base, order), lambda base, new: transpose(new, back))


def swapaxes(x: Any, axis1: int, axis2: int) -> Array:
    a = as_array(x)
    order = list(range(a.ndim))
    first, second = _axis(axis1, a, "swapaxes"), _axis(axis2, a, "swapaxes")
    order[first], order[second] = order[second], order[first]
    return transpose(a, order)


def moveaxis(a: Any, source: Any, destination: Any) -> Array:
    """``np.moveaxis`` of one axis or several."""
    x = as_array(a)
    sources = source if isinstance(source, (tuple, list)) else (source,)
    targets = destination if isinstance(destination, (tuple, list)) else (destination,)
    moved = [_axis(p, x, "moveaxis") for p in sources]
    places = [_axis(p, x, "moveaxis") for p in targets]
    if len(moved) != len(places):
        raise ShapeError("moveaxis: as many new places as axes are needed")
    order = [p for p in range(x.ndim) if p not in moved]
    for to, p in sorted(zip(places, moved, strict=True)):
        order.insert(to, p)
    return transpose(x, order)


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, **kwargs: Any) -> Array:
    """Σ_k x[k, k + offset]."""
    from .reductions import sum_

    a = as_array(x)
    if a.ndim == 2 and not offset and same_dim(*a.definition.shape):
        return einsum("kk->", a)
    return sum_(diagonal(a, offset, axis1, axis2), -1)


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """A diagonal of a matrix, or of each matrix in a stack, as the last axis."""
    a = as_array(x)
    if a.ndim < 2:
        raise ShapeError("the diagonal needs at least two axes")
    first, second = _axis(axis1, a, "diagonal"), _axis(axis2, a, "diagonal")
    rest = [p for p in range(a.ndim) if p not in (first, second)]
    turned = transpose(a, [*rest, first, second]).definition
    rows, columns = turned.shape[-2:]
    down, right = max(0, -int(offset)), max(0, int(offset))
    size = _shorter(sp.expand(rows - down), sp.expand(columns - right), offset)
    lead = own_index(turned.shape[:-2])
    k = sp.S.Zero if size == 1 else free_index(len(rest))
    words = a.definition.assumptions & {"integer", "boolean", "positive", "nonnegative"}
    element = Array(turned).element(*lead, k + down, k + right)
    return Array(define("t", (*turned.shape[:-2], size), element, assumptions=words), mutable=False, contiguous=False)


def _shorter(rows: Any, columns: Any, offset: Any) -> Any:
    """How long a diagonal is: the smaller of what is left of rows and columns."""
    if not offset and fits(rows, columns):
        return rows
    gap = sp.expand(columns - rows)
    if gap.is_nonnegative or gap.is_nonpositive:
        size = rows if gap.is_nonnegative else columns
    else:
        who = respondent()
        if who is None:
            raise ShapeError(f"which is smaller, {rows} or {columns}, has to be known for a diagonal")
        size = sp.Integer(min(who.number(rows), who.number(columns)))
    if size.is_nonpositive:
        raise ShapeError(f"the diagonal {offset} of a matrix of {rows} by {columns} is empty")
    return size


def diag(x: Any, k: int = 0) -> Array:
    """``np.diag``: the diagonal matrix of a vector (kept as a delta), or a diagonal of a matrix."""
    a = as_array(x)
    if a.ndim == 2:
        return diagonal(a, k)
    if a.ndim != 1:
        raise ShapeError("np.diag takes a vector or a matrix")
    n = sp.expand(a.definition.shape[0] + abs(int(k)))
    i, j = (sp.S.Zero, sp.S.Zero) if n == 1 else (free_index(0), free_index(1))
    row, column = i + max(0, int(k)), j + max(0, -int(k))
    place = sp.expand(i - max(0, -int(k)))
    if not k:
        return Array(define("t", (n, n), KroneckerDelta(i, j) * a.element(i)))
    inside = sp.And(sp.Eq(row, column), place >= 0, place < a.definition.shape[0])
    element = sp.Piecewise((a.element(place if a.definition.shape[0] != 1 else sp.S.Zero), inside), (sp.S.Zero, True),
                           evaluate=False)  # fmt: skip
    return Array(define("t", (n, n), element))


def eye(N: Any, M: Any = None, k: int = 0, **kwargs: Any) -> Array:
    """The identity matrix, as a delta; ``k`` is the diagonal that holds the ones."""
    from ..equations.dims import as_dim

    rows = as_dim(N, "np.eye")
    columns = rows if M is None else as_dim(M, "np.eye")
    i, j = own_index((rows, columns))
    return Array(
        define("I", (rows, columns), KroneckerDelta(sp.sympify(i + int(k), strict=True), sp.sympify(j, strict=True)))
    )


def cross(a: Any, b: Any, axis: int = -1, **kwargs: Any) -> Array:
    """``np.cross`` of vectors of three entries along an axis."""
    from .joining import stack

    x, y = (moveaxis(v, axis, -1) for v in (a, b))
    if not all(fits(v.definition.shape[-1], sp.Integer(3)) for v in (x, y)) or kwargs:
        raise UnsupportedError("np.cross is supported for vectors of three entries along one axis")
    parts = [x[..., p] * y[..., q] - x[..., q] * y[..., p] for p, q in ((1, 2), (2, 0), (0, 1))]
    return moveaxis(stack(parts, -1), -1, axis)


def kron(x: Any, y: Any) -> Array:
    """``np.kron``: x[i, j] y[k, l] at the row (i, k) and the column (j, l), which keep their two parts apart."""
    from .grouping import joined

    a, b = as_array(x), as_array(y)
    rank = max(a.ndim, b.ndim)
    a, b = (one[(None,) * (rank - one.ndim)] if one.ndim < rank else one for one in (a, b))
    if not rank:
        return a * b  # type: ignore[no-any-return]
    left = a[tuple(part for _ in range(rank) for part in (slice(None), None))]
    right = b[tuple(part for _ in range(rank) for part in (None, slice(None)))]
    return joined(left * right, [2] * rank)
