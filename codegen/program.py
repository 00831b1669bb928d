"""The lowered program: a straight line of typed array instructions, validated after every pass.

Each instruction names one value and computes it by one row of :data:`OPS` from values named before it. Shapes are
symbolic dimensions; dtypes are ``float``, ``int``, ``bool``, and ``weak`` for Python scalars. The rows hold what is
needed to check an instruction (:func:`validate`) and to write it as NumPy source (:mod:`gradproof.codegen.emit`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import sympy as sp

from gradproof.symbolic.equations.dims import same_dim, show_shape

Shape: TypeAlias = tuple[Any, ...]
DTYPES: Final = ("weak", "bool", "int", "float")


@dataclass(frozen=True, slots=True)
class Instruction:
    """``name = op(*args)``, a part of the equation called ``equation``.

    ``params`` are the constants of the op, ``axes`` the index that each axis runs over ("1": it only broadcasts).
    """

    name: str
    op: str
    args: tuple[str, ...]
    params: tuple[Any, ...]
    axes: tuple[str, ...]
    shape: Shape
    dtype: str
    equation: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """A parameter of the program: its axes are the dimensions; ``value`` is the array of a constant, else None."""

    name: str
    shape: Shape
    dtype: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Program:
    """A lowered system: ``texts`` has the printed equation of each equation name, ``outputs`` the values to return."""

    inputs: tuple[Input, ...]
    dims: tuple[Any, ...]
    instructions: tuple[Instruction, ...]
    outputs: tuple[str, ...]
    texts: Mapping[str, str]

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of each value by its name."""
        return {i.name: i.shape for i in self.inputs} | {s.name: s.shape for s in self.instructions}

    def replace(self, instructions: tuple[Instruction, ...], outputs: tuple[str, ...] | None = None) -> Program:
        """The same program with other instructions, validated."""
        made = Program(self.inputs, self.dims, instructions, self.outputs if outputs is None else outputs, self.texts)
        validate(made)
        return made


class LoopTime(sp.Symbol):  # type: ignore[misc]
    """The time that a loop runs over, as an index in its body."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What goes from step to step: an input of the body, the body's output that it becomes, and where it starts."""

    entry: str
    output: int
    start: int
    """The position of the first value among the loop's operands."""


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """``body`` for each value of ``counter`` below ``length``, the last first with ``reverse``; ``axis`` is its axis.

    The first inputs of the body are the loop's operands, in order; the carried values come after them. ``names`` are
    those of the body's outputs, ``entries`` those that the carried values have in the equations.
    """

    body: Program
    counter: Any
    length: Any
    axis: int
    reverse: bool
    carried: tuple[Carried, ...]
    names: tuple[str, ...]
    entries: tuple[str, ...]


class InvalidProgram(AssertionError):
    """A pass or the lowering broke the program: a bug in this package, never a user's mistake."""


@dataclass(frozen=True, slots=True)
class Op:
    """One kind of instruction: its number of operands (None for any), and its result's shape and dtype."""

    arity: int | None
    shape: Callable[[tuple[Shape, ...], tuple[Any, ...]], Shape]
    dtype: Callable[[tuple[str, ...], tuple[Any, ...]], str]


def broadcast(shapes: tuple[Shape, ...], params: tuple[Any, ...] = ()) -> Shape:
    """NumPy's rule; a symbol meets itself or 1."""
    rank = max((len(s) for s in shapes), default=0)
    result: list[Any] = [sp.S.One] * rank
    for shape in shapes:
        for axis, size in enumerate(shape, start=rank - len(shape)):
            if result[axis] == 1:
                result[axis] = size
            elif size != 1 and not same_dim(size, result[axis]):
                raise InvalidProgram(f"shapes {' and '.join(map(show_shape, shapes))} do not broadcast")
    return tuple(result)


def _widest(dtypes: tuple[str, ...], params: tuple[Any, ...]) -> str:
    return max(dtypes, key=DTYPES.index)


