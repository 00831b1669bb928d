"""Right gradients are certified, wrong ones refuted: hand-written code, planted faults and harmless edits."""

from __future__ import annotations

import inspect
import linecache
import sys
from pathlib import Path

import numpy as np
import pytest

from gradproof.numeric.verify import verify

sys.path.insert(0, str(Path(__file__).parent))
import zoo

NAMES = list(zoo.WRT)

# (model, text in the gradient, replacement): each is one edit that makes the gradient wrong
MUTANTS = [
    ("linear", "+ lam * w", "- lam * w"), ("linear", "+ lam * w", ""), ("linear", "r / m +", "r +"),
    ("linear", "lam * w", "2 * lam * w"), ("linear", "np.sum(r) / m", "np.sum(r)"), ("linear", "+ b - y", "- y"),
    ("linear", "lam * w", "lam * w * 1.0000001"), ("linear", "X @ w + b - y", "y - X @ w - b"),
    ("linear", "np.sum(r) / m", "r[0]"), ("linear", "lam * w", "lam * np.sign(w)"),
    ("logistic", "(p - y)", "(y - p)"), ("logistic", "/ len(y)", ""), ("logistic", "/ len(y)", "/ X.shape[1]"),
    ("logistic", "d.sum()", "d.mean()"), ("logistic", "(p - y)", "(p - y) * p * (1 - p)"), ("logistic", "+ b)", ")"),
    ("logistic", "np.exp(-(", "np.exp(-1.0000001 * ("), ("logistic", "d.sum()", "0.0"),
    ("softmax", "-= 1", "-= 1.0000001"), ("softmax", "P /= m", "P /= m - 1"), ("softmax", "0.01 * W", "0.005 * W"),
    ("softmax", "    dW += 0.01 * W\n", ""), ("softmax", "    P /= m\n", ""), ("softmax", "+ b)", ")"),
    ("softmax", "axis=1, keepdims=True", "axis=0, keepdims=True"), ("softmax", "y] -= 1", "(y + 1) % 3] -= 1"),
    ("softmax", "np.sum(P, axis=0)", "np.sum(P, axis=0)[::-1]"), ("softmax", "0.01 * W", "0.0100001 * W"),
    ("softmax", "np.sum(P, axis=0)", "np.sum(P)"), ("softmax", 'return {"W"', 'dW[0, 0] *= 1.001; return {"W"'),
    ("mlp", "1 - a1**2", "1 - a1"), ("mlp", "1 - a1**2", "1 + a1**2"), ("mlp", "(z2 > 0)", "(z2 > 0.5)"),
    ("mlp", " * (z2 > 0)", ""), ("mlp", "/ m", ""), ("mlp", 'd2.sum(axis=0)', 'd2.mean(axis=0)'),
    ("mlp", "a2.T @ d3", "a2.T @ d3 * 2"), ("mlp", "X.T @ d1", "-X.T @ d1"), ("mlp", 'd1.sum(axis=0)', "d1[0]"),
    ("mlp", "a1.T @ d2", "(a1 > 0).T @ d2"), ("mlp", "(z2 > 0)", "(z2 < 0)"), ("mlp", '+ params["b1"])', ")"),
    ("mlp", "1 - a1**2", "1 - np.tanh(a1)**2"), ("mlp", "a1.T @ d2", "np.tanh(a1).T @ d2"),
    ("sigmoid", "(l2 * (1 - l2))", "l2"), ("sigmoid", "(l2 - y)", "(y - l2)"), ("sigmoid", " * (l1 * (1 - l1))", ""),
    ("sigmoid", "(l1 * (1 - l1))", "(l1 * (1 + l1))"), ("sigmoid", "(l2 - y)", "2 * (l2 - y)"),
    ("batchnorm", "N * dxhat - np.sum(dxhat, axis=0) -", "N * dxhat -"), ("batchnorm", "+ 1e-5", "+ 1e-6"),
    ("batchnorm", "np.sqrt(var + 1e-5)", "(np.sqrt(var) + 1e-5)"), ("batchnorm", "R * gamma", "R"),
    ("batchnorm", " - xhat * np.sum(dxhat * xhat, axis=0)", ""), ("batchnorm", "(N * std)", "(N * var)"),
    ("batchnorm", "(N * std)", "((N - 1) * std)"), ("batchnorm", "R * xhat, axis=0", "R * xc, axis=0"),
    ("batchnorm", "(N * std)", "std"), ("batchnorm", "R.sum(axis=0)", "R.sum(axis=0) / N"),
    ("batchnorm", "np.sqrt(var + 1e-5)", "np.sqrt(var)"),
    ("layernorm", "- np.mean(d, axis=-1, keepdims=True) ", ""), ("layernorm", "+ 1e-6", "+ 1e-5"),
    ("layernorm", "d = R * g", "d = R"), ("layernorm", "inv * (d", "inv**2 * (d"), ("layernorm", "- xhat *", "+ xhat *"),
    ("hinge", "= -np.sum(mask, axis=1)", "= -1"), ("hinge", "/ n", ""), ("hinge", "> 0] = 1", "> 0] = margins[margins > 0]"),
    ("hinge", "+ 1.0)", "+ 1.2)"), ("hinge", "-np.sum(mask, axis=1)", "np.sum(mask, axis=1)"),
    ("gelu", "u + 0.044715", "u + 0.04471501"), ("gelu", "3 * 0.044715", "0.044715"), ("gelu", "(1 - t**2)", "(1 - t)"),
    ("gelu", "0.5 * (1 + t) +", ""), ("gelu", "3 * 0.044715", "3 * 0.0447150001"), ("gelu", "2 / np.pi", "2 / 3.14159265"),
    ("gelu", "2 / np.pi", "2 * np.pi"), ("gelu", "0.5 * (1 + t)", "0.5 * (1 - t)"),
    ("rnn", "hs[t - 1])\n        dV", "hs[t])\n        dV"), ("rnn", "+ dnext", ""), ("rnn", "U.T @ dz", "U @ dz"),
    ("rnn", "np.outer(dz, xs[t])", "np.outer(dz, xs[t - 1])"), ("rnn", "2 * (hs", "(hs"), ("rnn", "U.T @ dz", "U.T @ dh"),
    ("rnn", "dU += np.outer(dz, hs[t - 1])", "dU += np.outer(hs[t - 1], dz)"), ("rnn", "db += dz", "db = dz"),
    ("rnn", "dU += np", "dU = np"), ("rnn", "reversed(range(T))", "reversed(range(1, T))"),
    ("rnn", "1 - hs[t] * hs[t]", "1 - hs[t - 1] * hs[t - 1]"), ("rnn", "target[t])", "target[t - 1])"),
    ("attention", "dQ = dS @ K * scale", "dQ = dS @ K"), ("attention", "dS.T @ Q", "dS @ Q"),
    ("attention", "dA - np.sum(dA * A, axis=1, keepdims=True)", "dA"), ("attention", "A.T @ R", "A @ R"),
    ("attention", "dA * A, axis=1", "dA * A, axis=0"), ("attention", "dA * A, axis=1", "dA, axis=1"),
    ("attention", "X.T @ dQ, X.T @ dK", "X.T @ dK, X.T @ dQ"), ("attention", "1 / np.sqrt", "1.0000001 / np.sqrt"),
    ("embedding", "np.add.at(dE, idx, dh[:, None, :] / idx.shape[1])", "dE[idx] += dh[:, None, :] / idx.shape[1]"),
    ("embedding", " / idx.shape[1]", ""), ("embedding", "p @ W.T", "-p @ W.T"), ("embedding", "-= 1", "-= 0.9999999"),
    ("conv", "1.0, 0.01", "1.0, 0.0"), ("conv", "dout[i] * w", "dout[i] * w[::-1]"), ("conv", "dout.sum()", "R.sum()"),
    ("conv", "dw += dout[i] * x[i : i + len(w)]", "dw += dout[i] * x[n - i - 1 : n - i - 1 + len(w)]"),
    ("conv", "dx[i : i + len(w)] +=", "dx[i : i + len(w)] ="), ("conv", "0.01)", "0.0100000001)"),
]  # fmt: skip

