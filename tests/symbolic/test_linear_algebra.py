"""Inverses, determinants and solutions of systems: identities that hold are proved, others are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from decided import is_decided
from hypothesis import given, settings
from hypothesis import strategies as st

import gradproof as gp
from gradproof.symbolic.arrays.products import eye

Case = Callable[[], tuple[Any, Any]]
inv, det, slogdet, solve = np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.solve
X, A, C = (gp.array(name, ("n", "n")) for name in "XAC")
S = gp.array("S", ("n", "n"), symmetric=True)
B = gp.array("B", ("b", "n", "n"))
Z, T = gp.array("Z", ("m", "n")), gp.array("T", ("n", "m"))
x, b = gp.array("x", ("n",)), gp.array("b", ("n",))

CUBE = gp.array("K", ("n", "n", "n"))
S5 = gp.array("S5", (5, 5), symmetric=True)
(n,) = CUBE.shape[:1]
P = gp.array("P", ("n", "n"), positive_definite=True)
L, U = (gp.array(name, ("n", "n"), triangular=kind) for name, kind in (("L", "lower"), ("U", "upper")))
D = gp.array("D", ("n", "n"), diagonal=True)
v, w = gp.array("v", ("m",)), gp.array("w", ("m",), positive=True)
s = gp.array("s", (), positive=True)
(m,) = Z.shape[:1]


def _following() -> Any:
    """Row i of the inverse of the i-th matrix of a stack of symmetric ones."""
    return np.einsum("iij->ij", inv(S[None] + x[:, None, None] * eye(n)))


EQUAL: dict[str, Case] = {
    "of a transpose": lambda: (inv(X.T), inv(X).T),
    "of a symmetric matrix": lambda: (inv(S), inv(S).T),
    "of a Gram matrix": lambda: (inv(Z.T @ Z), inv(Z.T @ Z).T),
    "of an inverse": lambda: (inv(inv(X)), X),
    "of a transposed inverse": lambda: (inv(inv(X).T), X.T),
    "of a multiple": lambda: (inv(3 * X), inv(X) / 3),
    "of a kernel with noise": lambda: (inv(np.exp(-Z @ Z.T) + eye(m)), inv(np.exp(-Z @ Z.T) + eye(m)).T),
    "of a stack of Gram matrices": lambda: (inv(B @ B.swapaxes(1, 2)), inv(B @ B.swapaxes(1, 2)).swapaxes(1, 2)),
    "of a product": lambda: (inv(X @ A), inv(A) @ inv(X)),
    "of three factors": lambda: (inv(X @ A @ C), inv(C) @ inv(A) @ inv(X)),
    "of a diagonal matrix": lambda: (inv(np.diag(x)) @ A, A / x[:, None]),
    "of a sum in another order": lambda: (inv(X + A.T), inv((A + X.T).T)),
    "of a stack": lambda: (inv(B).swapaxes(-1, -2), inv(B.swapaxes(-1, -2))),
    "from the left": lambda: (inv(X) @ X @ A, A),
    "from the right": lambda: (A @ X @ inv(X), A),
    "under a trace": lambda: (np.trace(X @ inv(X) @ A), np.trace(A)),
    "in a stack": lambda: (B @ inv(B) @ B, B),
    "of a sum with its terms": lambda: (inv(X + A) @ (X + A) @ b, b),
    "resolvents": lambda: (inv(X) - inv(A), inv(X) @ (A - X) @ inv(A)),
    "a system": lambda: (X @ solve(X, b), b),
    "det of a transpose": lambda: (det(X.T), det(X)),
    "det of an inverse": lambda: (det(inv(X)), 1 / det(X)),
    "det of a product": lambda: (det(X @ A @ X), det(A) * det(X) ** 2),
    "logdet of an inverse": lambda: (slogdet(inv(X))[1], -slogdet(X)[1]),
    "logdet of a product": lambda: (slogdet(X @ A)[1], slogdet(A)[1] + slogdet(X)[1]),
    "log of a definite det": lambda: (np.log(det(P)), slogdet(P)[1]),
    "log of a Gram det": lambda: (np.log(det(Z.T @ Z)), slogdet(Z.T @ Z)[1]),
    "log of a weighted Gram det": lambda: (
        np.log(det((Z.T * w) @ Z + s * eye(n))),
        slogdet((Z.T * w) @ Z + s * eye(n))[1],
    ),
    "log of a congruent det": lambda: (np.log(det(Z @ P @ Z.T)), slogdet(Z @ P @ Z.T)[1]),
    "log of the det of an inverse": lambda: (np.log(det(inv(P))), -slogdet(P)[1]),
    "sign of a definite det": lambda: (slogdet(P)[0], 1 + 0 * s),
    "sign three times": lambda: (slogdet(X)[0] ** 3, slogdet(X)[0]),
    "det by its logarithm": lambda: (slogdet(X)[0] * np.exp(slogdet(X)[1]), det(X)),
    "squared det by its logarithm": lambda: (np.exp(2 * slogdet(X)[1]), det(X) ** 2),
    "root of a squared definite det": lambda: (np.sqrt(det(P) * det(P)), det(P)),
    "lower part of lower": lambda: (np.tril(L), L),
    "upper part of lower": lambda: (np.triu(L), np.diag(np.diag(L))),
    "nothing beyond the diagonal": lambda: (np.triu(L, 1), 0 * L),
    "transposed lower": lambda: (np.triu(L.T), L.T),
    "lower by its inverse": lambda: (inv(L) @ L @ A, A),
    "a diagonal matrix": lambda: (D, np.diag(np.diag(D))),
    "rows of a diagonal product": lambda: (D @ A, np.diag(D)[:, None] * A),
    "inverse of a diagonal matrix": lambda: (inv(D) @ A, A / np.diag(D)[:, None]),
    "a symmetric matrix plus a multiple of one": lambda: (inv(S + s * eye(n)), inv(S + s * eye(n)).T),
    "a squared norm": lambda: (np.linalg.norm(Z) ** 2, np.trace(Z.T @ Z)),
    "largest column sum": lambda: (np.linalg.norm(Z, 1), np.max(np.sum(np.abs(Z), axis=0))),
    "kron of products": lambda: (np.kron(X, Z) @ np.kron(A, T), np.kron(X @ A, Z @ T)),
    "kron and transpose": lambda: (np.kron(X, Z).T, np.kron(X.T, Z.T)),
    "trace of kron": lambda: (np.trace(np.kron(X, A)), np.trace(X) * np.trace(A)),
}
DIFFERENT: dict[str, Case] = {
    "inverse and its transpose": lambda: (inv(X), inv(X).T),
    "transposed inverse of an inverse": lambda: (inv(inv(X).T), X),
    "of a stack that is not symmetric": lambda: (inv(B @ B), inv(B @ B).swapaxes(1, 2)),
    "product in the wrong order": lambda: (inv(X @ A), inv(X) @ inv(A)),
    "sum of inverses": lambda: (inv(X + A), inv(X) + inv(A)),
    "a transpose does not cancel": lambda: (inv(X) @ X.T @ A, A),
    "another matrix stands between": lambda: (inv(X) @ A @ X, A),
    "entries of another stack": lambda: (inv(B) @ B[::-1], inv(B[::-1]) @ B),
    "det of a multiple": lambda: (det(2 * X), 2 * det(X)),
    "det of a sum": lambda: (det(X + A), det(X) + det(A)),
    "absolute value of a det": lambda: (np.exp(slogdet(X)[1]), det(X)),
    "cubed det by its logarithm": lambda: (np.exp(3 * slogdet(X)[1]), det(X) ** 3),
    "sign of a symmetric det": lambda: (slogdet(S)[0], 1 + 0 * s),
    "root of a squared det": lambda: (np.sqrt(det(X) ** 2), det(X)),
    "strictly lower part": lambda: (np.tril(L, -1), L),
    "lower part of upper": lambda: (np.tril(U), U),
    "lower part of a transpose": lambda: (np.tril(L.T), L.T),
    "columns of a diagonal product": lambda: (A @ D, np.diag(D)[:, None] * A),
    "square of a triangular matrix": lambda: (L @ L, L**2),
    "largest row sum": lambda: (np.linalg.norm(Z, np.inf), np.max(np.sum(np.abs(Z), axis=0))),
    "kron the other way": lambda: (np.kron(X, A), np.kron(A, X)),
    "solve from the other side": lambda: (solve(X, b), b @ inv(X)),
    "a batch index that is summed": lambda: (np.einsum("jij,jjk->ik", inv(CUBE), CUBE), eye(n)),
    "a column that stands twice": lambda: (
        np.einsum("ij,jkl->ikl", inv(np.einsum("rcc->rc", CUBE)), CUBE),
        eye(n)[:, None, :] + 0 * CUBE,
    ),
    "a matrix that follows its batch index": lambda: (inv(_following()), inv(_following()).T),
    "a reversed symmetric matrix": lambda: (inv(S[::-1]), inv(S[::-1]).T),
    "a slice of a symmetric matrix": lambda: (inv(S5[1:, :-1]), inv(S5[1:, :-1]).T),
    "inverse of a shifted index": lambda: (inv(B[0])[0, 0] * x, inv(B[0])[0, 1] * x),
}


UNDEFINED: dict[str, Case] = {
    "log of a det": lambda: (np.log(det(X)), slogdet(X)[1]),
    "log of a det with signed weights": lambda: (
        np.log(det((Z.T * v) @ Z + s * eye(n))),
        slogdet((Z.T * v) @ Z + s * eye(n))[1],
    ),
    "log of an indefinite congruence": lambda: (np.log(det(Z @ S @ Z.T)), slogdet(Z @ S @ Z.T)[1]),
    "log of a difference": lambda: (np.log(det(P - Z.T @ Z)), slogdet(P - Z.T @ Z)[1]),
    "log of a product of dets": lambda: (np.log(det(X) * det(A)), np.log(det(X)) + np.log(det(A))),
    "square of the sign of a singular det": lambda: (slogdet(np.outer(x, x))[0] ** 2, 1 + 0 * s),
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_what_holds_on_a_part_of_the_inputs_alone_is_not_proved(name: str) -> None:
    assert gp.equal(*UNDEFINED[name]()).name != "proved"


def test_what_a_square_matrix_is_assumed_to_be_is_asked_for_in_full() -> None:
    with pytest.raises(gp.ShapeError, match="positive definite"):
        gp.array("Q", ("m", "n"), positive_definite=True)
    with pytest.raises(gp.UsageError, match="'lower' or 'upper'"):
        gp.array("Q", ("n", "n"), triangular="left")
    with pytest.raises(gp.UsageError, match="cannot be positive"):
        gp.array("Q", ("n", "n"), triangular="lower", positive=True)


@pytest.mark.parametrize("name", EQUAL)
def test_an_identity_is_proved_for_all_sizes(name: str) -> None:
    is_decided(EQUAL[name], "proved")


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_is_no_identity_is_refuted(name: str) -> None:
    is_decided(DIFFERENT[name], "refuted")


def test_a_matrix_whose_choice_of_entries_is_a_branch_is_not_searched_without_end() -> None:
    chosen = np.where(x[0] > 0, X, A)
    assert "given up" not in gp.equal(inv(chosen) @ chosen @ b, b).reason


OF_SYMMETRIC: dict[str, Callable[[Any, Any], Any]] = {
    "itself": lambda s, v: v @ inv(s) @ np.exp(v),
    "reversed": lambda s, v: v @ inv(s[::-1]) @ np.exp(v),
    "a slice": lambda s, v: v[1:] @ inv(s[1:, :-1]) @ np.exp(v[1:]),
    "logdet of a slice": lambda s, v: slogdet(s[1:, :-1])[1],
    "its square": lambda s, v: v @ inv(s @ s.T) @ np.exp(v),
    "with a diagonal": lambda s, v: det(s + np.diag(v)) + np.sum(inv(s * s)[0]),
}


@pytest.mark.parametrize("name", OF_SYMMETRIC)
def test_values_and_gradients_of_symmetric_matrices_are_numpys(name: str) -> None:
    function = OF_SYMMETRIC[name]
    rng = np.random.default_rng(5)
    numbers = {"s": rng.normal(size=(4, 4)), "v": rng.normal(size=4)}
    numbers["s"] = numbers["s"] + numbers["s"].T + 4 * np.eye(4)
    s, v = gp.array("s", (4, 4), symmetric=True), gp.array("v", (4,))
    y = function(s, v)
    value, derivative, *_ = gp.compile([y, gp.grad(y, s), s, v])(**numbers)
    assert value == pytest.approx(function(**numbers), rel=1e-12)
    step = 1e-6
    for index in np.ndindex(4, 4):
        move = np.zeros((4, 4))
        move[index] = step
        up, down = (function(numbers["s"] + sign * move, numbers["v"]) for sign in (1, -1))
        assert derivative[index] == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-6)


GRADIENTS: dict[str, tuple[Callable[..., Any], Any, Any]] = {
    "det": (lambda: det(X), X, lambda: det(X) * inv(X).T),
    "det of A X C": (lambda: det(A @ X @ C), X, lambda: det(A @ X @ C) * inv(X).T),
    "trace of an inverse": (lambda: np.trace(inv(X) @ A), X, lambda: -(inv(X) @ A @ inv(X)).T),
    "logdet of a Gram matrix": (lambda: slogdet(Z.T @ Z)[1], Z, lambda: 2 * Z @ inv(Z.T @ Z)),
    "log of a det": (lambda: np.log(det(X)), X, lambda: inv(X).T),
    "quadratic form of an inverse": (lambda: b @ solve(X, b), X, lambda: -np.outer(inv(X).T @ b, inv(X) @ b)),
    "solution by the right side": (lambda: x @ solve(X, b), b, lambda: solve(X.T, x)),
    "stack": (lambda: np.sum(inv(B) * B), B, lambda: inv(B) - _turned(inv(B)) @ B @ _turned(inv(B))),
    "sign": (lambda: slogdet(X)[0] * np.sum(X), X, lambda: slogdet(X)[0] * np.ones_like(X)),
    "ridge": (
        lambda: slogdet(Z.T @ Z + A)[1], A, lambda: inv(Z.T @ Z + A).T,
    ),
}  # fmt: skip


def _turned(stack: Any) -> Any:
    return np.swapaxes(stack, -1, -2)


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_the_ones_of_the_cookbook(name: str) -> None:
    y, wrt, published = GRADIENTS[name]
    verdict = gp.equal(gp.grad(y(), wrt), published())
    assert verdict.name == "proved", verdict.reason


@pytest.mark.parametrize("name", GRADIENTS)
def test_forward_mode_and_reverse_mode_agree(name: str) -> None:
    y, wrt, _ = GRADIENTS[name]
    step = gp.array("V", wrt.shape)
    along = gp.jvp(y(), [wrt], [step])
    assert gp.equal(along, np.sum(gp.grad(y(), wrt) * step))


def test_the_second_derivative_of_logdet_is_the_published_one() -> None:
    hessian = gp.hessian(slogdet(X)[1], X)
    assert gp.equal(hessian, -np.einsum("li,jk->ijkl", inv(X), inv(X)))


def test_formulas_are_what_a_person_would_write() -> None:
    assert gp.grad(slogdet(Z.T @ Z)[1], Z).latex() == r"2 Z \left(Z^{\top} Z\right)^{-1}"
    assert gp.grad(det(X), X).latex() == r"\det \left(X\right) X^{-\top}"
    assert gp.grad(np.trace(inv(X) @ A), X).latex() == r"-X^{-\top} A^{\top} X^{-\top}"
    assert gp.grad(np.trace(np.kron(X, X)), X).latex() == r"2 \operatorname{tr}\left(X\right) I"


def test_generated_code_calls_numpy_on_the_whole_matrix_once() -> None:
    source = gp.grad(slogdet(Z.T @ Z)[1], Z).numpy()
    assert source.count("np.linalg.inv(") == 1
    assert "2 * (Z @ inv)" in source


def test_an_inverse_that_is_only_multiplied_is_solved_for() -> None:
    by_right_side = gp.grad(x @ solve(X, b), b).numpy()
    assert "np.linalg.solve(X.T, x)" in by_right_side and "inv(" not in by_right_side.replace("inv(X)[", "")
    numbers = {"X": np.random.default_rng(0).normal(size=(4, 4)), "x": np.arange(4.0)}
    got = gp.grad(x @ solve(X, b), b).evaluate(numbers)
    np.testing.assert_allclose(got, np.linalg.solve(numbers["X"].T, numbers["x"]), rtol=1e-12)
    assert "np.linalg.solve(X, b)" in solve(X, b).numpy()


LEAVES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "X": lambda e: e["X"], "A": lambda e: e["A"], "S": lambda e: e["S"], "D": lambda e: np.diag(e["x"]),
    "K": lambda e: e["K"][0], "diagonals": lambda e: np.einsum("iij->ij", e["K"]),
}  # fmt: skip
UNARY: dict[str, Callable[[Any], Any]] = {
    "inv": inv, "T": np.transpose, "reversed": lambda a: a[::-1], "columns reversed": lambda a: a[:, ::-1],
    "inv again": inv, "scaled": lambda a: 2 * a,
}  # fmt: skip
BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "@": lambda a, b: a @ b, "+": lambda a, b: a + b, "@ inv": lambda a, b: a @ inv(b), "solve": solve,
}  # fmt: skip
trees = st.recursive(
    st.sampled_from(sorted(LEAVES)),
    lambda inner: (
        st.tuples(st.sampled_from(sorted(UNARY)), inner) | st.tuples(st.sampled_from(sorted(BINARY)), inner, inner)
    ),
    max_leaves=4,
)


def _built(tree: Any, arrays: dict[str, Any]) -> Any:
    if isinstance(tree, str):
        return LEAVES[tree](arrays)
    operation, *parts = tree
    return (UNARY | BINARY)[operation](*(_built(part, arrays) for part in parts))


def _cancelled(tree: Any, other: Any, kind: str) -> tuple[Any, Any]:
    """Two expressions that are equal, or nearly so."""
    pairs = {
        "left": ("@", ("inv", tree), ("@", tree, other)), "right": ("@", ("@", other, tree), ("inv", tree)),
        "transposed": ("@", ("inv", tree), ("@", ("T", tree), other)), "turned": ("T", ("inv", ("T", tree))),
        "twice": ("inv", ("inv", tree)), "product": ("inv", ("@", tree, other)),
    }  # fmt: skip
    same = {"twice": tree, "turned": ("inv", tree), "product": ("@", ("inv", other), ("inv", tree))}
    return pairs[kind], same.get(kind, other)


@given(trees, trees, st.sampled_from(["left", "right", "transposed", "turned", "twice", "product", "any"]))
@settings(max_examples=80, deadline=None, print_blob=True)
def test_what_is_proved_of_random_matrix_expressions_holds_for_numbers(one: Any, two: Any, kind: str) -> None:
    pair = (one, two) if kind == "any" else _cancelled(one, two, kind)
    symbols = {"X": X, "A": A, "S": S, "x": x, "K": CUBE}
    if gp.equal(*(_built(tree, symbols) for tree in pair)).name != "proved":
        return
    rng = np.random.default_rng(0)
    numbers = {"X": (3, 3), "A": (3, 3), "S": (3, 3), "x": (3,), "K": (3, 3, 3)}
    values = {name: rng.normal(size=shape) for name, shape in numbers.items()}
    values["S"] = values["S"] + values["S"].T
    try:
        left, right = (_built(tree, values) for tree in pair)
    except np.linalg.LinAlgError:  # a sum such as A + A[::-1] has no inverse, whatever A: there is nothing to compare
        return
    np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6 * (1 + np.abs(right).max()))
