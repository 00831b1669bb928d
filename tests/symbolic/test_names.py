"""Names of derivatives follow what they are the derivative of; arrays of numbers are printed as numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradproof.errors import UsageError
from gradproof.symbolic.arrays.array import array
from gradproof.symbolic.calculus.differentiate import grad, hessian, hvp
from gradproof.symbolic.equations.definition import System
from gradproof.symbolic.equations.tidy import tidy
from gradproof.symbolic.prove import equal

X, w, v, q = array("X", ("m", "n")), array("w", ("n",)), array("v", ("n",)), array("q", (3,))


def _twice_sigmoid() -> Any:
    a = 1 / (1 + np.exp(-(X @ w)))
    return np.sum(1 / (1 + np.exp(-a)))


def test_an_adjoint_is_barred_where_what_it_is_the_adjoint_of_is_printed() -> None:
    centred = w - np.mean(w)
    tex = grad(np.sum(v * centred / np.linalg.norm(centred)), w).latex()
    assert "\nt &= w - " in tex and "\n\\bar{t} &= " in tex and "\n\\bar{w} &= " in tex


def test_a_bar_stands_over_nothing_that_is_not_printed() -> None:
    lines = grad(_twice_sigmoid(), w).latex().split("\n")
    assert r"t &= \sigma\left(X w\right) \\" in lines
    W = array("W", ("n", "n"), symmetric=True)
    tex = grad(np.trace(np.linalg.inv(X.T @ X + W) @ W @ X.T @ X @ W @ X.T @ X), W).latex()
    assert "\nt &=" in tex and r"\bar{t}" not in tex


@pytest.mark.parametrize("derive", [lambda y: grad(y, w), lambda y: hvp(y, w, v), lambda y: hessian(y, w)])
@pytest.mark.parametrize("fuse", [False, True])
def test_derivatives_are_named_after_members_and_no_others(derive: Any, fuse: bool) -> None:
    definition = derive(_twice_sigmoid()).definition
    names = System.of(*(tidy([definition]) if fuse else [definition])).names
    assert len(set(names.values())) == len(names)
    own = {name: d for d, name in names.items()}
    derived = [d for d in names if d.derivative_of is not None]
    assert derived
    for d in derived:
        named_after = own.get(names[d][2:])
        assert named_after is None or named_after is d.derivative_of
        # the first derivative of a member has its name; a second one has a number more
        assert d.derivative_of not in names or names[d].startswith(f"{d.name[:2]}{names[d.derivative_of]}")


def test_a_second_adjoint_keeps_the_number_of_its_target() -> None:
    A, a = array("A", ("m", "m")), X @ w
    for _ in range(3):
        a = A @ (1 / (1 + np.exp(-a)))
    index_form = hessian(np.sum(a), w).latex("index")
    assert r"\bar{t}^{(4,2)}_{ji}" in index_form and r"\dot{" not in index_form


def test_renamed_adjoints_keep_the_given_name() -> None:
    g = grad(_twice_sigmoid(), w).named("step")
    assert System.of(g.definition).names[g.definition] == "step"


def test_arrays_of_numbers_are_written_out() -> None:
    assert (q * np.array([1.0, 0.5, 3.0])).latex() == r"\begin{pmatrix} 1 \\ \frac{1}{2} \\ 3 \end{pmatrix} \odot q"
    index_form = (np.array([[1, 2, 3], [4, 5, 6]]) @ q).latex("index")
    assert index_form == r"t_{i} = \sum_{j} \begin{pmatrix} 1 & 2 & 3 \\ 4 & 5 & 6 \end{pmatrix}_{ij} q_{j}"


def test_equal_arrays_of_numbers_are_the_same_constant() -> None:
    assert equal(q * np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]) * q).name == "proved"
    assert equal(q * np.array([1.0, 2.0, 3.0]), q * np.array([1.0, 2.0, 4.0])).name == "refuted"


def test_a_float_in_a_size_is_read_as_the_decimal() -> None:
    n = X.shape[1]
    assert equal(X / n**0.5 * n**0.5, X).name == "proved"
    assert (X / n**0.5).latex() == r"\frac{1}{\sqrt{n}} X"


@pytest.mark.parametrize("key", [1.5, True, "a", "0", slice("a"), slice(0.5, 2), slice(None, None, 1.5), [0.5], (1.0,)])
def test_what_is_no_index_is_refused(key: Any) -> None:
    with pytest.raises(UsageError, match=r"no index|holds integers"):
        q[key]


def test_evaluate_takes_arrays_by_name() -> None:
    with pytest.raises(UsageError, match="by name"):
        q.evaluate(np.ones(3))  # type: ignore[arg-type]


def test_a_case_is_printed_with_its_condition() -> None:
    r = w - v
    huber = np.sum(np.where(np.abs(r) < 1, r**2 / 2, np.abs(r)))
    for form, condition in (("matrix", r"\left[t < 1\right]"), ("index", r"\left[t_{i} < 1\right]")):
        latex = grad(huber, w).latex(form)
        assert condition in latex and r"\frac{1}{2}" not in latex
