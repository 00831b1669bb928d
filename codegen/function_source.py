"""The complete source of a function: imports, shapes with their checks, one line an equation, the outputs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import sympy as sp

from gradproof.symbolic.equations.dims import show_shape

from .emit import RESERVED, Line, Writer, statements
from .helpers import helpers
from .program import Input, Loop, LoopTime, Program
from .size_text import size_source


def dim_names(program: Program) -> dict[Any, str]:
    """The variable of each dimension: its own name, or ``size_n`` where an array is called so."""
    taken = {i.name for i in program.inputs} | _names_in(program) | RESERVED
    return {d: (str(d) if str(d) not in taken else f"size_{d}") for d in _all_dims(program)}


def _names_in(program: Program) -> set[str]:
    """The names of all values, those in loops too."""
    bodies = [p.body for s in program.instructions for p in s.params if isinstance(p, Loop)]
    return {s.name for s in program.instructions}.union(*map(_names_in, bodies))


def _all_dims(program: Program) -> list[Any]:
    found = set(program.dims)
    for part in _params(program):
        found |= part.free_symbols
    return sorted((s for s in found if not isinstance(s, LoopTime)), key=str)


def _params(program: Program) -> list[Any]:
    """The expressions of sizes in a program's instructions, those in loops too."""
    found: list[Any] = []
    for part in _flat([s.params for s in program.instructions]):
        if isinstance(part, Loop):
            found += [part.length, *_params(part.body)]
        elif isinstance(part, sp.Expr):
            found.append(part)
    return found


def unseen_dims(program: Program) -> list[Any]:
    """Dimensions that cannot be read off any input: they are parameters of the function."""
    seen = {symbol for _, _, symbol, _ in _readings(program.inputs)}
    return [d for d in _all_dims(program) if d not in seen and _is_used(program, d)]


def _readings(inputs: Iterable[Input]) -> list[tuple[Input, int, Any, Any]]:
    """Which axis of which input tells which dimension, in an order in which each can be read: n, n + c, c·n first, then
    products such as m·n where all but one of the factors are known."""
    axes = [(row, axis, size) for row in inputs if row.value is None for axis, size in enumerate(row.shape)]
    found: dict[Any, tuple[Input, int, Any, Any]] = {}
    for row, axis, size in axes:
        symbol = _solvable(size)
        if symbol is not None and symbol not in found:
            found[symbol] = (row, axis, symbol, size)
    more = True
    while more:
        more = False
        for row, axis, size in axes:
            missing = [s for s in size.free_symbols if s not in found]
            if len(missing) == 1 and _is_factor(missing[0], size):
                found[missing[0]] = (row, axis, missing[0], size)
                more = True
    return list(found.values())


def _is_factor(symbol: Any, size: Any) -> bool:
    rest = sp.cancel(size / symbol)
    return symbol not in rest.free_symbols and bool(rest.is_polynomial(*rest.free_symbols))


def _is_used(program: Program, dim: Any) -> bool:
    shapes = [n for i in program.inputs for n in i.shape]
    return any(dim in p.free_symbols for p in (*shapes, *_params(program)))


def _flat(params: Any) -> list[Any]:
    return [q for p in params for q in (_flat(p) if isinstance(p, tuple) else [p])]


def _solvable(size: Any) -> Any:
    """The symbol that a size determines: n, n + c, c·n; None where there is none or more than one."""
    symbols = list(size.free_symbols)
    if len(symbols) != 1 or sp.diff(size, symbols[0]).free_symbols:
        return None
    return symbols[0]


def shape_lines(program: Program, dims: Mapping[Any, str], skip: frozenset[str] = frozenset()) -> list[str]:
    """Read the sizes off the inputs and check every axis; each error names the array and where the sizes come from."""
    rows = [row for row in program.inputs if row.value is None and row.name not in skip]
    readings = _readings(rows)
    products = [one for one in readings if _solvable(one[3]) is None]
    origin: dict[Any, str] = dict.fromkeys(unseen_dims(program), "the arguments")
    lines: list[str] = []
    checks: list[Input] = []
    for row in rows:
        if _is_whole(row, origin):
            targets = ", ".join(dims[n] for n in row.shape)
            lines += _rank_check(row)
            lines.append(f"{targets} = {row.name}.shape" if len(row.shape) > 1 else f"({targets},) = {row.name}.shape")
            origin |= dict.fromkeys(row.shape, row.name)
            continue
        own = [(axis, n, _solvable(n)) for axis, n in enumerate(row.shape)]
        fresh = [one for one in own if one[2] is not None and one[2] not in origin]
        if fresh or any(one[0] is row for one in products):
            lines += _rank_check(row)
        for axis, size, symbol in fresh:
            if symbol not in origin:
                lines.append(f"{dims[symbol]} = {_solve(size, symbol, f'{row.name}.shape[{axis}]')}")
                origin[symbol] = row.name
        checks.append(row)
        if all(s in origin for n in row.shape for s in n.free_symbols):
            lines += _shape_check(checks.pop(), dims, origin)
    for row, axis, symbol, size in products:
        if symbol not in origin:
            lines.append(
                f"{dims[symbol]} = {row.name}.shape[{axis}] // max({size_source(sp.cancel(size / symbol), dims)}, 1)"
            )
            origin[symbol] = row.name
    return [*lines, *(line for row in checks for line in _shape_check(row, dims, origin))]