def _always(dtype: str) -> Callable[[tuple[str, ...], tuple[Any, ...]], str]:
    return lambda dtypes, params: dtype


def _float(dtypes: tuple[str, ...], params: tuple[Any, ...]) -> str:
    return "weak" if all(d == "weak" for d in dtypes) else "float"


def _matmul(shapes: tuple[Shape, ...], params: tuple[Any, ...]) -> Shape:
    a, b = shapes
    inner = b[0] if len(b) == 1 else b[-2]
    if not a or not b or not same_dim(a[-1], inner):
        raise InvalidProgram(f"matmul of {show_shape(a)} and {show_shape(b)}")
    return (*broadcast((a[:-2], b[:-2])), *a[-2:-1], *b[-1:]) if len(b) > 1 else a[:-1]


def _einsum(shapes: tuple[Shape, ...], params: tuple[Any, ...]) -> Shape:
    left, _, right = params[0].partition("->")
    sizes: dict[str, Any] = {}
    for letters, shape in zip(left.split(","), shapes, strict=True):
        for letter, size in zip(letters, shape, strict=True):
            if not same_dim(sizes.setdefault(letter, size), size):
                raise InvalidProgram(f"einsum {params[0]}: {letter} has sizes {sizes[letter]} and {size}")
    return tuple(sizes[letter] for letter in right)


def _tensordot(shapes: tuple[Shape, ...], params: tuple[Any, ...]) -> Shape:
    (left, right), (own, other) = shapes, params
    if len(own) != len(other) or any(not same_dim(left[p], right[q]) for p, q in zip(own, other, strict=True)):
        raise InvalidProgram(f"tensordot of {show_shape(left)} and {show_shape(right)} over {params}")
    return (
        *(n for p, n in enumerate(left) if p not in own),
        *(n for q, n in enumerate(right) if q not in other),
    )


def _reduced(shapes: tuple[Shape, ...], params: tuple[Any, ...]) -> Shape:
    axes, keepdims = params
    (shape,) = shapes
    if not all(0 <= a < len(shape) for a in axes):
        raise InvalidProgram(f"reduction over axes {axes} of {show_shape(shape)}")
    if keepdims:
        return tuple(sp.S.One if a in axes else n for a, n in enumerate(shape))
    return tuple(n for a, n in enumerate(shape) if a not in axes)


def _transposed(shapes: tuple[Shape, ...], params: tuple[Any, ...]) -> Shape:
    (order,) = params
    if sorted(order) != list(range(len(shapes[0]))):
        raise InvalidProgram(f"transpose by {order} of {show_shape(shapes[0])}")
    return tuple(shapes[0][a] for a in order)


def _expanded(shapes: tuple[Shape, ...], params: tuple[Any, ...]) -> Shape:
    (positions,) = params
    result = list(shapes[0])
    for position in positions:
        result.insert(position, sp.S.One)
    return tuple(result)


def _indexed(shapes: tuple[Shape, ...], params: tuple[Any, ...]) -> Shape:
    """Items: ("all",) | ("int", expr) | ("arg", k) | ("slice", start, stop, step, length)."""
    shape, *rest = shapes
    result: list[Any] = []
    for size, item in zip(shape, params, strict=True):
        if item[0] == "all":
            result.append(size)
        elif item[0] == "slice":
            result.append(item[4])
        elif item[0] == "arg" and rest[item[1]]:
            raise InvalidProgram("an array used as a scalar index")
    return tuple(result)


def _of_matrices(shapes: tuple[Shape, ...], params: tuple[Any, ...]) -> Shape:
    """A function of square matrices in the last two axes; its value has ``params[1]`` axes as long as those."""
    for shape in shapes:
        if len(shape) < 2 or not (same_dim(shape[-1], shape[-2]) and same_dim(shape[-1], shapes[0][-1])):
            raise InvalidProgram(f"{params[0]} of {' and '.join(map(show_shape, shapes))}")
    return (*broadcast(tuple(shape[:-2] for shape in shapes)), *shapes[0][-1:] * params[1])


