"""Convolutions whose kernel is longer than their signal: NumPy exchanges the two there, and the loss is another one.

``np.convolve(x, k, "valid")`` has ``len(x) - len(k) + 1`` entries where the kernel is the shorter one, and as many as
if the operands were exchanged where it is the longer. A gradient that is right for every signal that holds its kernel
may be wrong there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import numpy as np

from gradproof.numeric.verification.watching import calls_watched

_CODES: Final = {inspect.unwrap(function).__code__ for function in (np.convolve, np.correlate)}


def exchanges(call: Callable[[], Any]) -> bool:
    """Whether a call convolves or correlates something with what is longer."""
    found = False

    def watch(frame: FrameType, event: str, _: Any) -> None:
        nonlocal found
        if event == "call" and frame.f_code in _CODES and frame.f_locals["mode"] != "full":
            found |= np.size(frame.f_locals["v"]) > np.size(frame.f_locals["a"])

    with calls_watched(watch):
        call()
    return found
