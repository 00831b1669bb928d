"""The same problem at other sizes: square shapes hide transposes, and 5 examples of 5 classes hide a wrong mean.

Axes that have to agree carry one label. They come from the trace where there is one; else equal sizes are taken apart
as far as the loss still runs: of two axes of size 4, can one be 3 and the other 5, and the other way round (more labels
than examples would do, fewer not)? The leading axes of data stay together, since a loop over ``zip(X, Y)`` would run on
unequal lengths too. Data of a kind (one-hot rows, labels, positive numbers, a symmetric matrix) is made again as that
kind.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import chain, combinations
from typing import Any, Final

import numpy as np

from gradproof.numeric.verification.domains import axis_of_shares, exact_shares, is_symmetric, kind_of, spread, step
from gradproof.numeric.verification.interfaces import Arrays, Path, label, leaves, replaced

Axes = Mapping[Path, tuple[Hashable, ...]]

ATTEMPTS: Final = 6
DRAWS: Final = 20
ALIKE: Final = 5
"""At most so many groups of axes of one size are taken apart: there are 52 ways to do it."""

TIED: Final = 12
"""Of so many groups those that can only change together are found first: by 2,048 runs at most, mostly by a few."""

MORE: Final = 9
"""By so much an axis grows where nothing in particular is looked for."""

MOST: Final = 20_000
"""With more input entries than that a problem is left out."""

Place = tuple[Path, int]


def axes_by_trial(
    inputs: Mapping[str, Any], wrt: set[Path], runs: Callable[[dict[str, Any]], bool], rng: np.random.Generator
) -> Axes:
    """Labels for every axis of every array: those of one size apart, as far as ``runs`` accepts inputs of such sizes.

    A label names the first axis that carries it, as in ``X.shape[0]``.
    """
    shapes = {path: leaf.shape for path, leaf in leaves(inputs).items() if isinstance(leaf, np.ndarray)}
    labels: dict[Place, Hashable] = {(path, axis): n for path, s in shapes.items() for axis, n in enumerate(s)}
    for n in sorted({n for s in shapes.values() for n in s if n > 1}):
        groups: dict[Hashable, list[Place]] = {}
        for path, axis in (place for place in labels if labels[place] == n):
            data = axis == 0 and path not in wrt
            groups.setdefault("data" if data else (path, axis), []).append((path, axis))
        apart = list(groups.values())
        if ALIKE < len(apart) <= TIED:

            def runs_with(places: list[Place], n: int = n, known: Mapping[Place, Hashable] = dict(labels)) -> bool:
                trial = _by_path({**known, **dict.fromkeys(places, "other")}, shapes)
                sizes: dict[Hashable, int] = {name: shapes[path][axis] for (path, axis), name in known.items()}
                longer, shorter = {"other": n + 1}, {n: n + 1, "other": n}
                return all(runs(resized(inputs, wrt, trial, sizes | new, rng)) for new in (longer, shorter))

            apart = _tied(apart, runs_with)
        if not 1 < len(apart) <= ALIKE:
            continue
        for blocks in _partitions(apart):
            named = {place: f"{n}{chr(97 + k)}" for k, block in enumerate(blocks) for place in block}
            trial = _by_path({**labels, **named}, shapes)
            sizes: dict[Hashable, int] = {name: shapes[p][a] for (p, a), name in {**labels, **named}.items()}
            keys, new = [f"{n}{chr(97 + k)}" for k in range(len(blocks))], _other_sizes(n, len(blocks))
            orders = (dict(zip(keys, order, strict=True)) for order in (new, new[::-1]))
            if len(blocks) > 1 and all(runs(resized(inputs, wrt, trial, sizes | order, rng)) for order in orders):
                labels |= named
                break
        else:  # one that is part of a sum, as the width of a state in that of joined rows, holds up the others

            def changes(places: list[Place], n: int = n, known: Mapping[Place, Hashable] = dict(labels)) -> bool:
                trial = _by_path({**known, **dict.fromkeys(places, "other")}, shapes)
                sizes: dict[Hashable, int] = {name: shapes[path][axis] for (path, axis), name in known.items()}
                return all(runs(resized(inputs, wrt, trial, sizes | {"other": m}, rng)) for m in (n + 1, n - 1))

            # of two that cannot be told apart, neither holds up the other
            for k, places in enumerate(_alone(apart, changes) if len(apart) > 2 else []):
                labels |= dict.fromkeys(places, f"{n}{chr(97 + k)}")
    names: dict[Hashable, str] = {}
    for (path, axis), name in labels.items():
        names.setdefault(name, f"{label(path)}.shape[{axis}]")
    return _by_path({place: names[name] for place, name in labels.items()}, shapes)


def _tied(groups: list[list[Place]], runs_with: Callable[[list[Place]], bool]) -> list[list[Place]]:
    """Groups joined with those that have to change with them: the fewest that can have another size together."""
    found: list[list[Place]] = []
    left = list(groups)
    while left:
        first, *rest = left
        choices = (chosen for count in range(len(rest)) for chosen in combinations(rest, count))
        together = next((c for c in choices if runs_with([*first, *chain(*c)])), tuple(rest))
        found.append([*first, *chain(*together)])
        left = [group for group in rest if group not in together]
    return found


def _alone(groups: list[list[Place]], changes: Callable[[list[Place]], bool]) -> list[list[Place]]:
    """The groups, joined where they have to be, that can change while all others stay as they are."""
    found: list[list[Place]] = []
    for count in range(1, len(groups)):
        for chosen in combinations(groups, count):
            places = [*chain(*chosen)]
            if not any(place in taken for taken in found for place in places) and changes(places):
                found.append(places)
    return found


def _by_path(labels: Mapping[Place, Hashable], shapes: Mapping[Path, tuple[int, ...]]) -> Axes:
    return {path: tuple(labels[path, axis] for axis in range(len(shape))) for path, shape in shapes.items()}


def _other_sizes(n: int, count: int) -> list[int]:
    return [k for k in range(2, count + 3) if k != n][:count]


def _partitions(groups: list[list[Place]]) -> list[list[list[Place]]]:
    """Every way to put the groups into blocks, the most blocks first."""
    found: list[list[list[Place]]] = [[]]
    for group in groups:
        found = [
            [*blocks[:k], [*blocks[k], *group], *blocks[k + 1 :]] if k < len(blocks) else [*blocks, group]
            for blocks in found
            for k in range(len(blocks) + 1)
        ]
    return sorted(found, key=len, reverse=True)


def sizes_of(inputs: Mapping[str, Any], axes: Axes) -> dict[Hashable, int]:
    """The size of every axis of the inputs by its label; the first array that has it decides."""
    found: dict[Hashable, int] = {}
    for path, leaf in leaves(inputs).items():
        for name, n in zip(axes.get(path, ()), np.shape(leaf), strict=False):
            found.setdefault(name, n)
    return found


def other_shapes(
    inputs: Mapping[str, Any], wrt: set[Path], axes: Axes, rng: np.random.Generator
) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
    """Inputs of other small sizes, all different, and the new sizes by the old ones' names; likely ones come first.

    A caller tries them on the code: not every choice of sizes need make sense to it (heads that divide a width, say).
    """
    old = sizes_of(inputs, axes)
    changeable = [name for name, n in old.items() if n > 1]
    if not changeable:
        return
    pool = list(range(2, 4 + len(changeable)))
    for attempt in range(ATTEMPTS):
        if attempt < ATTEMPTS // 2:
            drawn = _drawn([old[name] for name in changeable], pool, rng)
        else:  # one dimension at a time: the others may be fixed by the code
            one = int(rng.integers(len(changeable)))
            drawn = [old[name] + (i == one) for i, name in enumerate(changeable)]
        sizes = {**old, **dict(zip(changeable, drawn, strict=True))}
        if sizes != old:
            changed = resized(inputs, wrt, axes, sizes, rng, old if attempt % 2 == 1 else {})
            yield changed, {str(name): sizes[name] for name in changeable if sizes[name] != old[name]}


def one_axis(
    inputs: Mapping[str, Any], wrt: set[Path], axes: Axes, rng: np.random.Generator, size: int | None = None
) -> Iterator[tuple[dict[str, Any], dict[str, int]]]:
    """The inputs with one axis of another ``size``, or longer by :data:`MORE`; axes as the inputs have them."""
    old = sizes_of(inputs, axes)
    for name, n in old.items():
        new = size or n + MORE
        if n > 1 and new != n:
            grown = resized(inputs, wrt, axes, {**old, name: new}, rng, old)
            if sum(int(np.size(leaf)) for leaf in leaves(grown).values()) <= MOST:
                yield grown, {str(name): new}


def _drawn(old: list[int], pool: list[int], rng: np.random.Generator) -> list[int]:
    """Different sizes out of a pool, as many of them new as a few draws give: what stays the same is not tested."""
    draws = [[int(n) for n in rng.permutation(pool)[: len(old)]] for _ in range(DRAWS)]
    return min(draws, key=lambda drawn: sum(a == b for a, b in zip(drawn, old, strict=True)))


def resized(
    inputs: Mapping[str, Any],
    wrt: set[Path],
    axes: Axes,
    sizes: Mapping[Hashable, int],
    rng: np.random.Generator,
    old: Mapping[Hashable, int] | None = None,
) -> dict[str, Any]:
    """The inputs at new sizes; with the ``old`` sizes, integers that equal one of them change with it."""
    found: Arrays = {}
    least = min(sizes.values())
    for path, leaf in leaves(inputs).items():
        if isinstance(leaf, np.ndarray) and path in axes:
            shape = tuple(sizes.get(name, n) for name, n in zip(axes[path], leaf.shape, strict=True))
            found[path] = _remade(leaf, shape, path in wrt, least, rng)
        elif old and isinstance(leaf, int) and not isinstance(leaf, bool):
            found[path] = next((sizes[name] for name, n in old.items() if n == leaf), leaf)
    return dict(replaced(inputs, found))


def _remade(value: Any, shape: tuple[int, ...], parameter: bool, least: int, rng: np.random.Generator) -> Any:
    if not value.size:
        return np.zeros(shape, dtype=value.dtype)
    if value.dtype.kind not in "fiu":
        return _wrapped(value, shape)
    shared = None if parameter else axis_of_shares(value)
    if shared is not None and np.all((value == 0) | (value == 1)):
        return np.moveaxis(_one_hot(np.delete(shape, shared), shape[shared], rng), -1, shared).astype(value.dtype)
    if value.dtype.kind in "iu":
        wrapped = _wrapped(value, shape)
        return wrapped % least if wrapped.max(initial=0) >= least else wrapped
    kind = kind_of(value, parameter)
    if kind in ("labels", "integers"):
        return _wrapped(value, shape)
    if kind == "simplex" and shared is not None:
        drawn = rng.gamma(1.0, size=shape)
        return exact_shares(drawn / drawn.sum(axis=shared, keepdims=True), shared)
    wrapped = np.asarray(_wrapped(value, shape), dtype=np.float64)
    scale = (0.5 if kind == "real" else 0.25) * spread(np.asarray(value, dtype=np.float64))
    result = step(wrapped, scale * rng.standard_normal(shape), kind)
    return (result + result.T) / 2 if is_symmetric(np.asarray(value)) and shape[0] == shape[-1] else result


def _wrapped(value: Any, shape: tuple[int, ...]) -> Any:
    for axis, n in enumerate(shape):
        value = np.take(value, range(n), axis=axis, mode="wrap")
    return value


def _one_hot(places: Any, classes: int, rng: np.random.Generator) -> Any:
    return np.eye(classes)[rng.integers(0, classes, size=tuple(places))]
