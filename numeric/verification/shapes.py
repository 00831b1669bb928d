"""The same problem at other sizes: square shapes hide transposes, and 5 examples of 5 classes hide a wrong mean.

Axes that have to agree carry one label. They come from the trace where there is one; else equal sizes are taken for one
dimension. Data of a kind (one-hot rows, labels, positive numbers, a symmetric matrix) is made again as that kind.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from gradproof.numeric.verification.domains import is_symmetric, kind_of, spread, step
from gradproof.numeric.verification.interfaces import Arrays, Path, leaves, replaced

Axes = Mapping[Path, tuple[Hashable, ...]]

ATTEMPTS: Final = 6


def axes_by_size(inputs: Mapping[str, Any]) -> Axes:
    """Labels for every axis of every array: its size."""
    return {path: leaf.shape for path, leaf in leaves(inputs).items() if isinstance(leaf, np.ndarray)}


def other_shapes(
    inputs: Mapping[str, Any], wrt: set[Path], axes: Axes, rng: np.random.Generator
) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
    """Inputs of other small sizes, all different, and the new sizes by the old ones' names; likely ones come first.

    A caller tries them on the code: not every choice of sizes need make sense to it (heads that divide a width, say).
    """
    old: dict[Hashable, int] = {}
    for path, leaf in leaves(inputs).items():
        for name, n in zip(axes.get(path, ()), np.shape(leaf), strict=False):
            if not isinstance(name, int) or name == n:
                old.setdefault(name, n)
    changeable = [name for name, n in old.items() if n > 1]
    if not changeable:
        return
    pool = list(range(2, 4 + len(changeable)))
    for attempt in range(ATTEMPTS):
        if attempt < ATTEMPTS // 2:
            drawn = [int(n) for n in rng.permutation(pool)[: len(changeable)]]
        else:  # one dimension at a time: the others may be fixed by the code
            one = int(rng.integers(len(changeable)))
            drawn = [old[name] + (i == one) for i, name in enumerate(changeable)]
        sizes = {**old, **dict(zip(changeable, drawn, strict=True))}
        if sizes != old:
            changed = resized(inputs, wrt, axes, sizes, rng, with_numbers=attempt % 2 == 1)
            yield changed, {str(name): sizes[name] for name in changeable}


def resized(
    inputs: Mapping[str, Any],
    wrt: set[Path],
    axes: Axes,
    sizes: Mapping[Hashable, int],
    rng: np.random.Generator,
    with_numbers: bool = False,
) -> dict[str, Any]:
    """The inputs at new sizes; ``with_numbers`` also changes integers that equal the old size of a dimension."""
    found: Arrays = {}
    least = min(sizes.values())
    for path, leaf in leaves(inputs).items():
        if isinstance(leaf, np.ndarray) and path in axes:
            shape = tuple(sizes.get(name, n) for name, n in zip(axes[path], leaf.shape, strict=True))
            found[path] = _remade(leaf, shape, path in wrt, least, rng)
        elif with_numbers and isinstance(leaf, int) and not isinstance(leaf, bool):
            found[path] = next((n for name, n in sizes.items() if name == leaf), leaf)
    return dict(replaced(inputs, found))


def _remade(value: Any, shape: tuple[int, ...], parameter: bool, least: int, rng: np.random.Generator) -> Any:
    if value.dtype.kind not in "fiu" or not value.size:
        return _wrapped(value, shape)
    if not parameter and _one_hot(value):
        return np.eye(shape[-1], dtype=value.dtype)[rng.integers(0, shape[-1], size=shape[:-1])]
    if value.dtype.kind in "iu":
        wrapped = _wrapped(value, shape)
        return wrapped % least if wrapped.max(initial=0) >= least else wrapped
    kind = kind_of(value, parameter)
    if kind == "labels":
        return _wrapped(value, shape)
    if kind == "simplex":
        drawn = rng.gamma(1.0, size=shape)
        return drawn / drawn.sum(axis=-1, keepdims=True)
    wrapped = np.asarray(_wrapped(value, shape), dtype=np.float64)
    scale = (0.5 if kind == "real" else 0.25) * spread(np.asarray(value, dtype=np.float64))
    result = step(wrapped, scale * rng.standard_normal(shape), kind)
    return (result + result.T) / 2 if is_symmetric(np.asarray(value)) and shape[0] == shape[-1] else result


def _wrapped(value: Any, shape: tuple[int, ...]) -> Any:
    for axis, n in enumerate(shape):
        value = np.take(value, range(n), axis=axis, mode="wrap")
    return value


def _one_hot(value: Any) -> bool:
    binary = bool(np.all((value == 0) | (value == 1)))
    return value.ndim > 1 and binary and bool(np.all(value.sum(axis=-1) == 1))
