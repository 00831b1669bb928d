r"""One of two arrays by a scalar condition, put so that what the two have in common stands outside of the choice.

:math:`[c]\,(s + m) + [\neg c]\,s = s + [c]\,m`, and two arrays that came out of one by stores differ at the places of
these stores alone: a store of a choice there, and not a choice between whole arrays. ``best`` or ``z`` by ``z > best``
is their maximum.
"""

from __future__ import annotations

import weakref
from collections import Counter
from dataclasses import dataclass
from typing import Any

import sympy as sp

from gradproof.errors import UnsupportedError

from ..equations import functions as fn
from ..equations.definition import PLAIN_NAMES, Definition, define, owner, references
from ..equations.dims import free_index, same_dim
from ..equations.fixed_places import disjoint, fixed, is_place, stored
from ..equations.nodes import REDUCTIONS
from .array import Array, as_array
from .selecting import condition_of, where

_WORDS = frozenset({"integer", "boolean", "positive", "nonnegative"})
_DEPTH = 8
"""So many sums are opened in the search for what two values have in common."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An integer that is one of two by a condition: an index that is ``yes`` where it holds, else ``no``."""

    condition: Array
    yes: Array
    no: Array


_choices: weakref.WeakKeyDictionary[Definition, Choice] = weakref.WeakKeyDictionary()


def either(condition: Array, yes: Any, no: Any) -> Array:
    """``yes`` where the scalar condition holds, else ``no``, of one shape."""
    a, b = as_array(yes), as_array(no)
    if a.definition is b.definition:
        return a
    shape = a.definition.shape
    if len(shape) != len(b.definition.shape) or not all(map(same_dim, shape, b.definition.shape)):
        raise UnsupportedError(f"what {condition.name} chooses between has two shapes")
    words = _common_words(a, b)
    if a._grouped is not None or b._grouped is not None:
        return where(condition, a, b)
    indices = _own_indices(shape)
    test = condition_of(condition.element())
    rhs = _extreme(test, a, b) if not shape else None
    if rhs is None:
        rhs = chosen(test, a.element(*indices), b.element(*indices))
    made = Array(define("t", shape, rhs, assumptions=words), contiguous=a.contiguous and b.contiguous)
    if "integer" in words and not shape:
        _choices[made.definition] = Choice(condition, a, b)
    return made


def _own_indices(shape: tuple[Any, ...]) -> list[Any]:
    return [sp.S.Zero if n == 1 else free_index(p) for p, n in enumerate(shape)]


def _common_words(a: Array, b: Array) -> frozenset[str]:
    mine, theirs = ({w for w in x.definition.assumptions if w in _WORDS} | _sign(x) for x in (a, b))
    if "boolean" in mine ^ theirs:  # True on one side and a number on the other
        mine, theirs = mine - {"boolean"}, theirs - {"boolean"}
    return frozenset(mine & theirs)


def _sign(x: Array) -> set[str]:
    value = x.definition.rhs
    found = {"integer"} if value is not None and value.is_Integer else set()
    return found | ({"nonnegative"} if value is not None and value.is_number and value.is_nonnegative else set())


def chosen(test: Any, yes: Any, no: Any) -> Any:
    """The expression that is ``yes`` where the test holds, else ``no``; common terms stand outside."""
    if yes == no or test in (True, sp.true):
        return yes
    if test in (False, sp.false):
        return no
    common, rest_yes, rest_no = _apart(yes, no)
    return common + sp.Piecewise((rest_yes, test), (rest_no, True), evaluate=False)


def _apart(yes: Any, no: Any) -> tuple[Any, Any, Any]:
    """The terms that two values share, and what is left of either; sums are opened where that helps."""
    levels = [[terms] for terms in (Counter(sp.Add.make_args(yes)), Counter(sp.Add.make_args(no)))]
    for depth in range(_DEPTH):
        for position in range(depth + 1):
            mine, theirs = (_level(levels[side], at) for side, at in ((0, position), (1, depth - position)))
            shared = mine & theirs
            shared.pop(sp.S.Zero, None)
            if shared:
                return _total(shared), _total(mine - shared), _total(theirs - shared)
    return sp.S.Zero, yes, no


