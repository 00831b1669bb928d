"""The outputs of a program: whole arrays under their names, which share memory with no input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from gradproof.symbolic.equations.definition import Definition
from gradproof.symbolic.equations.dims import same_dim

from .builder import Value

if TYPE_CHECKING:
    from .lower import Lowering


def output(lowering: Lowering, d: Definition) -> str:
    """The name of the value that an output is: of its full shape, of floats, a copy where it would be a view."""
    build, value = lowering.build, lowering.stored[d].value
    build.equation = "" if d.is_input else lowering.names[d]
    fits = len(value.shape) == d.rank and all(same_dim(p, q) for p, q in zip(value.shape, d.shape, strict=True))
    if value.dtype in ("bool", "int") and not {"boolean", "integer"} & d.assumptions:
        value = lowering.as_float(value)
    if not fits or value.dtype == "weak":
        value = _named(lowering, value, d, lambda source: build.emit("broadcast", [source], d.indices, *d.shape))
    elif d.is_input or _is_view(lowering, value.name):
        value = _named(lowering, value, d, lambda source: build.emit("copy", [source], d.indices))
    return value.name


def _named(lowering: Lowering, value: Value, d: Definition, make: Callable[[Value], Value]) -> Value:
    """What is made of a value, under the name of its equation; the value loses that where it has it."""
    steps, name = lowering.build.instructions, lowering.names[d]
    alone = sum(s.value.name == name for s in lowering.stored.values()) == 1
    if steps and steps[-1].name == name and value.name == name and alone:
        fresh = f"_{len(steps)}v"
        steps[-1] = replace(steps[-1], name=fresh)
        value = Value(fresh, value.axes, value.shape, value.dtype)
    made = make(value)
    return made if d.is_input or any(s.name == name for s in steps) else lowering.rename(made, name)


def _is_view(lowering: Lowering, name: str) -> bool:
    """Whether a value shares memory with an input."""
    steps = {s.name: s for s in lowering.build.instructions}
    while name in steps and steps[name].op in ("transpose", "expand", "index", "diagonal"):
        name = steps[name].args[0]
    # the last value of a loop may be an entry of what it read
    return name not in steps or (steps[name].op == "result" and steps[name].params[0] == "final")