def _solved(shapes: tuple[Shape, ...], params: tuple[Any, ...]) -> Shape:
    matrix, right = shapes
    return _matmul((matrix, right), ())


def _taken(shapes: tuple[Shape, ...], params: tuple[Any, ...]) -> Shape:
    """Items: ":" or the number of an index array; the arrays' block stands where NumPy puts it."""
    shape, *arrays = shapes
    block = broadcast(tuple(arrays))
    where = [a for a, item in enumerate(params) if item != ":"]
    together = where == list(range(where[0], where[-1] + 1))
    rest = [(a, n) for a, (n, item) in enumerate(zip(shape, params, strict=True)) if item == ":"]
    before = [n for a, n in rest if a < where[0]] if together else []
    after = [n for a, n in rest if a > where[0]] if together else [n for _, n in rest]
    return (*before, *block, *after)


def _same(shapes: tuple[Shape, ...], params: tuple[Any, ...]) -> Shape:
    return shapes[0]


def _first(dtypes: tuple[str, ...], params: tuple[Any, ...]) -> str:
    return dtypes[0]


def _branches(dtypes: tuple[str, ...], params: tuple[Any, ...]) -> str:
    """Of Python scalars alone NumPy makes an array of 64 bits, which still has to be cast: "int" says so."""
    return max((*dtypes[1:], "int"), key=DTYPES.index)


def _joined(shapes: tuple[Shape, ...], params: tuple[Any, ...]) -> Shape:
    (axis,) = params
    first = shapes[0]
    for shape in shapes:
        others = [(n, m) for a, (n, m) in enumerate(zip(shape, first, strict=True)) if a != axis]
        if not all(same_dim(n, m) for n, m in others):
            raise InvalidProgram(f"concatenation of {' and '.join(map(show_shape, shapes))} along axis {axis}")
    return (*first[:axis], sp.expand(sp.Add(*(shape[axis] for shape in shapes))), *first[axis + 1 :])


def _of_numbers(shapes: tuple[Shape, ...], params: tuple[Any, ...]) -> Shape:
    """Numbers in an array of the shape ``params``, row by row."""
    if any(shapes) or len(shapes) != sp.Mul(*params):
        raise InvalidProgram(f"{len(shapes)} values in an array of the shape {show_shape(params)}")
    return params


def _stacked(shapes: tuple[Shape, ...], params: tuple[Any, ...]) -> Shape:
    (axis,) = params
    first = shapes[0]
    for shape in shapes:
        if len(shape) != len(first) or not all(map(same_dim, shape, first)):
            raise InvalidProgram(f"a stack of {show_shape(first)} and {show_shape(shape)}")
    return (*first[:axis], sp.Integer(len(shapes)), *first[axis:])


def _to_shape(shapes: tuple[Shape, ...], params: tuple[Any, ...]) -> Shape:
    broadcast((shapes[0], params))
    return params


