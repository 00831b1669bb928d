"""What ``gp.equal`` has to say of a pair of arrays, with its reason where it says something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradproof as gp

Pair = tuple[Any, Any]


def is_decided(pair: Callable[[], Pair], verdict: str) -> None:
    """The pair has this verdict; none, ``""``, stands for any but ``proved``."""
    found = gp.equal(*pair())
    assert found.name == verdict or (not verdict and found.name != "proved"), str(found)
