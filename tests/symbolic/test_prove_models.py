"""The hand-written gradients of the usual models are proved equal to the derived ones, for all shapes and inputs."""

from __future__ import annotations

import pytest
from model_pairs import PAIRS

import gradproof as gp
from gradproof.symbolic.calculus.differentiate import grad
from gradproof.symbolic.normal.zero import Prover
from gradproof.symbolic.prove import by_numbers, prove
from gradproof.symbolic.tracing.trace import as_input


@pytest.mark.parametrize("name", PAIRS)
def test_the_gradient_as_people_write_it_is_proved(name: str) -> None:
    pair = PAIRS[name]
    loss, claimed = gp.trace(pair.loss, pair.inputs), gp.trace(pair.gradient, pair.inputs)
    derived = grad(loss, [as_input(wrt, pair.inputs[wrt]) for wrt in claimed])
    prover = Prover()
    for wrt, own in zip(claimed, derived, strict=True):
        verdict = prove(claimed[wrt], own, prover, [loss])
        assert verdict.name == "proved", f"{wrt}: {verdict}"


@pytest.mark.parametrize("name", [name for name in PAIRS if not name.startswith(("logistic:", "softmax:"))][::4])
def test_the_gradient_with_a_fault_is_not_proved_but_refuted(name: str) -> None:
    pair = PAIRS[name]
    loss, claimed = gp.trace(pair.loss, pair.inputs), gp.trace(pair.gradient, pair.inputs)
    for wrt, by_hand in claimed.items():
        derived = grad(loss, as_input(wrt, pair.inputs[wrt]))
        wrong = by_hand * 1.0000001
        assert not prove(wrong, derived, None, [loss])
        assert by_numbers(wrong, derived, "").name == "refuted"
        break
