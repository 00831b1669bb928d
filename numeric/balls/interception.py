"""While user code runs, array creation and casts belong to the toolkit: a float buffer would round silently.

:func:`intercepted` gives the user's modules another ``np``, ``math``, parts of SciPy and ``float``: the same names,
except that what creates arrays or casts gives balls. The modules themselves are left alone (NumPy's compiled parts
create buffers through them); what changes for the time of the run are globals and closures of the user's functions,
so two threads must not verify functions of the same module at once. ``import numpy`` inside a function's body gives
the same substitutes, by the globals that ``__import__`` is called with.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import CellType, ModuleType
from typing import Any, Final

import numpy as np
from numpy import asarray  # bound now: the attributes of numpy are replaced while user code runs

from gradproof.numeric.balls import exponential, math_module, scalar_types, strides
from gradproof.numeric.balls import numpy_functions as ball_numpy
from gradproof.numeric.balls.arrays import BallArray, MaskArray, balls_of, base, filled, is_real_kind, normalised
from gradproof.numeric.balls.ball import ONE, UNWRITTEN, ZERO, Ball, NotOnBalls
from gradproof.numeric.balls.frames import user_line
from gradproof.numeric.balls.holders import Swap, exchange, exchanged, holders, put_back
from gradproof.numeric.balls.scopes import is_users, user_scopes

_zeros, _ones, _full, _array = np.zeros, np.ones, np.full, np.array
_float_like: Final = (np.zeros_like, np.ones_like, np.empty_like)


def _is_real(dtype: Any) -> bool:
    return dtype is None or is_real_kind(dtype)


def _has_balls(value: Any) -> bool:
    if isinstance(value, (BallArray, Ball)):
        return True
    return isinstance(value, (list, tuple)) and any(_has_balls(part) for part in value)


def _creator(original: Callable[..., Any], number: Ball) -> Callable[..., Any]:
    @wraps(original)
    def function(shape: Any, dtype: Any = None, *args: Any, **options: Any) -> Any:
        if _is_real(dtype):
            return _as_buffer(filled(base(shape), number))
        return original(base(shape), dtype, *args, **options)

    return function


def _full_of(shape: Any, fill_value: Any, dtype: Any = None, *args: Any, **options: Any) -> Any:
    if dtype is None and not _has_balls(fill_value) and asarray(base(fill_value)).dtype.kind in "biu":
        return _full(shape, fill_value, dtype, *args, **options)
    if _is_real(dtype):
        result = filled(shape, ZERO)
        result[...] = fill_value
        return result
    return _full(shape, fill_value, dtype, *args, **options)


def _like(original: Callable[..., Any]) -> Callable[..., Any]:
    """zeros_like and its kin: a float prototype gives balls, an integer one what NumPy gives."""

    @wraps(original)
    def function(prototype: Any, *args: Any, **options: Any) -> Any:
        first = args[0] if args and original in _float_like else None
        dtype = options.get("dtype", first)
        real = asarray(base(prototype)).dtype.kind in "fO" if dtype is None else is_real_kind(dtype)
        if real and not isinstance(prototype, BallArray):
            prototype = ball_numpy.array(prototype)
        return _as_buffer(original(prototype, *args, **options))

    return function


def _converter(original: Callable[..., Any], copies: bool) -> Callable[..., Any]:
    """array, asarray and their kin: floats and balls become ball arrays, the rest is NumPy's."""

    @wraps(original)
    def function(*values: Any, **options: Any) -> Any:
        value, *args = values or (options.pop("object" if "object" in options else "a"),)
        dtype = args.pop(0) if args else options.pop("dtype", None)
        return _as_buffer(convert(value, dtype, *args, **options), value)

    def convert(value: Any, dtype: Any, *args: Any, **options: Any) -> Any:
        if dtype is not None and not is_real_kind(dtype):
            if isinstance(value, BallArray) or _has_balls(value):
                return ball_numpy.array(_objects(value)).astype(dtype)
            return original(base(value), dtype, *args, **options)
        if isinstance(value, BallArray):
            minimum = int(options.get("ndmin", 0))
            # a scalar becomes an array, which must not share its memory
            result = value.copy() if (copies and options.get("copy", True)) or value.scalar_like else value
            return result.reshape((1,) * (minimum - result.ndim) + result.shape) if minimum > result.ndim else result
        plain = _objects(value)
        if isinstance(plain, np.ndarray) and (plain.dtype.kind in "fO" or dtype is not None):
            if plain.dtype.kind not in "fiubO":
                return original(value, dtype, *args, **options)
            result = balls_of(plain).view(BallArray)
            minimum = int(options.get("ndmin", 0))
            return result.reshape((1,) * (minimum - result.ndim) + result.shape) if minimum > result.ndim else result
        return original(value, dtype, *args, **options)

    return function


