"""Every example in a docstring is true."""

from __future__ import annotations

import doctest
from importlib import import_module
from pkgutil import walk_packages

import pytest

import gradproof

MODULES = sorted(
    info.name for info in walk_packages(gradproof.__path__, "gradproof.") if not info.name.endswith("__main__")
)


@pytest.mark.parametrize("name", ["gradproof", *MODULES])
def test_the_examples_in_docstrings_are_true(name: str) -> None:
    result = doctest.testmod(import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_there_are_modules_to_read() -> None:
    assert {"gradproof.files", "gradproof.symbolic.formulas.formula", "gradproof.cli.main"} <= set(MODULES)
