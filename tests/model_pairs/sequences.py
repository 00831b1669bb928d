"""Attention and recurrent nets."""

from __future__ import annotations

from typing import Any

import numpy as np

from .table import Gradient, Inputs, pair, sigmoid, softmax


def attention(Q: Any, K: Any, V: Any, G: Any) -> Any:
    S = Q @ K.T / np.sqrt(Q.shape[1])
    return np.sum(softmax(S) @ V * G)


def _attention(Q: Any, K: Any, V: Any, G: Any) -> Gradient:
    d = Q.shape[1]
    A = softmax(Q @ K.T / np.sqrt(d))
    dA = G @ V.T
    dS = dA * A - A * np.sum(dA * A, axis=1, keepdims=True)
    return {"Q": dS @ K / np.sqrt(d), "K": dS.T @ Q / np.sqrt(d), "V": A.T @ G}


def _attention_factored(Q: Any, K: Any, V: Any, G: Any) -> Gradient:
    scale = Q.shape[1] ** -0.5
    e = np.exp(scale * (Q @ K.T))
    A = e / np.sum(e, axis=-1, keepdims=True)
    dA = G @ V.T
    dS = A * (dA - (dA * A).sum(axis=-1, keepdims=True)) * scale
    return {"Q": dS @ K, "K": dS.T @ Q, "V": A.T @ G}


ATTENTION: Inputs = {"Q": ("t", "d"), "K": ("s", "d"), "V": ("s", "v"), "G": ("t", "v")}
pair("attention", attention, **ATTENTION)(_attention)
pair("attention, factored and unshifted", attention, **ATTENTION)(_attention_factored)


def self_attention(X: Any, Wq: Any, Wk: Any, Wv: Any, Y: Any) -> Any:
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    return np.mean((softmax(Q @ K.T / np.sqrt(Wq.shape[1])) @ V - Y) ** 2)


@pair("self-attention", self_attention, X=("t", "d"), Wq=("d", "h"), Wk=("d", "h"), Wv=("d", "v"), Y=("t", "v"))
def _(X: Any, Wq: Any, Wk: Any, Wv: Any, Y: Any) -> Gradient:
    scale = 1 / np.sqrt(Wq.shape[1])
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    A = softmax(Q @ K.T * scale)
    out = A @ V
    dout = 2 * (out - Y) / (Y.shape[0] * Y.shape[1])
    dA = dout @ V.T
    dS = A * (dA - np.sum(dA * A, axis=1, keepdims=True)) * scale
    dQ, dK, dV = dS @ K, dS.T @ Q, A.T @ dout
    return {
        "Wq": X.T @ dQ, "Wk": X.T @ dK, "Wv": X.T @ dV, "X": dQ @ Wq.T + dK @ Wk.T + dV @ Wv.T
    }  # fmt: skip


STEPS = 4


def rnn(X: Any, U: Any, W: Any, b: Any, V: Any, Y: Any) -> Any:
    h = np.zeros((X.shape[1], U.shape[1]))
    total = 0.0
    for t in range(STEPS):
        h = np.tanh(X[t] @ U + h @ W + b)
        total = total + np.sum((h @ V - Y[t]) ** 2) / 2
    return total


@pair("recurrent net", rnn, X=(STEPS, "m", "n"), U=("n", "h"), W=("h", "h"), b=("h",), V=("h", "k"),
      Y=(STEPS, "m", "k"))  # fmt: skip
def _(X: Any, U: Any, W: Any, b: Any, V: Any, Y: Any) -> Gradient:
    hs = {-1: np.zeros((X.shape[1], U.shape[1]))}
    for t in range(STEPS):
        hs[t] = np.tanh(X[t] @ U + hs[t - 1] @ W + b)
    dU, dW, db, dV = np.zeros_like(U), np.zeros_like(W), np.zeros_like(b), np.zeros_like(V)
    dnext = np.zeros_like(hs[-1])
    for t in reversed(range(STEPS)):
        dy = hs[t] @ V - Y[t]
        dV += hs[t].T @ dy
        dh = dy @ V.T + dnext
        dz = dh * (1 - hs[t] ** 2)
        dU += X[t].T @ dz
        dW += hs[t - 1].T @ dz
        db += dz.sum(axis=0)
        dnext = dz @ W.T
    return {"U": dU, "W": dW, "b": db, "V": dV}


def lstm(x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any, G: Any) -> Any:
    H = 3
    a = x @ Wx + h0 @ Wh + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    c = f * c0 + i * g
    return np.sum(o * np.tanh(c) * G)


@pair("LSTM step", lstm, x=("m", "n"), h0=("m", 3), c0=("m", 3), Wx=("n", 12), Wh=(3, 12), b=(12,), G=("m", 3))
def _(x: Any, h0: Any, c0: Any, Wx: Any, Wh: Any, b: Any, G: Any) -> Gradient:
    H = 3
    a = x @ Wx + h0 @ Wh + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    c = f * c0 + i * g
    tc = np.tanh(c)
    dc = G * o * (1 - tc**2)
    da = np.hstack((dc * g * i * (1 - i), dc * c0 * f * (1 - f), G * tc * o * (1 - o), dc * i * (1 - g**2)))
    return {"x": da @ Wx.T, "h0": da @ Wh.T, "c0": dc * f, "Wx": x.T @ da, "Wh": h0.T @ da, "b": da.sum(axis=0)}


def gru(x: Any, h: Any, Wz: Any, Uz: Any, Wr: Any, Ur: Any, Wn: Any, Un: Any, G: Any) -> Any:
    z = sigmoid(x @ Wz + h @ Uz)
    r = sigmoid(x @ Wr + h @ Ur)
    n = np.tanh(x @ Wn + (r * h) @ Un)
    return np.sum(((1 - z) * n + z * h) * G)


@pair("GRU step", gru, x=("m", "n"), h=("m", "d"), Wz=("n", "d"), Uz=("d", "d"), Wr=("n", "d"), Ur=("d", "d"),
      Wn=("n", "d"), Un=("d", "d"), G=("m", "d"))  # fmt: skip
def _(x: Any, h: Any, Wz: Any, Uz: Any, Wr: Any, Ur: Any, Wn: Any, Un: Any, G: Any) -> Gradient:
    z = sigmoid(x @ Wz + h @ Uz)
    r = sigmoid(x @ Wr + h @ Ur)
    n = np.tanh(x @ Wn + (r * h) @ Un)
    dn = G * (1 - z) * (1 - n**2)
    dz = G * (h - n) * z * (1 - z)
    drh = dn @ Un.T
    dr = drh * h * r * (1 - r)
    dh = G * z + dz @ Uz.T + dr @ Ur.T + drh * r
    return {
        "x": dn @ Wn.T + dz @ Wz.T + dr @ Wr.T, "h": dh, "Wz": x.T @ dz, "Uz": h.T @ dz, "Wr": x.T @ dr,
        "Ur": h.T @ dr, "Wn": x.T @ dn, "Un": (r * h).T @ dn,
    }  # fmt: skip
