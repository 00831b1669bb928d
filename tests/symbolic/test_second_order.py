"""Hessians, their products, and Gauss-Newton: what holds between them is proved for all shapes."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import sympy as sp
from beside import module

import gradproof as gp
from gradproof.symbolic.derivations.kronecker_form import kronecker_form
from gradproof.symbolic.equations.definition import System, references
from gradproof.symbolic.equations.tidy import tidy
from gradproof.symbolic.equations.values import Valuation, precision

_cases = module(__file__, "../second_order.py")
CASES, directions, symbols = _cases.CASES, _cases.directions, _cases.symbols


def blocks(name: str) -> tuple[Any, list[Any], list[list[Any]]]:
    case, e = CASES[name], symbols()
    loss, parameters = case.loss(np, e), [e[w] for w in case.wrt]
    return loss, parameters, gp.hessian(loss, parameters)


def contracted(block: Any, v: Any) -> Any:
    """Σ_Q H[P, Q] v[Q], by einsum."""
    letters = "abcdefgh"[: block.ndim]
    return np.einsum(f"{letters},{letters[block.ndim - v.ndim :]}->{letters[: block.ndim - v.ndim]}", block, v)


@pytest.mark.parametrize("name", CASES)
def test_a_product_is_the_hessian_times_the_vector(name: str) -> None:
    loss, parameters, hessian = blocks(name)
    vectors = directions(CASES[name])
    for row, product in zip(hessian, gp.hvp(loss, parameters, vectors), strict=True):
        whole = sum(
            (contracted(b, v) for b, v in zip(row[1:], vectors[1:], strict=True)), contracted(row[0], vectors[0])
        )
        assert gp.equal(product, whole).name == "proved"


@pytest.mark.parametrize("name", CASES)
def test_a_hessian_is_symmetric(name: str) -> None:
    loss, parameters, hessian = blocks(name)
    gradient = gp.grad(loss, parameters)
    for i, row in enumerate(hessian):
        for j, block in enumerate(row):
            # by the Jacobian of the other gradient, which the block below the diagonal was not made from
            other = gp.jacobian(gradient[j], parameters[i])
            axes = [*range(parameters[j].ndim, other.ndim), *range(parameters[j].ndim)]
            assert gp.equal(block, np.transpose(other, axes)).name == "proved"


@pytest.mark.parametrize("name", CASES)
def test_no_intermediate_of_a_hessian_is_as_large_as_the_hessian(name: str) -> None:
    _, _, hessian = blocks(name)
    for block in (b for row in hessian for b in row):
        for d in System.of(block.definition).equations:
            assert d is block.definition or d.rank <= 2, f"{d} in {block}"


MATRIX_FORM = {
    "linear": r"X^{\top} X",
    "logistic": r"""\begin{aligned}
s &= \left(1 - \sigma\left(X w\right)\right) \odot \sigma\left(X w\right) \\
H_{\text{w}} &= \frac{1}{m} X^{\top} \operatorname{diag}\left(s\right) X
\end{aligned}""",
    "Poisson": r"""\begin{aligned}