def _as_buffer(result: Any, source: Any = None) -> Any:
    """An array made with shape () is a buffer, other than the 0-d array of balls that stands for a scalar."""
    if isinstance(result, BallArray) and result.ndim == 0 and result is not source:
        result.buffer = True
    return result


def _objects(value: Any) -> np.ndarray[Any, Any]:
    """A (nested) sequence with balls in it as one object array; without balls as NumPy reads it."""
    if isinstance(value, (list, tuple)) and _has_balls(value):
        parts = [_objects(part) if isinstance(part, (list, tuple)) else balls_of(part) for part in value]
        return np.stack([balls_of(part) for part in parts])
    return asarray(base(value))


def _float_result(original: Callable[..., Any]) -> Callable[..., Any]:
    """eye, linspace, arange and so on: what comes out as floats is turned into balls."""

    @wraps(original)
    def function(*args: Any, **options: Any) -> Any:
        result = original(*[_plain_number(a) for a in args], **{k: _plain_number(v) for k, v in options.items()})
        if isinstance(result, np.ndarray) and result.dtype.kind == "f":
            return balls_of(result).view(BallArray)
        return normalised(result) if isinstance(result, np.ndarray) else result

    return function


def _keeping(original: Callable[..., Any]) -> Callable[..., Any]:
    """where, diag and so on: a float result without balls among the arguments is turned into balls too."""

    @wraps(original)
    def function(*args: Any, **options: Any) -> Any:
        result = original(*args, **options)
        if isinstance(result, np.ndarray) and result.dtype.kind == "f":
            return balls_of(result).view(BallArray)
        return result

    return function


def _plain_number(value: Any) -> Any:
    """A 0-d ball that is an exact integer as an int, for the arguments of arange and the like."""
    if isinstance(value, BallArray) and value.ndim == 0:
        whole = base(value)[()].v.unique_fmpz()
        return value if whole is None else int(whole)
    return value


