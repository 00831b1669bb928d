"""Every comparison in the code splits the inputs; a gradient that is wrong on one side only is refuted there."""

from __future__ import annotations

import numpy as np
import pytest

from gradproof.numeric.balls.ball import Run
from gradproof.numeric.balls.evaluate import on_balls, prepared
from gradproof.numeric.balls.watch import Watch
from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.regions.exploration import explore
from gradproof.numeric.verification.verify import verify

RNG = np.random.default_rng(7)
X = RNG.standard_normal((6, 3))
INPUTS = {"X": X, "w": RNG.standard_normal(3), "y": np.array([0.0, 1, 1, 0, 1, 0])}


def loss(X, w, y):
    p = 1 / (1 + np.exp(-(X @ w)))
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def gradient_with(edit):
    """The right gradient, with ``edit(z, p, d, w)`` applied to the error d before it is used."""

    def grad(X, w, y):
        z = X @ w
        p = 1 / (1 + np.exp(-z))
        d = edit(z, p, (p - y) / len(y), w)
        return X.T @ d

    return grad


def scaled_where(mask, d, factor=2.0):
    d = d.copy()
    d[mask] *= factor
    return d


REGIONS = {
    "a small probability": lambda z, p, d, w: np.where(p < 1e-3, 2 * d, d),
    "a probability near one": lambda z, p, d, w: np.where(p > 1 - 1e-6, 0 * d, d),
    "a tiny probability": lambda z, p, d, w: scaled_where(p < 1e-12, d),
    "a logit below minus five": lambda z, p, d, w: scaled_where(z < -5, d, 0.5),
    "a large logit": lambda z, p, d, w: scaled_where(np.abs(z) > 50, d, 1.0000001),
    "a branch on the largest logit": lambda z, p, d, w: d * 2 if np.max(np.abs(z)) > 1e4 else d,
    "a branch on the norm of the weights": lambda z, p, d, w: -d if np.sum(w**2) < 1e-4 else d,
    "a large norm of the weights": lambda z, p, d, w: -d if np.linalg.norm(w) >= 1e3 else d,
    "one weight": lambda z, p, d, w: d * 1.5 if w[2] < -20 else d,
    "one example": lambda z, p, d, w: scaled_where(np.array([0]), d) if z[0] > 30 else d,
    "a minimum": lambda z, p, d, w: d * np.minimum(1.0, 40.0 / np.maximum(z, 1e-3)),
    "a maximum": lambda z, p, d, w: d * np.maximum(1.0, np.abs(w).max() / 70),
    "a clipped error": lambda z, p, d, w: np.clip(d * len(d), -0.9999, 0.9999) / len(d),
    "a comparison of comparisons": lambda z, p, d, w: scaled_where((z > 8) & (z < 9), d),
}


@pytest.mark.parametrize("name", list(REGIONS))
def test_a_gradient_that_is_wrong_in_a_region_only_is_refuted_with_an_input_in_it(name):
    grad = gradient_with(REGIONS[name])
    assert np.allclose(grad(**INPUTS), gradient_with(lambda z, p, d, w: d)(**INPUTS), rtol=1e-12, atol=0)
    report = verify(loss, grad, INPUTS, "w", prove=False, budget=0)
    assert report.verdict.name == "refuted", str(report)
    assert "it is right at the given inputs" in report.findings[0].verdict.reason
    assert report.findings[0].region.startswith("where ")
    assert "test_regions.py" in report.findings[0].region


def test_the_region_is_named_in_the_words_of_the_code():
    def grad(X, w, y):
        z = X @ w
        d = (1 / (1 + np.exp(-z)) - y) / len(y)
        d[np.abs(z) > 50] = 0
        return X.T @ d

    region = verify(loss, grad, INPUTS, "w", budget=0).findings[0].region
    assert region.startswith("where `np.abs(z) > 50` (test_regions.py:")


def test_right_code_with_branches_stays_certified_on_all_of_them():
    def huber(r, d):
        return np.sum(np.where(np.abs(r) <= d, 0.5 * r**2, d * (np.abs(r) - 0.5 * d)))

    def grad(r, d):
        return np.clip(r, -d, d)

    report = verify(huber, grad, {"r": np.array([0.1, 0.2, -0.3]), "d": 50.0}, "r", prove=False)
    assert report.ok, str(report)
    assert sum(name.startswith("where ") for name in report.figures["points"]) >= 2


