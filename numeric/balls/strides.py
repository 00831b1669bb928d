"""``as_strided`` on balls: an address outside of the array holds no ball, and reading one there would end Python."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from gradproof.numeric.balls.arrays import BallArray, base
from gradproof.numeric.balls.ball import NotOnBalls
from gradproof.numeric.balls.frames import user_line

as_strided_of_numpy: Final = np.lib.stride_tricks.as_strided


class OutsideOfMemory(NotOnBalls):
    """The code reads what lies beside an array in memory, which may be anything."""


def as_strided(x: Any, shape: Any = None, strides: Any = None, subok: bool = False, writeable: bool = True) -> Any:
    """``np.lib.stride_tricks.as_strided`` where all of its addresses are elements of the memory that ``x`` lies in."""
    if not isinstance(x, BallArray):
        return as_strided_of_numpy(x, shape, strides, subok, writeable)
    plain = base(x)
    sizes = plain.shape if shape is None else tuple(np.atleast_1d(shape).tolist())
    steps = plain.strides if strides is None else tuple(np.atleast_1d(strides).tolist())
    fault = outside(plain, sizes, steps)
    if fault:
        raise OutsideOfMemory(f"{user_line()}: {fault}")
    return as_strided_of_numpy(plain, sizes, steps, False, writeable).view(BallArray)


def outside(x: np.ndarray[Any, Any], shape: tuple[int, ...], strides: tuple[int, ...]) -> str:
    """What is wrong with a view of this shape and these strides from the first element of ``x`` on; empty if nothing.

    >>> outside(np.zeros(5), (3, 3), (8, 8))
    ''
    >>> outside(np.zeros(5), (3, 4), (8, 8))
    'as_strided reads 1 element behind the end of an array of 5'
    """
    size = x.itemsize
    if len(shape) != len(strides) or not all(shape):
        return ""
    if any(step % size for step in strides):
        return f"a stride of as_strided is no multiple of the {size} bytes of an element"
    owner: Any = x
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    first, behind = np.lib.array_utils.byte_bounds(owner)
    start = x.__array_interface__["data"][0]
    spans = [(n - 1) * step for n, step in zip(shape, strides, strict=True)]
    below = first - (start + sum(span for span in spans if span < 0))
    above = start + sum(span for span in spans if span > 0) + size - behind
    for excess, where in ((below, "before the beginning"), (above, "behind the end")):
        if excess > 0:
            count = -(-excess // size)
            what = "element" if count == 1 else "elements"
            return f"as_strided reads {count} {what} {where} of an array of {owner.size}"
    return ""
