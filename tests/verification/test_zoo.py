"""Right gradients in many forms are certified, planted errors are refuted; what is right and wrong mpmath says.

Everything planted is confirmed here against central differences of losses that are written once more with mpmath's
numbers. Verification is asked about a selection; ``benchmarks/mutants.py`` asks about everything.
"""

from __future__ import annotations

import copy
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from beside import module

from gradproof.numeric.verification.interfaces import chosen, infer_wrt, read_gradients
from gradproof.numeric.verification.verify import verify

module(__file__, "zoo/__init__.py", "gradient_zoo")

from gradient_zoo import MODELS, oracle, planting  # noqa: E402
from gradient_zoo.planting import Plant  # noqa: E402

OPEN = {
    (
        "softmax",
        "kink",
    ): "the norm of a matrix of zeros, squared, has no finite derivative on balls: only a proof helps",
}
"""Right code that is not certified yet, with the reason."""


def selected() -> list[Plant]:
    """Two mutants of every kind, from different models: what verification is asked about."""
    kinds: dict[str, list[Plant]] = {}
    for name in MODELS:
        for plant in planting.mutants(name):
            kinds.setdefault(plant.kind, []).append(plant)
    return [plants[len(plants) * part // 4] for plants in kinds.values() for part in (1, 3)]


def gradients(plant: Plant, inputs: dict, folder: Path) -> dict:
    """The claimed gradients in float64, by path."""
    code = planting.plant(plant, folder)
    wrt = planting.model(plant.model).WRT
    with np.errstate(all="ignore"):
        result = code.grad(**copy.deepcopy(inputs))
    paths = infer_wrt(result, inputs) if wrt is None else chosen(inputs, wrt)
    return read_gradients(result, paths, inputs)


def error(claimed: dict, true: dict) -> float:
    """The largest difference, in units of each parameter's largest entry."""
    worst = 0.0
    for path, right in true.items():
        got = np.asarray(claimed[path], dtype=float)
        if got.shape != right.shape or not np.all(np.isfinite(got)):
            return np.inf
        worst = max(worst, float(np.max(np.abs(got - right)) / max(np.max(np.abs(right)), 1e-300)))
    return worst


@cache
def truth(name: str, place: str) -> tuple[dict, dict]:
    """Inputs of a model, and mpmath's gradient there; a place is a kind of inputs or the name of a region's maker."""
    if place in planting.INPUTS:
        inputs = planting.inputs_of(name, place)
    else:
        inputs = getattr(planting.model(name), place)(planting.inputs_of(name, "normal"), np.random.default_rng(0))
    wrt = planting.model(name).WRT or ["params"]
    return inputs, {path: oracle.gradient(name, inputs, path) for path in chosen(inputs, wrt)}


def test_the_zoo_is_as_large_as_it_says():
    mutants = [plant for name in MODELS for plant in planting.mutants(name)]
    kinds = Counter(plant.kind for plant in mutants)
    assert len(MODELS) >= 14 and len(mutants) >= 242 and len(kinds) >= 16 and min(kinds.values()) >= 10
    assert all(len(planting.forms(name)) >= 3 for name in MODELS)
    assert sum(len(planting.model(name).HARMLESS) for name in MODELS) >= 20


@pytest.mark.parametrize("name", MODELS)
def test_mpmath_agrees_with_every_right_form(name, tmp_path):
    for place in ("normal", "wide"):
        inputs, true = truth(name, place)
        for plant in planting.right(name):
            found = error(gradients(plant, inputs, tmp_path), true)
            stored = 1e-6 if "float32" in plant.new else 1e-12 if place == "normal" else 1e-6
            # float64 loses everything in (1 - y) / (1 - p) where p rounds to 1: that form is right, and overflows
            assert found < stored or (found == np.inf and plant.form == "chain" and place == "wide"), plant.name


@pytest.mark.parametrize("name", MODELS)
def test_mpmath_disagrees_with_every_mutant(name, tmp_path):
    inputs, true = truth(name, "normal")
    for plant in planting.mutants(name):
        mutant = gradients(plant, inputs, tmp_path)
        if plant.reach is None:
            assert error(mutant, true) > 1e-12, plant.name
            continue
        assert error(mutant, gradients(Plant(name, plant.form), inputs, tmp_path)) == 0, f"{plant.name} shows"
        inputs_there, true_there = truth(name, plant.reach.__name__)
        wrong = error(gradients(plant, inputs_there, tmp_path), true_there)
        right = error(gradients(Plant(name, plant.form), inputs_there, tmp_path), true_there)
        assert wrong > 1e-8 and right < 1e-3 * wrong, plant.name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(name, kind, marks=[pytest.mark.xfail(reason=OPEN[name, kind])] if (name, kind) in OPEN else [])
        for name in MODELS
        for kind in planting.INPUTS
    ],
)
def test_every_right_form_is_certified(name, kind, tmp_path):
    inputs = planting.inputs_of(name, kind)
    for place, plant in enumerate(planting.right(name)):
        if kind != "kink" and (plant.old or place % 2 == (kind == "wide")):
            continue  # all at kinks, every other one at normal and at wide inputs: the benchmark runs all at all
        code = planting.plant(plant, tmp_path)
        report = verify(code.loss, code.grad, inputs, planting.model(name).WRT, prove=False)
        assert report.ok, f"{plant.name}\n{report}"


@pytest.mark.parametrize("plant", selected(), ids=lambda plant: plant.name)
def test_a_mutant_is_refuted(plant, tmp_path):
    code = planting.plant(plant, tmp_path)
    inputs = planting.inputs_of(plant.model, "normal")
    report = verify(code.loss, code.grad, inputs, planting.model(plant.model).WRT, prove=False, budget=1.0)
    assert report.verdict.name == "refuted", str(report)
