"""The gradient side: try the edits on the functions that the gradient runs, in floats; confirm what passes on balls."""

from __future__ import annotations

import ast
import io
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from types import CodeType
from typing import Any, Final

import numpy as np

from gradproof.numeric.verification.interfaces import Path, replaced
from gradproof.numeric.verification.mends import text
from gradproof.numeric.verification.mends.edit import (
    BUILDERS,
    REDUCTIONS,
    Context,
    Edit,
    Fit,
    is_number,
    is_value,
    made,
    name_of_call,
)
from gradproof.numeric.verification.mends.factors import finals, scaled_store
from gradproof.numeric.verification.mends.fits import FITTED, scaled, sites, stores
from gradproof.numeric.verification.mends.late import LATE
from gradproof.numeric.verification.mends.observe import Sights, describe, observe
from gradproof.numeric.verification.mends.scalars import scalars
from gradproof.numeric.verification.mends.scout import Match, Scout, Stage, TooRough, Vector, accepts
from gradproof.numeric.verification.mends.structure import STRUCTURE
from gradproof.numeric.verification.mends.tuning import tune_factor, tune_literal, tune_number
from gradproof.numeric.verification.mends.units import TooLong, Unit, codes_run, limited, units_of

SCOUTED: Final = 3
"""So many stages are looked at in floats, the first the fault's own."""

CONFIRMED: Final = 6
"""So many candidates that pass in floats are tried on balls, the best first."""


@dataclass(frozen=True)
class Found:
    """An edit that passed in floats: in which unit, and for which parameters."""

    context: Context
    edit: Edit
    match: Match


@dataclass
class Search:
    """One search: what was run, what passed."""

    scout: Scout
    contexts: list[Context]
    loss_value: float
    until: float
    of_loss: frozenset[str] = frozenset()
    tried: int = 0
    passed: list[Found] = field(default_factory=list)
    zeros: dict[ast.AST, Vector | None] = field(default_factory=dict)
    doubled: dict[ast.AST, bool] = field(default_factory=dict)

    def run(self, context: Context, edit: Edit, hopeful: Callable[[Vector], bool] | None = None) -> Vector | None:
        """The observables with the edit in place; ``hopeful`` may end the run at its first point."""
        self.tried += 1
        with made(edit):
            code = context.unit.compiled()
        if code is None:
            return None
        with context.unit.swapped(code):
            return self.scout.run(hopeful or _always)

    def attempt(self, context: Context, edit: Edit) -> bool:
        """Run an edit, and keep it if it passes."""
        return self.keep(context, edit, self.run(context, edit, self.scout.hits))

    def keep(self, context: Context, edit: Edit, vector: Vector | None) -> bool:
        """Whether a run passed; it is kept then."""
        match = None if vector is None else self.scout.match(vector)
        if match is None:
            return False
        self.passed.append(Found(context, edit, match))
        return True

    @property
    def over(self) -> bool:
        """Whether the time is used up."""
        return time.process_time() > self.until


def prepare(wrong: Sequence[Path], stages: Sequence[Stage], until: float, rng: np.random.Generator) -> Search | None:
    """Run gradient and loss once, watched; None where there is no source text to edit.

    Nor is there a search where they do not end in floats, as a loop that divides until a number is small does at inf.
    """
    point = stages[0].point

    def gradient() -> Any:
        return point.grad(**replaced(point.inputs, {}))

    def loss() -> Any:
        return point.loss(**replaced(point.inputs, {}))

    try:
        with np.errstate(all="ignore"), limited(max(0.2, (until - time.process_time()) / 3)):
            codes, others = codes_run(gradient), codes_run(loss)
            units = units_of(codes, others)
            if not units:
                return None
            sights = observe(units, gradient)
            value = loss()
    except TooLong:
        return None
    scout = _scout(wrong, stages, rng)
    losses = units_of(others)
    literals = tuple(dict.fromkeys(v for unit in losses for v in numbers(unit)))
    _add_constants(sights, [*codes, *others])
    contexts = [
        Context(u, s, _numpy_name(u), literals, _parameters(wrong, s), _unary([*units, *losses], u))
        for u, s in sights.items()
    ]
    number = value[0] if isinstance(value, (tuple, list)) else value
    names = frozenset(name for code in others for name in code.co_names)
    return Search(scout, contexts, float(np.asarray(number).reshape(-1)[0]), until, names)