def _level(levels: list[Counter[Any]], depth: int) -> Counter[Any]:
    """The terms after so many openings."""
    while len(levels) <= depth:
        opened: Counter[Any] = Counter()
        for term, count in levels[-1].items():
            opened.update(dict.fromkeys(sp.Add.make_args(_opened(term)), count))
        levels.append(opened)
    return levels[depth]


def _opened(term: Any) -> Any:
    d = owner(term)
    if d is None or d.name not in PLAIN_NAMES or d.group or not isinstance(d.rhs, sp.Add) or d.rhs.has(*REDUCTIONS):
        return term
    return d.expanded_at(*(term.indices if isinstance(term, sp.Indexed) else ()))


def _total(terms: Counter[Any]) -> Any:
    return sp.Add(*(count * term for term, count in terms.items()))


def _extreme(test: Any, a: Array, b: Array) -> Any:
    """``a if a > b else b`` is a maximum."""
    if not isinstance(test, (sp.Gt, sp.Ge, sp.Lt, sp.Le)) or a.definition.assumptions & {"integer", "boolean"}:
        return None
    left, right = (test.lhs, test.rhs) if isinstance(test, (sp.Gt, sp.Ge)) else (test.rhs, test.lhs)
    yes, no = a.element(), b.element()
    if (left, right) == (yes, no):
        return fn.relu(yes) if no == 0 else fn.maximum(yes, no)
    return fn.minimum(yes, no) if (left, right) == (no, yes) and yes != 0 != no else None


# -- stores ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Layer:
    """A store: what stands at the places where a condition on the index holds."""

    condition: Any
    element: Any


def before_store(x: Array, indices: list[Any]) -> Any:
    """What an array holds before a store; the cases that single stores made of it are put in."""
    definition = x.definition
    rhs = definition.rhs
    if isinstance(rhs, sp.Piecewise) and not definition.group and all(is_place(c) for _, c in rhs.args[:-1]):
        return definition.expanded_at(*indices)
    return x.element(*indices)


def after_stores(condition: Array, before: Array, yes: Array, no: Array) -> Array:
    """One of the two arrays that came out of ``before`` on the two sides of a condition."""
    if yes.definition is no.definition:
        return yes
    grouped = any(x._grouped is not None for x in (before, yes, no))
    layers = None if grouped else tuple(_layers(x.definition, before) for x in (yes, no))
    if layers is None or layers[0] is None or layers[1] is None:
        made = either(condition, yes, no)
        return Array(define(before.name, made.definition.shape, made.definition.rhs, assumptions=_kept(yes, no))) \
            if made._grouped is None and made.definition.rhs is not None else made  # fmt: skip
    test = condition_of(condition.element())
    places = list(dict.fromkeys(layer.condition for side in layers for layer in reversed(side or ())))
    indices = _own_indices(before.definition.shape)
    made = before
    for place in places:
        one, other, old = (_under(place, side or [], before) for side in (*layers, []))
        if one == other == old:
            continue
        value = chosen(test, one, other)
        rhs = stored(value, place, before_store(made, indices))
        made = Array(define(before.name, before.definition.shape, rhs, assumptions=_kept(yes, no)))
    return made


def _kept(yes: Array, no: Array) -> frozenset[str]:
    return yes.definition.assumptions & no.definition.assumptions & {"integer", "boolean"}


