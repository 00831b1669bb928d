"""Losses of a sigmoid: gradients as a person writes them, and code that has a value where the sigmoid is 0 or 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradproof as gp

z, y, w = gp.array("z", ("m",)), gp.array("y", ("m",)), gp.array("w", ("m",))
a = gp.array("a", ())


def focal(z: Any, y: Any) -> Any:
    p = 1 / (1 + np.exp(-z))
    return -np.mean(y * (1 - p) ** 2 * np.log(p) + (1 - y) * p**2 * np.log(1 - p))


def weighted(z: Any, y: Any) -> Any:
    p = 1 / (1 + np.exp(-z))
    return -np.mean(3 * y * np.log(p) + (1 - y) * np.log(1 - p))


def balanced(z: Any, y: Any, a: Any) -> Any:
    p = 1 / (1 + np.exp(-z))
    return -np.mean(a * y * np.log(p) + (1 - a) * (1 - y) * np.log(1 - p))


def by_example(z: Any, y: Any, w: Any) -> Any:
    p = 1 / (1 + np.exp(-z))
    return -np.mean(w * (y * np.log(p) + (1 - y) * np.log(1 - p)))


def one_sided(z: Any) -> Any:
    p = 1 / (1 + np.exp(-z))
    return -np.mean((1 - p) ** 2 * np.log(p))


def entropy(z: Any) -> Any:
    p = 1 / (1 + np.exp(-z))
    return -np.mean(p * np.log(p) + (1 - p) * np.log(1 - p))


LAST: dict[str, tuple[Any, tuple[Any, ...], str]] = {
    "weighted": (
        weighted,
        (z, y),
        r"\frac{1}{m} \left(\left(1 - y\right) \odot t - 3 \left(1 - t\right) \odot y\right)",
    ),
    "balanced": (
        balanced,
        (z, y, a),
        r"\frac{1}{m} \left(\left(1 - a\right) \left(1 - y\right) \odot t - a \left(1 - t\right) \odot y\right)",
    ),
    "weights of examples": (
        by_example,
        (z, y, w),
        r"\frac{1}{m} \left(\sigma\left(z\right) - y\right) \odot w",
    ),
    "focal": (
        focal,
        (z, y),
        r"\frac{1}{m} \left(t^{\odot 3} \odot \left(1 - y\right) + 2 \left(1 - t\right) \odot "
        r"\left(\left(1 - t\right) \odot y \odot \log\left(t\right) - \left(1 - y\right) \odot t \odot "
        r"\log\left(1 - t\right)\right) \odot t - \left(1 - t\right)^{\odot 3} \odot y\right)",
    ),
    "focal of one class": (
        one_sided,
        (z,),
        r"-\frac{1}{m} \left(1 - t\right)^{\odot 2} \odot \left(1 - t - 2 t \odot \log\left(t\right)\right)",
    ),
}


@pytest.mark.parametrize("case", list(LAST))
def test_the_gradient_is_short_and_divides_by_no_probability(case: str) -> None:
    loss, arrays, expected = LAST[case]
    tex = gp.grad(loss(*arrays), z).latex()
    assert tex.removesuffix("\n\\end{aligned}").split(r"\delta &= ")[-1] == expected
    assert r"\oslash" not in tex


@pytest.mark.parametrize("loss", [focal, weighted, balanced, by_example, one_sided, entropy])
def test_the_code_is_the_gradient_and_has_a_value_at_large_logits(loss: Any) -> None:
    names = loss.__code__.co_varnames[: loss.__code__.co_argcount]
    arrays = {"z": z, "y": y, "w": w, "a": a}
    compute = gp.compile(gp.grad(loss(*(arrays[name] for name in names)), z))
    rng = np.random.default_rng(4)
    given = {"z": rng.normal(size=5), "y": rng.uniform(size=5), "w": rng.uniform(size=5), "a": np.array(0.3)}
    given = {name: given[name] for name in names}
    step, h = rng.normal(size=5), 1e-6
    up, down = (loss(**given | {"z": given["z"] + s * step}) for s in (h, -h))
    assert np.sum(compute(**given) * step) == pytest.approx((up - down) / (2 * h), rel=1e-6)
    assert np.all(np.isfinite(compute(**given | {"z": np.array([800.0, -800.0, 40.0, -40.0, 0.0])})))


def test_the_gradient_of_an_entropy_takes_no_logarithm() -> None:
    assert "log" not in gp.grad(entropy(z), z).numpy()
