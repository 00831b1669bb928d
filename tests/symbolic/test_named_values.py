"""A function that an equation has worked out stands by its name in later ones."""

from __future__ import annotations

import numpy as np
import pytest

import gradproof as gp

z, v = gp.array("z", ("m",)), gp.array("v", ("m",))


def test_a_sigmoid_with_a_name_is_not_written_out_again() -> None:
    s = gp.sigmoid(z).named("s")
    tex = gp.grad(np.sum(s**2 * v) + np.sum(gp.softplus(z)) + np.sum(gp.softplus(-z) * v), z).latex()
    assert tex.count(r"\sigma") == 1


def test_it_is_found_at_other_indices_and_its_opposite_is_one_less_it() -> None:
    s = gp.sigmoid(z).named("s")
    loss = np.sum(s) * np.sum(gp.softplus(z)) * np.sum(gp.softplus(-z))
    gradient = gp.grad(loss, z)
    assert gradient.latex("index").count(r"\sigma") == 1
    at, step, h = np.array([0.3, -1.2, 2.0]), np.array([0.5, -0.4, 0.1]), 1e-6

    def value(x: np.ndarray) -> float:
        return float(np.sum(1 / (1 + np.exp(-x))) * np.sum(np.log1p(np.exp(x))) * np.sum(np.log1p(np.exp(-x))))

    along = (value(at + h * step) - value(at - h * step)) / (2 * h)
    assert np.sum(gradient.evaluate({"z": at}) * step) == pytest.approx(along, rel=1e-6)
    assert gp.derive(loss, wrt=[z]).check()
