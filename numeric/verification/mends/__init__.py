"""Name a fault by mending the user's own source: edits of its syntax tree, tried in floats and confirmed on balls."""

from __future__ import annotations

from gradproof.numeric.verification.mends.mend import BUDGET, SourceMend, source_mend, source_mends
from gradproof.numeric.verification.mends.naming import with_lines, with_shapes

__all__ = ["BUDGET", "SourceMend", "source_mend", "source_mends", "with_lines", "with_shapes"]
