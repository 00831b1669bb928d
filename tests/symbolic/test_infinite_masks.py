"""Masks of minus infinity before a softmax: what is proved of them is true, and nothing indefinite is proved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradproof as gp

n, d = gp.dims("n d")
Q, V, R = (gp.array(name, (n, d)) for name in "QVR")
KEPT = gp.array("KEPT", (n, n)) > 0


def attention(Q: Any, scale: Any = 1) -> Any:
    scores = np.where(KEPT, Q @ Q.T * scale, -np.inf)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


P = attention(Q, 1 / Q.shape[1] ** 0.5)
LOSS = np.sum(P @ V * R)


def backward(rows: int = 1, lost: bool = False) -> Any:
    dA = R @ V.T
    dS = P * (dA if lost else dA - np.sum(P * dA, axis=rows, keepdims=True)) / Q.shape[1] ** 0.5
    return dS @ Q + dS.T @ Q


def test_masked_attention_is_proved() -> None:
    assert gp.equal(gp.grad(LOSS, V), P.T @ R).name == "proved"
    assert gp.equal(gp.grad(LOSS, Q), backward()).name == "proved"


@pytest.mark.parametrize("wrong", [{"rows": 0}, {"lost": True}])
def test_wrong_gradients_of_masked_attention_are_refuted(wrong: Any) -> None:
    assert gp.equal(gp.grad(LOSS, Q), backward(**wrong)).name == "refuted"


def test_a_masked_row_sums_to_one_and_vanishes_where_it_is_masked() -> None:
    assert gp.equal(P.sum(axis=1), np.ones_like(P[:, 0])).name == "proved"
    assert gp.equal(P, np.where(KEPT, P, 0)).name == "proved"
    assert gp.equal(P, np.where(KEPT, 0, P)).name != "proved"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda s: s * KEPT, lambda s: np.where(KEPT, Q @ Q.T, 0)),
        (lambda s: np.exp(-s) * np.exp(s), lambda s: np.ones_like(P)),
        (lambda s: np.exp(s * Q[0, 0]), lambda s: np.where(KEPT, np.exp(Q @ Q.T * Q[0, 0]), 0)),
    ],
)
def test_what_numpy_computes_as_nan_is_never_proved(one: Any, other: Any) -> None:
    scores = np.where(KEPT, Q @ Q.T, -np.inf)
    assert gp.equal(one(scores), other(scores)).name != "proved"


@pytest.mark.parametrize("fold", [lambda s: s - s, lambda s: s * 0, lambda s: s / s, lambda s: 0 * (s + 1), np.isinf])
def test_what_numpy_computes_as_nan_is_not_folded_to_a_number(fold: Any) -> None:
    scores = np.where(KEPT, Q @ Q.T, -np.inf)
    with pytest.raises(gp.UnsupportedError, match="holds -inf"):
        fold(scores)
    assert gp.equal(fold(np.where(KEPT, Q @ Q.T, 1.0)), fold(np.where(KEPT, Q @ Q.T, 1.0)))


def test_a_mask_of_minus_infinity_is_added_before_an_exponential() -> None:
    added = np.exp(Q @ Q.T + np.where(KEPT, 0, -np.inf))
    assert gp.equal(added, np.where(KEPT, np.exp(Q @ Q.T), 0)).name == "proved"