def test_a_positive_start_does_not_hide_the_negative_side():
    w = RNG.uniform(0.1, 0.9, size=4)
    assert verify(lambda w: 0.3 * np.sum(np.abs(w)), lambda w: 0.3 * np.sign(w), {"w": w}).ok
    report = verify(lambda w: 0.3 * np.sum(np.abs(w)), lambda w: 0.3 * np.ones(4), {"w": w})
    assert report.verdict.name == "refuted"


@pytest.mark.parametrize("seed", range(12))
def test_thresholds_of_any_size_are_reached(seed):
    rng = np.random.default_rng(seed)
    threshold = float(np.round(10.0 ** rng.uniform(-8, 5), 12)) * rng.choice([-1, 1])
    index, above = int(rng.integers(3)), bool(rng.integers(2))

    def grad(x):
        h = np.tanh(x) + 2 * x
        g = 2 * h * (3 - np.tanh(x) ** 2)
        beyond = h[index] > threshold if above else h[index] < threshold
        return g * 1.25 if beyond else g

    x = rng.standard_normal(3)
    x[index] = abs(x[index]) * (1 if (above and threshold < 0) or (not above and threshold > 0) else -1) * 1e-9
    hidden = (np.tanh(x[index]) + 2 * x[index] > threshold) != above
    report = verify(lambda x: np.sum((np.tanh(x) + 2 * x) ** 2), grad, {"x": x}, prove=False, budget=0)
    assert report.verdict.name == "refuted", f"seed {seed}: threshold {threshold}, hidden {hidden}\n{report}"


def triplet(A, P, N):
    gap = np.sum((A - P) ** 2, axis=1) - np.sum((A - N) ** 2, axis=1) + 1.0
    return np.mean(np.maximum(0, gap))


def triplet_gradient(A, P, N):
    near, far = np.sum((A - P) ** 2, axis=1), np.sum((A - N) ** 2, axis=1)
    g = 2 * (A - N) * (near - far + 1 > 0)[:, None] / len(A)
    return np.where((far > 400)[:, None], 0.5 * g, g)  # wrong only where the negative is far and the hinge is on


@pytest.mark.parametrize("seed", range(6))
def test_a_region_is_entered_with_both_sides_of_the_other_branches(seed):
    rng = np.random.default_rng(seed)
    inputs = {name: rng.standard_normal((5, 3)) for name in "APN"}
    report = verify(triplet, triplet_gradient, inputs, "N", prove=False, budget=0)
    assert report.verdict.name == "refuted", f"seed {seed}\n{report}"


def test_a_branch_inside_a_branch_is_searched_from_where_it_is_met():
    def grad(x):
        g = 2 * x
        if np.sum(x) > 30 and x[0] < -7:
            g = g * 1.1
        return g

    report = verify(lambda x: np.sum(x**2), grad, {"x": RNG.standard_normal(4)}, prove=False)
    assert report.verdict.name == "refuted", str(report)


def hinge(X, Y, W):
    """Y is one-hot: the margins of the other classes are counted."""
    s = X @ W
    return np.sum(np.maximum(0, s - np.sum(s * Y, axis=1, keepdims=True) + 1) * (1 - Y))


def hinge_gradient(threshold):
    def grad(X, Y, W):
        s = X @ W
        on = (s - np.sum(s * Y, axis=1, keepdims=True) > threshold) * (1 - Y)
        return X.T @ (on - Y * np.sum(on, axis=1, keepdims=True))

    return grad


@pytest.mark.parametrize("threshold", [-0.9999, -1 + 1e-9, -2])
def test_two_thresholds_are_told_apart_though_no_entry_lies_between_them(threshold):
    rng = np.random.default_rng(1)
    inputs = {
        "X": rng.standard_normal((6, 4)) * 10.0 ** rng.integers(-3, 4, (6, 4)),
        "Y": np.eye(3)[[0, 2, 1, 2, 0, 1]],
    }
    inputs["W"] = rng.standard_normal((4, 3))
    assert np.array_equal(hinge_gradient(threshold)(**inputs), hinge_gradient(-1)(**inputs))
    assert verify(hinge, hinge_gradient(-1), inputs, "W", prove=False).ok
    report = verify(hinge, hinge_gradient(threshold), inputs, "W", prove=False, budget=0)
    assert report.verdict.name == "refuted", str(report)


