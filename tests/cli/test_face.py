"""The lazy face: one table, a matching block for type checkers, and no import before its time."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import gradproof


def _block_for_type_checkers() -> dict[str, str]:
    """Return the names that the TYPE_CHECKING block re-exports, as "module:attribute"."""
    tree = ast.parse(Path(gradproof.__file__).read_text(encoding="utf-8"))
    blocks = [node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name)]
    assert len(blocks) == 1
    exports: dict[str, str] = {}
    for statement in blocks[0].body:
        assert isinstance(statement, ast.ImportFrom)
        for alias in statement.names:
            assert alias.asname == alias.name, "only 'name as name' is an explicit re-export"
            exports[alias.name] = f"{statement.module}:{alias.name}"
    return exports


def test_type_checkers_see_the_same_face_as_the_interpreter() -> None:
    assert _block_for_type_checkers() == gradproof._FACE


@pytest.mark.parametrize("name", sorted(gradproof._FACE))
def test_every_public_name_loads_from_where_the_table_says(name: str) -> None:
    value = getattr(gradproof, name)
    module, _, attribute = gradproof._FACE[name].partition(":")
    assert value is getattr(sys.modules[module], attribute)
    assert name in dir(gradproof)


def test_importing_gradproof_imports_neither_sympy_nor_numpy() -> None:
    program = "import gradproof, sys; print(sorted({'sympy', 'numpy', 'flint', 'jinja2'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_importing_the_command_line_imports_neither_sympy_nor_numpy() -> None:
    program = (
        "import sys; from gradproof.cli import main; code = main(['--help']);"
        "print(code, sorted({'sympy', 'numpy', 'flint', 'jinja2'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "0 []"


def test_an_unknown_name_is_an_attribute_error_that_lists_the_public_names() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'gradient'; the public names are dims, array, .*grad"):
        _ = gradproof.gradient


def test_a_broken_module_is_an_import_error_and_not_a_missing_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken_by_attribute.py").write_text("import math\nvalue = math.no_such_function\n")
    (tmp_path / "broken_by_import.py").write_text("import no_such_module_anywhere\n")
    (tmp_path / "without_the_name.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("broken_by_attribute", "broken_by_import", "without_the_name"):
        monkeypatch.setitem(gradproof._FACE, name, f"{name}:value")
        with pytest.raises(ImportError, match=r"no_such_function|no_such_module_anywhere|value"):
            hasattr(gradproof, name)


def test_the_package_is_marked_as_typed() -> None:
    spec = find_spec("gradproof")
    assert spec is not None and spec.submodule_search_locations
    assert any((Path(place) / "py.typed").is_file() for place in spec.submodule_search_locations)


@pytest.mark.parametrize("folder", ["symbolic", "numeric", "codegen"])
def test_a_folder_refuses_to_be_imported_under_its_bare_name(folder: str) -> None:
    package = find_spec(f"gradproof.{folder}")
    assert package is not None and package.origin is not None
    place = Path(package.origin).parent.parent
    program = f"import sys; sys.path.insert(0, {str(place)!r}); import {folder}"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert f"import this folder as gradproof.{folder}" in result.stderr
