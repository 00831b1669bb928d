"""Distinct names for the members of a system, for people to read."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Sequence

from .definition import Definition, owner
from .functions import BY_HEAD

UNNAMED = "t"
"""What operators call an intermediate."""

ACTIVATIONS = frozenset({
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "celu", "softplus", "silu", "gelu", "gelu_tanh", "mish",
    "hard_sigmoid", "hard_tanh", "hard_swish",
})  # fmt: skip


def names_of(members: Sequence[Definition]) -> dict[Definition, str]:
    """A name for each member, those of derivatives after what they are derivatives of."""
    own = {d: d.name for d in members} | preactivations(members)
    taken: set[str] = set()
    result: dict[Definition, str] = {}
    for definition in members:
        if _named_after(definition) is None:
            result[definition] = _free_name(own[definition], taken)
    for definition in members:
        if definition not in result:
            _name_derivative(definition, result, taken)
    return {definition: result[definition] for definition in members}


def preactivations(members: Iterable[Definition]) -> dict[Definition, str]:
    """Names for what an activation with a name is taken of, where nobody named it, or several have one name.

    ``z_o`` for σ(z) that is called o, ``z1`` for that called a1.
    """
    members = list(members)
    count = Counter(d.name for d in members if _named_after(d) is None)
    found: dict[Definition, set[str]] = {}
    for d in members:
        row = BY_HEAD.get(type(d.rhs))
        if row is None or row.name not in ACTIVATIONS or d.name == UNNAMED or count[d.name] > 1:
            continue
        argument = d.rhs.args[0]
        target = owner(argument)
        if target is None or target.is_input or target.derivative_of is not None or d.derivative_of is not None:
            continue
        whole = target.rank == d.rank and argument == target.at(*d.indices)
        if whole and (target.name == UNNAMED or count[target.name] > 1):
            found.setdefault(target, set()).add(d.name)
    return {target: _before(*names) for target, names in found.items() if len(names) == 1}


def _before(activation: str) -> str:
    layer = re.fullmatch(r"[ahAH](\d*)", activation)
    return f"z{layer.group(1)}" if layer else "z_" + re.sub("_(hat|tilde|bar|dot)$", "", activation)


def _named_after(definition: Definition) -> Definition | None:
    """What a definition is the derivative of, where its name says so (somebody may have renamed it)."""
    target = definition.derivative_of
    return target if target is not None and definition.name[2:] == target.name else None


def _name_derivative(definition: Definition, result: dict[Definition, str], taken: set[str]) -> None:
    """A name for an adjoint or a tangent, after those that it is one of: adjoints of adjoints nest."""
    pending = [definition]
    while (target := _named_after(pending[-1])) is not None and target not in result:
        pending.append(target)
    for member in reversed(pending):
        target = _named_after(member)
        name = member.name if target is None else member.name[:2] + result[target]
        result[member] = _free_name(name, taken)


def _free_name(name: str, taken: set[str]) -> str:
    free, number = name, itertools.count(2)
    while free in taken:
        free = f"{name}_{next(number)}"
    taken.add(free)
    return free
