"""What user code holds beside the names of its modules: attributes, dicts and lists behind its closures and objects.

A function of NumPy that stands in a table (``{"zeros": np.zeros}``, ``self.alloc``, a ``partial``) is exchanged there
too. Float arrays that stand there are data as a rule, and are left; where code writes exact values into one of them
(``self.grads[0][...] = dW``), it is exchanged for an array of balls, if it is small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final

import numpy as np

from gradproof.numeric.balls.arrays import BallArray, balls_of

LARGEST: Final = 20_000
"""A float array with more entries is data, and no buffer."""

MOST: Final = 4096
DEEPEST: Final = 6
"""How many objects are followed, and how deep."""

Swap = tuple[Any, Any, Any]
"""(dict or list, key or index, the value that stood there)."""


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _behind(function: FunctionType) -> Iterator[Any]:
    """What a function's closure and defaults hold, and the global objects that its code names."""
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # a cell that is not filled yet
            continue
    for name in _names(function.__code__):
        if name in function.__globals__:
            yield function.__globals__[name]


def holders(functions: Iterable[Any], is_users: Callable[[Any], bool]) -> list[Any]:
    """The dicts and lists that the functions can reach, objects by their ``__dict__``."""
    found: list[Any] = []
    seen: set[int] = set()
    queue: list[tuple[Any, int]] = [(function, 0) for function in functions]
    while queue and len(seen) < MOST:
        node, depth = queue.pop()
        if id(node) in seen or depth > DEEPEST or isinstance(node, (np.ndarray, str, int, float, ModuleType)):
            continue
        seen.add(id(node))
        inner: Iterable[Any] = ()
        if isinstance(node, MethodType):
            inner = (node.__self__, node.__func__)
        elif isinstance(node, FunctionType):
            inner = _behind(node) if is_users(node) else ()
        elif isinstance(node, partial):
            inner = (node.func, *node.args)
        elif isinstance(node, (list, tuple)):
            inner = node
        elif isinstance(node, dict):
            inner = node.values()
        elif isinstance(node, type):
            inner = vars(node).values() if is_users(node) else ()
        elif is_users(type(node)):
            inner = (getattr(node, "__dict__", {}), type(node))
        if isinstance(node, (list, dict)):
            found.append(node)
        queue += [(getattr(part, "__func__", part), depth + 1) for part in inner]
    return found


def exchanged(value: Any, table: Mapping[int, Any], buffers: dict[int, Any] | None) -> Any:
    """What stands for a value during a run; None where it stays."""
    new = table.get(id(value))
    if new is None and isinstance(value, partial) and id(value.func) in table:
        new = partial(table[id(value.func)], *value.args, **value.keywords)
    if new is None and buffers is not None and type(value) is np.ndarray and value.dtype.kind == "f":
        small = value.size <= LARGEST and value.flags.writeable
        new = buffers.setdefault(id(value), balls_of(value).copy().view(BallArray)) if small else None
    return new


def exchange(held: Iterable[Any], table: Mapping[int, Any], buffers: dict[int, Any] | None) -> list[Swap]:
    """Exchange functions, and buffers if there is a memo for them, in dicts and lists; what stood there is returned."""
    swaps: list[Swap] = []
    for holder in held:
        items = list(holder.items()) if isinstance(holder, dict) else list(enumerate(holder))
        for key, value in items:
            new = exchanged(value, table, buffers)
            if new is not None:
                swaps.append((holder, key, value))
                holder[key] = new
    return swaps


def put_back(swaps: Iterable[Swap]) -> None:
    """Undo :func:`exchange`, where the place is still there."""
    for holder, key, value in swaps:
        if isinstance(holder, dict) or key < len(holder):
            holder[key] = value