# (model, text, replacement): edits that leave the gradient right
HARMLESS = [
    ("linear", "X.T @ r / m", "(1.0 / m) * X.T.dot(r)"), ("linear", "np.sum(r) / m", "np.mean(r)"),
    ("linear", "X.T @ r / m", "np.einsum('ij,i->j', X, r) / m"), ("linear", "lam * w", "w * lam * 2 / 2"),
    ("logistic", "1.0 / (1.0 + np.exp(-(X.dot(w) + b)))", "0.5 * (1 + np.tanh((X.dot(w) + b) / 2))"),
    ("logistic", "1.0 / (1.0 + np.exp(-(X.dot(w) + b)))", "np.exp(X.dot(w) + b) / (1 + np.exp(X.dot(w) + b))"),
    ("softmax", "np.exp(X @ W + b)", "np.exp(X @ W + b - 800)"), ("softmax", "np.zeros(W.shape)", "np.zeros_like(W)"),
    ("softmax", "0.01 * W", "(0.1 * 0.1) * W"), ("softmax", "np.zeros(W.shape)", "np.zeros((4, 3), dtype=np.float32)"),
    ("softmax", "P /= m", "P = np.asarray(P, dtype=float) * (1 / m)"), ("mlp", "(z2 > 0)", "np.where(z2 > 0, 1.0, 0.0)"),
    ("mlp", "(z2 > 0)", "(z2 > 0).astype(np.float64)"), ("mlp", "1 - a1**2", "(1 + a1) * (1 - a1)"),
    ("mlp", "1 - a1**2", "1 / np.cosh(np.arctanh(a1))**2"), ("mlp", "(z2 > 0)", "np.sign(a2)"),
    ("batchnorm", "np.sqrt(var + 1e-5)", "(var + 1e-5) ** 0.5"), ("batchnorm", "x.mean(axis=0)", "sum(x) / len(x)"),
    ("layernorm", "1.0 / np.sqrt(np.var(x, axis=-1, keepdims=True) + 1e-6)", "np.power(x.var(-1, keepdims=True) + 1e-6, -0.5)"),
    ("hinge", "mask[margins > 0] = 1", "mask = (margins > 0) * 1.0"), ("hinge", "/ n", "* (1.0 / n)"),
    ("gelu", "3 * 0.044715", "0.134145"), ("gelu", "np.sqrt(2 / np.pi)", "0.7978845608028654"),
    ("gelu", "0.5 * (1 + t)", "(1 + t) / 2"), ("rnn", "np.outer(dz, xs[t])", "dz[:, None] * xs[t][None, :]"),
    ("rnn", "np.zeros_like(hs[0])", "np.zeros(5)"), ("attention", "1 / np.sqrt(Q.shape[1])", "Q.shape[1] ** -0.5"),
    ("attention", "dS.T @ Q * scale", "np.einsum('ij,ik->jk', dS, Q) * scale"), ("conv", "np.zeros(len(x))", "0 * x"),
    ("embedding", "len(y)), y] -= 1", "len(y)), y] += -1.0"), ("conv", "dout.sum()", "np.ones(n) @ dout"),
]  # fmt: skip


