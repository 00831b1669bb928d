"""Recurrent models that need nothing but ``scan``: generated loops against autograd on loops over NumPy arrays."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import gradproof as gp

T, m, n, k = gp.dims("T m n k")
SHAPES = {
    "x": (T, m, n), "h0": (m, k), "c0": (m, k), "W": (n, 3 * k), "U": (k, 3 * k), "b": (3 * k,), "p": (3 * k,),
    "mask": (T, m), "A": (k, k), "y": (T, m, k), "V": (n, k),
}  # fmt: skip
ARRAYS = {name: gp.array(name, shape) for name, shape in SHAPES.items()}


def values(times):
    sizes, rng = {T: times, m: 2, n: 3, k: 2}, np.random.default_rng(times)
    found = {name: rng.normal(size=[int(s.subs(sizes)) for s in shape]) for name, shape in SHAPES.items()}
    found["mask"] = (np.arange(times)[:, None] < [times, max(times - 1, 1)]).astype(float)
    return found


def loop(step, initial, sequences, reverse=False):
    """What ``scan`` is by definition."""
    states, state = [], initial
    times = list(zip(*(sequences if isinstance(sequences, list) else [sequences]), strict=True))
    for inputs in reversed(times) if reverse else times:
        state = step(state, *inputs)
        states.append(state)
    states = states[::-1] if reverse else states
    if isinstance(initial, tuple):
        return tuple(anp.stack(part) for part in zip(*states, strict=True))
    return anp.stack(states)


def logsumexp(np, z):
    if np is anp:
        top = z.max(axis=-1, keepdims=True)
        return (top + anp.log(anp.sum(anp.exp(z - top), axis=-1, keepdims=True)))[..., 0]
    return gp.logsumexp(z, axis=-1)


def sigmoid(np, z):
    return 1 / (1 + np.exp(-z))


def thirds(a):
    width = a.shape[-1] // 3
    return [a[..., q * width : (q + 1) * width] for q in range(3)]


def gru_reset_after(np, scan, a):
    """The reset gate acts behind the product, as in cuDNN and Keras."""
    (Wr, Wu, Wc), (Ur, Uu, Uc), (br, bu, bc) = (thirds(a[name]) for name in "WUb")

    def step(h, x):
        r, u = sigmoid(np, x @ Wr + h @ Ur + br), sigmoid(np, x @ Wu + h @ Uu + bu)
        return u * h + (1 - u) * np.tanh(x @ Wc + r * (h @ Uc + bc))

    return np.sum((scan(step, a["h0"], a["x"]) - a["y"]) ** 2)


def peephole(np, scan, a):
    """The gates of an LSTM also see the cell (Gers and Schmidhuber, 2000)."""
    (Wi, Wf, Wg), (Ui, Uf, Ug), (bi, bf, bg), (pi, pf, po) = (thirds(a[name]) for name in "WUbp")

    def step(state, x):
        h, c = state
        i, f = sigmoid(np, x @ Wi + h @ Ui + bi + c * pi), sigmoid(np, x @ Wf + h @ Uf + bf + c * pf)
        c = f * c + i * np.tanh(x @ Wg + h @ Ug + bg)
        return sigmoid(np, c * po) * np.tanh(c), c

    return np.sum(scan(step, (a["h0"], a["c0"]), a["x"])[0] * a["y"])


def padded(np, scan, a):
    """Behind the end of a sequence its state stays."""

    def step(h, x, mask):
        return mask[:, None] * np.tanh(x @ a["V"] + h @ a["A"]) + (1 - mask)[:, None] * h

    return np.sum(scan(step, a["h0"], [a["x"], a["mask"]])[-1] ** 2)


def bidirectional(np, scan, a):
    def step(h, x):
        return np.tanh(x @ a["V"] + h @ a["A"])

    both = [scan(step, a["h0"], a["x"]), scan(step, a["c0"], a["x"], reverse=True)]
    return np.sum(np.concatenate(both, axis=2)[:, :, 1:] ** 2)


def random_field(np, scan, a):
    """The logarithm of the partition function of a linear-chain conditional random field (Lafferty et al., 2001)."""

    def step(alpha, score):
        return score + logsumexp(np, alpha[:, None] + a["A"].T)

    alphas = scan(step, a["y"][0], a["y"][1:])
    return np.sum(logsumexp(np, alphas[-1]))


MODELS = {
    "GRU with its reset behind": (gru_reset_after, ["W", "U", "b"]),
    "LSTM with peepholes": (peephole, ["p", "U", "c0"]),
    "padded sequences": (padded, ["A", "h0", "x"]),
    "both directions": (bidirectional, ["A", "c0"]),
    "random field": (random_field, ["A", "y"]),
}


@pytest.mark.parametrize("model", MODELS)
def test_values_and_gradients_are_those_of_the_loop(model):
    cost, wrt = MODELS[model]
    loss = cost(np, gp.scan, ARRAYS)
    compiled = gp.compile([loss, *gp.grad(loss, [ARRAYS[name] for name in wrt])])
    used = [i.name for i in loss.system().inputs]
    for times in (2, 4):
        given = {name: value for name, value in values(times).items() if name in used}
        found = compiled(**given)
        assert np.isclose(found[0], cost(anp, loop, given), rtol=1e-12)
        for name, gradient in zip(wrt, found[1:], strict=True):
            by_hand = autograd.grad(lambda value, name=name, given=given: cost(anp, loop, given | {name: value}))
            expected = by_hand(given[name])
            assert np.allclose(gradient, expected, rtol=1e-10, atol=1e-12), (name, times)


def test_the_partition_function_sums_over_all_labelings():
    scores, A = values(3)["y"][:, :1], values(3)["A"]
    k = A.shape[0]
    paths = [(i, j, l) for i in range(k) for j in range(k) for l in range(k)]
    weights = [scores[0, 0, i] + A[i, j] + scores[1, 0, j] + A[j, l] + scores[2, 0, l] for i, j, l in paths]
    loss = random_field(np, gp.scan, ARRAYS)
    assert np.isclose(loss.evaluate({"y": scores, "A": A}), np.log(np.sum(np.exp(weights))), rtol=1e-12)
