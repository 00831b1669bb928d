"""What the pytest plugin does once a test asks for it: verify, and say in one text why a test fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from gradproof.errors import UsageError
from gradproof.numeric.verification.report import Report
from gradproof.numeric.verification.verify import verify, verify_backward

ALLOWED: Final = ("agrees", "guarded", "unknown")
"""Verdicts that a test may let pass; nothing lets a refuted gradient pass."""


def verified(
    *,
    grad: Callable[..., Any],
    loss: Callable[..., Any] | None = None,
    forward: Callable[..., Any] | None = None,
    inputs: Mapping[str, Any] | Sequence[Any] | Callable[[], Any] | None = None,
    shapes: str | None = None,
    wrt: str | Sequence[str] | None = None,
    seed: int = 0,
) -> Report:
    """The report on a gradient or, with ``forward``, a backward pass; inputs are given, made by a function, or random.

    >>> verified(loss=lambda w: w * w, grad=lambda w: 2 * w, shapes="w:-").verdict.name
    'proved'
    """
    if (inputs is None) == (shapes is None):
        raise UsageError('give either inputs, as {"W": W0}, or shapes, as "W:4,3"')
    if (loss is None) == (forward is None):
        raise UsageError("give either a loss or a forward pass")
    if shapes is not None:
        from gradproof.cli.verify import random_inputs

        inputs = random_inputs(shapes, seed)
    elif callable(inputs):
        inputs = inputs()
    if forward is not None:
        return verify_backward(forward, grad, inputs, wrt, seed=seed)  # type: ignore[arg-type]
    assert loss is not None
    return verify(loss, grad, inputs, wrt, seed=seed)  # type: ignore[arg-type]


def failure(report: Report, allow: str | Sequence[str] = ()) -> str:
    """The text that a test fails with, or "" where it passes.

    A verdict in ``allow`` passes; the report of a failure says which word would let it pass, if one would.

    >>> from gradproof.numeric.verification.report import Finding
    >>> from gradproof.verdicts import Verdict
    >>> guarded = Report((Finding("W", Verdict("guarded", "right but for the guard 1e-07")),))
    >>> failure(guarded, allow="guarded")
    ''
    >>> print(failure(guarded).splitlines()[-1])
    to let this pass: allow="guarded"
    """
    names = {allow} if isinstance(allow, str) else set(allow)
    wrong = sorted(names.difference(ALLOWED))
    if wrong:
        raise UsageError(f"allow={', '.join(wrong)}: the verdicts that can be allowed are {', '.join(ALLOWED)}")
    failed = {f.verdict.name for f in report.findings if not f.ok} - names
    if not failed and report.findings:
        return ""
    lines = [str(report)]
    if failed and failed <= set(ALLOWED):
        words = sorted(failed)
        lines.append(f"to let this pass: allow={words if len(words) > 1 else chr(34) + words[0] + chr(34)}")
    return "\n".join(lines)
