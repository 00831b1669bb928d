"""The line at fault is named and mended: planted faults, whose right line is known, in code as people write it."""

from __future__ import annotations

import gc
import inspect
import linecache
import re
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import gradproof as gp
from gradproof.numeric.verification.causes import CAUSES
from gradproof.numeric.verification.checking import check_point
from gradproof.numeric.verification.directional import Point
from gradproof.numeric.verification.mends.factors import finals
from gradproof.numeric.verification.mends.fits import FITTED, sites
from gradproof.numeric.verification.mends.mend import source_mends
from gradproof.numeric.verification.mends.scout import Stage, TooRough
from gradproof.numeric.verification.mends.search import prepare
from gradproof.numeric.verification.mends.units import codes_run, units_of

sys.path.insert(0, str(Path(__file__).parents[1] / "numeric"))
import zoo

# (model, text in the gradient, what is planted for it, the cause, the line as it is mended)
PLANTED = [
    ("linear", "+ lam * w", "", "penalty", "dw = X.T @ r / m + lam * w"),
    ("linear", "+ b - y", "- y", "bias", "r = X @ w - y + b"),
    ("linear", "X.shape[0]", "X.shape[0] - 1", "size", "m = X.shape[0]"),
    ("logistic", "(p - y)", "(p - y) * p * (1 - p)", "spare factor", "d = (p - y) / len(y)"),
    ("logistic", "d.sum()", "d.mean()", "reduction", "return np.dot(X.T, d), d.sum()"),
    ("softmax", "    P /= m\n", "", "size", "P[np.arange(m), y] -= 1; P /= m"),
    ("softmax", "axis=1, keepdims=True", "axis=0, keepdims=True", "axis", "P = e / np.sum(e, axis=1, keepdims=True)"),
    ("softmax", 'return {"W"', 'dW[0, 0] *= 1.001; return {"W"', "coordinate", "pass"),
    ("softmax", 'return {"W"', 'dW[7 % len(W), 0] *= 1.001; return {"W"', "coordinate", "pass"),
    ("mlp", "1 - a1**2", "1 - a1", "derivative", 'd1 = d2 @ params["W2"].T * (1 - a1 ** 2)'),
    ("mlp", "1 - a1**2", "1 - np.tanh(a1)**2", "derivative",
     'd1 = d2 @ params["W2"].T * (1 - a1**2)'),
    ("mlp", "    return grads", '    grads["b1"] = np.cos(params["b1"])\n    return grads', "spare statement",
     "pass"),
    ("mlp", " * (z2 > 0)", "", "mask", 'd2 = d3 @ params["W3"].T * (z2 > 0)'),
    ("mlp", "(z2 > 0)", "(z2 > 0.5)", "threshold", 'd2 = d3 @ params["W3"].T * (z2 > 0)'),
    ("mlp", "a1.T @ d2", "z1.T @ d2", "variable", 'grads["W2"] = a1.T @ d2'),
    ("mlp", "/ m", "", "size", 'd3 = (a2 @ params["W3"] - Y) / m'),
    ("batchnorm", "np.sqrt(var + 1e-5)", "(np.sqrt(var) + 1e-5)", "eps", "std = np.sqrt(var + 1e-5)"),
    ("batchnorm", "N * dxhat - np.sum(dxhat, axis=0) -", "N * dxhat -", "path",
     "dx = (N * dxhat - xhat * np.sum(dxhat * xhat, axis=0) - dxhat.sum(axis=0)) / (N * std)"),
    ("gelu", "u + 0.044715", "u + 0.04471501", "constant", "t = np.tanh(c * (u + 0.044715 * u**3))"),
    ("rnn", "hs[t - 1])\n        dV", "hs[t])\n        dV", "step", "dU += np.outer(dz, hs[t - 1])"),
    ("rnn", "U.T @ dz", "U @ dz", "transpose", "dnext = U.T @ dz"),
    ("rnn", "db += dz", "db = dz", "accumulation", "db += dz"),
    ("rnn", "reversed(range(T))", "reversed(range(1, T))", "step", "for t in reversed(range(T)):"),
    ("attention", "X.T @ dQ, X.T @ dK", "X.T @ dK, X.T @ dQ", "operands", "return X.T @ dQ, X.T @ dK, X.T @ dV"),
    ("embedding", "np.add.at(dE, idx, dh[:, None, :] / idx.shape[1])", "dE[idx] += dh[:, None, :] / idx.shape[1]",
     "repeated", "np.add.at(dE, idx, dh[:, None, :] / idx.shape[1])"),
    ("embedding", "np.add.at(dE, idx, dh[:, None, :] / idx.shape[1])", "dE[idx] = dh[:, None, :] / idx.shape[1]",
     "accumulation", "np.add.at(dE, idx, dh[:, None, :] / idx.shape[1])"),
    ("conv", "dout[i] * w", "dout[i] * w[::-1]", "order", "dx[i : i + len(w)] += dout[i] * w"),
]  # fmt: skip


