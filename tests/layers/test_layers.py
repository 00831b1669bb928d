"""Every layer: its derived gradient is the hand-written one, for all shapes; numbers and code agree with both."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from beside import module

import gradproof as gp
from gradproof.symbolic.arrays.array import Array
from gradproof.symbolic.equations.definition import ordered
from gradproof.symbolic.normal.zero import Prover
from gradproof.symbolic.prove import prove
from gradproof.symbolic.prove_parts import prove_by_parts

table = module(__file__, "table.py")
tex_checker = module(__file__, "../symbolic/tex_checker.py")
TABLE = table.TABLE


@cache
def derived(name: str) -> tuple[Any, list[Any]]:
    """The output and the gradients, by the engine."""
    row = TABLE[name]
    arrays = row.arrays()
    output = row.layer(**arrays)
    wrt = [arrays[name] for name in row.wrt]
    return output, gp.grad(output, wrt) if output.ndim == 0 else gp.vjp(output, wrt, row.cotangent(output))


def given(row: Any, output: Any) -> dict[str, Any]:
    """The inputs as ``gp.trace`` takes them, with the cotangent unless the output is a loss."""
    return {**row.inputs, **({} if output.ndim == 0 else {"d": row.cotangent(output)})}


TRACED = [name for name in TABLE if TABLE[name].traced]


@pytest.mark.parametrize("name", TRACED)
def test_the_layer_and_its_gradient_are_the_hand_written_ones_for_all_shapes(name: str) -> None:
    row = TABLE[name]
    output, gradients = derived(name)
    forward, backward = row.references()
    by_hand = gp.trace(forward, row.inputs)
    prover = Prover()
    forwards = prove(by_hand, output, prover)
    assert forwards.name == "proved", forwards
    claimed = gp.trace(backward, given(row, output))
    assert len(claimed) == len(gradients)
    cuts = [(named(claimed, mine), named(gradients, own)) for mine, own in row.cuts]
    asked = [(wrt, pair) for wrt, pair in zip(row.wrt, zip(claimed, gradients, strict=True), strict=True)
             if wrt not in row.certified]  # fmt: skip
    verdicts = prove_by_parts([pair for _, pair in asked], cuts, prover, [] if cuts else [output])
    for (wrt, _), verdict in zip(asked, verdicts, strict=True):
        assert verdict.name == "proved", f"{wrt}: {verdict}"


def named(arrays: Sequence[Any], name: str) -> Any:
    """The one intermediate of that name."""
    (found,) = (d for d in ordered([a.definition for a in arrays]) if d.name == name)
    return Array(found)


def test_a_cut_that_is_not_proved_is_not_used() -> None:
    x, y = gp.array("x", ("m",)), gp.array("y", ("m",))
    u, v, w = np.exp(2 * x), np.exp(x) ** 2, np.exp(x) ** 3
    right, wrong = prove_by_parts([(u * y, v * y)], [(u, v)]), prove_by_parts([(u * y, w * y)], [(u, w)])
    assert right[0].name == "proved" and not wrong[0]


@pytest.mark.parametrize("name", [name for name in TABLE if TABLE[name].certified])
def test_what_is_not_proved_is_certified_and_says_why(name: str) -> None:
    row = TABLE[name]
    assert row.reason
    if row.layer(**row.arrays()).ndim:
        report = gp.verify_backward(*row.passes(), row.numbers(), prove=False, budget=0)
    else:
        report = gp.verify(*row.references(), row.numbers(), list(row.wrt), prove=False, budget=0)
    assert report.ok, report


@pytest.mark.parametrize("name", TABLE)
def test_numbers_of_generated_code_are_those_of_the_reference_and_of_automatic_differentiation(name: str) -> None:
    row = TABLE[name]
    output, gradients = derived(name)
    values = row.numbers()
    forward, backward = row.references()
    expected = forward(**values)
    d = None if output.ndim == 0 else np.random.default_rng(1).normal(size=np.shape(expected))
    by_hand = backward(**values) if d is None else backward(d=d, **values)
    function = gp.compile([output, *gradients])
    computed = function(**values, **({} if d is None else {"d": d}))
    np.testing.assert_allclose(row.layer(**values), expected, rtol=1e-10, atol=1e-12)
    for mine, own in zip(computed, [expected, *by_hand], strict=True):
        np.testing.assert_allclose(mine, own, rtol=1e-10, atol=1e-12)
    for mine, own in zip(by_hand, automatic(row, values, d), strict=True):
        np.testing.assert_allclose(mine, own, rtol=1e-9, atol=1e-11)


def automatic(row: Any, values: dict[str, Any], d: Any) -> list[Any]:
    """The gradients by autograd, through the hand-written forward pass."""
    from autograd import grad

    forward, _ = row.references("autograd.numpy")

    def total(*parameters: Any) -> Any:
        result = forward(**(values | dict(zip(row.wrt, parameters, strict=True))))
        return result if d is None else (result * d).sum()

    found: list[Any] = grad(total, tuple(range(len(row.wrt))))(*(values[name] for name in row.wrt))
    return found


@pytest.mark.parametrize("name", TABLE)
def test_its_latex_shows_no_name_of_the_engine(name: str) -> None:
    output, gradients = derived(name)
    for array in (output, *gradients)[:4]:
        for form in ("matrix", "index"):
            tex = array.latex(form)
            assert tex_checker.problems(tex) == [], tex
            assert not re.search(r"Dummy|KroneckerDelta|Iverson|Sum\(|Piecewise|_\{?xi|const", tex), tex


class _Fault(ast.NodeTransformer):
    """One operator of a function exchanged: the ``which``-th of + and −, or * and /."""

    SWAP: ClassVar[dict[type[ast.operator], type[ast.operator]]] = {
        ast.Add: ast.Sub,
        ast.Sub: ast.Add,
        ast.Mult: ast.Div,
        ast.Div: ast.Mult,
    }

    def __init__(self, which: int) -> None:
        self.left = which

    def visit_BinOp(self, node: ast.BinOp) -> ast.BinOp:
        self.generic_visit(node)
        other = self.SWAP.get(type(node.op))
        if other is not None:
            self.left -= 1
            if self.left == -1:
                node.op = other()
        return node


def faulty(row: Any, which: int) -> Any | None:
    """The backward pass with a fault, or None if it has no operator of that number."""
    module, _, function = row.reference.partition(".")
    tree = ast.parse(table.reference_source(module))
    fault = _Fault(which)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == f"{function}_backward":
            fault.visit(node)
    if fault.left >= 0:
        return None
    names = table.load_source(ast.unparse(tree), f"faulty_{module}")
    forward, backward = names[function], names[f"{function}_backward"]

    def gradients(d: Any = None, **values: Any) -> Any:
        _, kept = forward(**values)
        return backward(kept) if d is None else backward(d, kept)

    return gradients


def differs(row: Any, wrong: Any, right: Any, values: dict[str, Any]) -> int | None:
    """The first gradient (of those proved) that a fault changed; None also where the fault does not run."""
    with np.errstate(all="ignore"):
        try:
            pairs = zip(wrong(**values), right(**values), strict=True)
            changed = (p for p, (a, b) in enumerate(pairs) if not np.allclose(a, b, rtol=1e-6))
            return next((p for p in changed if row.wrt[p] not in row.certified), None)
        except (ValueError, IndexError):  # shapes that do not fit
            return None


@pytest.mark.parametrize("name", [name for name in TABLE if name not in TRACED])
def test_a_wrong_backward_pass_that_is_not_traced_is_refuted(name: str) -> None:
    row = TABLE[name]
    forward, right = row.references()
    values, wrt = row.numbers(), list(row.wrt)
    report = gp.verify(forward, lambda **v: [2 * g for g in right(**v)], values, wrt, prove=False, budget=0)
    assert report.verdict == "refuted" and "constant factor" in str(report)


FAULTS = {"p * dp": "p / dp"}


@pytest.mark.parametrize("right", FAULTS)
def test_a_fault_in_the_block_is_named(right: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = table.reference_source("transformer")
    assert source.count(right) == 1
    (tmp_path / "faulty_block.py").write_text(source.replace(right, FAULTS[right]), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "faulty_block", raising=False)
    faulty_block = importlib.import_module("faulty_block")
    passes = faulty_block.transformer_block, faulty_block.transformer_block_backward
    values = TABLE["transformer block"].numbers()
    report = gp.verify_backward(*passes, values, move=False, prove=False, budget=5)
    assert report.verdict == "refuted"
    assert f"right with `{right}` for `{FAULTS[right]}`" in str(report)
    line = source[: source.index(right)].count("\n") + 1
    assert f"faulty_block.py:{line}" in str(report)


@pytest.mark.parametrize("name", TRACED)
def test_a_wrong_backward_pass_is_not_proved(name: str) -> None:
    row = TABLE[name]
    output, gradients = derived(name)
    values = row.numbers()
    _, right = row.references()
    if output.ndim:
        values["d"] = np.random.default_rng(1).normal(size=np.shape(row.layer(**values)))
    for which in range(0, 12, 2) if not row.cuts else ():
        wrong = faulty(row, which)
        at = None if wrong is None else differs(row, wrong, right, values)
        if wrong is not None and at is not None:
            claimed = gp.trace(wrong, given(row, output))
            assert not prove(claimed[at], gradients[at], None, [output])
            return
    at = max(p for p, wrt in enumerate(row.wrt) if wrt not in row.certified)
    scaled = gp.trace(right, given(row, output))[at] * 1.0000001
    assert not prove(scaled, gradients[at], None, [output])