def _scout(wrong: Sequence[Path], stages: Sequence[Stage], rng: np.random.Generator) -> Scout:
    """A scout at the first stages; those but the fault's own where floats say nothing are passed over."""
    try:
        return Scout(wrong, stages[:SCOUTED], rng)
    except TooRough as rough:
        if not rough.stage:
            raise
        return _scout(wrong, [*stages[: rough.stage], *stages[rough.stage + 1 :]], rng)


def numbers(unit: Unit) -> Iterator[float]:
    """The numeric literals of a unit."""
    for node in ast.walk(unit.node):
        if is_number(node) and isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
            yield node.value


def _add_constants(sights: dict[Unit, Sights], codes: Sequence[CodeType]) -> None:
    """Numbers of the module that loss or gradient name (``EPS``) are in scope everywhere."""
    named = {name for code in codes for name in code.co_names}
    for unit, seen in sights.items():
        constants = {k: v for k, v in unit.functions[0].__globals__.items() if k in named and type(v) in (int, float)}
        for scope in seen.scopes.values():
            for name, value in constants.items():
                scope.setdefault(name, describe(value))


def _unary(units: Sequence[Unit], here: Unit) -> tuple[str, ...]:
    """Functions that are called with one argument somewhere, and have the same name here."""
    found: dict[str, None] = {}
    scope = here.functions[0].__globals__
    for unit in units:
        for node in ast.walk(unit.node):
            if not isinstance(node, ast.Call) or len(node.args) != 1 or node.keywords:
                continue
            if name_of_call(node) in (*REDUCTIONS, *BUILDERS, "array", "asarray", "float", "int", "T", "dot"):
                continue
            name = ast.unparse(node.func)
            root, _, attribute = name.partition(".")
            if root in scope and (attribute.isidentifier() if scope[root] is np else not attribute):
                found[name] = None
    return tuple(found)[:12]


def _numpy_name(unit: Unit) -> str:
    for name, value in unit.functions[0].__globals__.items():
        if value is np:
            return name
    return ""


def _parameters(wrong: Sequence[Path], sights: Sights) -> frozenset[str]:
    """Accesses that are called like a refuted parameter: ``W``, ``params['W1']``, ``self.W1``."""
    last = {str(path[-1]) for path in wrong}
    names = {name for scope in sights.scopes.values() for name in scope}
    return frozenset(n for n in names if n.replace("']", "").replace("['", ".").rpartition(".")[2] in last)


def _always(_: Vector) -> bool:
    return True


def look(search: Search) -> Iterator[None]:
    """Go through the tables, the cheapest first; pauses after each stage, for what passed to be confirmed."""
    _attempt_all(search, STRUCTURE)
    yield
    for context in search.contexts:
        for scalar in scalars(context, search.of_loss):
            for value in context.literals:
                if value != scalar.value and not search.over:
                    search.attempt(context, scalar.edit(context, value))
    yield
    for context in search.contexts:
        for scalar in scalars(context, search.of_loss):
            if search.over:
                return
            tune_number(search, context, scalar.value, partial(scalar.edit, context))
        for node in context.nodes():
            if is_number(node) and isinstance(node, ast.Constant) and is_value(context, node):
                if search.over:
                    return
                tune_literal(search, context, node)
    yield
    places = [(context, site) for context in search.contexts for site in (*sites(context), *stores(context))]
    ranks = {site: _order(search, context, site) for context, site in places}
    for rank in (0, 1):
        here = [(context, site) for context, site in places if ranks[site] == rank]
        for table in FITTED:
            for context, site in here:
                for fit in table(context, site):
                    if search.over:
                        return
                    _try(search, context, fit)
            if table is scaled and not search.passed:
                for context, site in here:
                    if isinstance(site, ast.expr) and not is_number(site) and not search.over:
                        tune_factor(search, context, site)
            yield
    _attempt_all(search, LATE)


def _attempt_all(search: Search, table: Sequence[Callable[[Context], Iterator[Edit]]]) -> None:
    for generator in table:
        for context in search.contexts:
            for edit in generator(context):
                if search.over:
                    return
                search.attempt(context, edit)


def _zeroed(search: Search, context: Context, site: ast.AST) -> Vector | None:
    if site not in search.zeros:
        zero = ast.Constant(0)
        new: Any = ast.BinOp(zero, ast.Mult(), site) if isinstance(site, ast.expr) else scaled_store(site, "0")
        search.zeros[site] = search.run(context, context.edit("", site, new, 0))
    return search.zeros[site]