def planted(name: str, old: str, new: str):
    """The gradient of a model with one edit of its source, and the numbers of the lines that it touches."""
    source = inspect.getsource(getattr(zoo, f"{name}_grad"))
    if "z1" in new:
        pre = 'X @ params["W1"] + params["b1"]'
        source = source.replace(f"a1 = np.tanh({pre})", f"z1 = {pre}; a1 = np.tanh(z1)")
    assert old in source
    text = source.replace(old, new, 1)
    file = f"planted_{name}_{abs(hash((old, new)))}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    scope = {"np": np}
    exec(compile(text, file, "exec"), scope)
    return scope[f"{name}_grad"], source[: source.index(old)].count("\n") + 1


def wrong(report):
    return [finding for finding in report.findings if finding.verdict.name == "refuted"]


@pytest.mark.parametrize(("name", "old", "new", "cause", "mend"), PLANTED)
def test_the_planted_line_is_named_and_mended(name, old, new, cause, mend):
    grad, line = planted(name, old, new)
    report = gp.verify(getattr(zoo, f"{name}_loss"), grad, zoo.inputs_of(name), zoo.WRT[name])
    assert wrong(report)
    for finding in wrong(report):
        assert (finding.cause, finding.mend) == (cause, mend)
        number = int(re.match(r"planted_\w+\.py:(\d+): `", finding.line)[1])
        assert number == line or (not new.strip() and "\n" in old and abs(number - line) == 1)


def test_every_cause_is_in_the_table_and_in_the_documents():
    text = (Path(__file__).parents[2] / "docs" / "verify.md").read_text()
    assert {cause for *_, cause, _ in PLANTED} <= set(CAUSES)
    for cause, words in CAUSES.items():
        assert f"| `{cause}` | {words} |" in text


X = np.random.default_rng(0).normal(size=(5, 3))
INPUTS = {"X": X, "W": np.random.default_rng(1).normal(size=(3, 2))}


def tanh_loss(X, W):
    return 0.5 * np.sum(np.tanh(X @ W) ** 2) / len(X)


def tanh_prime(a):
    return 1 - a


def by_helper(X, W):
    a = np.tanh(X @ W)
    return X.T @ (a * tanh_prime(a)) / len(X)


class Model:
    """State on ``self``, with a private name, and the wrong entry of the cache read."""

    def __init__(self, W):
        self.__W = W
        self.cache = {}

    def forward(self, X):
        z = X @ self.__W
        self.cache = {"X": X, "z": z, "a": np.tanh(z)}
        return self.cache["a"]

    def backward(self, d):
        return self.cache["X"].T @ (d * (1 - self.cache["z"] ** 2))


def by_model(X, W):
    model = Model(W)
    return model.backward(model.forward(X)) / len(X)