def edited(name: str, old: str, new: str):
    """The gradient of a model with one edit of its source text."""
    source = inspect.getsource(getattr(zoo, f"{name}_grad"))
    assert source.count(old) >= 1, f"{name}: {old!r} is not in the gradient"
    text = source.replace(old, new, 1)
    file = f"<{name}: {old!r} -> {new!r}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    scope = {"np": np}
    exec(compile(text, file, "exec"), scope)
    return scope[f"{name}_grad"]


def check(name: str, grad=None, seed: int = 0):
    return verify(
        getattr(zoo, f"{name}_loss"), grad or getattr(zoo, f"{name}_grad"), zoo.inputs_of(name, seed), zoo.WRT[name]
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_right_gradient_is_certified_for_every_parameter(name, seed):
    report = check(name, seed=seed)
    assert report.ok, str(report)
    assert {finding.verdict.name for finding in report.findings} == {"certified"}


@pytest.mark.parametrize(("name", "old", "new"), MUTANTS)
def test_a_gradient_with_one_wrong_edit_is_refuted(name, old, new):
    report = check(name, edited(name, old, new))
    assert report.verdict.name == "refuted", str(report)
    assert all(finding.diagnosis for finding in report.findings if finding.verdict.name == "refuted")


@pytest.mark.parametrize(("name", "old", "new"), HARMLESS)
def test_a_gradient_with_a_harmless_edit_stays_certified(name, old, new):
    report = check(name, edited(name, old, new))
    assert report.ok, str(report)
