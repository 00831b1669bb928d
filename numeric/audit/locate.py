"""Find the first step of the user's code whose error its inputs do not explain.

Every expression of the user's functions is wrapped in a call that records its value. The code is run twice, in floats
and on dual balls, and the two records are compared step by step: the tangent of a step says how far rounding the inputs
alone would move it, so the first step that is off by more has lost the digits itself.
"""

from __future__ import annotations

import ast
import copy
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gradproof.numeric.audit.accuracy import Loss, ball_run, cast, loss_of
from gradproof.numeric.audit.source import Source, source_of, user_functions
from gradproof.numeric.balls.arrays import BallArray, balls_of
from gradproof.numeric.balls.ball import Ball, NotOnBalls, Undecided
from gradproof.symbolic.user_code.recompile import recompiled, running_instead
from gradproof.symbolic.user_code.trees import Node

RECORD: Final = "__gradproof_record__"
MOST: Final = 200_000
"""Entries that are recorded; what comes later is not compared."""


@dataclass(frozen=True, eq=False)
class Site:
    """One expression of the user's code."""

    source: Source
    node: ast.expr

    @property
    def key(self) -> tuple[str, int, int]:
        """File, line and column: the same expression has the same key in every run."""
        return self.source.file, self.node.lineno, self.node.col_offset

    @property
    def text(self) -> str:
        """The expression as it would be written on one line."""
        return ast.unparse(self.node)


@dataclass(frozen=True)
class Suspect:
    """A step that lost digits, and how many."""

    site: Site
    loss: Loss


class _Recorder(ast.NodeTransformer):
    """Wraps arithmetic and calls in ``record(number, value)``, and records the target after ``x += …``."""

    def __init__(self, sites: list[Site], source: Source) -> None:
        self.sites = sites
        self.source = source

    def _wrapped(self, node: ast.expr, original: ast.expr) -> ast.expr:
        self.sites.append(Site(self.source, original))
        call = ast.Call(ast.Name(RECORD, ast.Load()), [ast.Constant(len(self.sites) - 1), node], [])
        return ast.copy_location(call, node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        original = copy.deepcopy(node)
        return self._wrapped(_expression(self.generic_visit(node)), original)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        return _expression(self.generic_visit(node))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        original = copy.deepcopy(node)
        if isinstance(node.func, ast.Name) and node.func.id in ("super", "locals", "globals", "vars", "isinstance"):
            return node
        return self._wrapped(_expression(self.generic_visit(node)), original)

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt]:
        target = copy.deepcopy(node.target)
        for part in ast.walk(target):
            if isinstance(part, (ast.Name, ast.Attribute, ast.Subscript)):
                part.ctx = ast.Load()
        original = ast.copy_location(ast.BinOp(copy.deepcopy(target), node.op, copy.deepcopy(node.value)), node)
        node.value = self.visit(node.value)
        return [node, ast.copy_location(ast.Expr(self._wrapped(target, original)), node)]

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.expr:
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_arguments(self, node: ast.arguments) -> ast.arguments:
        return node


def _expression(node: ast.AST) -> ast.expr:
    assert isinstance(node, ast.expr)
    return node


class Instrumented:
    """The user's functions with every step recorded; those whose source cannot be read run as they are."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.sites: list[Site] = []
        self.codes = {}
        for part in user_functions(function):
            source = source_of(part)
            if source is None:
                continue
            before = len(self.sites)
            tree: Node = _Recorder(self.sites, source).visit(copy.deepcopy(source.tree))
            code = recompiled(source.function.__code__, ast.fix_missing_locations(tree))
            if code is None:
                del self.sites[before:]
            else:
                self.codes[part] = code

    def _recording(self, log: list[tuple[int, Any]]) -> Callable[[int, Any], Any]:
        room = MOST

        def record(number: int, value: Any) -> Any:
            nonlocal room
            if room > 0 and (kept := _kept(value)) is not None:
                room -= int(np.size(kept))
                log.append((number, kept))
            return value

        return record

    def floats(self, inputs: Mapping[str, Any], dtype: str) -> tuple[list[tuple[int, Any]], str]:
        """The steps in floating point, up to an exception of Python's own floats, and that exception's name."""
        log: list[tuple[int, Any]] = []
        with (
            running_instead(self.codes, {RECORD: self._recording(log)}),
            np.errstate(all="ignore"),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            try:
                self.function(**cast(inputs, dtype))
            except (OverflowError, ZeroDivisionError) as error:
                return log, type(error).__name__
        return log, ""

    def balls(self, inputs: Mapping[str, Any], seed: int, prec: int) -> list[tuple[int, Any]]:
        """The steps on dual balls, up to where balls cannot go on."""
        log: list[tuple[int, Any]] = []
        with running_instead(self.codes, {RECORD: self._recording(log)}):
            try:
                ball_run(self.function, inputs, seed, prec)
            except (NotOnBalls, Undecided):
                return log
        return log

    def suspects(
        self, inputs: Mapping[str, Any], exact_inputs: Mapping[str, Any], dtype: str, seed: int, prec: int,
        bound: float, entrywise: bool,
    ) -> Iterator[Suspect]:  # fmt: skip
        """The steps that lose more than ``bound`` digits, in the order of the run, each expression once."""
        seen: set[tuple[str, int, int]] = set()
        floats, raised = self.floats(inputs, dtype)
        exact = self.balls(exact_inputs, seed, prec)
        for (number, value), (other, balls) in zip(floats, exact, strict=False):
            if number != other:
                return  # the two took different branches; what follows cannot be compared
            site = self.sites[number]
            if site.key in seen:
                continue
            loss = loss_of(value, balls_of(balls), dtype, entrywise)
            overflow = not loss.kind and _overflows(value)
            if loss.lost > bound or loss.kind in ("nan", "inf") or overflow:
                seen.add(site.key)
                yield Suspect(site, Loss("inf", got="inf") if overflow else loss)
        if raised and len(floats) < len(exact):
            yield Suspect(self.sites[exact[len(floats)][0]], Loss("inf", 16.0, 0.0, "", raised))


def _kept(value: Any) -> Any:
    if isinstance(value, Ball):
        return balls_of(value)
    if isinstance(value, BallArray):
        return balls_of(value).copy()
    if isinstance(value, np.ndarray):
        return value.copy() if value.dtype.kind == "f" else None
    return value if isinstance(value, (float, np.floating)) else None


def _overflows(value: Any) -> bool:
    return bool(np.any(np.isinf(value)))
