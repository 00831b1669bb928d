"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# Time limits of single examples fail at random on a busy machine and under coverage; a failure prints what repeats it.
settings.register_profile("gradproof", deadline=None, print_blob=True)
settings.load_profile("gradproof")