def by_another_derivative(X, W):
    V = np.eye(2)
    a = np.tanh(X @ W)
    return X.T @ ((a @ V) * a * (1 - a)) / len(X)


def made_by(scale):
    def grad(X, W):
        def error(a):
            return scale * a

        a = np.tanh(X @ W)
        return X.T @ (error(a) * (1 + a**2)) / len(X)

    return grad


def by_while(X, W):
    a = np.tanh(X @ W)
    total = np.zeros(W.shape)
    i = 0
    while i < len(X):
        total += np.outer(X[i], a[i] * (1 + a[i] ** 2)) / len(X)
        i += 1
    return total


@pytest.mark.parametrize(
    ("grad", "mend"),
    [
        (by_helper, "return 1 - a ** 2"),
        (by_model, 'return self.cache["X"].T @ (d * (1 - self.cache[\'a\'] ** 2))'),
        (made_by(1.0), "return X.T @ (error(a) * (1 - a**2)) / len(X)"),
        (by_another_derivative, "return X.T @ (a @ V * (1 - a ** 2)) / len(X)"),
        (by_while, "total += np.outer(X[i], a[i] * (1 - a[i] ** 2)) / len(X)"),
        (lambda X, W: X.T @ (np.tanh(X @ W) * (1 + np.tanh(X @ W) ** 2)) / len(X),
         "X.T @ (np.tanh(X @ W) * (1 - np.tanh(X @ W) ** 2)) / len(X)"),
    ],
)  # fmt: skip
def test_helpers_methods_closures_loops_and_lambdas_are_mended(grad, mend):
    code = getattr(grad, "__code__", None)
    report = gp.verify(tanh_loss, grad, INPUTS, "W")
    assert [finding.mend for finding in wrong(report)] == [mend]
    assert grad.__code__ is code
    assert not any("gradproof_" in name for name in globals())


def clamped(g):
    return np.minimum(np.maximum(g, -50), 50)


def by_clamp(X, W):
    return 2 * clamped(X.T @ (X @ W)) / len(X)


def by_norm(X, W):
    r = X @ W
    if np.linalg.norm(r) > 100:
        r = r * (100 / np.linalg.norm(r))
    return 2 * X.T @ r / len(X)


@pytest.mark.parametrize(("grad", "mend"), [(by_clamp, "return 2 * (X.T @ (X @ W)) / len(X)"), (by_norm, "r = r")])
def test_what_is_applied_in_one_region_only_is_named_so(grad, mend):
    finding = gp.verify(lambda X, W: np.sum((X @ W) ** 2) / len(X), grad, INPUTS, "W").findings[0]
    assert (finding.cause, finding.mend) == ("region", mend)
    assert finding.diagnosis.startswith("it is wrong in one region only: right with")
    assert finding.region.startswith("where ")


def test_a_place_where_floats_say_nothing_is_passed_over():
    def grad(w, far):
        return 3 * ((w + far) - far)

    def stage(far):
        point = Point(lambda w, far: np.sum(w**2), grad, {"w": X[0], "far": far}, [("w",)], covers=[("w",)])
        outcome = check_point(point, np.random.default_rng(0), crosscheck=False)[("w",)]
        return Stage(point, (), {("w",): outcome.fault})

    near, rough = stage(1.0), stage(1e16)
    assert source_mends([near.faults[("w",)]], [near, rough])[("w",)].mend == "return 2 * ((w + far) - far)"
    with pytest.raises(TooRough):
        source_mends([rough.faults[("w",)]], [rough, near])


def leaky(X, W, b):
    z = X @ W + b
    return np.sum(np.where(z > 0, z, 0.1 * z) ** 2) / 2


def with_the_slope_of_a_relu(X, W, b):
    z = X @ W + b
    return X.T @ (np.where(z > 0, z, 0.1 * z) * (z > 0))


