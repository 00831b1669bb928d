"""What the tests of layer objects share: the plainest layer, and the calls of ``verify`` on balls alone."""

from __future__ import annotations

from typing import Any

import numpy as np

import gradproof as gp

rng = np.random.default_rng(7)


def verify_layer(*arguments: Any, **options: Any) -> gp.Report:
    """On balls alone; proofs have a test of their own."""
    return gp.verify_layer(*arguments, **{"prove": False, **options})


def verify_backward(*arguments: Any, **options: Any) -> gp.Report:
    return gp.verify_backward(*arguments, **{"prove": False, **options})


def normal(*shape: int) -> Any:
    return rng.normal(size=shape)


class Affine:
    """The plainest form: ``W`` and ``dW``, ``b`` and ``db``."""

    factor = 1.0

    def __init__(self, W: Any, b: Any) -> None:
        self.W, self.b = W, b
        self.dW = self.db = None

    def forward(self, x: Any) -> Any:
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout: Any) -> Any:
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0) * self.factor
        return np.dot(dout, self.W.T)
