"""Array creation and casts while a user's function is traced.

For the time of a trace the user's modules see a NumPy whose creation functions give symbolic arrays: a float buffer
would refuse, or round, what is stored into it. ``float``, ``int`` and ``len`` let symbolic values through there, and
``np.sqrt(n)`` of a symbolic size stays exact. NumPy's own attributes are left alone, since compiled modules call them
(``np.random`` calls ``np.empty``) and would crash on anything but an ndarray. Everything is put back in the end;
meanwhile other threads that run the same modules see the same.
"""

from __future__ import annotations

import builtins
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import CellType, FunctionType
from typing import Any, Final

import numpy as np
import sympy as sp

from gradproof.errors import UnsupportedError

from ..arrays import joining, linear_algebra, products, reductions
from ..arrays.array import Array, as_array
from ..arrays.methods import astype, copy
from ..arrays.rearranging import tri
from ..equations.definition import define
from .builtin_names import BUILTINS, TracedFloat, TracedInt
from .stand_ins import Namespace, in_tuples, is_symbolic, math_names, numpy_names, originals


# -- creation ---------------------------------------------------------------------------------------------------------
def _words(dtype: Any) -> frozenset[str]:
    kind = np.dtype(np.float64 if dtype is None else dtype).kind
    if kind not in "fiub":
        raise UnsupportedError(f"an array of dtype {np.dtype(dtype)} has no symbolic form; real numbers have")
    return frozenset({"integer"} if kind in "iu" else {"boolean"} if kind == "b" else ())


def _filled(shape: Any, value: Any, dtype: Any = None) -> Array:
    made = joining.full(shape, value)
    words = _words(dtype)
    return Array(define("t", made.definition.shape, made.definition.rhs, assumptions=words), mutable=True)


UNWRITTEN: Final = 1000003
"""What ``np.empty`` leaves in its entries here: a number that means nothing, so that nothing is proved with it."""


