"""From symbolic arrays to running NumPy code: the pipeline equations → program → passes → source → function.

>>> import numpy as np
>>> from gradproof.symbolic.arrays.array import array
>>> from gradproof.symbolic.equations.dims import dims
>>> m, n = dims("m n")
>>> X, w = array("X", (m, n)), array("w", (n,))
>>> f = compile(np.sum(np.tanh(X @ w)).named("y"))
>>> f(X=np.ones((2, 3)), w=np.zeros(3)).item()
0.0
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from gradproof.errors import ShapeError, UsageError
from gradproof.numeric.compressed import Blocks
from gradproof.symbolic.arrays.array import Array
from gradproof.symbolic.equations.definition import Definition, System, inputs_called
from gradproof.symbolic.equations.dims import dim, show_shape

from .compress import Layout, layout, rows_of, sizes_of, unread
from .emit import RESERVED
from .execute import load
from .function_source import dim_names, function_source, unseen_dims
from .lower import lower
from .nesting import numbered, placed
from .passes import optimise, rewrite
from .program import Program


@dataclass(frozen=True, eq=False)
class CompiledFunction:
    """A function of arrays by name; ``source`` is its complete NumPy source, ``program`` what that was written from."""

    name: str
    source: str
    program: Program
    parameters: Mapping[str, str]
    nested: Any
    """The outputs as they were asked for: each by its number, alone or in lists of lists."""
    dtype: Any
    function: Any
    targets: tuple[Definition, ...] = ()
    """The inputs that the outputs are derivatives of: their sizes are known even where nothing reads them."""
    layouts: tuple[Layout, ...] = ()
    """How compressed outputs are put together from the arrays that the function computes."""
    sizes: tuple[str, ...] = ()
    """Parameters that only the shapes of compressed outputs need."""

    def __call__(self, **arrays: Any) -> Any:
        """The outputs at the given arrays: a list in order, or the one output of ``compile(array)``.

        Raises UsageError for names that are missing or unknown, ShapeError for shapes that do not fit.
        """
        given = _checked(self.program, self.parameters, arrays, self.dtype, self.targets)
        if any(isinstance(v, np.ndarray) and v.dtype == object for v in given.values()):
            return self._on_balls(given)
        return self._arranged(self.function(**self._own(given)), given)

    def _own(self, given: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if name not in self.sizes}

    def _arranged(self, result: Any, given: Mapping[str, Any]) -> Any:
        """The outputs in the lists in which they were asked for."""
        if not self.layouts:
            return placed(self.nested, [result] if isinstance(self.nested, int) else list(result))
        computed = dict(zip(dict.fromkeys(d for made in self.layouts for d in made.factors), result, strict=True))
        sizes = sizes_of(self.program, self.parameters, given)
        whole = [made.filled(computed, sizes) for made in self.layouts]
        if isinstance(self.nested, list) and all(isinstance(row, list) for row in self.nested):
            return Blocks(tuple(tuple(whole[number] for number in row) for row in self.nested))
        return placed(self.nested, whole)

    def _on_balls(self, given: dict[str, Any]) -> Any:
        import flint

        from gradproof.numeric.balls.evaluate import evaluate_on_balls

        return self._arranged(evaluate_on_balls(self.function, self._own(given), flint.ctx.prec), given)

    def __repr__(self) -> str:
        return f"<compiled {self.name}({', '.join(self.parameters)}) of {len(self.program.instructions)} instructions>"


def lowered(outputs: Sequence[Definition]) -> Program:
    """The optimised program of some definitions."""
    return _pipeline(outputs)[0]


def _pipeline(outputs: Sequence[Definition]) -> tuple[Program, dict[Definition, str]]:
    system = rewrite(System.of(*outputs))
    variables = _variables(system)
    return optimise(lower(system, variables)), variables


def compile(outputs: Any, name: str = "compute", dtype: Any = None, compressed: bool = False) -> CompiledFunction:
    """Compile one symbolic array, or a list of them, to a NumPy function of the input arrays by name.

    Lists may hold lists, as the blocks of a Hessian do: the results come in the same. Without ``dtype`` the inputs' own
    dtype is kept (float32 stays float32); with it, float inputs are converted. With ``compressed`` each output is a
    :class:`~gradproof.numeric.compressed.Compressed` array, deltas and sums of products kept apart, and blocks are
    :class:`~gradproof.numeric.compressed.Blocks`; the function computes their factors and nothing larger.
    """
    arrays: list[Array] = []
    nested = numbered(outputs, arrays)
    if not arrays:
        raise UsageError("compile takes a symbolic array or a list of them")
    if not name.isidentifier() or name in RESERVED:
        raise UsageError(f"{name!r} is not a name for a function; use letters, digits and underscores")
    if dtype is not None and np.dtype(dtype).kind != "f":
        raise UsageError(f"dtype must be a float type, not {np.dtype(dtype)}; there are float32, float64, float16")
    definitions = [a.definition for a in arrays]
    layouts = tuple(layout(d, rows_of(d)) for d in definitions) if compressed else ()
    computed = list(dict.fromkeys(d for made in layouts for d in made.factors)) if compressed else definitions
    program, variables = _pipeline(computed)
    dims = dim_names(program)
    source = function_source(program, name, isinstance(outputs, Array) and not compressed)
    own = {variable: d.name for d, variable in variables.items()}
    parameters = {own[i.name]: i.name for i in program.inputs if i.value is None}
    parameters |= {str(d): dims[d] for d in unseen_dims(program)}
    sizes = {f"size of {d}": str(d) for d in unread(layouts, program) if str(d) not in parameters}
    parameters |= {name: variable for variable, name in sizes.items()}
    function = getattr(load(source, name), name)
    targets = _targets(definitions)
    return CompiledFunction(name, source, program, parameters, nested, dtype, function, targets, layouts, (*sizes,))


def _targets(outputs: Sequence[Definition]) -> tuple[Definition, ...]:
    """The inputs that the outputs are derivatives of, also as derivatives of derivatives."""
    found: dict[Definition, None] = {}
    for output in outputs:
        target = output.derivative_of
        while target is not None:
            found[target] = None
            target = target.derivative_of
    return tuple(d for d in found if d.is_input)


def source_of(array: Array) -> str:
    """NumPy source of a function that computes ``array``."""
    taken = RESERVED | {d.name for d in array.system().inputs}
    return compile(array, name=f"compute_{array.name}" if array.name in taken else array.name).source


def evaluate(array: Array, values: Mapping[str, Any]) -> Any:
    """The value of ``array`` at the given arrays by name; the sizes of the dimensions are read off them.

    Arrays of ``flint.arb`` objects are computed on in ball arithmetic at the current precision.
    """
    return compile(array)(**dict(values))


def _variables(system: System) -> dict[Definition, str]:
    """A variable for each definition: its own name where that is free in Python."""
    taken: set[str] = set(RESERVED)
    result: dict[Definition, str] = {}
    for definition, name in system.names.items():
        while name in taken or name.startswith("_"):
            name = f"{name}_" if not name.startswith("_") else f"v{name}"
        taken.add(name)
        result[definition] = name
    return result


def _checked(
    program: Program,
    parameters: Mapping[str, str],
    arrays: Mapping[str, Any],
    dtype: Any,
    targets: Sequence[Definition] = (),
) -> dict[str, Any]:
    """The arguments of the generated function; sizes that no array it reads shows are taken from the others."""
    rows = {i.name: i for i in program.inputs}
    sizes: dict[Any, tuple[int, str]] = {}
    shown = {name: rows[variable].shape for name, variable in parameters.items() if variable in rows}
    given: dict[str, Any] = {}
    # what the function reads tells the sizes first, then other arrays, then numbers, which may be sizes
    for name, value in sorted(arrays.items(), key=lambda item: (item[0] not in shown, np.ndim(item[1]) == 0)):
        if name in shown:
            variable = parameters[name]
            given[variable] = _converted(name, value, rows[variable].dtype, dtype)
            _read_sizes(name, given[variable].shape, shown[name], sizes)
        elif name not in parameters:
            _read_unused(name, value, parameters, sizes, targets)
    missing = [name for name in shown if name not in arrays]
    if missing:
        raise UsageError(f"the input {missing[0]} is missing; the inputs are {', '.join(parameters)}")
    for name in parameters:
        if name not in shown:
            known = sizes.get(dim(name))
            if name not in arrays and known is None:
                raise UsageError(f"the size {name} is missing: no array shows it; give {name}=... as an integer")
            given[parameters[name]] = int(arrays[name]) if name in arrays else known[0] if known else 0
    known_sizes = tuple((symbol, number) for symbol, (number, _) in sizes.items())
    for name, shape in shown.items():  # sizes such as n + 1, once n is known
        for axis, (size, number) in enumerate(zip(shape, given[parameters[name]].shape, strict=True)):
            if size.is_Symbol or size.is_Integer:
                continue  # compared as it was read
            value = _value(size, known_sizes)
            if value.is_Integer and int(value) != number:
                raise ShapeError(f"axis {axis} of {name} has size {number}, but {size} = {value}")
    return given


@functools.lru_cache(maxsize=1024)
def _value(size: Any, known: tuple[tuple[Any, int], ...]) -> Any:
    """A size where those that it is made of are known; kept, since a function is called with the same sizes again."""
    return size.subs(dict(known))


def _read_unused(
    name: str,
    value: Any,
    parameters: Mapping[str, str],
    sizes: dict[Any, tuple[int, str]],
    targets: Sequence[Definition],
) -> None:
    """An array that the outputs do not depend on, or a size: it may tell sizes. A name that nothing has is an error.

    Of several inputs of that name, the one that an output is the derivative by is meant, else one that fits.
    """
    known = [d for d in targets if d.name == name]
    known = known or [d for d in inputs_called(name) if d.rank == np.ndim(value)]
    fitting = [d for d in known if _fits(d.shape, np.shape(value), sizes)]
    if known:
        _read_sizes(name, np.shape(value), (fitting or known)[0].shape, sizes)
    elif name.isidentifier() and dim(name) in sizes and isinstance(value, (int, np.integer)):
        if sizes[dim(name)][0] != int(value):
            raise ShapeError(f"{name} is {value}, but {sizes[dim(name)][0]} in {sizes[dim(name)][1]}")
    else:
        raise UsageError(f"there is no input called {name!r}; the inputs are {', '.join(parameters)}")


def _fits(shape: Any, actual: tuple[int, ...], sizes: dict[Any, tuple[int, str]]) -> bool:
    """Whether an array of this symbolic shape could have these sizes, by what is known of them."""
    if len(shape) != len(actual):
        return False
    known = (sizes[size][0] if size in sizes else size for size in shape)
    fits = (n == number or not isinstance(n, (int, sp.Integer)) for n, number in zip(known, actual, strict=True))
    return all(fits)


def _read_sizes(name: str, actual: tuple[int, ...], shape: Any, sizes: dict[Any, tuple[int, str]]) -> None:
    if len(actual) != len(shape):
        raise ShapeError(f"{name} must have the shape {show_shape(shape)}, and has {actual}")
    for axis, (size, number) in enumerate(zip(shape, actual, strict=True)):
        _agree(name, axis, size, number, shape, sizes)


def _agree(name: str, axis: int, size: Any, number: int, shape: Any, sizes: dict[Any, tuple[int, str]]) -> None:
    if size.is_Symbol:
        known = sizes.setdefault(size, (number, name))
        if known[0] != number:
            raise ShapeError(
                f"{name} must have the shape {show_shape(shape)}, but its axis {axis} has size {number} "
                f"while {size} = {known[0]} in {known[1]}"
            )
    elif size.is_Integer and int(size) != number:
        raise ShapeError(f"{name} must have the shape {show_shape(shape)}, but its axis {axis} has size {number}")


def _converted(name: str, value: Any, kind: str, dtype: Any) -> Any:
    array = np.asarray(value)
    if array.dtype.kind not in "fiubO":
        raise UsageError(f"{name} holds {array.dtype}; real numbers are needed")
    if kind == "int" and array.dtype.kind not in "iu":
        if array.dtype.kind == "f" and np.all(array == np.floor(array)):
            return array.astype(np.int64)
        raise UsageError(f"{name} must hold integers, and holds {array.dtype}")
    if kind == "float" and array.dtype.kind != "O":
        return (
            array.astype(dtype) if dtype is not None else array if array.dtype.kind == "f" else array.astype(np.float64)
        )
    return array
