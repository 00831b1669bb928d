"""One line for a test: the gradient is right, or the test fails with the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradproof.numeric.verification.verify import verify


def assert_gradient(
    loss: Callable[..., Any],
    grad: Callable[..., Any],
    inputs: Mapping[str, Any],
    wrt: str | Sequence[str] | None = None,
    *,
    seed: int = 0,
    allow: str | Sequence[str] = (),
) -> None:
    """Raise AssertionError with the report's text unless every gradient is proved or certified; see :func:`verify`.

    ``allow=("guarded",)`` lets that verdict pass too.

    >>> assert_gradient(lambda w: w * w, lambda w: 2 * w, {"w": 1.5})
    """
    __tracebackhide__ = True
    report = verify(loss, grad, inputs, wrt, seed=seed, allow=allow)
    if not report.ok:
        raise AssertionError(f"the gradient is not verified\n{report}")
