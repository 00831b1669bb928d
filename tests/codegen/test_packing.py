"""Separate weights of gates are multiplied as one, and the values stay: against autograd, and on near misses."""

from __future__ import annotations

import re

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import gradproof as gp

T, m, n, k = gp.dims("T m n k")
SHAPES = {"x": (T, m, n), "h0": (m, k), "c0": (m, k), "s": (T, k), "D": (k, n)}
SHAPES |= {f"W{g}": (n, k) for g in "ifog"} | {f"U{g}": (k, k) for g in "ifog"} | {f"b{g}": (k,) for g in "ifog"}
SHAPES |= {f"V{g}": (n + k, k) for g in "ifog"}
ARRAYS = {name: gp.array(name, shape) for name, shape in SHAPES.items()}
SIZES = {T: 3, m: 2, n: 4, k: 5}


def values():
    rng = np.random.default_rng(3)
    return {name: rng.normal(size=[int(d.subs(SIZES)) for d in shape]) for name, shape in SHAPES.items()}


def scan(np, step, initial, *sequences):
    if np is not anp:
        return gp.scan(step, initial, list(sequences))
    states, state = [], initial
    for inputs in zip(*sequences, strict=True):
        state = step(state, *inputs)
        states.append(state)
    if isinstance(initial, tuple):
        return tuple(anp.stack(part) for part in zip(*states, strict=True))
    return anp.stack(states)


def sigmoid(np, z):
    return 1 / (1 + np.exp(-z))


def cell(np, gates, c):
    i, f, o = (sigmoid(np, gates[g]) for g in "ifo")
    c = f * c + i * np.tanh(gates["g"])
    return o * np.tanh(c), c


def lstm(np, a):
    def step(state, x):
        h, c = state
        return cell(np, {g: x @ a[f"W{g}"] + h @ a[f"U{g}"] + a[f"b{g}"] for g in "ifog"}, c)

    return np.sum(scan(np, step, (a["h0"], a["c0"]), a["x"])[0] ** 2)


def lstm_of_joined_inputs(np, a):
    def step(state, x):
        h, c = state
        v = np.concatenate([h, x], axis=1)
        return cell(np, {g: v @ a[f"V{g}"] + a[f"b{g}"] for g in "ifog"}, c)

    return np.sum(scan(np, step, (a["h0"], a["c0"]), a["x"])[0] ** 2)


def gru(np, a):
    def step(h, x):
        r, u = (sigmoid(np, x @ a[f"W{g}"] + h @ a[f"U{g}"] + a[f"b{g}"]) for g in "if")
        return u * h + (1 - u) * np.tanh(x @ a["Wo"] + (r * h) @ a["Uo"] + a["bo"])

    return np.sum(scan(np, step, a["h0"], a["x"]) ** 2)


def without_one_bias(np, a):
    def step(h, x):
        return np.tanh(h @ a["Ui"] + a["bi"]) * sigmoid(np, h @ a["Uf"]) + np.exp(-((h @ a["Uo"] + x @ a["Wo"]) ** 2))

    return np.sum(scan(np, step, a["h0"], a["x"]) ** 2)


def of_other_widths(np, a):
    def step(h, x):
        return np.tanh(h @ a["Ui"]) + np.tanh((h @ a["D"]) * x) @ a["Wi"]

    return np.sum(scan(np, step, a["h0"], a["x"]) ** 2)


def one_weight_twice(np, a):
    def step(h, x):
        return np.tanh(h @ a["Ui"] + x @ a["Wi"]) * np.exp(-((h @ a["Ui"] + x @ a["Wf"]) ** 2)) + h @ a["Uf"] / 9

    return np.sum(scan(np, step, a["h0"], a["x"]) ** 2)


