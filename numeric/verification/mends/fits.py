"""Edits with a factor c that a run determines: terms scaled, replaced, multiplied by a derivative or a mask, added.

The code is taken to be linear in the edited term, as a backward pass is in its errors; c is then fitted to the slopes
(:mod:`.scout`) and named by what is in scope (:mod:`.factors`), or the proposal is dropped.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from gradproof.numeric.verification.mends.edit import (
    Context,
    Fit,
    expression,
    is_number,
    is_value,
    name_of_call,
)
from gradproof.numeric.verification.mends.observe import Seen

LINEAR_CALLS: Final = ("sum", "dot", "mean", "outer", "matmul", "einsum", "tensordot", "transpose", "reshape", "ravel")


def is_term(context: Context, node: ast.AST) -> bool:
    """Whether a node is a whole product: no factor, numerator or negated part of a larger one."""
    parent = context.parent(node)
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult):
        return False
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Div) and context.field(node) == "left":
        return False
    return not isinstance(parent, ast.UnaryOp)


def is_sum(context: Context, node: ast.AST) -> bool:
    """Whether a node could hold one more summand: a term, or a sum in parentheses, and no part of a longer sum."""
    parent = context.parent(node)
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, (ast.Add, ast.Sub)):
        return False
    return is_term(context, node) or isinstance(parent, ast.UnaryOp) or (
        isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))
    )  # fmt: skip


def sites(context: Context) -> list[ast.expr]:
    """The terms and sums of the unit, right-hand sides before what is inside them."""
    found: list[ast.expr] = []
    for node in context.nodes():
        if not isinstance(node, ast.expr) or not is_value(context, node):
            continue
        parent = context.parent(node)
        if isinstance(parent, (ast.Compare, ast.Subscript)):
            continue
        if isinstance(parent, ast.Attribute) and not isinstance(node, ast.BinOp):  # but (X @ W).reshape(m, -1)
            continue
        if is_term(context, node) or is_sum(context, node):
            found.append(node)
    return found


def stores(context: Context) -> list[ast.stmt]:
    """Statements that store to entries of an array, after which the array could be scaled."""
    found: list[ast.stmt] = []
    for node in context.nodes():
        if not isinstance(node, (ast.Assign, ast.AugAssign)):
            continue
        target = node.target if isinstance(node, ast.AugAssign) else node.targets[0]
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            seen = context.seen(target.value)
            if seen is not None and seen.numeric:
                found.append(node)
    return found


def commutes(context: Context, node: ast.AST) -> bool:
    """Whether a number in front of the node could as well stand in front of what is around it."""
    parent = context.parent(node)
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.MatMult):
        return True
    return isinstance(parent, ast.Call) and name_of_call(parent) in LINEAR_CALLS


def scaled(context: Context, site: ast.AST) -> Iterator[Fit]:
    """c·site: a sign, a factor 2, 1/m."""
    if isinstance(site, ast.stmt):
        yield Fit("factor", site, site, False, 1.3)
        return
    if isinstance(site, ast.expr) and is_term(context, site) and not commutes(context, site) and not is_number(site):
        yield Fit("factor", site, site, False, 1.0)


def replaced(context: Context, site: ast.AST) -> Iterator[Fit]:
    """c times a part of the site, or c times another variable of its shape, or a sum of one over an axis."""
    if not isinstance(site, ast.expr) or not is_term(context, site):
        return
    seen = context.seen(site)
    assert seen is not None
    shape = seen.shape
    for inner in ast.walk(site):
        other = context.seen(inner)
        if inner is site or not isinstance(inner, ast.expr) or other is None or is_number(inner):
            continue
        if other.numeric and other.shape == shape:
            yield Fit("spare factor", site, inner, False, 1.8)
    if is_number(site):
        target = _target_shape(context, site)
        shape = shape if target is None else target
    if isinstance(site, ast.Subscript) or is_number(site):
        for text, (_, its) in context.pool(site).items():
            for reduced, name in _reductions(text, its):
                if reduced == shape and its.kind in "fb":
                    yield Fit("axis", site, expression(name), False, 1.8)
    if isinstance(site, (ast.Name, ast.Attribute, ast.Subscript)):
        for _, (other_tree, its) in context.pool(site).items():
            if its.shape == shape and its.kind == "f" and shape:
                yield Fit("variable", site, other_tree, False, 2.0)


def _target_shape(context: Context, site: ast.expr) -> tuple[int, ...] | None:
    """The shape of what a constant is stored to, as ``mask[rows, y] = -1``."""
    parent = context.parent(site)
    if isinstance(parent, ast.UnaryOp):
        parent = context.parent(parent)
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Subscript):
        index = parent.targets[0].slice
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        shapes = [s.shape for s in map(context.seen, parts) if s is not None]
        if len(shapes) == len(parts):
            return np.broadcast_shapes(*shapes)
    return None


def _reductions(text: str, seen: Seen) -> Iterator[tuple[tuple[int, ...], str]]:
    """Sums of an array: shapes and texts."""
    rank = len(seen.shape)
    if not 0 < rank <= 4:
        return
    yield (), f"{text}.sum()"
    for axis in range(rank) if rank > 1 else ():
        rest = seen.shape[:axis] + seen.shape[axis + 1 :]
        yield rest, f"{text}.sum(axis={axis})"
        yield (*seen.shape[:axis], 1, *seen.shape[axis + 1 :]), f"{text}.sum(axis={axis}, keepdims=True)"


def _fits_in(part: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    if len(part) > len(whole):
        return False
    return all(p in (1, w) for p, w in zip(part[::-1], whole[::-1], strict=False))


FORMS: Final = (
    ("factor", "{v}", 1.2), ("mask", "({v} > 0)", 1.2), ("mask", "~{v}", 1.2), ("derivative", "(1 - {v} ** 2)", 1.2),
    ("derivative", "{v} * (1 - {v})", 1.2), ("derivative", "(1 - {v})", 1.4), ("derivative", "(1 + {v})", 1.6),
    ("factor", "1 / {v}", 1.5),
)  # fmt: skip
"""(cause, what a term is multiplied by, cost) for a variable v in scope."""

RARE: Final = (
    ("derivative", "np.cos({v})", 1.8), ("derivative", "np.sin({v})", 1.9), ("derivative", "np.exp({v})", 1.8),
    ("derivative", "np.sign({v})", 1.8), ("derivative", "1 / (1 + np.exp(-{v}))", 1.8),
    ("derivative", "1 / np.cosh({v}) ** 2", 1.9), ("derivative", "1 / np.sqrt({v})", 1.9),
    ("derivative", "1 / (1 + {v} ** 2)", 1.9), ("derivative", "np.exp(-{v} ** 2)", 2.0),
)  # fmt: skip


def multiplied(context: Context, site: ast.AST) -> Iterator[Fit]:
    """c · site · f(v): the derivative of an activation, a mask or another factor that is missing."""
    yield from _multiplied(context, site, FORMS)


def rarely_multiplied(context: Context, site: ast.AST) -> Iterator[Fit]:
    """c · site · f(v) for the derivatives of rarer activations."""
    leaky = [("derivative", f"np.where({{v}} > 0, 1, {c})", 1.7) for c in context.slopes(site)]
    yield from _multiplied(context, site, (*leaky, *RARE))
    seen = context.seen(site)
    if seen is None or not isinstance(site, ast.expr) or len(seen.shape) != 2 or not is_term(context, site):
        return
    for tree, its in context.pool(site).values():
        if its.kind == "f" and len(its.shape) == 2 and its.shape[0] == its.shape[1]:
            for matrix in (tree, ast.Attribute(tree, "T", ast.Load())):
                if its.shape[0] == seen.shape[0]:
                    yield Fit("factor", site, ast.BinOp(matrix, ast.MatMult(), site), False, 2.0)
                if its.shape[0] == seen.shape[1]:
                    yield Fit("factor", site, ast.BinOp(site, ast.MatMult(), matrix), False, 2.0)


def _multiplied(context: Context, site: ast.AST, table: tuple[tuple[str, str, float], ...]) -> Iterator[Fit]:
    seen = context.seen(site)
    if seen is None or not isinstance(site, ast.expr) or not is_term(context, site) or is_number(site):
        return
    for text, (_, its) in context.pool(site).items():
        if not _fits_in(its.shape, seen.shape) or (its.kind == "i" and its.shape == ()):
            continue
        for cause, form, cost in table:
            if ("np." in form and not context.numpy) or (its.kind != "f" and form not in ("{v}", "~{v}")):
                continue
            if form == "~{v}" and its.kind != "b":
                continue
            if its.shape == () and cause in ("mask", "derivative") and seen.shape:
                continue
            factor = expression(form.replace("{v}", text).replace("np.", f"{context.numpy}."))
            yield Fit(cause, site, ast.BinOp(site, ast.Mult(), factor), False, cost)


def added(context: Context, site: ast.AST) -> Iterator[Fit]:
    """site + c · f(v): a penalty, a bias, a path that is missing."""
    seen = context.seen(site)
    if seen is None or not isinstance(site, ast.expr) or not is_sum(context, site):
        return
    for text, (tree, its) in context.pool(site).items():
        if its.kind not in "fb" or not (its.shape or not seen.shape or its.kind == "f"):
            continue
        parameter = text in context.parameters
        cause = "bias" if len(its.shape) < len(seen.shape) else "path"
        cause = "penalty" if parameter and its.shape == seen.shape else cause
        if _fits_in(its.shape, seen.shape):
            yield Fit(cause, site, tree, True, 1.4)
            if its.kind == "f":
                yield Fit("path", site, expression(f"(1 + {text})"), True, 2.2)
                yield Fit("path", site, expression(f"(1 - {text})"), True, 2.2)
        if parameter and its.shape == seen.shape and context.numpy:
            yield Fit("penalty", site, expression(f"{context.numpy}.sign({text})"), True, 1.6)
        for reduced, name in _reductions(text, its):
            if seen.shape and _fits_in(reduced, seen.shape) and its.kind == "f":
                yield Fit("path", site, expression(name), True, 2.0 + 0.1 * (reduced == ()))


def pairs(context: Context, site: ast.AST) -> Iterator[Fit]:
    """site + c · products of two variables, their sums, and such a sum times one of them."""
    seen = context.seen(site)
    if seen is None or not isinstance(site, ast.expr) or not seen.shape or not is_sum(context, site):
        return
    pool = [(text, its) for text, (_, its) in context.pool(site).items() if its.kind == "f" and its.shape]
    for i, (u, its) in enumerate(pool):
        for v, other in pool[i:]:
            if its.shape == other.shape:
                product = f"({u} * {v})"
                if _fits_in(its.shape, seen.shape):
                    yield Fit("path", site, expression(f"{u} * {v}"), True, 2.4)
                for reduced, name in _reductions(product, its):
                    if not _fits_in(reduced, seen.shape):
                        continue
                    if reduced:
                        yield Fit("path", site, expression(name), True, 2.6)
                    for w in dict.fromkeys((u, v)):
                        if its.shape == seen.shape:
                            yield Fit("path", site, expression(f"{w} * {name}"), True, 2.6)
            elif _fits_in(other.shape, seen.shape) and _fits_in(its.shape, seen.shape):
                yield Fit("path", site, expression(f"{u} * {v}"), True, 2.5)


FITTED: Final[tuple[Callable[[Context, ast.AST], Iterator[Fit]], ...]] = (
    scaled, replaced, multiplied, added, rarely_multiplied, pairs,
)  # fmt: skip
"""The table of edits with a factor, the cheapest and commonest first."""
