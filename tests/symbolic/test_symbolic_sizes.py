"""Arrays made of symbolic sizes, in a trace and outside: they are NumPy's, and what they are in is proved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradproof as gp

n, m = gp.dims("n m")
X = gp.array("X", (n, n))
MADE: dict[str, Callable[[Any, Any, Any], Any]] = {
    "eye": lambda np_, n, m: np_.eye(n),
    "eye of another width": lambda np_, n, m: np_.eye(n, M=m, k=1),
    "identity": lambda np_, n, m: np_.identity(n),
    "ones": lambda np_, n, m: np_.ones((n, m)),
    "zeros": lambda np_, n, m: np_.zeros(n),
    "full": lambda np_, n, m: np_.full((m, n), fill_value=3),
    "tri": lambda np_, n, m: np_.tri(n, M=m, k=-1),
    "arange": lambda np_, n, m: np_.arange(n),
    "a size under a root": lambda np_, n, m: np_.ones(m) * np_.sqrt(n),
}


@pytest.mark.parametrize("name", MADE)
def test_arrays_of_symbolic_sizes_are_numpys(name: str) -> None:
    made = MADE[name](gp.numpy, n, m)
    got, *_ = gp.compile([made + 0.0, X, gp.array("v", (m,))])(X=np.zeros((3, 3)), v=np.zeros(5))
    np.testing.assert_allclose(got, MADE[name](np, 3, 5))


@pytest.mark.parametrize("name", [name for name in MADE if name not in ("zeros", "a size under a root")])
def test_numpys_own_functions_make_them_like_a_symbolic_array(name: str) -> None:
    class Like:
        def __getattr__(self, function: str) -> Any:
            return lambda *args, **kwargs: getattr(np, function)(*args, like=X, **kwargs)

    assert gp.equal(MADE[name](Like(), n, m) + 0.0, MADE[name](gp.numpy, n, m) + 0.0).name == "proved"


NAMES = {"np": np}


class Model:
    def __init__(self) -> None:
        self.xp = np

    def ridge(self, X: Any) -> Any:
        return X + self.xp.eye(X.shape[0])


@pytest.mark.parametrize("function", [lambda X: eval("X + np.eye(X.shape[0])", NAMES, {"X": X}), Model().ridge])
def test_a_numpy_that_is_kept_in_a_dict_or_an_object_makes_them_in_a_trace(function: Callable[[Any], Any]) -> None:
    made = gp.trace(function, {"X": ("n", "n")})
    assert gp.equal(gp.grad(np.sum(made**2) / 2, X_of(made)), made).name == "proved"
    assert NAMES["np"] is np


def X_of(made: Any) -> Any:
    (found,) = (d for d in made.system().inputs if d.name == "X")
    return gp.Array(found)
