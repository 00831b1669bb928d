"""Each NumPy function, ufunc, method and index form on symbolic arrays, against NumPy on numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special

import gradproof as gp
from gradproof.symbolic.arrays import joining, methods, numpy_functions, numpy_ufuncs, reductions, reshaping

Numbers = Callable[..., Any]
SIZES = {"m": 4, "n": 3, "k": 6}
INPUTS: dict[str, tuple[Any, ...]] = {
    "x": ("m", "n"), "z": ("m", "n"), "w": ("n", "k"), "s": ("n", "n"), "v": ("n",), "u": ("m",), "t": (2, "m", "n"),
    "q": (2, "n", "k"), "a": (), "f": (4, 6), "c": (1, "n"), "p": ("m", "n"),
}  # fmt: skip
INTEGERS: dict[str, tuple[tuple[Any, ...], str]] = {
    "y": (("m",), "n"), "l": (("k",), "m"), "g": (("m", 2), "n"), "h": ((4,), "n"),
    "o": ((4, 2), "n"),
}  # fmt: skip


def symbols() -> dict[str, Any]:
    made = {name: gp.array(name, shape, positive=name == "p") for name, shape in INPUTS.items()}
    return made | {name: gp.array(name, shape, integer=True) for name, (shape, _) in INTEGERS.items()}


def values(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    made: dict[str, Any] = {
        name: rng.normal(size=tuple(SIZES.get(d, d) for d in shape)) for name, shape in INPUTS.items()
    }
    made["p"] = np.abs(made["p"]) + 0.2
    return made | {
        name: rng.integers(0, SIZES[top], tuple(SIZES.get(d, d) for d in shape))
        for name, (shape, top) in INTEGERS.items()
    }


Case = Callable[[dict[str, Any]], Any]
UFUNCS: dict[str, Case] = {}
for _ufunc in numpy_ufuncs.ARITHMETIC:
    if _ufunc.nin == 1:
        UFUNCS[_ufunc.__name__] = lambda e, f=_ufunc: f(_in_domain(f, e))
    else:
        UFUNCS[_ufunc.__name__] = lambda e, f=_ufunc: f(e["p"], e["z"]) + f(e["p"], e["v"])
for _ufunc in (*numpy_ufuncs.COMPARISONS, *numpy_ufuncs.LOGICAL):
    if _ufunc in numpy_ufuncs.LOGICAL:
        UFUNCS[_ufunc.__name__] = lambda e, f=_ufunc: f(*(e[k] > 0 for k in "xz"[: f.nin]))
    else:
        UFUNCS[_ufunc.__name__] = lambda e, f=_ufunc: f(*(e[k] for k in "xz"[: f.nin]))
_POSITIVE = {np.sqrt, np.log, np.log2, np.log10, np.log1p, np.reciprocal}
_BELOW_ONE = {np.arcsin, np.arccos, np.arctanh}


def _in_domain(ufunc: Any, e: dict[str, Any]) -> Any:
    if ufunc in _BELOW_ONE:
        return e["x"] / (1 + abs(e["x"]))
    return e["p"] if ufunc in _POSITIVE else e["p"] + 1 if ufunc is np.arccosh else e["x"]


FORMS: dict[str, Case] = {
    "erf": lambda e: special.erf(e["x"]),
    "erf as a method": lambda e: e["x"].erf() if hasattr(e["x"], "erf") else special.erf(e["x"]),
    "expit": lambda e: special.expit(e["x"]),
    "operators": lambda e: (-e["x"] + 2 * e["z"] - e["v"] / 3) * e["x"] ** 2 / e["p"],
    "reflected operators": lambda e: 1 - e["x"] + 2 / e["p"] + 2 ** e["x"],
    "abs": lambda e: abs(e["x"]),
    "divmod-free compare": lambda e: (e["x"] >= e["z"]) * 1.0 + (e["x"] != 0) * (e["x"] < 1) + ~(e["x"] > 0),
    "mask or": lambda e: (e["x"] > 0) | (e["z"] > 0),
    "mask and": lambda e: (e["x"] > 0) & (e["z"] > 0),
    "mask xor": lambda e: (e["x"] > 0) ^ (e["z"] > 0),
    "mask plus mask": lambda e: (e["x"] > 0) + (e["z"] > 0),
    "mask times mask": lambda e: (e["x"] > 0) * (e["z"] > 0),
    "sum of a mask": lambda e: (e["x"] > 0).sum(axis=0),
    "sum": lambda e: np.sum(e["x"]),
    "sum axis": lambda e: np.sum(e["t"], axis=1),
    "sum negative axis": lambda e: e["t"].sum(-1),
    "sum axes": lambda e: np.sum(e["t"], axis=(0, 2), keepdims=True),
    "sum without axes": lambda e: np.sum(e["x"], axis=()),
    "sum of size one": lambda e: np.sum(e["c"], axis=0) + e["c"].sum(axis=0, keepdims=True)[0],
    "mean": lambda e: np.mean(e["t"], axis=(0, 1)) + e["t"].mean(),
    "average": lambda e: np.average(e["x"], axis=0),
    "max": lambda e: np.max(e["x"], axis=1) + e["x"].max() + np.amax(e["x"], axis=1),
    "min": lambda e: np.min(e["x"], axis=0, keepdims=True) + np.amin(e["x"]) + e["x"].min(axis=0),
    "var": lambda e: np.var(e["x"], axis=0) + np.var(e["x"], axis=0, ddof=1),
    "std": lambda e: np.std(e["x"], axis=1) + e["x"].std(ddof=1),
    "add.reduce": lambda e: np.add.reduce(e["x"]) + np.add.reduce(e["x"], axis=0),
    "maximum.reduce": lambda e: np.maximum.reduce(e["x"], axis=1),
    "logaddexp.reduce": lambda e: np.logaddexp.reduce(e["x"], axis=1),
    "matmul": lambda e: e["x"] @ e["w"],
    "matmul vectors": lambda e: e["v"] @ e["v"],
    "matmul matrix vector": lambda e: e["x"] @ e["v"],
    "matmul vector matrix": lambda e: e["u"] @ e["x"],
    "matmul stacks": lambda e: e["t"] @ e["q"],
    "matmul broadcast stack": lambda e: e["t"] @ e["w"],
    "matmul stack from the left": lambda e: e["x"] @ e["q"],
    "matmul stack vector": lambda e: e["t"] @ e["v"],
    "matmul vector stack": lambda e: e["v"] @ e["q"],
    "matmul of size one": lambda e: e["c"] @ e["w"] + e["c"].T @ e["c"] @ e["w"],
    "dot": lambda e: np.dot(e["x"], e["w"]) + e["x"].dot(e["w"]),
    "dot of scalars": lambda e: np.dot(e["a"], e["x"]),
    "dot of stacks": lambda e: np.dot(e["t"], e["q"]),
    "inner": lambda e: np.inner(e["x"], e["s"]),
    "vdot": lambda e: np.vdot(e["x"], e["z"]),
    "outer": lambda e: np.outer(e["u"], e["v"]),
    "outer of matrices": lambda e: np.outer(e["f"], e["f"]),
    "multiply.outer": lambda e: np.multiply.outer(e["x"], e["v"]),
    "tensordot": lambda e: np.tensordot(e["t"], e["w"], axes=1),
    "tensordot axes": lambda e: np.tensordot(e["t"], e["x"], axes=([1, 2], [0, 1])),
    "tensordot outer": lambda e: np.tensordot(e["v"], e["u"], axes=0),
    "einsum": lambda e: np.einsum("ij,jk->ki", e["x"], e["w"]),
    "einsum implicit": lambda e: np.einsum("ba,bc", e["x"], e["z"]),
    "einsum trace": lambda e: np.einsum("ii", e["s"]),
    "einsum diagonal": lambda e: np.einsum("ii->i", e["s"]),
    "einsum ellipsis": lambda e: np.einsum("...ij,...jk->...ik", e["t"], e["q"]),
    "einsum implicit ellipsis": lambda e: np.einsum("...j,jk", e["t"], e["w"]),
    "einsum broadcast ellipsis": lambda e: np.einsum("...ij,jk->...ik", e["t"], e["w"]),
    "einsum of four": lambda e: np.einsum("i,ij,jk,k->", e["u"], e["x"], e["s"], e["v"]),
    "einsum spaces": lambda e: np.einsum("i j, j -> i", e["x"], e["v"]),
    "transpose": lambda e: np.transpose(e["t"]) + e["t"].T,
    "transpose axes": lambda e: e["t"].transpose(1, 2, 0) + np.transpose(e["t"], (1, 2, 0)),
    "transpose by a tuple": lambda e: e["t"].transpose((1, 2, 0)),
    "transpose negative": lambda e: np.transpose(e["t"], (-1, 0, 1)),
    "swapaxes": lambda e: np.swapaxes(e["t"], 0, -1) + e["t"].swapaxes(0, 2),
    "moveaxis": lambda e: np.moveaxis(e["t"], 0, -1) + np.moveaxis(e["t"], 0, 2),
    "trace": lambda e: np.trace(e["s"]) + e["s"].trace(),
    "diagonal": lambda e: np.diagonal(e["s"]) + e["s"].diagonal() + np.diag(e["s"]),
    "diag": lambda e: np.diag(e["v"]),
    "inv": lambda e: np.linalg.inv(e["s"]) + np.linalg.inv(e["s"] @ e["s"].T),
    "inv of a stack": lambda e: np.linalg.inv(e["t"].swapaxes(1, 2) @ e["t"]),
    "inv of one number": lambda e: np.linalg.inv(e["c"] @ e["c"].T),
    "det": lambda e: np.linalg.det(e["s"]) + np.linalg.det(e["t"].swapaxes(1, 2) @ e["t"]),
    "slogdet": lambda e: np.linalg.slogdet(e["s"])[0] * np.linalg.slogdet(e["s"])[1],
    "slogdet of a stack": lambda e: np.linalg.slogdet(e["t"].swapaxes(1, 2) @ e["t"]).logabsdet,
    "solve": lambda e: np.linalg.solve(e["s"], e["v"]),
    "solve for columns": lambda e: np.linalg.solve(e["s"], e["w"]),
    "matrix_power": lambda e: np.linalg.matrix_power(e["s"], 3) + np.linalg.matrix_power(e["s"], -2),
    "matrix_power of zero": lambda e: np.linalg.matrix_power(e["s"], 0) @ e["v"],
    "multi_dot": lambda e: np.linalg.multi_dot([e["x"], e["s"], e["w"]]),
    "kron": lambda e: np.kron(e["x"], e["w"]),
    "kron of vectors": lambda e: np.kron(e["v"], e["u"]),
    "kron of a vector and a matrix": lambda e: np.kron(e["v"], e["x"]),
    "kron of a stack": lambda e: np.kron(e["t"], e["x"]),
    "norm": lambda e: np.linalg.norm(e["x"]) + np.linalg.norm(e["v"]) + np.linalg.norm(e["v"], 2),
    "norm axis": lambda e: np.linalg.norm(e["x"], axis=1),
    "norm keepdims": lambda e: np.linalg.norm(e["x"], axis=1, keepdims=True),
    "norm frobenius": lambda e: np.linalg.norm(e["x"], "fro"),
    "where": lambda e: np.where(e["x"] > 0, e["x"], e["v"]),
    "where of numbers": lambda e: np.where(e["x"] > 0, 1, 0) + np.where(e["x"] > e["z"], 2.5, -1),
    "where by values": lambda e: np.where(e["x"] * (e["x"] > 0), e["z"], 7.0),
    "clip": lambda e: np.clip(e["x"], -0.3, 0.4) + e["x"].clip(-1, 1),
    "clip one side": lambda e: np.clip(e["x"], None, 0) + 2 * np.clip(e["x"], 0, None),
    "clip by arrays": lambda e: np.clip(e["x"], -e["p"], e["p"]),
    "reshape": lambda e: np.reshape(e["t"], (2, -1)) + e["t"].reshape(2, -1),
    "reshape flat": lambda e: e["t"].reshape(-1) * 2,
    "reshape numbers": lambda e: e["f"].reshape(3, 8) + e["f"].reshape((-1, 8)),
    "reshape split": lambda e: e["f"].reshape(4, 3, 2) + np.reshape(e["f"], (2, 2, 3, 2)).reshape(4, 3, 2),
    "reshape joined middle": lambda e: e["f"].reshape(2, 12),
    "reshape ones": lambda e: e["x"].reshape(e["x"].shape[0], 1, -1) + e["c"].reshape(1, 1, -1) + e["c"].reshape(-1),
    "ravel": lambda e: np.ravel(e["x"]) + e["x"].ravel() + e["x"].flatten(),
    "reshape and back": lambda e: e["x"].reshape(-1).reshape(e["x"].shape),
    "reshape transposed": lambda e: e["f"].T.reshape(-1, 3) + e["f"].transpose().reshape(8, 3),
    "squeeze": lambda e: np.squeeze(e["c"]) + e["c"].squeeze(0) + np.squeeze(e["c"], axis=0),
    "expand dims": lambda e: np.expand_dims(e["x"], 1) + np.expand_dims(e["x"], -2),
    "expand dims twice": lambda e: np.expand_dims(e["v"], (0, 2)),
    "broadcast to": lambda e: np.broadcast_to(e["v"], e["x"].shape) + np.broadcast_to(e["c"], e["x"].shape),
    "flip": lambda e: np.flip(e["x"]) + np.flip(e["x"], 0) + 2 * np.flip(e["x"], (0, 1)),
    "flip sides": lambda e: np.fliplr(e["x"]) + np.flipud(e["x"]),
    "concatenate": lambda e: np.concatenate([e["x"], e["c"], e["s"]]),
    "concatenate axis": lambda e: np.concatenate((e["s"], e["w"], e["v"][:, None]), axis=-1),
    "concatenate one": lambda e: np.concatenate([e["x"]], axis=1),
    "concatenate vectors": lambda e: np.concatenate([e["v"], e["u"]]),
    "stack": lambda e: np.stack([e["x"], e["z"]]) + np.stack([e["z"], e["x"]], axis=0),
    "stack middle": lambda e: np.stack([e["x"], e["z"]], axis=1),
    "stack last": lambda e: np.stack([e["x"], e["z"], e["x"]], axis=-1),
    "hstack": lambda e: np.hstack([e["s"], e["w"]]),
    "hstack vectors": lambda e: np.hstack([e["v"], e["u"]]),
    "vstack": lambda e: np.vstack([e["x"], e["v"]]),
    "column stack": lambda e: np.column_stack([e["v"], e["s"], e["v"]]),
    "split": lambda e: np.split(e["f"], 2)[1] + np.split(e["f"], [1, 3])[1] + np.vsplit(e["f"], 2)[0],
    "split columns": lambda e: np.split(e["f"], [2, 4], axis=1)[1] + np.hsplit(e["f"], 3)[2],
    "array split": lambda e: np.array_split(e["f"], 3, 1)[0] * 1.0,
    "uneven array split": lambda e: np.array_split(e["f"], 4, axis=1)[0] * 1.0,
    "pad": lambda e: np.pad(e["x"], 1) + np.pad(e["x"], ((1, 1), (1, 1))),
    "pad one side": lambda e: np.pad(e["x"], ((0, 2), (1, 0)), constant_values=3.0),
    "repeat": lambda e: np.repeat(e["c"], 4, axis=0) + e["c"].repeat(4, axis=0),
    "tile": lambda e: np.tile(e["v"], (4, 1)) + np.tile(e["c"], (4, 1)),
    "zeros like": lambda e: np.zeros_like(e["x"]) + np.ones_like(e["x"]) + np.full_like(e["x"], 2.5),
    "shape functions": lambda e: e["f"] * np.ndim(e["f"]) + np.shape(e["f"])[1] + np.size(e["f"]) + np.size(e["f"], 0),
    "copy": lambda e: np.copy(e["x"]) + e["x"].copy() + np.real(e["x"]) + e["x"].conj(),
    "at least": lambda e: np.atleast_2d(e["v"]) + np.atleast_1d(e["a"]),
    "astype": lambda e: e["x"].astype(float) + (e["x"] > 0).astype(int) + (e["x"] > 0).astype(np.float32) * 0.5,
    "item": lambda e: e["x"].sum().item() + e["a"],
    "integers": lambda e: e["y"] * 2 + 1,
    "labels against a row": lambda e: (e["y"][:, None] == np.arange(3)) * e["u"][:, None],
}  # fmt: skip
INDEXES: dict[str, Case] = {
    "element": lambda e: e["x"][0, 1] + e["x"][-1, -2] + e["x"][1][2],
    "row": lambda e: e["x"][2] + e["x"][-1] + e["x"][0, :] + e["x"][0, ...],
    "column": lambda e: e["x"][:, 0] + e["x"][..., -1],
    "slice": lambda e: e["x"][1:, :-1] + e["x"][1:, 1:],
    "slice to": lambda e: e["x"][:2] * e["x"][-2:],
    "slice beyond": lambda e: e["f"][:100] + e["f"][-100:],
    "step": lambda e: e["f"][::2] + e["f"][1::2],
    "step of a symbol": lambda e: e["w"][:, ::2] * 1.0,
    "step of an odd symbol": lambda e: e["x"][:, ::2] * 1.0,
    "step with ends": lambda e: e["f"][:, 1:6:3] * 1.0,
    "reversed": lambda e: e["x"][::-1, ::-1] + e["x"][::-1],
    "reversed step": lambda e: e["f"][::-2] + e["f"][:0:-2],
    "reversed from": lambda e: e["f"][2::-1] * 1.0,
    "newaxis": lambda e: e["x"][:, None] + e["x"][None, :, None][0],
    "newaxis and integers": lambda e: e["t"][0, None, :, 1] + e["t"][1, :, None, 0].T,
    "ellipsis": lambda e: e["t"][..., 0] + e["t"][:, ..., 0] + e["t"][0, ..., 0],
    "tuple of nothing": lambda e: e["x"][()] + e["x"][...],
    "gather rows": lambda e: e["x"][e["l"]],
    "gather columns": lambda e: e["x"][:, e["y"]],
    "gather pairs": lambda e: e["x"][np.array([0, 1, 2, 3]), e["h"]],
    "gather pairs negative": lambda e: e["f"][np.array([0, -1]), np.array([1, -2])] + e["x"][np.array([-1, -2]), 0],
    "gather list": lambda e: e["f"][[0, 2, 2]] + e["f"][np.array([1, 1, 3])],
    "gather negative": lambda e: e["f"][[-1, 0]] * 1.0,
    "gather matrix": lambda e: e["v"][e["g"]] + e["s"][e["g"]][..., 0],
    "gather and slice": lambda e: e["t"][:, e["l"], 1:],
    "gather apart": lambda e: e["t"][np.array([0, 1, 1, 0]), :, e["h"]],
    "gather apart with integer": lambda e: e["t"][0, :, e["y"]],
    "gather next to integer": lambda e: e["t"][0, e["l"]] + e["t"][1, e["l"], :],
    "gather with newaxis": lambda e: e["x"][e["l"], None, e["l"] * 0],
    "gather broadcast": lambda e: e["x"][np.arange(4)[:, None], e["o"]],
    "row by label": lambda e: e["x"][e["y"][0]] + e["x"][e["y"][-1] + 0],
    "mask sum": lambda e: np.sum(e["x"][e["x"] > 0]) + e["x"][e["z"] < 0].sum() + (e["x"][e["x"] > 0] ** 2).mean(),
    "mask of rows": lambda e: np.sum(e["x"][e["u"] > 0]),
    "rounding": lambda e: np.floor(3 * e["x"]) + np.ceil(e["x"]) * np.rint(5 * e["x"]) - np.trunc(4 * e["x"]),
    "rounding to decimals": lambda e: np.round(e["x"], 1) + np.around(e["x"]) + e["x"].round(2) + np.fix(3 * e["x"]),
    "rest of a division": lambda e: e["x"] % 0.3 + e["x"] // 0.7 + np.fmod(e["x"], 0.4) + 2 % e["p"],
    "division with rest": lambda e: np.divmod(e["x"], 0.4)[0] * np.divmod(e["x"], e["p"])[1] + np.modf(e["x"])[0],
    "cast to integers": lambda e: (3 * e["x"]).astype(int) * e["x"] + (e["y"] // 2 - e["y"] % 2)[:, None],
}
REFUSED: dict[str, Case] = {
    "slice of a symbol that may be empty": lambda e: e["x"][3:2],
    "pinv": lambda e: np.linalg.pinv(e["x"]),
    "eigenvalues of a general matrix": lambda e: np.linalg.eigvals(e["s"]),
    "singular values": lambda e: np.linalg.svd(e["x"]),
    "inverse of what is not square": lambda e: np.linalg.inv(e["x"]),
    "solve of what does not fit": lambda e: np.linalg.solve(e["s"], e["u"]),
    "cast that wraps around": lambda e: e["x"].astype(np.uint8),
    "minus of masks": lambda e: (e["x"] > 0) - (e["z"] > 0),
    "negative of a mask": lambda e: -(e["x"] > 0),
    "not of numbers": lambda e: ~e["x"],
    "mask as a size": lambda e: np.exp(e["x"][e["x"] > 0]) @ e["v"],
    "different masks": lambda e: e["x"][e["x"] > 0] + e["x"][e["z"] > 0],
    "spectral norm": lambda e: np.linalg.norm(e["s"], 2),
    "spectral norm of axes": lambda e: np.linalg.norm(e["t"], 2, axis=(1, 2)),
    "nuclear norm": lambda e: np.linalg.norm(e["s"], "nuc"),
    "complex": lambda e: e["x"].astype(complex),
    "ufunc where": lambda e: np.exp(e["x"], where=e["x"] > 0),
}
WRONG: dict[str, Case] = {
    "broadcast": lambda e: e["x"] + e["u"],
    "matmul": lambda e: e["x"] @ e["x"],
    "one is no symbol": lambda e: e["x"] + e["w"][:, :2],
    "too many indices": lambda e: e["x"][0, 0, 0],
    "index out of range": lambda e: e["f"][9],
    "negative index out of range": lambda e: e["f"][-5],
    "axis": lambda e: np.sum(e["x"], axis=2),
    "axis twice": lambda e: np.sum(e["x"], axis=(0, 0)),
    "squeeze": lambda e: np.squeeze(e["x"], axis=0),
    "reshape": lambda e: e["f"].reshape(5, -1),
    "reshape to another size": lambda e: e["f"].reshape(5, 5),
    "concatenate": lambda e: np.concatenate([e["x"], e["w"]]),
    "transpose": lambda e: np.transpose(e["x"], (0, 0)),
    "einsum": lambda e: np.einsum("ij,jk->ik", e["x"], e["x"]),
    "swapaxes out of range": lambda e: np.swapaxes(e["x"], 0, 2),
    "mask of another shape": lambda e: e["x"][e["w"] > 0],
}
EVERY = {**UFUNCS, **FORMS, **INDEXES}


@pytest.mark.parametrize("name", EVERY)
def test_a_form_gives_what_numpy_gives(name: str, numbers_of: Numbers) -> None:
    for seed in (0, 1):
        numbers = values(seed)
        expected = np.asarray(EVERY[name](numbers), dtype=float)
        got = EVERY[name](symbols())
        result = numbers_of(got, numbers | SIZES)
        assert got.ndim == expected.ndim, f"{got.ndim} axes instead of {expected.ndim}"
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_engine_cannot_do_is_refused(name: str) -> None:
    with pytest.raises((gp.UnsupportedError, gp.ShapeError)):
        REFUSED[name](symbols())


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused(name: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        WRONG[name](values(0))
    with pytest.raises((gp.ShapeError, gp.UsageError)):
        WRONG[name](symbols())


def test_every_row_of_the_tables_is_tried() -> None:
    import inspect

    source = inspect.getsource(inspect.getmodule(test_every_row_of_the_tables_is_tried))  # type: ignore[arg-type]
    others = ("tracing_rows", "test_tracing_features", "test_numpy_rows", "test_recognised", "test_factorisations")
    tried = source.split("EVERY =", 1)[0] + "".join(
        (Path(__file__).parent / f"{name}.py").read_text() for name in others
    )
    missing = [f.__name__ for f in numpy_functions.FUNCTIONS if f".{f.__name__}(" not in tried]
    missing = [name for name in missing if name not in {path.rpartition(".")[2] for path in numpy_functions.NEWER}]
    aliases = {"norm", "kron", "result_type", "expand_dims", "empty_like"}
    assert set(missing) <= aliases, missing
    calls = ('"].{}(', "x.{}(", "e.{}(")
    untried = {m for m in methods.METHODS if not any(call.format(m) in tried for call in calls)}
    assert untried <= {"fill", "all", "any", "item", "var"}, untried


@pytest.mark.parametrize("name", EVERY)
def test_generated_code_computes_the_same(name: str, numbers_of: Numbers) -> None:
    numbers = values(4)
    array = EVERY[name](symbols())
    used = {d.name for d in array.system().inputs} | {str(n) for n in array.system().dimensions}
    given = {k: v for k, v in (numbers | SIZES).items() if k in used}
    np.testing.assert_allclose(array.evaluate(given), numbers_of(array, numbers | SIZES), rtol=1e-12, atol=1e-12)


def test_a_step_takes_its_value_at_zero(numbers_of: Numbers) -> None:
    x, numbers = gp.array("x", ("n",)), {"x": np.array([-1.0, 0.0, 2.0])}
    np.testing.assert_array_equal(numbers_of(np.heaviside(x, 0.5), numbers), np.heaviside(numbers["x"], 0.5))


def test_softmax_and_its_logarithm_are_stable_forms_of_the_same(numbers_of: Numbers) -> None:
    x, numbers = symbols()["x"], values(3)
    for axis in (0, 1, -1):
        right = special.softmax(numbers["x"], axis=axis)
        np.testing.assert_allclose(numbers_of(reductions.softmax(x, axis), numbers), right, rtol=1e-12)
        np.testing.assert_allclose(numbers_of(reductions.log_softmax(x, axis), numbers), np.log(right), rtol=1e-12)


def test_creation_takes_symbolic_sizes(numbers_of: Numbers) -> None:
    m, n = gp.dims("m n")
    np.testing.assert_array_equal(numbers_of(joining.full((m, n), 2.5), SIZES), np.full((4, 3), 2.5))
    np.testing.assert_array_equal(numbers_of(joining.arange(1, m), SIZES), np.arange(1, 4))
    assert reshaping.reshape(joining.arange(6), (2, 3)).shape == (2, 3)