def damped(X, W, b):
    return np.sum(np.tanh((X @ W + b) / np.sqrt(len(W))) ** 2) / 2


def not_damped_before(X, W, b):
    a = np.tanh(X @ W + b)
    return X.T @ (a * (1 - a**2)) / np.sqrt(len(W))


def without_a_bias_in_brackets(X, W, b):
    a = np.tanh((X @ W).T / np.sqrt(len(W)))
    return (a * (1 - a**2) @ X).T / np.sqrt(len(W))


@pytest.mark.parametrize(
    ("loss", "grad", "cause", "mend"),
    [
        (leaky, with_the_slope_of_a_relu, "derivative",
         "return X.T @ (np.where(z > 0, z, 0.1 * z) * np.where(z > 0, 1, 0.1))"),
        (damped, not_damped_before, "size", "a = np.tanh((X @ W + b) / np.sqrt(X.shape[1]))"),
        (damped, without_a_bias_in_brackets, "bias", "a = np.tanh((X @ W + b).T / np.sqrt(len(W)))"),
    ],
)  # fmt: skip
def test_what_is_missing_in_the_forward_pass_is_put_there(loss, grad, cause, mend):
    inputs = INPUTS | {"b": np.array([0.3, -0.2])}
    finding = gp.verify(loss, grad, inputs, "W", prove=False).findings[0]
    assert (finding.cause, finding.mend) == (cause, mend), finding


def test_a_fault_that_floats_do_not_see_here_is_looked_for_elsewhere():
    def loss(w):
        return 0.5 * np.sum(w**2)

    def grad(w):
        return w + 1e-3 * (w - 1) ** 6

    inputs = {"w": np.array([1.001, 0.998, 1.003])}  # a relative 1e-18 at most
    finding = gp.verify(loss, grad, inputs, prove=False, move=False).findings[0]
    assert finding.verdict.name == "refuted"
    assert finding.mend == "return w", finding


def test_a_fitted_factor_of_zero_is_no_mend():
    near = Point(tanh_loss, by_helper, INPUTS, [("W",)], covers=[("W",)])
    search = prepare([("W",)], [Stage(near, ())], float("inf"), np.random.default_rng(0))
    fits = [fit for context in search.contexts for site in sites(context) for fit in FITTED[0](context, site)]
    assert fits and not any(finals(search.contexts[0], fit, 0.0) for fit in fits)


def test_a_mend_that_would_change_the_loss_is_none():
    def half(x):
        return x / 3

    def loss(x):
        return np.sum(half(x) ** 2)

    def grad(x):
        return half(x)

    finding = gp.verify(loss, grad, {"x": X[0]}).findings[0]
    assert finding.line.endswith("`return half(x)`"), finding
    assert finding.mend


def test_a_lost_path_is_named_by_the_variable_of_the_loss_that_was_held_constant():
    grad, _ = planted("batchnorm", " - xhat * np.sum(dxhat * xhat, axis=0)", "")
    finding = gp.verify(zoo.batchnorm_loss, grad, zoo.inputs_of("batchnorm"))["x"]
    assert finding.cause == "path"
    assert re.search(r"the path through `var` is lost: .* `var` of zoo\.py:\d+ held constant", finding.diagnosis)


@pytest.mark.parametrize(
    ("name", "old", "new", "parameter", "mend"),
    [
        ("softmax", "np.sum(P, axis=0)", "np.sum(P)", "b", "db = np.sum(P, axis=0)"),
        ("mlp", "d2.sum(axis=0)", "d2", "params.b2", 'grads["b2"] = d2.sum(axis=0)'),
    ],
)
def test_the_line_of_a_wrong_shape_is_named(name, old, new, parameter, mend):
    grad, line = planted(name, old, new)
    finding = gp.verify(getattr(zoo, f"{name}_loss"), grad, zoo.inputs_of(name), zoo.WRT[name])[parameter]
    assert (finding.cause, finding.mend) == ("axis", mend)
    assert f":{line}: `" in finding.line