def test_amounts_in_whole_numbers_are_moved_and_labels_are_not():
    def loss(x, R):
        return np.sum(np.tanh(x) * R)

    def gradient(x, R):
        return (1 - np.tanh(x) ** 2) * np.where(np.abs(R) > 100, 0, R)

    x = RNG.standard_normal((4, 4))
    amounts = np.array([[0.0, 1, 2, 3], [3, 2, 1, 0], [2, 2, 1, 0], [3, 3, 0, 1]])
    report = verify(loss, gradient, {"x": x, "R": amounts}, "x", prove=False, budget=0)
    assert report.verdict.name == "refuted", str(report)
    report = verify(loss, gradient, {"x": x, "R": np.minimum(amounts, 1)}, "x", prove=False, budget=0)
    assert report.ok, str(report)
    assert any("not reached" in note for note in report.notes)


def test_classes_that_the_code_compares_with_whole_numbers_stay_whole():
    def loss(w, y):
        return np.sum(np.exp(w) * (y - 1) * (y - 2) * (y - 3))

    y = np.array([1.0, 2, 3, 3, 3, 2, 1, 2, 2, 1, 1, 2])
    report = verify(loss, lambda w, y: 0 * w * (y > 2), {"w": RNG.standard_normal(12), "y": y}, "w", prove=False)
    assert report.ok, str(report)


def test_a_region_that_matters_for_some_steps_of_time_only_is_entered_at_them():
    def states(xs, u):
        hs = [0 * u]
        for x in xs:
            hs.append(np.tanh(x + u * hs[-1]))
        return hs

    def loss(xs, u, goals):
        return sum(np.sum((h - goal) ** 2) for h, goal in zip(states(xs, u)[1:], goals, strict=True))

    def grad(xs, u, goals):
        hs, du, dnext = states(xs, u), 0 * u, 0 * u
        for t in range(len(xs) - 1, -1, -1):
            dz = (1 - hs[t + 1] ** 2) * (2 * (hs[t + 1] - goals[t]) + dnext)
            du = du + dz * hs[t]
            dnext = u * dz / max(1, np.linalg.norm(dz) / 500)  # without effect in the first step
        return du

    inputs = {"xs": RNG.standard_normal((4, 3)), "u": RNG.standard_normal(3), "goals": RNG.standard_normal((4, 3))}
    report = verify(loss, grad, inputs, "u", prove=False, budget=0)
    assert report.verdict.name == "refuted", str(report)


def test_a_side_that_zeros_hide_at_the_given_inputs_is_entered_from_ordinary_ones():
    def grad(x, g):  # wrong where |x| is small, which shows nothing for the entry that is 0
        return np.where(np.abs(x) < 5e-3, 0, 2 * g * x)

    inputs = {"x": np.array([0.0, 1.0, 2.0]), "g": np.array([0.3, 0.4, 0.5])}
    report = verify(lambda x, g: np.sum(g * x**2), grad, inputs, "x", prove=False, budget=0)
    assert report.verdict.name == "refuted", str(report)


def test_a_component_of_a_normalised_vector_comes_near_to_one():
    def loss(E, T):
        return np.sum(E / np.sqrt(np.sum(E**2, axis=1, keepdims=True)) * T)

    def grad(E, T):
        n = np.sqrt(np.sum(E**2, axis=1, keepdims=True))
        u = E / n
        g = (T - u * np.sum(u * T, axis=1, keepdims=True)) / n
        return np.where(np.abs(u) > 0.99999, 0.5 * g, g)

    inputs = {"E": RNG.standard_normal((3, 4)), "T": RNG.standard_normal((3, 4))}
    report = verify(loss, grad, inputs, "E", prove=False, budget=0)
    assert report.verdict.name == "refuted", str(report)


def test_a_branch_behind_the_index_of_a_maximum_is_met():
    def grad(x):
        if np.argmax(x) == 2 and x[0] < -40:
            return 3 * x
        return 2 * x

    report = verify(lambda x: np.sum(x**2), grad, {"x": np.array([9.0, -2.0, 0.1])}, "x", prove=False, budget=0)
    assert report.verdict.name == "refuted", str(report)


def test_what_is_never_reached_is_told():
    def grad(x):
        if np.sum(x * x) < -1:
            return x
        return 2 * x

    report = verify(lambda x: np.sum(x * x), grad, {"x": np.array([1.0, -2.0])}, prove=False)
    assert report.ok
    assert any("not reached, so not checked: where `np.sum(x * x) < -1`" in note for note in report.notes)


