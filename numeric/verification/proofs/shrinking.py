"""Smaller inputs for a trace that has to loop: two examples instead of two hundred, three steps instead of thirty.

What a proof says holds for all values at the sizes that it fixed, so those may as well be small. Inputs are cut along
the axes whose sizes the code wanted as numbers, and along all others of the same size; what does not run on the cut
inputs, or gives other shapes than the parameters have, is not used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradproof.errors import GradproofError
from gradproof.numeric.verification.interfaces import Path, leaves, read_gradients, replaced
from gradproof.numeric.verification.plain_runs import USER_FAILURE

if TYPE_CHECKING:
    from gradproof.symbolic.tracing.sizes import LeftOut, Sizes


def shrunk(inputs: Mapping[str, Any], sizes: Sizes, target: int) -> Iterator[dict[str, Any]]:
    """The inputs with sizes that became numbers cut to ``target``: all of them, then one at a time, the largest first.

    (Labels name classes: where there is a loop over both, examples can be left out and classes cannot.)
    """
    given = {axis: (sizes.given[symbol], sizes.solved.get(symbol)) for axis, symbol in sizes.axes.items()}
    numbers = {size for size, solved in given.values() if solved is not None and solved.is_Integer and size > target}
    offsets: dict[Any, int] = {}
    for axis, (_, solved) in given.items():
        if solved is not None and solved.is_Add:
            constant = solved.as_coeff_Add()[0]  # x.shape[0] = w.shape[0] + 6: seven windows
            if constant.is_Integer and constant + 1 > target:
                offsets[axis] = int(constant) + 1 - target
                numbers.add(int(constant) + 1)
    alone = [{n} for n in sorted(numbers, reverse=True)] if len(numbers) > 1 else []
    for chosen in [numbers, *alone] if numbers else []:
        cut: dict[Path, Any] = {}
        for path, leaf in leaves(inputs).items():
            if isinstance(leaf, np.ndarray):
                less = [offsets.get((path, p), n - target if n in chosen else 0) for p, n in enumerate(leaf.shape)]
                cut[path] = leaf[tuple(slice(0, n - k) for n, k in zip(leaf.shape, less, strict=True))]
        yield dict(replaced(inputs, cut))


def below(inputs: Mapping[str, Any], sizes: Sizes, left_out: LeftOut) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """The inputs cut to each of the sizes that were left out, with that size.

    As they are, and with labels of 0: another one may be too large for what was cut.
    """
    for size in range(1, left_out.least):
        numbers = {**sizes.given, left_out.part: size - left_out.least + 1}
        found = {axis: sizes.solved.get(symbol, symbol).xreplace(numbers) for axis, symbol in sizes.axes.items()}
        cut: dict[Path, Any] = {}
        for path, leaf in leaves(inputs).items():
            if isinstance(leaf, np.ndarray):
                shape = [int(found.get((path, p), n)) for p, n in enumerate(leaf.shape)]
                cut[path] = leaf[tuple(map(slice, shape))] if all(n >= 0 for n in shape) else leaf
        zeros = {p: np.zeros_like(leaf) if leaf.dtype.kind in "iu" else leaf for p, leaf in cut.items()}
        yield size, [dict(replaced(inputs, cut)), dict(replaced(inputs, zeros))]


def runs(loss: Callable[..., Any], grad: Callable[..., Any], inputs: Mapping[str, Any], covers: Sequence[Path]) -> bool:
    """Whether both functions accept the inputs and the gradients have the shapes of the parameters."""
    given = leaves(inputs)
    try:
        loss(**replaced(inputs, {}))
        found = read_gradients(grad(**replaced(inputs, {})), covers, inputs)
    except (GradproofError, *USER_FAILURE):
        return False
    return all(np.shape(found[path]) == np.shape(given[path]) for path in covers)