OPS: Final[Mapping[str, Op]] = MappingProxyType({
    "add": Op(2, broadcast, _widest),
    "sub": Op(2, broadcast, _widest),
    "mul": Op(2, broadcast, _widest),
    "div": Op(2, broadcast, _float),
    "neg": Op(1, broadcast, _widest),
    "pow": Op(2, broadcast, _widest),
    "floordiv": Op(2, broadcast, _widest),
    "mod": Op(2, broadcast, _widest),
    "function": Op(None, broadcast, _float),
    "compare": Op(2, broadcast, _always("bool")),
    "and": Op(2, broadcast, _always("bool")),
    "or": Op(2, broadcast, _always("bool")),
    "not": Op(1, broadcast, _always("bool")),
    "where": Op(3, broadcast, _branches),
    "clip": Op(3, broadcast, _always("int")),
    "cast": Op(1, broadcast, _always("float")),
    "whole": Op(1, broadcast, _always("int")),
    "copy": Op(1, _same, _first),
    "literal": Op(0, lambda s, p: (), _always("weak")),
    "size": Op(0, lambda s, p: (), _always("weak")),
    "arange": Op(0, lambda s, p: (sp.expand(p[1] - p[0]),), _always("int")),
    "eye": Op(0, lambda s, p: (p[0], p[0]), _always("float")),
    "diag": Op(1, lambda s, p: (s[0][0], s[0][0]), _first),
    "diagonal": Op(1, lambda s, p: s[0][:1], _first),
    "transpose": Op(1, _transposed, _first),
    "expand": Op(1, _expanded, _first),
    "index": Op(None, _indexed, _first),
    "take": Op(None, _taken, _first),
    "sum": Op(1, _reduced, _first),
    "mean": Op(1, _reduced, _first),
    "max": Op(1, _reduced, _first),
    "prod": Op(1, _reduced, _first),
    "others": Op(1, _same, _always("float")),
    "logsumexp": Op(1, _reduced, _always("float")),
    "linalg": Op(None, _of_matrices, _always("float")),
    "solve": Op(2, _solved, _always("float")),
    "matmul": Op(2, _matmul, _always("float")),
    "tensordot": Op(2, _tensordot, _always("float")),
    "einsum": Op(None, _einsum, _always("float")),
    "broadcast": Op(1, _to_shape, _always("float")),
    "concatenate": Op(None, _joined, _always("float")),
    "array": Op(None, _of_numbers, _always("float")),
    "stack": Op(None, _stacked, _always("float")),
    "loop": Op(None, lambda s, p: (), _always("weak")),
    "result": Op(1, lambda s, p: p[2], _always("float")),
})  # fmt: skip
"""Every kind of instruction."""


def result_type(
    op: str, shapes: tuple[Shape, ...], dtypes: tuple[str, ...], params: tuple[Any, ...]
) -> tuple[Shape, str]:
    """Shape and dtype of an instruction's value, by its row."""
    row = OPS[op]
    if row.arity is not None and len(shapes) != row.arity:
        raise InvalidProgram(f"{op} takes {row.arity} operands, and got {len(shapes)}")
    return row.shape(shapes, params), row.dtype(dtypes, params)


def validate(program: Program) -> None:
    """Check names, order, shapes and dtypes of every instruction; :class:`InvalidProgram` names the first fault."""
    known: dict[str, tuple[Shape, str]] = {i.name: (i.shape, i.dtype) for i in program.inputs}
    if len(known) != len(program.inputs):
        raise InvalidProgram("two inputs share a name")
    for step in program.instructions:
        if step.name in known:
            raise InvalidProgram(f"{step.name} is computed twice")
        if step.op not in OPS:
            raise InvalidProgram(f"{step.name}: there is no op {step.op}")
        missing = [a for a in step.args if a not in known]
        if missing:
            raise InvalidProgram(f"{step.name} uses {missing[0]}, which is not computed before it")
        shapes, dtypes = tuple(known[a][0] for a in step.args), tuple(known[a][1] for a in step.args)
        shape, dtype = result_type(step.op, shapes, dtypes, step.params)
        if len(shape) != len(step.shape) or any(not same_dim(p, q) for p, q in zip(shape, step.shape, strict=True)):
            raise InvalidProgram(f"{step.name} is declared {show_shape(step.shape)} but computes {show_shape(shape)}")
        if dtype != step.dtype or len(step.axes) != len(shape):
            raise InvalidProgram(f"{step.name} is declared {step.dtype} over {step.axes} but computes {dtype}")
        known[step.name] = (step.shape, step.dtype)
    unknown = [name for name in program.outputs if name not in known]
    if unknown:
        raise InvalidProgram(f"the output {unknown[0]} is not computed")