def _scipy(original: Callable[..., Any], replacement: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def function(a: Any, *args: Any, **options: Any) -> Any:
        return replacement(a, *args, **options) if isinstance(a, BallArray) else original(a, *args, **options)

    return function


def _drawing(original: Callable[..., Any]) -> Callable[..., Any]:
    """np.random.choice and its kin: probabilities that are data go in as floats; ones that depend on W are refused."""

    @wraps(original)
    def function(*args: Any, **options: Any) -> Any:
        return original(*[_as_data(a) for a in args], **{k: _as_data(v) for k, v in options.items()})

    return function


def _as_data(value: Any) -> Any:
    if not isinstance(value, BallArray):
        return value
    if any(element.d is not None and not element.d.is_zero() for element in base(value).flat):
        raise NotOnBalls(f"{user_line()}: what is drawn depends on the parameters through its probabilities")
    return value.approximate()


_made: Final[list[tuple[Any, str, Any, Any]]] = []
"""The replacements that were made last, each with its original: there are two hundred, and every run needs them."""


def _replacements() -> list[tuple[Any, str, Any]]:
    """(module, attribute, replacement) for everything that is intercepted."""
    here = {id(module) for module, *_ in _made}
    later = [m for m in map(sys.modules.get, _SCIPY) if m is not None and id(m) not in here]
    if not _made or later or any(getattr(module, name, None) is not old for module, name, old, _ in _made):
        _made[:] = [(module, name, getattr(module, name), new) for module, name, new in _all_replacements()]
    return [(module, name, new) for module, name, _, new in _made]


def _all_replacements() -> list[tuple[Any, str, Any]]:
    table: list[tuple[Any, str, Any]] = [
        (np, "zeros", _creator(np.zeros, ZERO)),
        (np, "empty", _creator(np.empty, UNWRITTEN)),
        (np, "ones", _creator(np.ones, ONE)),
        (np, "full", _full_of),
    ]
    table += [(np, f.__name__, _like(f)) for f in (np.zeros_like, np.ones_like, np.empty_like, np.full_like)]
    table += [(np, name, _converter(getattr(np, name), True)) for name in ("array",)]
    table += [
        (np, name, _converter(getattr(np, name), False))
        for name in ("asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "asarray_chkfinite")
        if hasattr(np, name)
    ]
    table += [
        (np, name, _float_result(getattr(np, name)))
        for name in ("eye", "identity", "arange", "linspace", "logspace", "tri", "fromiter")
    ]
    table += [(np, name, _keeping(getattr(np, name))) for name in ("where", "diag", "meshgrid", "copy")]
    table += [(np.random, name, _drawing(getattr(np.random, name))) for name in ("choice", "multinomial", "binomial")]
    table += [(np.lib.stride_tricks, "as_strided", strides.as_strided)]
    table += math_module.replacements()
    table += scalar_types.replacements()
    for part, functions in _SCIPY.items():
        module = sys.modules.get(part)
        if module is not None:
            table += [(module, f.__name__, _scipy(getattr(module, f.__name__), f)) for f in functions]
    return table


_SCIPY: Final[dict[str, tuple[Callable[..., Any], ...]]] = {
    "scipy.special": (ball_numpy.logsumexp, ball_numpy.softmax, ball_numpy.log_softmax),
    "scipy.linalg": (exponential.expm, exponential.expm_frechet),
}
"""SciPy's functions on balls, by the module that they stand in."""


class _Proxy(ModuleType):
    """A module with some attributes replaced."""

    def __init__(self, original: ModuleType, replacements: dict[str, Any]) -> None:
        super().__init__(original.__name__)
        self.__dict__.update(replacements)
        self.__dict__["_original"] = original

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_original"], name)


EXTRA: Final[dict[int, Any]] = {}
"""Further substitutes, by the identity of the original: what an adapter for another library puts here for its runs."""


def substitutes() -> dict[int, Any]:
    """What a name in user code that is bound to an original (by identity) is bound to during a run."""
    by_module: dict[int, tuple[Any, dict[str, Any]]] = {}
    found: dict[int, Any] = {}
    for module, name, new in _replacements():
        found[id(getattr(module, name))] = new
        by_module.setdefault(id(module), (module, {}))[1][name] = new
    for key, (module, replacements) in by_module.items():
        if module is not builtins:
            found[key] = _Proxy(module, replacements)
    lib = _Proxy(np.lib, {"stride_tricks": found[id(np.lib.stride_tricks)]})
    found[id(np.lib)] = lib
    found[id(np)].__dict__.update(random=found[id(np.random)], lib=lib)
    scipy = sys.modules.get("scipy")
    parts = {name.removeprefix("scipy."): id(sys.modules[name]) for name in _SCIPY if name in sys.modules}
    if scipy is not None and parts:
        found[id(scipy)] = _Proxy(scipy, {name: found[part] for name, part in parts.items()})
    return found | EXTRA


@contextmanager
def intercepted(*functions: Any, buffers: bool = False) -> Iterator[None]:
    """Run user code inside this block: creation and casts give balls.

    With ``buffers`` the float arrays that the code holds (on ``self``, in lists, in its module) are exchanged too.
    """
    table = substitutes()
    found = user_scopes(functions)
    scopes, cells = found.modules, found.cells
    memo: dict[int, Any] | None = {} if buffers else None
    users = {id(scope) for scope in scopes}
    real_import = builtins.__import__

    def substituting_import(name: str, scope: Any = None, *args: Any, **options: Any) -> Any:
        module = real_import(name, scope, *args, **options)
        return table.get(id(module), module) if id(scope) in users else module

    names: list[tuple[dict[str, Any], str, Any, bool]] = []
    contents: list[tuple[CellType, Any]] = []
    swaps: list[Swap] = []
    try:
        builtins.__import__ = substituting_import  # type: ignore[assignment]
        swaps = exchange(holders(functions, is_users), table, memo)
        for scope in scopes:
            for name, value in list(scope.items()):
                new = exchanged(value, table, memo)
                if new is not None:
                    names.append((scope, name, value, True))
                    scope[name] = new
            if "float" not in scope:
                names.append((scope, "float", None, False))
                scope["float"] = table[id(builtins.float)]
        for cell in cells:
            new = exchanged(cell.cell_contents, table, memo)
            if new is not None:
                contents.append((cell, cell.cell_contents))
                cell.cell_contents = new
        yield
    finally:
        builtins.__import__ = real_import
        for scope, name, old, existed in reversed(names):
            if existed:
                scope[name] = old
            else:
                scope.pop(name, None)
        for cell, old in reversed(contents):
            cell.cell_contents = old
        put_back(reversed(swaps))


def plain(value: Any) -> Any:
    """An array without our subclasses, for results that leave the block."""
    return base(value) if isinstance(value, (BallArray, MaskArray)) else value
