"""Text that arrives where a number or a size is due is refused: SymPy would run it as Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sympy as sp

import gradproof as gp
from gradproof.symbolic.equations.nodes import expressions

TAKES_VALUES: dict[str, Any] = {
    "an index": lambda text: gp.array("A", ("n", "n"))[text],
    "a size": lambda text: gp.array("B", (text,)),
    "a size in eye": lambda text: gp.numpy.eye(text),
    "an exponent": lambda text: gp.array("x", ("n",)) ** text,
    "a probability": lambda text: gp.expectation(gp.array("x", ("n",)).sum(), gp.array("x", ("n",)), "bernoulli", text),
    "an index of a node": lambda text: expressions([text]),
}


@pytest.mark.parametrize("name", TAKES_VALUES)
def test_text_where_a_value_is_due_is_refused_and_never_run(name: str, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    with pytest.raises((gp.UsageError, sp.SympifyError)):
        TAKES_VALUES[name](f"open({str(ran)!r}, 'w').close()")
    assert not ran.exists()