def test_without_a_budget_or_without_source_no_line_is_named():
    grad, _ = planted("linear", "r / m +", "r +")
    assert gp.verify(zoo.linear_loss, grad, zoo.inputs_of("linear"), ["w", "b"], budget=0)["w"].line == ""
    scope = {"np": np}
    exec(compile("def grad(X, W):\n    return X.T @ np.tanh(X @ W)", "<nowhere>", "exec"), scope)
    finding = gp.verify(tanh_loss, scope["grad"], INPUTS, "W").findings[0]
    assert (finding.verdict.name, finding.line) == ("refuted", "")


def test_an_edit_is_undone_and_keeps_the_closure():
    grad = made_by(2.0)
    (unit,) = [unit for unit in units_of(codes_run(lambda: grad(**INPUTS))) if unit.code is grad.__code__]
    before = unit.compiled()
    assert before.co_freevars == grad.__code__.co_freevars
    with unit.swapped(before):
        assert np.array_equal(grad(**INPUTS), made_by(2.0)(**INPUTS))
    assert grad.__code__ is unit.code


def test_what_prints_is_not_heard_for_every_candidate(capsys):
    def grad(X, W):
        print("called")
        a = np.tanh(X @ W)
        return X.T @ (a * (1 + a**2)) / len(X)

    gp.verify(tanh_loss, grad, INPUTS, "W", budget=0)
    few = capsys.readouterr().out.count("called")
    assert wrong(gp.verify(tanh_loss, grad, INPUTS, "W"))[0].line
    assert capsys.readouterr().out.count("called") == few


def test_a_failure_of_the_search_is_told_and_costs_no_verdict(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no such node")

    monkeypatch.setattr("gradproof.numeric.verification.mends.mend.prepare", broken)
    finding = gp.verify(tanh_loss, lambda X, W: X.T @ np.tanh(X @ W), INPUTS, "W").findings[0]
    assert finding.verdict.name == "refuted"
    assert "the search for the line failed (RuntimeError: no such node)" in finding.diagnosis


def test_no_loss_is_confessed_to_whose_slope_is_not_finite():
    """cosh in the place of tanh, eight times over, is infinite: every claim lies in a ball without end."""

    def loss(w):
        for _ in range(8):
            w = np.tanh(3 * w)
        return np.sum(w)

    def gradient(w):
        return np.cos(w) * np.exp(w) + 3

    finding = gp.verify(loss, gradient, {"w": np.array([0.3, -0.8, 0.2])})["w"]
    assert finding.verdict.name == "refuted" and "derivative of the loss with" not in finding.diagnosis


def frozen_gradient(X, W):
    a = np.tanh(X @ W)
    return X.T @ (a * (1 + a**2)) / len(X)


def test_what_the_collector_of_garbage_does_not_see_is_found_in_its_module():
    gc.freeze()  # as servers do before they fork
    try:
        finding = gp.verify(tanh_loss, frozen_gradient, INPUTS, "W").findings[0]
    finally:
        gc.unfreeze()
    assert finding.mend == "return X.T @ (a * (1 - a**2)) / len(X)"


def test_code_that_does_not_end_in_floats_is_refuted_all_the_same():
    """Beyond 10³⁰⁰ the scale is taken off twice, and counted once; where floats overflow, it is taken off for ever."""

    def scaled(w):
        z, times = np.exp(w), 0
        while z > 1e300:
            z, times = z / 1e300, 1
        return z, times

    def loss(w):
        z, times = scaled(w)
        return np.log(z) + times * np.log(1e300)

    def grad(w):
        z, times = scaled(w)
        return z * 1e300**times / np.exp(w)

    started = time.process_time()
    report = gp.verify(loss, grad, {"w": 0.5}, prove=False, budget=3)
    assert report.verdict.name == "refuted"
    assert time.process_time() - started < 30