def _is_compared_only(search: Search, context: Context, site: ast.AST) -> bool:
    """Whether twice the site gives the same gradient: it decides branches, and enters no sum."""
    if site not in search.doubled:
        assert isinstance(site, ast.expr)
        twice = search.run(context, context.edit("", site, ast.BinOp(ast.Constant(2), ast.Mult(), site), 0))
        search.doubled[site] = twice is not None and not any(search.scout.touches(twice))
    return search.doubled[site]


def _order(search: Search, context: Context, site: ast.AST) -> int:
    """0: it touches wrong parameters only; 1: also right ones, or it cannot be told; 2: it touches no wrong one."""
    zero = _zeroed(search, context, site)
    if zero is None or is_number(site):
        return 1
    wrong, right = search.scout.touches(zero)
    return int(right) if wrong else 2


def _try(search: Search, context: Context, fit: Fit) -> None:
    scout = search.scout
    site, term = fit.site, fit.term
    if not fit.adds and isinstance(term, ast.BinOp) and term.left is site and _is_compared_only(search, context, site):
        return  # a positive factor would leave every comparison as it is, and mend nothing
    without = scout.base if fit.adds else _zeroed(search, context, site)

    def hopeful(rows: Vector) -> bool:
        return scout.hits(rows) or (without is not None and scout.fits(without, rows))

    if term is site:
        once: Vector | None = scout.base
    else:
        assert isinstance(site, ast.expr) and isinstance(term, ast.expr)
        new = ast.BinOp(site, ast.Add(), term) if fit.adds else term
        once = search.run(context, context.edit(fit.cause, site, new, fit.cost), hopeful)
    if once is None:
        return
    if scout.match(once) is not None:
        factors = [1.0]
    else:
        factors = [] if without is None else [m.factor for m in scout.fit(without, once)]
    for factor in factors:
        for edit in finals(context, fit, factor):
            if search.attempt(context, edit):
                break


def confirmed(
    search: Search,
    stages: Sequence[Stage],
    holds: Callable[[Sequence[Path]], bool] | None,
    rng: np.random.Generator,
) -> list[Found]:
    """Search until each refuted parameter has an edit that passes on balls too, or the budget ends: the best of each.

    An edit that mends all of them is looked for first; of those that mend some, the best are taken in the end.
    """
    scout = search.scout
    steps = look(search)

    def passes(found: Found) -> bool:
        with made(found.edit):
            code = found.context.unit.compiled()
        if code is None:
            return False
        with found.context.unit.swapped(code):
            if not accepts(stages, found.match.paths, rng) or not _same_loss(search, found):
                return False
            return holds is None or holds(found.match.paths)

    results: list[Found] = []
    partial: list[Found] = []
    ended = False
    while not ended and not results:
        try:
            next(steps)
        except StopIteration:
            ended = True
        ordered = _distinct(sorted(search.passed, key=lambda f: f.edit.cost))
        search.passed = []
        whole = [found for found in ordered if len(found.match.paths) == len(scout.wrong)]
        partial += [found for found in ordered if found not in whole]
        results = list(islice(filter(passes, whole[:CONFIRMED]), 1))
    if results:
        return results
    left = set(scout.wrong)
    for found in sorted(partial, key=lambda f: (-len(f.match.paths), f.edit.cost))[: CONFIRMED * len(scout.wrong)]:
        if left & set(found.match.paths) and passes(found):
            results.append(found)
            left -= set(found.match.paths)
    return results


def _distinct(ordered: Sequence[Found]) -> list[Found]:
    """The first of those that make the same text of a site."""
    kept: dict[tuple[ast.AST, str], Found] = {}
    for found in ordered:
        kept.setdefault((found.edit.site, text.piece(found.context, found.edit)[1]), found)
    return list(kept.values())


def _same_loss(search: Search, found: Found) -> bool:
    """An edit in a function that the loss runs too must leave the loss as it is."""
    if not found.context.unit.shared:
        return True
    point = search.scout.point
    value = point.loss(**replaced(point.inputs, {}))
    number = value[0] if isinstance(value, (tuple, list)) else value
    return bool(abs(float(np.asarray(number).reshape(-1)[0]) - search.loss_value) <= 1e-9 * abs(search.loss_value))


@contextmanager
def quietly() -> Iterator[None]:
    """User code that prints or warns does so once, not once for each candidate."""
    with redirect_stdout(io.StringIO()), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