def zeros(shape: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Array:
    """``np.zeros``."""
    return _filled(shape, 0, dtype)


def empty(shape: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Array:
    """``np.empty``, whose entries are undefined until they are stored."""
    return _filled(shape, UNWRITTEN, dtype)


def ones(shape: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Array:
    """``np.ones``."""
    return _filled(shape, 1, dtype)


def full(shape: Any, fill_value: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Array:
    """``np.full``."""
    if dtype is None and isinstance(fill_value, (bool, int, np.integer)):
        dtype = type(fill_value)
    return _filled(shape, fill_value, dtype)


def _like(value: Any) -> Callable[..., Array]:
    def like(a: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Array:
        source = a if isinstance(a, Array) else np.asarray(a)
        shape = kwargs.get("shape")
        kind = source.dtype if dtype is None else dtype
        return _filled(
            source.shape if shape is None else shape, value, np.float64 if np.dtype(kind) == np.dtype(object) else kind
        )

    return like


def full_like(a: Any, fill_value: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Array:
    """``np.full_like``: of integers it holds integers."""
    source = a if isinstance(a, Array) else np.asarray(a)
    return _filled(source.shape, fill_value, source.dtype if dtype is None else dtype)


def array(object: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Array:
    """``np.array``: a copy."""
    made = copy(object) if isinstance(object, Array) else joining.from_nested(object)
    if dtype is not None:
        made = astype(made, dtype)
    made.mutable = True
    for _ in range(int(kwargs.get("ndmin", 0)) - made.ndim):
        made = made[None]
    return made


def asarray(a: Any, dtype: Any = None, *args: Any, **kwargs: Any) -> Array:
    """``np.asarray``: the same array, or a copy where the type changes."""
    if isinstance(a, Array) and (dtype is None or np.dtype(dtype).kind == a.dtype.kind):
        return a
    return array(a, dtype)


def ascontiguousarray(a: Any, dtype: Any = None, **kwargs: Any) -> Array:
    """``np.ascontiguousarray``: a copy where the elements do not lie in order."""
    same = asarray(a, dtype)
    return same if same.contiguous else array(same)


def eye(N: Any, M: Any = None, k: int = 0, *args: Any, **kwargs: Any) -> Array:
    """``np.eye``."""
    return Array(products.eye(N, M, k).definition)


def identity(n: Any, *args: Any, **kwargs: Any) -> Array:
    """``np.identity``."""
    return eye(n)


def linspace(start: Any, stop: Any, num: Any = 50, **kwargs: Any) -> Array:
    """``np.linspace`` is refused for symbolic bounds and sizes."""
    raise UnsupportedError("np.linspace with symbolic bounds is not supported; use np.arange and arithmetic")


BUFFERS: dict[str, Callable[..., Any]] = {
    "zeros": zeros, "empty": empty, "ones": ones, "full": full, "eye": eye, "identity": identity,
    "tri": tri, "zeros_like": _like(0), "empty_like": _like(UNWRITTEN), "ones_like": _like(1), "full_like": full_like,
}  # fmt: skip
"""Creation functions whose results may be stored into: symbolic even where the sizes are numbers."""

READERS: dict[str, Callable[..., Any]] = {
    "array": array, "asarray": asarray, "asanyarray": asarray, "ascontiguousarray": ascontiguousarray,
    "require": asarray, "asarray_chkfinite": asarray,
    "asfarray": asarray, "arange": joining.arange, "linspace": linspace,
}  # fmt: skip
"""Creation functions that are taken over where an argument is symbolic."""

_SCIPY: dict[str, Callable[..., Any]] = {
    "logsumexp": lambda a, axis=None, b=None, keepdims=False, return_sign=False: _plain_logsumexp(
        a, axis, b, keepdims, return_sign
    ),
    "softmax": lambda x, axis=None: _softmax(x, axis, reductions.softmax),
    "log_softmax": lambda x, axis=None: _softmax(x, axis, reductions.log_softmax),
}
"""Functions of ``scipy.special`` that are no ufuncs."""

METHODS: dict[str, Callable[[Any], Any]] = {
    "sqrt": lambda x: sp.sqrt(x),
    "log": lambda x: sp.log(x),
    "log2": lambda x: sp.log(x) / sp.log(2),
    "log10": lambda x: sp.log(x) / sp.log(10),
    "log1p": lambda x: sp.log(1 + x),
    "tanh": lambda x: sp.tanh(x),
    "sin": lambda x: sp.sin(x),
    "cos": lambda x: sp.cos(x),
    "square": lambda x: x**2,
    "reciprocal": lambda x: 1 / x,
}
"""What NumPy's ufuncs look up on an object: with these, ``np.sqrt(n)`` of a symbolic size is its square root."""


def _plain_logsumexp(a: Any, axis: Any, b: Any, keepdims: Any, return_sign: Any) -> Array:
    if b is not None or return_sign:
        raise UnsupportedError("scipy.special.logsumexp with weights or signs is not supported on symbolic arrays")
    return reductions.logsumexp(a, axis, keepdims)


def _softmax(x: Any, axis: Any, function: Callable[..., Array]) -> Array:
    if axis is None and as_array(x).ndim != 1:
        raise UnsupportedError("scipy.special.softmax over all axes at once is not supported; name one axis")
    return function(x, -1 if axis is None else axis)


def _guarded(original: Callable[..., Any], replacement: Callable[..., Any], always: bool) -> Callable[..., Any]:
    """The replacement where an argument is symbolic or a buffer is made; else the original."""

    def function(*args: Any, **kwargs: Any) -> Any:
        if not any(map(is_symbolic, (*args, *kwargs.values()))) and not (always and _wants_buffer(args, kwargs)):
            return original(*args, **kwargs)
        return replacement(*args, **kwargs)

    function.__name__ = getattr(original, "__name__", "function")
    return function


def _wants_buffer(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Real numbers, at least one of them: everything else is left to NumPy."""
    dtype = kwargs.get("dtype")
    if dtype is not None and np.dtype(dtype).kind not in "fiub":
        return False
    shape = args[0] if args else kwargs.get("shape", ())
    if isinstance(shape, np.ndarray):
        return shape.size > 0 and shape.dtype.kind in "fiub"
    return not (isinstance(shape, (tuple, list)) and 0 in shape) and not (isinstance(shape, int) and shape == 0)


class _ArrayType(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, (np.ndarray, Array))


class TracedNdarray(metaclass=_ArrayType):
    """``np.ndarray``: in ``isinstance`` a symbolic array counts as one; called, it makes a buffer."""

    def __new__(cls, shape: Any, dtype: Any = float, *args: Any, **kwargs: Any) -> Any:
        if args or kwargs:
            raise UnsupportedError("np.ndarray(...) over a buffer has no symbolic form; use np.zeros")
        return zeros(shape, dtype)


_SCALARS: dict[str, Any] = {
    "float64": TracedFloat, "double": TracedFloat, "float32": TracedFloat, "float16": TracedFloat,
    "int64": TracedInt, "int32": TracedInt,
}  # fmt: skip
"""NumPy's scalar types as casts and as dtypes: the numbers here are real, whatever their format."""


def _isscalar(value: Any) -> bool:
    return not value.ndim if isinstance(value, Array) else isinstance(value, sp.Expr) or np.isscalar(value)


def creation_names() -> dict[str, Callable[..., Any]]:
    """NumPy's creation functions by name, as they are during a trace."""
    return {
        name: _guarded(getattr(np, name), replacement, always)
        for table, always in ((BUFFERS, True), (READERS, False))
        for name, replacement in table.items()
        if hasattr(np, name)
    }


_OF_NUMBERS = ("array", "asarray", "linspace")
"""Creation functions whose floats may be symbolic constants."""


def _constant(function: Callable[..., Any]) -> Callable[..., Any]:
    """Floats that it makes as a symbolic constant, which may be stored into."""

    def made(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        floats = isinstance(result, np.ndarray) and result.dtype.kind == "f" and result.size > 0
        return Array(as_array(result).definition) if floats else result

    return made


def _stand_ins(constants: bool) -> dict[int, Any]:
    """What the user's modules see in place of a module or a function, by its ``id``."""
    created = creation_names()
    if constants:
        created |= {name: _constant(created[name]) for name in _OF_NUMBERS}
    swapped: dict[int, Any] = originals() | {id(np.ndarray): TracedNdarray}
    swapped |= {id(getattr(np, name)): function for name, function in created.items()}
    functions = {**numpy_names(), "ndarray": TracedNdarray, **_SCALARS, "isscalar": _isscalar, **created}
    swapped[id(np)] = Namespace(np, functions)
    own_math = math_names()
    swapped |= {id(getattr(math, name)): function for name, function in own_math.items()}
    swapped[id(math)] = Namespace(math, own_math)
    special = sys.modules.get("scipy.special")
    if special is not None:
        own = {name: _guarded(getattr(special, name), function, False) for name, function in _SCIPY.items()}
        swapped |= {id(getattr(special, name)): function for name, function in own.items()}
        swapped[id(special)] = Namespace(special, own)
    linalg = sys.modules.get("scipy.linalg")
    if linalg is not None:
        of_matrices: dict[str, Callable[..., Any]] = {
            "expm": linear_algebra.expm, "expm_frechet": linear_algebra.expm_frechet,
        }  # fmt: skip
        own = {name: _guarded(getattr(linalg, name), function, False) for name, function in of_matrices.items()}
        swapped |= {id(getattr(linalg, name)): function for name, function in own.items()}
        swapped[id(linalg)] = Namespace(linalg, own)
    parts = {name: swapped[id(part)] for name, part in (("special", special), ("linalg", linalg)) if part is not None}
    if parts:
        swapped[id(sys.modules["scipy"])] = Namespace(sys.modules["scipy"], parts)
    return swapped


@contextmanager
def watched_creation(
    modules: list[dict[str, Any]], cells: Sequence[CellType] = (), namespaces: Sequence[dict[str, Any]] = (),
    constants: bool = False,
) -> Iterator[None]:  # fmt: skip
    """Take over array creation in the user's modules, closures and other dicts of names; all is put back in the end.

    With ``constants``, arrays of floats that are written out are symbolic constants.
    """
    swapped = _stand_ins(constants)
    restore: list[Callable[[], None]] = []
    plain_import, users = builtins.__import__, {id(names) for names in modules}

    def substituting_import(name: str, scope: Any = None, *args: Any, **options: Any) -> Any:
        found = plain_import(name, scope, *args, **options)
        return swapped.get(id(found), found) if scope is not None and id(scope) in users else found

    try:
        builtins.__import__ = substituting_import  # type: ignore[assignment]
        restore.append(lambda: setattr(builtins, "__import__", plain_import))
        for name, method in METHODS.items():
            if not hasattr(sp.Expr, name):
                restore.append(_method(name, method))
        for names in modules:
            for name, value in list(names.items()):
                if id(value) in swapped:
                    restore.append(_entry(names, name, swapped[id(value)]))
                elif (types := in_tuples(value, swapped)) is not None:
                    restore.append(_entry(names, name, types))
                elif isinstance(value, FunctionType) and any(id(d) in swapped for d in value.__defaults__ or ()):
                    restore.append(_defaults(value, swapped))
            for name, cast in BUILTINS.items():
                if names.get(name, getattr(builtins, name)) is getattr(builtins, name):
                    restore.append(_entry(names, name, cast))
        for names in namespaces:
            restore += [_entry(names, n, swapped[id(v)]) for n, v in list(names.items()) if id(v) in swapped]
        for cell in cells:
            if id(cell.cell_contents) in swapped:
                restore.append(_content(cell, swapped[id(cell.cell_contents)]))
        yield
    finally:
        for undo in reversed(restore):
            undo()


def _content(cell: CellType, new: Any) -> Callable[[], None]:
    old = cell.cell_contents
    cell.cell_contents = new
    return lambda: setattr(cell, "cell_contents", old)


def _defaults(function: FunctionType, swapped: dict[int, Any]) -> Callable[[], None]:
    """Default arguments such as ``xp=np``."""
    old = function.__defaults__
    function.__defaults__ = tuple(swapped.get(id(value), value) for value in old or ())
    return lambda: setattr(function, "__defaults__", old)


def _method(name: str, method: Callable[[Any], Any]) -> Callable[[], None]:
    setattr(sp.Expr, name, method)
    return lambda: delattr(sp.Expr, name)


def _entry(names: dict[str, Any], name: str, new: Any) -> Callable[[], None]:
    missing, old = name not in names, names.get(name)
    names[name] = new

    def undo() -> None:
        if missing:
            del names[name]
        else:
            names[name] = old

    return undo
