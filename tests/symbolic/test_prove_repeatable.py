"""A proof takes the same steps in every run of Python, whatever was made before: sets have another order in each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from model_pairs import PAIRS

import gradproof as gp
from gradproof.symbolic.calculus.differentiate import grad
from gradproof.symbolic.normal.zero import Prover
from gradproof.symbolic.prove import prove
from gradproof.symbolic.tracing.trace import as_input

NAMES = ("perceptron: elu, guarded", "layer norm: of the paper", "self-attention")
"""Pairs whose proofs compare intermediates, read samples, and open what has interchangeable indices."""


def steps() -> str:
    """The verdict, the operations and the classes of each proof, as text."""
    lines = []
    for name in NAMES:
        pair = PAIRS[name]
        loss, claimed = gp.trace(pair.loss, pair.inputs), gp.trace(pair.gradient, pair.inputs)
        derived = grad(loss, [as_input(wrt, pair.inputs[wrt]) for wrt in claimed])
        prover = Prover()
        verdicts = {prove(claimed[wrt], own, prover, [loss]).name for wrt, own in zip(claimed, derived, strict=True)}
        kinds = [f"{found.kind}{found.arity}" for found in prover.algebra.table.classes]
        lines.append(f"{name}: {verdicts}, {prover.algebra.work} operations, {' '.join(kinds)}")
    return "\n".join(lines)


def test_a_proof_takes_the_same_steps_in_every_run() -> None:
    file = Path(__file__).resolve()
    folders = [str(file.parent), str(file.parent.parent)]
    code = f"import sys; sys.path[:0] = {folders}; import {file.stem} as test; print(test.steps())"
    seed = "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    other = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert other.stdout.strip() == steps()