def _is_whole(row: Input, origin: Mapping[Any, str]) -> bool:
    """Whether all sizes of an input are new and told by it."""
    plain = [n for n in row.shape if n.is_Symbol and n not in origin]
    return bool(plain) and len(plain) == len(row.shape) and len(set(plain)) == len(plain)


def _rank_check(row: Input) -> list[str]:
    shown = show_shape(row.shape)
    return [
        f"if {row.name}.ndim != {len(row.shape)}:",
        f'    raise ValueError(f"{row.name} must have the shape {shown}, and has {{{row.name}.shape}}")',
    ]


def _shape_check(row: Input, dims: Mapping[Any, str], origin: Mapping[Any, str]) -> list[str]:
    shown = show_shape(row.shape)
    source = f"({', '.join(size_source(n, dims) for n in row.shape)}{',' if len(row.shape) == 1 else ''})"
    told = {(str(s), origin[s]) for n in row.shape for s in n.free_symbols if origin.get(s, row.name) != row.name}
    hint = f"; {', '.join(f'{s} is that of {where}' for s, where in sorted(told))}" if told else ""
    value = f" = {{{source}}}" if any(n.free_symbols for n in row.shape) else ""
    return [
        f"if {row.name}.shape != {source}:",
        f'    raise ValueError(f"{row.name} must have the shape {shown}{value}, and has {{{row.name}.shape}}{hint}")',
    ]


def _solve(size: Any, symbol: Any, source: str) -> str:
    slope = sp.diff(size, symbol)
    offset = sp.expand(size - slope * symbol)
    text = source if offset == 0 else f"{source} - {offset}" if offset > 0 else f"{source} + {-offset}"
    if slope == 1:
        return text
    return f"({text}) // {slope}" if offset != 0 else f"{text} // {slope}"


def dtype_line(program: Program) -> str:
    """The dtype of the results: that of the float inputs."""
    floats = [i.name for i in program.inputs if i.dtype == "float" and i.value is None]
    return f"dtype = np.result_type({', '.join(floats)})" if floats else "dtype = np.float64"


def imports(text: str) -> list[str]:
    """The imports that a body needs."""
    needs_math = "math." in text or bool(helpers(text))
    return [*(["import math", ""] if needs_math else []), "import numpy as np"]


def constants(program: Program) -> list[str]:
    """Constant arrays as literals."""
    lines = []
    for row in program.inputs:
        if row.value is not None:
            value = np.asarray(row.value)
            # without entries a list tells neither the type nor all of the shape
            empty = f"np.empty({value.shape}, dtype=np.{value.dtype})"
            lines.append(f"{row.name} = " + (f"np.array({value.tolist()!r})" if value.size else empty))
    return lines


def function_source(program: Program, name: str, single: bool) -> str:
    """The source of a module with the one function ``name``."""
    dims = dim_names(program)
    writer = Writer(program, dims)
    lines: list[Line] = writer.write()
    inputs = [i for i in program.inputs if i.value is None]
    extra = [dims[d] for d in unseen_dims(program)]
    signature = ", ".join([*(i.name for i in inputs), *(["*", *extra] if extra else [])])
    results = [writer.result(o) for o in program.outputs]
    shapes = ", ".join(f"{i.name} {show_shape(i.shape)}" for i in inputs)
    body = statements(lines, program.texts)
    head: list[str] = []
    if inputs:
        names = [i.name for i in inputs]
        converted = [f"np.asarray({n})" for n in names]
        one_line = f"    {', '.join(names)} = {', '.join(converted)}"
        head += [one_line] if len(one_line) <= 110 else [f"    {n} = np.asarray({n})" for n in names]
    head += [f"    {line}" for line in shape_lines(program, dims)]
    if writer.needs_dtype:
        head.append(f"    {dtype_line(program)}")
    returned = results[0] if single else f"[{', '.join(results)}]"
    docstring = f'    """Compute {", ".join(_shown(o, results, program) for o in range(len(results)))}'
    docstring += f' from {shapes}."""' if shapes else '."""'
    text = "\n".join([*head, *body])
    parts = [*imports(text), ""]
    if constants(program):
        parts += [*constants(program), ""]
    for source in helpers(text):
        parts += ["", source.rstrip(), ""]
    parts += ["", f"def {name}({signature}):", *_wrapped(docstring), text, f"    return {returned}"]
    return "\n".join(parts) + "\n"


def _shown(position: int, results: list[str], program: Program) -> str:
    steps = {s.name: s for s in program.instructions}
    output = program.outputs[position]
    step = steps.get(output)
    return step.equation if step is not None and step.equation else results[position]


def _wrapped(text: str) -> list[str]:
    """A docstring on lines that fit."""
    return textwrap.wrap(text.strip(), 112, initial_indent="    ", subsequent_indent="    ", break_long_words=False)
