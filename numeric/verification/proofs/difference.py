"""What is wrong, as a formula: claimed − derived, from the traced equations of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gradproof.errors import GradproofError
from gradproof.numeric.verification.interfaces import Path

if TYPE_CHECKING:
    from gradproof.numeric.verification.proofs.attempt import Traced

LONGEST: Final = 4000
"""A difference of more characters of LaTeX than that helps nobody, and is left out."""


def difference_latex(traced: Traced, path: Path) -> str:
    """The equations of claimed − derived in matrix form where they have one, else in components; empty if too long."""
    difference = traced.claimed[path] - traced.derived[path]
    for form in ("matrix", "index"):
        try:
            latex = str(difference.latex(form=form))
        except GradproofError:
            continue
        if len(latex) <= LONGEST:
            return latex
    return ""
