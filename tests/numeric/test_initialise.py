"""Initial weights have the range and the variance that their formulas say."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from gradproof.errors import UsageError
from gradproof.numeric.reference.initialise import INITIALISERS, uniform
from gradproof.numeric.reference.network import Layer, ReferenceNetwork

SHAPE = (300, 200)
VARIANCES = {
    "zeros": 0.0,
    "uniform": 0.05**2 / 3,
    "lecture_uniform": 1 / 3,
    "normal": 0.01**2,
    "glorot_uniform": 2 / 500,
    "glorot_normal": 2 / 500,
    "he_uniform": 2 / 300,
    "he_normal": 2 / 300,
}
RADII = {"uniform": 0.05, "lecture_uniform": 1.0, "glorot_uniform": (6 / 500) ** 0.5, "he_uniform": (6 / 300) ** 0.5}


@pytest.mark.parametrize("name", list(INITIALISERS))
def test_mean_zero_and_the_stated_variance(name: str) -> None:
    W = INITIALISERS[name](np.random.default_rng(0), SHAPE)
    assert W.shape == SHAPE
    # 60,000 draws: the sample variance is within 3 % of the true one, far beyond five deviations
    assert W.var() == pytest.approx(VARIANCES[name], rel=0.03)
    assert abs(W.mean()) <= 5 * (VARIANCES[name] / W.size) ** 0.5


@pytest.mark.parametrize("name", list(RADII))
def test_uniform_draws_fill_their_range_and_stay_in_it(name: str) -> None:
    W = np.abs(INITIALISERS[name](np.random.default_rng(0), SHAPE))
    assert 0.999 * RADII[name] < W.max() <= RADII[name]


@pytest.mark.parametrize("name", list(INITIALISERS))
def test_the_same_seed_gives_the_same_weights(name: str) -> None:
    first, second = (INITIALISERS[name](np.random.default_rng(5), (3, 4)) for _ in range(2))
    assert (first == second).all()


def test_a_network_takes_a_name_or_a_function() -> None:
    net = ReferenceNetwork([Layer(3, 4, "relu"), Layer(4, 1, bias=False)])
    params = net.initialise(np.random.default_rng(0), partial(uniform, radius=9.0), dtype=np.float32)
    assert list(params) == ["W1", "b1", "W2"] and params["W1"].dtype == np.float32
    assert np.abs(params["W1"]).max() > 1 and not params["b1"].any()
    with pytest.raises(UsageError, match=r"no initialiser is called 'glorot'.*zeros, uniform"):
        net.initialise(np.random.default_rng(0), "glorot")
