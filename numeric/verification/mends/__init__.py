"""Name a fault by mending the user's own source: edits of its syntax tree, tried in floats and confirmed on balls."""

from __future__ import annotations

from gradproof.numeric.verification.mends.mend import SourceMend, source_mend, source_mends

__all__ = ["SourceMend", "source_mend", "source_mends"]
