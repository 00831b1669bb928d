"""What test files share: modules beside them (tests are no package), and the number of random examples."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import HealthCheck, Phase, settings

EXAMPLES = int(os.environ.get("GRADPROOF_EXAMPLES", "120"))
"""How many random programs the largest property gets; the others get a share of it."""


def module(test: str, path: str, name: str | None = None) -> ModuleType:
    """The module (or package, by its ``__init__.py``) at ``path``, seen from the folder of the file ``test``.

    ``name`` is what it is imported as.
    """
    file = (Path(test).parent / path).resolve()
    name = name or f"gradproof_tests_{file.parent.name}_{file.stem}"
    within = [str(file.parent)] if file.stem == "__init__" else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=within)
    assert spec is not None and spec.loader is not None
    found = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up
    spec.loader.exec_module(found)
    return found


def examples(share: float, shrink: bool = True) -> Callable[[Any], Any]:
    """One ``share``-th of the examples, with what repeats one printed where it fails.

    Without ``shrink`` a failure is shown as it was drawn: where an example costs a second, a smaller one takes minutes.
    """
    phases = tuple(phase for phase in Phase if shrink or phase not in (Phase.shrink, Phase.explain))
    return settings(
        max_examples=max(int(EXAMPLES / share), 1), print_blob=True, deadline=None, phases=phases,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
    )  # fmt: skip
