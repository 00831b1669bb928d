"""Modules beside the tests: tables and checkers that several test files share. Tests are no package."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def module(test: str, path: str, name: str | None = None) -> ModuleType:
    """The module at ``path``, seen from the folder of the file ``test``; ``name`` is what it is imported as."""
    file = (Path(test).parent / path).resolve()
    name = name or f"gradproof_tests_{file.parent.name}_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    found = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up
    spec.loader.exec_module(found)
    return found