def test_the_counterexample_moves_as_few_entries_as_it_can():
    def grad(X, w, y):
        z = X @ w
        d = (1 / (1 + np.exp(-z)) - y) / len(y)
        return X.T @ d * (2 if w[1] > 33 else 1)

    point = Point(loss, grad, INPUTS, [("w",)])
    coverage = explore(point, np.random.default_rng(0), [INPUTS], 200)
    region = next(r for r in coverage.regions if "w[1] > 33" in r.condition)  # the nearest comes first
    assert np.array_equal(region.inputs["X"], X)
    assert list(np.flatnonzero(region.inputs["w"] != INPUTS["w"])) == [1]
    assert 33 < region.inputs["w"][1] < 60


def test_a_watch_sees_each_comparison_once_a_caller_and_side():
    def relu(z):
        return np.maximum(z, 0)

    def two_layers(x):
        return np.sum(relu(relu(x) - 3))

    run = Run(watch=Watch())
    on_balls(two_layers, {"x": prepared(np.array([-1.0, 1.0, 5.0]))}, run, 128)
    assert run.watch is not None
    seen = [(site.text, run.watch.sides[key]) for key, site in run.watch.sites().items()]
    assert seen == [("np.maximum(z, 0)", {-1, 1}), ("np.maximum(z, 0)", {-1, 1})]


# -- what only a larger problem can show -----------------------------------------------------------------------------
def standardised(X):
    return (X - X.mean(0)) / np.sqrt(((X - X.mean(0)) ** 2).mean(0) + 1e-5)


def standardised_loss(X, g, R):
    return np.sum(g * standardised(X) * R)


BOUND = 3.5
FEW = {"X": RNG.standard_normal((5, 3)), "g": RNG.standard_normal(3), "R": RNG.standard_normal((5, 3))}
assert len(FEW["X"]) - 1 < BOUND**2  # of n standardised numbers none lies further out than √(n − 1)


def test_a_region_that_no_inputs_of_the_given_size_reach_is_entered_at_a_larger_one():
    def grad(X, g, R):
        return np.sum(np.clip(standardised(X), -BOUND, BOUND) * R, axis=0)

    report = verify(standardised_loss, grad, FEW, "g", prove=False, budget=0)
    assert report.verdict.name == "refuted", str(report)
    assert "standardised(X), -BOUND, BOUND" in report.findings[0].region
    assert "(X.shape[0] = 24)" in report.findings[0].where
    assert not any("not reached" in note for note in report.notes)


def test_a_right_gradient_is_right_at_larger_sizes_too():
    report = verify(standardised_loss, lambda X, g, R: np.sum(standardised(X) * R, axis=0), FEW, "g", prove=False)
    assert report.verdict.name == "certified", str(report)
    assert "X.shape[0] = 14" in report.findings[0].verdict.reason


def test_a_sum_of_bounded_terms_is_large_where_there_are_many():
    def grad(a, x):
        s = np.sum(np.tanh(a * x))
        return 2 * s * np.sum(x / np.cosh(a * x) ** 2) * (1 if s < 20 else 0.9)

    inputs = {"a": 0.7, "x": RNG.standard_normal(4)}
    report = verify(lambda a, x: np.sum(np.tanh(a * x)) ** 2, grad, inputs, "a", prove=False, budget=0)
    assert report.verdict.name == "refuted", str(report)


@pytest.mark.parametrize("steps", [None, 8])
def test_backpropagation_that_stops_after_some_steps_is_wrong_for_longer_sequences(steps):
    def states(xs, u, h):
        hs = [h]
        for x in xs:
            hs.append(np.tanh(x + hs[-1] @ u))
        return hs

    def grad(xs, u, h):
        hs, du, dh = states(xs, u, h), np.zeros_like(u), np.ones_like(h)
        for t in reversed(range(max(0, len(xs) - (steps or len(xs))), len(xs))):
            dz = dh * (1 - hs[t + 1] ** 2)
            du += np.outer(hs[t], dz)
            dh = u @ dz
        return du

    inputs = {"xs": RNG.standard_normal((3, 2)), "u": RNG.standard_normal((2, 2)), "h": RNG.standard_normal(2)}
    report = verify(lambda xs, u, h: np.sum(states(xs, u, h)[-1]), grad, inputs, "u", prove=False, budget=0)
    assert report.verdict.name == ("refuted" if steps else "certified"), str(report)
    assert not steps or report.findings[0].region == "at other shapes (xs.shape[0] = 12)"
