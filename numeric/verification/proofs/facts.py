"""What the given data are, beyond their shapes: facts that a proof may need (one-hot rows, probabilities, symmetry)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradproof.numeric.verification.interfaces import Path, leaves


def facts_of(inputs: Mapping[str, Any], wrt: Sequence[Path]) -> dict[Path, frozenset[str]]:
    """Facts by path, for the inputs that have some. Of parameters only what stays true around them: positive entries.

    >>> facts_of({"Y": np.eye(3)[[0, 2]], "W": np.ones((2, 2))}, [("W",)])
    {('Y',): frozenset({'one_hot'}), ('W',): frozenset({'positive'})}
    """
    found = {}
    for path, leaf in leaves(inputs).items():
        if isinstance(leaf, (float, np.floating, np.ndarray)) and np.asarray(leaf).dtype.kind == "f" and np.size(leaf):
            words = _facts(np.asarray(leaf), path in wrt)
            if words:
                found[path] = frozenset(words)
    return found


def _facts(value: Any, moves: bool) -> set[str]:
    words: set[str] = set()
    if np.all(value > 0):
        words.add("positive")
    if moves or not value.ndim:
        return words
    rows = value.sum(axis=-1)
    if value.shape[-1] > 1 and np.all((value == 0) | (value == 1)) and np.all(rows == 1):
        return {"one_hot"}
    if np.all((value == 0) | (value == 1)):
        return {"binary"}
    if value.shape[-1] > 1 and np.all(value >= 0) and np.allclose(rows, 1, rtol=1e-12, atol=0):
        words.add("simplex")
    if value.ndim == 2 and value.shape[0] == value.shape[1] > 1 and np.array_equal(value, value.T):
        words.add("symmetric")
    return words
