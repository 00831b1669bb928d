"""``python -m gradproof`` is the same program as ``gradproof``."""

from __future__ import annotations

import sys

from gradproof.cli import main

if __name__ == "__main__":
    sys.exit(main())
