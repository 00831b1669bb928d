"""A ``torch.autograd.Function`` is checked on balls where it can run on them, else in PyTorch's own float64."""

from __future__ import annotations

import numpy as np
import pytest

import gradproof as gp
from gradproof.errors import UsageError
from gradproof.numeric.adapters import torch_names

torch = pytest.importorskip("torch", reason="torch is not installed")
Function = torch.autograd.Function

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=2)


class Layer(Function):
    @staticmethod
    def forward(ctx, x, w, b):
        a = torch.tanh(x @ w + b)
        ctx.save_for_backward(x, w, a)
        return a

    @staticmethod
    def backward(ctx, grad_output):
        x, w, a = ctx.saved_tensors
        d = grad_output * (1 - a**2)
        return d.mm(w.t()), x.t().mm(d), d.sum(dim=0)


class WithoutSlope(Layer):
    @staticmethod
    def backward(ctx, grad_output):
        x, w, _ = ctx.saved_tensors
        return grad_output @ w.t(), x.t() @ grad_output, grad_output.sum(0)


class WithoutBias(Layer):
    @staticmethod
    def backward(ctx, grad_output):
        return (*Layer.backward(ctx, grad_output)[:2], None)


class ReLU(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad_input = grad_output.clone()
        grad_input[x < 0] = 0
        return grad_input


class CrossEntropy(Function):
    """The new style, with labels and an output that is not differentiable."""

    @staticmethod
    def forward(z, labels):
        p = torch.softmax(z, dim=1)
        return -torch.log(p[range(len(labels)), labels]).mean(), p.sum(dim=1, keepdim=True)

    @staticmethod
    def setup_context(ctx, inputs, output):
        z, labels = inputs
        ctx.save_for_backward(torch.softmax(z, dim=1))
        ctx.labels = labels
        ctx.mark_non_differentiable(output[1])

    @staticmethod
    def backward(ctx, grad_output, _):
        (p,) = ctx.saved_tensors
        d = p.clone()
        d[range(len(ctx.labels)), ctx.labels] -= 1
        return grad_output * d / len(ctx.labels), None


class Normalise(Function):
    @staticmethod
    def forward(ctx, x, eps):
        mean = x.mean(dim=1, keepdim=True)
        y = (x - mean) / torch.sqrt(x.var(dim=1, unbiased=False, keepdim=True) + eps)
        ctx.save_for_backward(x, y)
        ctx.eps = eps
        return y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        n = x.size(1)
        s = torch.sqrt(x.var(dim=1, unbiased=False, keepdim=True) + ctx.eps)
        return (g - g.mean(dim=1, keepdim=True) - y * (g * y).sum(dim=1, keepdim=True) / n) / s, None


class Scaled(Function):
    """A constant kept on the context under a name of its own choice."""

    @staticmethod
    def forward(ctx, x, constant):
        ctx.constant = constant
        return x * constant

    @staticmethod
    def backward(ctx, g):
        return g * ctx.constant, None


class Opaque(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.special.i0(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * torch.special.i1(x)


class OpaqueAndWrong(Opaque):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * g * torch.special.i1(x)


class Careless(Function):
    """Wrong only where the first factor alone needs a gradient."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        if ctx.needs_input_grad[0] and not ctx.needs_input_grad[1]:
            return g, None
        return g * b, g * a


def verdicts(report):
    return {finding.name: finding.verdict.name for finding in report.findings}


@pytest.mark.parametrize(
    ("function", "inputs"),
    [
        (Layer, [X, W, B]),
        (Layer, {"x": torch.tensor(X), "w": torch.tensor(W, dtype=torch.float32), "b": B}),
        (ReLU, [X]),
        (CrossEntropy, [X, np.array([0, 2, 1, 1])]),
        (Normalise, [X, 1e-5]),
        (Scaled, [X, 2.5]),
    ],
    ids=["layer", "dtypes", "relu", "cross-entropy", "normalise", "scaled"],
)
def test_a_right_backward_is_certified(function, inputs):
    report = gp.verify_torch_function(function, inputs)
    assert set(verdicts(report).values()) == {"certified"}, str(report)


def test_planted_faults_are_refuted():
    assert verdicts(gp.verify_torch_function(WithoutSlope, [X, W, B])) == dict.fromkeys(("x", "w", "b"), "refuted")
    found = verdicts(gp.verify_torch_function(WithoutBias, [X, W, B]))
    assert found == {"x": "certified", "w": "certified", "b": "refuted"}


def test_none_for_a_tensor_that_counts_is_refuted_and_a_number_is_a_constant():
    assert verdicts(gp.verify_torch_function(Normalise, [X, 1e-5])) == {"x": "certified"}
    assert verdicts(gp.verify_torch_function(Normalise, [X, np.array(0.5)]))["eps"] == "refuted"


def test_what_balls_cannot_run_stands_on_differences_in_float64():
    report = gp.verify_torch_function(Opaque, [np.abs(X) + 0.5])
    assert report.verdict == "agrees" and not report.ok and "not on balls" in report.verdict.reason
    report = gp.verify_torch_function(OpaqueAndWrong, [np.abs(X) + 0.5])
    assert report.verdict == "unknown" and "differences disagree" in report.verdict.reason


def test_a_stand_in_with_another_meaning_is_not_trusted(monkeypatch):
    monkeypatch.setitem(torch_names._FUNCTIONS, "tanh", np.sin)
    report = gp.verify_torch_function(Layer, [X, W, B])
    assert report.verdict == "agrees" and "by NumPy's functions" in report.verdict.reason


def test_an_input_that_alone_needs_a_gradient_is_tried():
    report = gp.verify_torch_function(Careless, [X, X + 1])
    assert verdicts(report) == {"a": "unknown", "b": "certified"}
    assert "ctx.needs_input_grad" in report["a"].verdict.reason


@pytest.mark.parametrize(
    ("function", "inputs", "words"),
    [
        (torch.tanh, [X], "must be a subclass of torch.autograd.Function"),
        (Layer, [X, W, B, B], "there are 4 inputs for the arguments x, w, b"),
        (Layer, [X, B, B], "fails on the given inputs"),
        (ReLU, [np.array([1, 2])], "no floating-point input"),
    ],
)
def test_a_mistake_in_the_use_is_one_line(function, inputs, words):
    with pytest.raises(UsageError, match=words):
        gp.verify_torch_function(function, inputs)