def _layers(definition: Definition, before: Array) -> list[_Layer] | None:
    """The stores that made an array out of another one, the last first; None where it came about otherwise."""
    indices = _own_indices(before.definition.shape)
    if len(definition.shape) != len(before.definition.shape):
        return None
    end = [before.element(*indices), before.definition.at(*indices)]
    known = before_store(before, indices)
    if isinstance(known, sp.Piecewise):  # the cases of earlier stores stand beside those of later ones
        end.append(known.args[-1][0])
    here: Any = definition.at(*indices)
    found: list[_Layer] = []
    while here not in end:
        d = owner(here)
        if d is not None:
            own = tuple(here.indices) if isinstance(here, sp.Indexed) else ()
            if own != tuple(indices) or not isinstance(d.rhs, sp.Piecewise):
                return None
            here = d.rhs
        if not (isinstance(here, sp.Piecewise) and here.args[-1][1] == sp.true):
            return None
        found += [_Layer(place, element) for element, place in here.args[:-1]]
        here = here.args[-1][0]
    return found if all(_on_indices(layer.condition, indices) for layer in found) else None


def _on_indices(condition: Any, indices: list[Any]) -> bool:
    """Whether a condition speaks of places: every part of it names an index of the array."""
    return all(part.has(*(i for i in indices if i != 0)) for part in sp.And.make_args(condition)) if indices else False


def _under(place: Any, layers: list[_Layer], before: Array) -> Any:
    """What an array holds at the places of a store; what was there before stands as a reference, if it is long."""
    indices, known = _own_indices(before.definition.shape), fixed(place)
    old = before_store(before, indices)
    cases = old.args if isinstance(old, sp.Piecewise) else ()
    earlier = next((element for element, condition in cases if condition == place), None)
    for position, layer in enumerate(layers):
        if layer.condition == place and layer.element == earlier:
            break
        if layer.condition == place:
            return layer.element
        if not disjoint(layer.condition, place):
            rest = _under(place, layers[position + 1 :], before)
            return sp.Piecewise((layer.element, layer.condition), (rest, True), evaluate=False)
    return before.element(*(known.get(i, i) for i in indices))


# -- an index that was chosen ------------------------------------------------------------------------------------------
def parted(key: Any) -> tuple[Array, Any, Any] | None:
    """The condition and the two keys of an index in which a part is one of two integers; None without any."""
    parts = key if isinstance(key, tuple) else (key,)
    found = [_choices.get(p.definition) if isinstance(p, Array) and not p.definition.shape else None for p in parts]
    first = next((choice for choice in found if choice is not None), None)
    if first is None:
        return None
    same = [choice is not None and choice.condition.definition is first.condition.definition for choice in found]
    sides = [
        tuple(_plain(getattr(choice, side)) if here else part
              for part, choice, here in zip(parts, found, same, strict=True))
        for side in ("yes", "no")
    ]  # fmt: skip
    yes, no = (side if isinstance(key, tuple) else side[0] for side in sides)
    return first.condition, yes, no


def _plain(index: Array) -> Any:
    value = index.definition.rhs
    return int(value) if value is not None and value.is_Integer else index


def assuming(value: Array, condition: Array, outcome: bool) -> Array:
    """A value where the condition is known: choices by the same condition in it are made."""
    test = condition_of(condition.element())

    def by_test(e: Any) -> bool:
        return isinstance(e, sp.Piecewise) and len(e.args) == 2 and e.args[0][1] == test

    shape = value.definition.shape
    expression = _opened(value.element(*_own_indices(shape)))
    for reference in list(references(expression)):
        d = owner(reference)
        if d is not None and d.rhs is not None and not d.group and any(map(by_test, d.rhs.atoms(sp.Piecewise))):
            index = reference.indices if isinstance(reference, sp.Indexed) else ()
            expression = expression.xreplace({reference: d.expanded_at(*index)})
    made = expression.replace(by_test, lambda e: e.args[0 if outcome else 1][0])
    if value._grouped is not None or made == value.element(*_own_indices(shape)):
        return value
    return Array(define("t", shape, made, assumptions=value.definition.assumptions))
