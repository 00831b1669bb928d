"""Other shapes of the same elements: broadcasting, reshape, squeeze, new axes, flips."""

from __future__ import annotations

from typing import Any

import sympy as sp

from gradproof.errors import ShapeError, UnsupportedError

from ..equations.definition import define
from ..equations.dims import as_dim, broadcast_shapes, fits, free_index, own_index, show_shape
from ..equations.questions import respondent
from .array import Array, as_array, broadcast_index
from .grouping import regrouped
from .reductions import normalise_axes


def broadcast_to(x: Any, shape: Any) -> Array:
    """``np.broadcast_to``."""
    a = as_array(x)
    target = tuple(as_dim(n, "broadcast_to") for n in (shape if isinstance(shape, (tuple, list)) else (shape,)))
    full = broadcast_shapes(a.definition.shape, target, what="broadcast_to: the array and the target")
    if len(full) != len(target) or any(not fits(p, q) for p, q in zip(full, target, strict=True)):
        raise ShapeError(f"{a.name} {show_shape(a.definition.shape)} does not broadcast to {show_shape(target)}")
    if a.definition.shape == target:
        return a
    indices = [free_index(p) for p in range(len(target))]
    words = a.definition.assumptions & {"integer", "boolean"}
    element = a.element(*broadcast_index(a.definition.shape, target, indices))
    spread = Array(define("t", target, element, assumptions=words))
    return spread.view_of(a, lambda base: broadcast_to(base, target), None)


def expand_dims(x: Any, axis: Any) -> Array:
    a = as_array(x)
    many = axis if isinstance(axis, tuple) else (axis,)
    axes = normalise_axes(many, a.ndim + len(many), "np.expand_dims")
    key: list[Any] = [slice(None)] * a.ndim
    for p in axes:
        key.insert(p, None)
    return a[tuple(key)]  # type: ignore[no-any-return]


def squeeze(x: Any, axis: Any = None) -> Array:
    a = as_array(x)
    shape = a.definition.shape
    wanted = (
        [p for p, n in enumerate(shape) if fits(n, sp.S.One)]
        if axis is None
        else list(normalise_axes(axis, a.ndim, "np.squeeze"))
    )
    for p in wanted:
        if not fits(shape[p], sp.S.One):
            raise ShapeError(f"squeeze: axis {p} of {a.name} has size {shape[p]}, not 1")
    return a[tuple(0 if p in wanted else slice(None) for p in range(a.ndim))]  # type: ignore[no-any-return]


def reshape(x: Any, *shape: Any, **kwargs: Any) -> Array:
    """``reshape`` where only axes of size 1 come or go, or where a vector of one axis keeps its order.

    Joining or splitting symbolic axes needs indices such as ``i // n``; it is done for numeric inner sizes.
    """
    a = as_array(x)
    order = kwargs.pop("order", None) or "C"
    if "shape" in kwargs or "newshape" in kwargs:
        shape = (kwargs.pop("shape", None) or kwargs.pop("newshape"),)
    if order == "F":
        from .products import transpose

        turned = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        return Array(transpose(reshape(transpose(a), tuple(reversed(turned)))).definition)
    if order == "A" and not a.contiguous:
        raise UnsupportedError("reshape in the order of memory is not supported; say C or F")
    wanted = list(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else list(shape)
    sizes = [n if n in (-1,) else as_dim(n, "reshape") for n in wanted]
    total = sp.Mul(*a.definition.shape)
    if -1 in sizes:
        rest = sp.Mul(*(n for n in sizes if n != -1))
        missing = sp.cancel(total / rest)
        who = respondent()
        if who is not None and sp.fraction(missing)[1].free_symbols:
            missing = sp.Integer(who.number(total) // who.number(rest))
        if sizes.count(-1) > 1 or missing.is_integer is False:
            raise ShapeError(f"cannot reshape {a.name} {show_shape(a.definition.shape)} to {tuple(wanted)}")
        sizes[sizes.index(-1)] = missing
    if not fits(sp.Mul(*sizes), total):
        raise ShapeError(f"cannot reshape {a.name} {show_shape(a.definition.shape)} to {show_shape(tuple(sizes))}")
    found = regrouped(a, sizes)
    result = found if found is not None else _by_digits(a, sizes)
    result.mutable, result.contiguous = True, True
    if not a.contiguous and a.ndim > 1:
        return result.view_of(a, None, None)
    target = tuple(sizes)
    return result.view_of(a, lambda base: reshape(base, target), lambda base, new: reshape(new, base.definition.shape))


def _by_digits(a: Array, sizes: list[Any]) -> Array:
    indices = list(own_index(sizes))
    index = _reshaped_index(list(a.definition.shape), sizes, indices)
    words = a.definition.assumptions & {"integer", "boolean"}
    return Array(define("t", tuple(sizes), a.element(*index), assumptions=frozenset(words)))


def _reshaped_index(old: list[Any], new: list[Any], indices: list[Any]) -> list[Any]:
    """The old index of each new element: equal axes are matched, then flat arithmetic inside each matched group."""
    result: list[Any] = []
    p = q = 0
    while p < len(old) or q < len(new):
        group_old, group_new = [old[p]] if p < len(old) else [], [new[q]] if q < len(new) else []
        if group_old and old[p] == 1:
            result.append(sp.S.Zero)
            p += 1
            continue
        if group_new and new[q] == 1:
            q += 1
            continue
        p, q = p + 1, q + 1
        while sp.expand(sp.Mul(*group_old) - sp.Mul(*group_new)) != 0:
            if _divides(sp.Mul(*group_new), sp.Mul(*group_old)) and q < len(new):
                group_new.append(new[q])
                q += 1
            elif p < len(old):
                group_old.append(old[p])
                p += 1
            else:
                group_new.append(new[q])
                q += 1
        result.extend(_digits(indices[q - len(group_new) : q], group_new, group_old))
    return result


def _digits(indices: list[Any], sizes: list[Any], wanted: list[Any]) -> list[Any]:
    """A flat position, given by digits of the radices ``sizes``, in digits of the radices ``wanted``."""
    terms: list[tuple[Any, Any, Any]] = []  # index, its size, its stride in the flat position
    stride: Any = sp.S.One
    for i, n in zip(reversed(indices), reversed(sizes), strict=True):
        terms.append((i, n, stride))
        stride = stride * n
    flat = sp.Add(*(i * stride for i, _, stride in terms))
    digits: list[Any] = []
    for n in reversed(wanted[1:]):
        whole = [t for t in terms if sp.cancel(t[2] / n).is_integer]
        rest = [t for t in terms if t not in whole]
        largest = sp.Add(*((size - 1) * stride for _, size, stride in rest))
        if sp.expand(n - 1 - largest).is_nonnegative:
            digits.append(sp.Add(*(i * stride for i, _, stride in rest)))
            terms = [(i, size, sp.cancel(stride / n)) for i, size, stride in whole]
            flat = sp.Add(*(i * stride for i, _, stride in terms))
        else:
            digits.append(sp.Mod(flat, n))
            flat = sp.floor(flat / n)
            terms = [(flat, sp.oo, sp.S.One)]
    return [sp.expand(flat) if not flat.has(sp.floor) else flat, *reversed(digits)]


def _divides(part: Any, whole: Any) -> bool:
    return bool(sp.cancel(whole / part).is_integer) and part != whole


def flip(x: Any, axis: Any = None) -> Array:
    a = as_array(x)
    axes = normalise_axes(axis, a.ndim, "np.flip")
    return a[tuple(slice(None, None, -1) if p in axes else slice(None) for p in range(a.ndim))]  # type: ignore[no-any-return]
