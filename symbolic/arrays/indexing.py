"""``x[key]``: parts of an array, as views where NumPy has views, so that stores into one are seen in the other."""

from __future__ import annotations

from typing import Any

from .array import Array
from .either import either, parted
from .keys import full_key, is_gather, keeps_order, known_masks
from .masking import Selection, is_mask, mask_of, masks_in
from .storing import setitem
from .taking import taken


def getitem(x: Array, key: Any) -> Any:
    """``x[key]`` for integers, slices, ``None``, ``...``, integer arrays (which broadcast together) and masks.

    Without integer arrays and masks the result is a view, as in NumPy: stores into one are seen in the other.
    """
    given = key
    key = known_masks(masks_in(key))
    if is_mask(key):
        return Selection(x, mask_of(x, key))
    either_key = parted(key)
    if either_key is not None:
        condition, yes, no = either_key
        made = either(condition, getitem(x, yes), getitem(x, no))
        if not made.ndim:
            return made
        return made.view_of(x, lambda base: getitem(base, key), lambda base, new: setitem(base, key, new), given)
    result = taken(x, key)
    parts = full_key(key, x.ndim, x)
    if any(is_gather(p) for p in parts):
        return result
    if result.ndim == 0 and not any(part is Ellipsis for part in (key if isinstance(key, tuple) else (key,))):
        return result
    result.mutable = True
    result.contiguous = x.contiguous and keeps_order(parts)
    frozen = tuple(part.element() if isinstance(part, Array) else part for part in parts)
    result.view_of(x, lambda base: taken(base, frozen), lambda base, new: setitem(base, frozen, new), given)
    return result
