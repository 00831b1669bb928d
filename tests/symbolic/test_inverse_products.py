"""Inverses beside what their matrices are made of: least squares and updates are proved, what is near them is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from decided import is_decided

import gradproof as gp
from gradproof.symbolic.arrays.products import eye
from gradproof.symbolic.prove import prove

Case = Callable[[], tuple[Any, Any]]
inv, solve = np.linalg.inv, np.linalg.solve
n, k = gp.dims("n k")
Z, b = gp.array("Z", (2 * n, n)), gp.array("b", (2 * n,))  # at random inputs its columns are independent
A, C = (gp.array(name, ("n", "n")) for name in "AC")
u, v = gp.array("u", ("n",)), gp.array("v", ("n",))
U, V, K = gp.array("U", ("n", "k")), gp.array("V", ("k", "n")), gp.array("K", ("k", "k"))
L, R = gp.array("L", ("n", "n"), triangular="lower"), gp.array("R", ("n", "n"), triangular="upper")
s = gp.array("s", (), positive=True)
w = gp.array("w", (2 * n,))
G = inv(Z.T @ Z)
HAT = Z @ G @ Z.T
RIDGE = inv(Z.T @ Z + s * eye(n))
AI = inv(A)
WEIGHTED = inv((Z.T * w) @ Z)
UPDATED, DENOMINATOR = inv(A + np.outer(u, v)), 1 + v @ AI @ u

EQUAL: dict[str, Case] = {
    "a projection is its square": lambda: (HAT @ HAT, HAT),
    "a projection keeps its columns": lambda: (HAT @ Z @ A, Z @ G @ Z.T @ Z @ A),
    "weights in the middle": lambda: (WEIGHTED @ Z.T @ (w * (Z @ u)), WEIGHTED @ ((Z.T * w) @ Z) @ u),
    "ridge regression of its own fit": lambda: (RIDGE @ Z.T @ (Z @ u), u - s * RIDGE @ u),
    "Sherman and Morrison": lambda: (UPDATED, AI - np.outer(AI @ u, v @ AI) / DENOMINATOR),
    "Woodbury": lambda: (inv(A + U @ K @ V), AI - AI @ U @ inv(inv(K) + V @ AI @ U) @ V @ AI),
    "Woodbury of an identity": lambda: (inv(eye(n) + U @ V), eye(n) - U @ inv(eye(k) + V @ U) @ V),
    "an inverse pushed through": lambda: (inv(eye(n) + U @ V) @ U, U @ inv(eye(k) + V @ U)),
    "a triangle times its transpose, entry by entry": lambda: (R * R.T, np.diag(np.diag(R) ** 2)),
    "lower times upper, entry by entry": lambda: (L * R, np.diag(np.diag(L) * np.diag(R))),
}  # fmt: skip

NEAR: dict[str, Case] = {
    "two projections for one": lambda: (HAT + HAT @ HAT, HAT),
    "a fit with weights on one side": lambda: (G @ (Z.T * w) @ Z @ u, u),
    "a row that is not summed": lambda: (np.einsum("ij,mj,mk->ik", G[::-1], Z, Z), eye(n)),
    "a ridge that is forgotten": lambda: (RIDGE @ Z.T @ (Z @ u), u),
    "a ridge with its sign": lambda: (RIDGE @ Z.T @ (Z @ u), u + s * RIDGE @ u),
    "Sherman and Morrison with a plus": lambda: (UPDATED, AI + np.outer(AI @ u, v @ AI) / DENOMINATOR),
    "their denominator the other way": lambda: (UPDATED, AI - np.outer(AI @ u, v @ AI) / (1 + u @ AI @ v)),
    "their outer product the other way": lambda: (UPDATED.T, AI - np.outer(AI @ u, v @ AI) / DENOMINATOR),
    "Woodbury without the inverse in it": lambda: (inv(A + U @ K @ V), AI - AI @ U @ inv(K + V @ AI @ U) @ V @ AI),
    "pushed through without turning": lambda: (inv(eye(n) + A @ C) @ A, A @ inv(eye(n) + A @ C)),
    "a triangle times itself": lambda: (R * R, np.diag(np.diag(R) ** 2)),
    "a triangle times a transpose of the other kind": lambda: (L * R.T, np.diag(np.diag(L) * np.diag(R))),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_an_identity_is_proved_for_all_sizes(name: str) -> None:
    is_decided(EQUAL[name], "proved")


@pytest.mark.parametrize("name", NEAR)
def test_what_is_near_an_identity_is_never_proved(name: str) -> None:
    assert gp.equal(*NEAR[name]()).name == "refuted"


def test_the_normal_equations_hold_where_the_columns_are_independent_and_the_verdict_says_so() -> None:
    found = solve(Z.T @ Z, Z.T @ b)
    residual, nothing = Z.T @ (Z @ found - b), 0 * u
    assert "needs MatrixFunction(_t[j0, j1]" in prove(residual, nothing).reason
    assert prove(residual, nothing, None, [found]).name == "proved"
