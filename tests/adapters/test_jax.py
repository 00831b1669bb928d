"""A ``jax.custom_vjp`` is checked on balls where its rules are NumPy's functions, else in JAX's own float64."""

from __future__ import annotations

import numpy as np
import pytest

import gradproof as gp
from gradproof.errors import UsageError

jax = pytest.importorskip("jax", reason="jax is not installed")
jnp = jax.numpy

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=2)


def layer(x, w, b):
    return jnp.tanh(x @ w + b)


def layer_fwd(x, w, b):
    a = layer(x, w, b)
    return a, (x, w, a)


def layer_bwd(residuals, g):
    x, w, a = residuals
    d = g * (1 - a**2)
    return d @ w.T, x.T @ d, jnp.sum(d, axis=0)


def forgets_the_slope(residuals, g):
    x, w, _ = residuals
    return g @ w.T, x.T @ g, jnp.sum(g, axis=0)


def forgets_the_bias(residuals, g):
    dx, dw, _ = layer_bwd(residuals, g)
    return dx, dw, None


def other_value_fwd(x, w, b):
    a = jnp.tanh(x @ w)
    return a, (x, w, a)


def rules(fun, fwd, bwd, **options):
    f = jax.custom_vjp(fun, **options)
    f.defvjp(fwd, bwd)
    return f


def test_right_rules_are_certified():
    report = gp.verify_custom_vjp(rules(layer, layer_fwd, layer_bwd), [X, W, B])
    assert report.ok and {f.name for f in report.findings if f.verdict == "certified"} == {"x", "w", "b"}


@pytest.mark.parametrize(
    ("fwd", "bwd", "wrong"),
    [
        (layer_fwd, forgets_the_slope, {"x", "w", "b"}),
        (layer_fwd, forgets_the_bias, {"b"}),
        (other_value_fwd, layer_bwd, {"x", "w", "b"}),
    ],
)
def test_planted_faults_are_refuted(fwd, bwd, wrong):
    report = gp.verify_custom_vjp(rules(layer, fwd, bwd), [X, W, B])
    assert {f.name for f in report.findings if f.verdict == "refuted"} == wrong


def test_dicts_integers_and_several_outputs():
    def fun(params, labels):
        z = jax.nn.log_softmax(params["w"])
        return {"loss": -jnp.mean(z[jnp.arange(3), labels]), "norm": jnp.sum(params["b"] ** 2)}

    def fwd(params, labels):
        return fun(params, labels), (params, labels)

    def bwd(residuals, g):
        params, labels = residuals
        p = jax.nn.softmax(params["w"])
        d = g["loss"] * p.at[jnp.arange(3), labels].add(-1.0) / 3
        return {"w": d, "b": 2 * params["b"] * g["norm"]}, None

    params = {"w": RNG.normal(size=(3, 4)), "b": B}
    report = gp.verify_custom_vjp(rules(fun, fwd, bwd), {"params": params, "labels": np.array([0, 3, 1])})
    assert {f.name: f.verdict.name for f in report.findings} == {"params.w": "certified", "params.b": "certified"}


def test_arguments_that_are_not_differentiated_and_jitted_helpers():
    @jax.jit
    def helper(x):
        return jnp.exp(x) + jnp.square(x)

    def fun(power, x):
        return jnp.sum(helper(x)) * power

    def bwd(power, x, g):
        return (g * power * (jnp.exp(x) + 2 * x),)

    f = rules(fun, lambda power, x: (fun(power, x), x), bwd, nondiff_argnums=(0,))
    report = gp.verify_custom_vjp(f, [3, X])
    assert report.ok, str(report)


def test_what_has_no_counterpart_is_compared_in_float64():
    def fun(x):
        return jax.lax.cumsum(x, axis=0)

    good = rules(fun, lambda x: (fun(x), None), lambda _, g: (jax.lax.cumsum(g, axis=0, reverse=True),))
    bad = rules(fun, lambda x: (fun(x), None), lambda _, g: (jax.lax.cumsum(g, axis=0),))
    assert gp.verify_custom_vjp(good, [X]).verdict == "agrees"
    report = gp.verify_custom_vjp(bad, [X])
    assert report.verdict == "unknown" and "differences disagree" in report.verdict.reason


def test_single_precision_inputs_are_taken_in_double():
    report = gp.verify_custom_vjp(rules(layer, layer_fwd, layer_bwd), [jnp.asarray(X, jnp.float32), W, B])
    assert report.ok


@pytest.mark.parametrize(
    ("f", "inputs", "words"),
    [
        (layer, [X, W, B], "must be a jax.custom_vjp"),
        (jax.custom_vjp(layer), [X, W, B], "call f.defvjp"),
        (rules(layer, layer_fwd, lambda r, g: (g,)), [X, W, B], "a tuple for x, w, b, and returned 1 entries"),
        (rules(layer, layer_fwd, layer_bwd), [X, W, B, B], "there are 4 inputs for the arguments x, w, b"),
    ],
)
def test_a_mistake_in_the_use_is_one_line(f, inputs, words):
    with pytest.raises(UsageError, match=words):
        gp.verify_custom_vjp(f, inputs)
