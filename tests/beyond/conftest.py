"""Derived gradients of whole models against automatic differentiation of the same code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import gradproof as gp

Check = Callable[[Callable[..., Any], Any, Mapping[str, Any], Mapping[str, Any]], None]


@pytest.fixture(scope="session")
def as_autograd() -> Check:
    """``as_autograd(function, value, gradients, inputs)``: generated NumPy against autograd of the function.

    The function takes the library (NumPy or autograd's) and the inputs by name, of which ``gradients`` has some.
    """

    def check(
        function: Callable[..., Any], value: Any, gradients: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> None:
        found, *got = gp.compile([value, *gradients.values()])(**inputs)
        np.testing.assert_allclose(found, function(anp, **inputs), rtol=1e-10)
        for name, gradient in zip(gradients, got, strict=True):

            def of_one(v: Any, name: str = name) -> Any:
                return function(anp, **{**inputs, name: v})

            right = autograd.grad(of_one)(inputs[name])
            np.testing.assert_allclose(gradient, right, rtol=1e-8, atol=1e-10, err_msg=name)

    return check