def a_weight_that_is_used_elsewhere(np, a):
    def step(h, x):
        return np.tanh(h @ a["Ui"]) * sigmoid(np, h @ a["Uf"] + x @ a["Wf"])

    return np.sum(scan(np, step, a["h0"] @ a["Ui"], a["x"]) ** 2) + np.sum(a["Uf"] ** 3)


def a_part_of_each_time(np, a):
    def step(h, x, s):
        return np.tanh(h @ a["Ui"] + s) * sigmoid(np, h @ a["Uf"] + a["bf"])

    return np.sum(scan(np, step, a["h0"], a["x"], a["s"]) ** 2)


def subtracted_and_added(np, a):
    def step(h, x):
        return np.tanh(h @ a["Ui"] - a["bi"]) * sigmoid(np, a["bf"] - h @ a["Uf"]) * np.cos(h @ a["Uo"] + x @ a["Wo"])

    return np.sum(scan(np, step, a["h0"], a["x"]) ** 2)


CASES = {
    "LSTM": (lstm, [f"{w}{g}" for w in "WUb" for g in "ifog"]),
    "LSTM of joined inputs": (lstm_of_joined_inputs, [f"{w}{g}" for w in "Vb" for g in "ifog"]),
    "GRU": (gru, [f"{w}{g}" for w in "WUb" for g in "ifo"]),
    "without one bias": (without_one_bias, ["Ui", "bi", "Uf", "Uo", "Wo"]),
    "of other widths": (of_other_widths, ["Ui", "D", "Wi"]),
    "one weight twice": (one_weight_twice, ["Ui", "Uf", "Wi", "Wf"]),
    "a weight that is used elsewhere": (a_weight_that_is_used_elsewhere, ["Ui", "Uf", "h0"]),
    "a part of each time": (a_part_of_each_time, ["Ui", "Uf", "s", "bf"]),
    "subtracted and added": (subtracted_and_added, ["Ui", "Uf", "Uo", "bi", "bf", "Wo"]),
}


@pytest.fixture(scope="module")
def compiled():
    """The loss of a case and its gradients, compiled once."""
    made = {}

    def of(case):
        if case not in made:
            loss, wrt = CASES[case]
            cost = loss(np, ARRAYS)
            made[case] = cost, gp.compile([cost, *gp.grad(cost, [ARRAYS[name] for name in wrt])])
        return made[case]

    return of


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_stay(case, compiled):
    loss, wrt = CASES[case]
    cost, function = compiled(case)
    given = values()
    used = {i.name for i in cost.system().inputs}
    found = function(**{name: given[name] for name in used})
    assert np.isclose(found[0], loss(anp, given), rtol=1e-12)
    for name, gradient in zip(wrt, found[1:], strict=True):
        expected = autograd.grad(lambda value, name=name: loss(anp, given | {name: value}))(given[name])
        assert np.allclose(gradient, expected, rtol=1e-10, atol=1e-12), name


def products(source):
    """How many products of matrices stand before the first loop, in each loop, and behind the last."""
    code = "\n".join(line.partition("#")[0] for line in source.splitlines())
    return [part.count(" @ ") for part in re.split(r"\n    for ", code)], code.count("np.tensordot")


@pytest.mark.parametrize(
    ("case", "expected"),
    [("LSTM", ([1, 1, 1], 2)), ("LSTM of joined inputs", ([0, 1, 1], 1))],
)
def test_products_of_gates_are_one(case, expected, compiled):
    assert products(compiled(case)[1].source) == expected


def test_weights_are_joined_before_the_loops_and_never_in_them(compiled):
    before, *loops = re.split(r"\n    for ", compiled("LSTM")[1].source)
    assert before.count("np.concatenate") == 3
    assert not any(re.search(r"np\.concatenate\(\[[WUb]", loop) for loop in loops)


def test_gates_with_one_activation_are_computed_at_once(compiled):
    source = compiled("LSTM")[1].source
    forward = re.split(r"\n    for ", source)[1]
    assert forward.count("0.5 * (1 + np.tanh(0.5 *") == 1