s &= \exp\left(X w\right) \\
H_{\text{w}} &= X^{\top} \operatorname{diag}\left(s\right) X
\end{aligned}""",
}


@pytest.mark.parametrize("name", MATRIX_FORM)
def test_a_hessian_by_a_vector_prints_as_one_product(name: str) -> None:
    _, _, [[block]] = blocks(name)
    assert block.latex() == MATRIX_FORM[name]


KRONECKER: dict[str, tuple[Any, str]] = {
    "factorisation by U": (lambda: blocks("matrix factorisation")[2][0][0], r"I \otimes V^{\top} V"),
    "factorisation by U and V": (
        lambda: blocks("matrix factorisation")[2][0][1],
        r"\left(U V^{\top} - M\right) \otimes I + \left(U \otimes V^{\top}\right) K",
    ),
    "factorisation by V": (lambda: blocks("matrix factorisation")[2][1][1], r"I \otimes U^{\top} U"),
    "squares of a layer": (
        lambda: gp.hessian(np.sum((X @ W) ** 2) / X.shape[0], W),
        r"\frac{2}{m} X^{\top} X \otimes I",
    ),
    "layer": (lambda: gp.jacobian(X @ W, W), r"X \otimes I"),
    "logarithm of a determinant": (
        lambda: gp.hessian(np.linalg.slogdet(S)[1], S),
        r"-\left(S^{-\top} \otimes S^{-1}\right) K",
    ),
    "determinant": (
        lambda: gp.hessian(np.linalg.det(S), S),
        r"\det \left(S\right) \left(\operatorname{vec}\left(S^{-\top}\right)"
        r" \operatorname{vec}\left(S^{-\top}\right)^{\top} - \left(S^{-\top} \otimes S^{-1}\right) K\right)",
    ),
    "transpose": (lambda: gp.jacobian(S.T, S), "K"),
    "activation": (
        lambda: gp.jacobian(np.exp(X @ W), W),
        r"\operatorname{diag}\left(\operatorname{vec}\left(\exp\left(X W\right)\right)\right) \left(X \otimes I\right)",
    ),
    "layer of a vector": (lambda: gp.jacobian(S @ v, S), r"I \otimes v^{\top}"),
    "outer product": (lambda: gp.jacobian(np.outer(v, v), v), r"v \otimes I + I \otimes v"),
    "softmax regression": (
        lambda: gp.hessian(np.sum(gp.logsumexp(X @ W, axis=1)), W),
        r"\sum_{i} X_{i} X_{i}^{\top} \otimes \left(\operatorname{diag}\left(p_{i}\right) - p_{i} p_{i}^{\top}\right)",
    ),
}
X, W, S = gp.array("X", ("m", "n")), gp.array("W", ("n", "k")), gp.array("S", ("n", "n"))
v = gp.array("v", ("n",))


@pytest.mark.parametrize("name", KRONECKER)
def test_a_derivative_by_matrices_prints_as_kronecker_products_of_its_value(name: str) -> None:
    make, expected = KRONECKER[name]
    derivative = make()
    last = derivative.latex().replace(r"\end{aligned}", "").strip().splitlines()[-1]
    assert last.partition("&= ")[2] == expected or last == expected
    (definition,) = tidy([derivative.definition])
    node = kronecker_form(definition)
    assert node is not None
    at = Valuation.random([definition], 3)
    with precision():
        joined = np.asarray(at.array(definition), dtype=object)
        rows = joined.shape[: definition.rank - definition.derivative_of.rank]
        joined = joined.reshape(int(np.prod(rows)), -1)
        assert node.value(at).shape == joined.shape
        assert all(d.contains(0) and float(d.rad()) < 1e-100 for d in (node.value(at) - joined).ravel())


def test_what_is_no_kronecker_product_prints_by_index() -> None:
    columns = gp.jacobian(X @ np.diag(v) @ W, v)
    assert columns.latex() == columns.latex("index")


def test_a_logistic_loss_of_logarithms_has_the_short_hessian() -> None:
    """−y log p − (1 − y) log(1 − p) holds quotients of p, and its Hessian holds none."""
    _, _, [[block]] = blocks("logistic by logarithms")
    assert not any(p.exp.is_negative and list(references(p.base)) for p in block.definition.rhs.atoms(sp.Pow))
    assert "y" not in {d.name for d in System.of(block.definition).inputs}


def test_the_softmax_jacobian_is_diag_p_minus_p_pt() -> None:
    z = gp.array("z", ("n",))
    assert (
        gp.jacobian(gp.softmax(z), z)
        .latex()
        .endswith(r"\operatorname{diag}\left(p\right) - p p^{\top}" + "\n\\end{aligned}")
    )


def test_a_hessian_of_a_deep_net_grows_linearly() -> None:
    sizes = []
    for depth in (2, 3, 4, 5):
        w, a = gp.array("w", ("n",)), gp.array("X", ("m", "n"))
        a = np.tanh(a @ w)
        for layer in range(depth):
            a = np.tanh(gp.array(f"A{layer}", ("m", "m")) @ a)
        sizes.append(len(System.of(gp.hessian(np.sum(a**2), w).definition)))
    assert len({b - a for a, b in pairwise(sizes)}) == 1


def test_all_products_share_one_tangent_of_each_intermediate() -> None:
    loss, parameters, _ = blocks("tanh net")
    products = gp.hvp(loss, parameters, directions(CASES["tanh net"]))
    system = System.of(*(p.definition for p in products))
    of = [d.derivative_of for d in system.equations if d.name.startswith("t_") and d.derivative_of is not None]
    assert len(of) == len(set(of))


@pytest.mark.parametrize("name", ["sum of squares", "cross-entropy", "two outputs"])
def test_gauss_newton_is_jacobian_times_curvature_times_jacobian(name: str) -> None:
    X, w, y, v = (gp.array(n, s) for n, s in {"X": ("m", "n"), "w": ("n",), "y": ("m",), "v": ("n",)}.items())
    z = np.tanh(X @ w).named("z")
    u = np.sin(X @ w).named("u")
    loss, outputs = {
        "sum of squares": (np.sum((z - y) ** 2) / 2, [z]),
        "cross-entropy": (np.sum(gp.softplus(z) - y * z), [z]),
        "two outputs": (np.sum(np.exp(z * u)), [z, u]),
    }[name]
    jacobians = [gp.jacobian(o, w) for o in outputs]
    curvature = gp.hessian(loss, outputs)
    expected = sum(
        jacobians[i].T @ curvature[i][j] @ jacobians[j] for i in range(len(outputs)) for j in range(len(outputs))
    )
    matrix = gp.ggn(loss, outputs, w)
    assert gp.equal(matrix, expected).name == "proved"
    assert gp.equal(gp.gnvp(loss, outputs, w, v), matrix @ v).name == "proved"


def test_gauss_newton_of_a_linear_model_is_the_hessian() -> None:
    e = symbols()
    z = (e["X"] @ e["W"]).named("z")
    loss = np.sum(gp.logsumexp(z, axis=1)) - np.sum(e["Y"] * z)
    assert gp.equal(gp.ggn(loss, z, e["W"]), gp.hessian(loss, e["W"])).name == "proved"


def test_gauss_newton_blocks_of_a_net_leave_out_the_curvature_of_its_outputs() -> None:
    e = symbols()
    parameters = [e["W1"], e["W2"]]
    z = (np.tanh(e["X"] @ e["W1"]) @ e["W2"]).named("z")
    loss = np.sum((z - e["Y"]) ** 2) / 2
    [[first, cross], [_, last]] = gp.ggn(loss, z, parameters)
    hessian = gp.hessian(loss, parameters)
    assert gp.equal(last, hessian[1][1]).name == "proved"  # z is linear in the last layer
    assert not gp.equal(cross, hessian[0][1])
    jacobian = gp.jacobian(z, e["W1"])
    assert gp.equal(first, np.einsum("sqij,sqkl->ijkl", jacobian, jacobian)).name == "proved"


def test_what_has_no_gauss_newton_matrix_is_refused() -> None:
    X, w, v = gp.array("X", ("m", "n")), gp.array("w", ("n",)), gp.array("v", ("n",))
    z = np.tanh(X @ w).named("z")
    with pytest.raises(gp.UsageError, match="in another way than through z"):
        gp.gnvp(np.sum(z**2) + np.sum(w**2), z, w, v)
    with pytest.raises(gp.UsageError, match="name the intermediate"):
        gp.gnvp(np.sum(z**2), 2 * z, w, v)
    with pytest.raises(gp.UsageError, match="side by side"):
        u = (2 * z).named("u")
        gp.gnvp(np.sum(u * z), [z, u], w, v)
    with pytest.raises(gp.ShapeError, match="tangent"):
        gp.gnvp(np.sum(z**2), z, w, gp.array("v", ("m",)))
