"""Models of sequences with hidden states, for every length: what an expectation step counts, and a smoother."""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np

import gradproof as gp

START, MOVES, SEEN = (
    gp.array(name, shape, positive=True)
    for name, shape in {"start": ("k",), "moves": ("k", "k"), "seen": ("T", "k")}.items()
)


def _forward(state: Any, seen: Any) -> tuple[Any, Any]:
    alpha, _ = state
    following = seen * (alpha @ MOVES)
    return following, alpha


def _backward(state: Any, seen: Any, before: Any) -> tuple[Any, Any]:
    beta, _ = state
    counts = np.outer(before, seen * beta) * MOVES
    return MOVES @ (seen * beta), counts


def test_the_gradient_of_the_likelihood_is_what_baum_and_welch_count() -> None:
    r"""With the probabilities b(y_t | j) in ``seen``: a ∂ log Z/∂a are the expected transitions, and so on."""
    alpha, before = gp.scan(_forward, (START, None), SEEN)
    evidence = np.sum(alpha[-1])
    beta, counts = gp.scan(_backward, (0 * START + 1 / evidence, None), (SEEN, before), reverse=True)
    by_start, by_moves, by_seen = gp.grad(np.log(evidence), [START, MOVES, SEEN])
    assert gp.equal(MOVES * by_moves, np.sum(counts, axis=0)).name == "proved"
    assert gp.equal(SEEN * by_seen, np.sum(counts, axis=1)).name == "proved"
    assert gp.equal(by_start, beta[0]).name == "proved"
    assert gp.equal(SEEN * by_seen, np.sum(counts, axis=2)).name == "refuted"  # the state before for the one after


def test_the_same_counts_by_logarithms() -> None:
    start, moves, seen = gp.array("start", ("k",)), gp.array("moves", ("k", "k")), gp.array("seen", ("T", "k"))

    def forward(state: Any, seen: Any) -> tuple[Any, Any]:
        alpha, _ = state
        return seen + gp.logsumexp(alpha[:, None] + moves, axis=0), alpha

    alpha, before = gp.scan(forward, (start, None), seen)
    evidence = gp.logsumexp(alpha[-1])

    def backward(state: Any, seen: Any, before: Any) -> tuple[Any, Any]:
        beta, _ = state
        counts = np.exp(before[:, None] + moves + (seen + beta) - evidence)
        return gp.logsumexp(moves + seen + beta, axis=1), counts

    _, counts = gp.scan(backward, (0 * start, None), (seen, before), reverse=True)
    assert gp.equal(gp.grad(evidence, moves), np.sum(counts, axis=0)).name == "certified"


def filtered(lib: Any, state: Any, y: Any, A: Any, C: Any, Q: Any, R: Any) -> tuple[Any, ...]:
    """One step of a Kalman filter: state and covariance, and both as they were predicted."""
    x, P, *_ = state
    ahead, spread = A @ x, A @ P @ A.T + Q
    gain = lib.linalg.solve(C @ spread @ C.T + R, C @ spread).T
    return ahead + gain @ (y - C @ ahead), spread - gain @ C @ spread, ahead, spread


def smoothed(lib: Any, state: Any, x: Any, P: Any, ahead: Any, spread: Any, A: Any) -> tuple[Any, Any]:
    """One step of Rauch, Tung and Striebel's smoother, from the state after it."""
    after, covariance = state
    gain = lib.linalg.solve(spread, A @ P).T
    return x + gain @ (after - ahead), P + gain @ (covariance - spread) @ gain.T


def test_a_smoother_is_a_scan_forward_and_one_back() -> None:
    shapes = {"A": "nn", "C": "pn", "Q": "nn", "R": "pp", "P": "nn", "x": "n", "Y": "Tp"}
    given = {name: gp.array(name, tuple(shape), symmetric=name in "QRP") for name, shape in shapes.items()}
    A, C, Q, R, P, x, Y = given.values()
    states, spreads, ahead, predicted = gp.scan(
        lambda state, y: filtered(np, state, y, A, C, Q, R), (x, P, None, None), Y
    )
    means, covariances = gp.scan(
        lambda state, *step: smoothed(np, state, *step, A), (states[-1], spreads[-1]),
        (states[:-1], spreads[:-1], ahead[1:], predicted[1:]), reverse=True,
    )  # fmt: skip
    loss = np.sum(means**2) + np.einsum("tii->", covariances)
    rng = np.random.default_rng(0)
    sizes = {"n": 2, "p": 3, "T": 4}
    at = {name: rng.normal(size=[sizes[letter] for letter in shape]) / 2 for name, shape in shapes.items()}
    at |= {name: at[name] @ at[name].T + np.eye(len(at[name])) for name in "QRP"}

    def unrolled(A: Any, Q: Any) -> Any:
        found: list[Any] = [(at["x"], at["P"])]
        for y in at["Y"]:
            found.append(filtered(anp, found[-1], y, A, at["C"], Q, at["R"]))
        state, total = found[-1][:2], 0.0
        for step, after in zip(found[-2:0:-1], found[:1:-1], strict=True):
            state = smoothed(anp, state, *step[:2], *after[2:], A)
            total = total + anp.sum(state[0] ** 2) + anp.trace(state[1])
        return total

    value, *gradients = gp.compile([loss, *gp.grad(loss, [A, Q])])(**at)
    parameters = [at[name] for name in "AQ"]
    np.testing.assert_allclose(value, unrolled(*parameters), rtol=1e-12)
    for gradient, right in zip(gradients, autograd.grad(unrolled, (0, 1))(*parameters), strict=True):
        np.testing.assert_allclose(gradient, right, rtol=1e-10, atol=1e-12)
