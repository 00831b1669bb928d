"""PyTorch's names in NumPy's terms: ``dim`` is ``axis``, ``keepdim`` is ``keepdims``, and a tensor has more methods.

A row for each function and method that people use in a ``forward`` or ``backward``. What has no row is PyTorch's own,
refuses balls, and the verdict then stands on float64 differences.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from gradproof.numeric.adapters import functions
from gradproof.numeric.adapters.common import StandIn
from gradproof.numeric.balls.arrays import BallArray

Method = Callable[..., Any]


def _elementwise(name: str) -> Method:
    function = getattr(np, name)
    return lambda x, *rest: function(x, *rest)


def _reduction(name: str) -> Method:
    function = getattr(np, name)

    def method(x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, **options: Any) -> Any:
        known = {key: options[key] for key in ("keepdims", "where", "initial") if key in options}
        if keepdim:
            known["keepdims"] = True
        dims = axis if dim is None else dim
        base = getattr(np.ndarray, name, None)
        if name in ("sum", "prod") and base is not None:
            return base(x, axis=tuple(dims) if isinstance(dims, list) else dims, **known)
        return function(x, axis=tuple(dims) if isinstance(dims, list) else dims, **known)

    return method


_BALL_MEAN, _BALL_VAR, _BALL_STD = BallArray.mean, BallArray.var, BallArray.std


def _mean(x: Any, dim: Any = None, keepdim: bool = False, *, axis: Any = None, **options: Any) -> Any:
    options.setdefault("keepdims", keepdim)
    options.pop("dtype", None)
    options.pop("out", None)
    return _BALL_MEAN(x, axis=axis if dim is None else dim, **options)


def _spread(base: Method) -> Method:
    def method(x: Any, dim: Any = None, unbiased: Any = None, keepdim: bool = False, **options: Any) -> Any:
        axis = options.pop("axis", None) if dim is None else dim
        numpy = bool({"ddof", "keepdims", "dtype", "out"} & set(options))
        ddof = options.pop("ddof", 0) if numpy else options.pop("correction", 1 if unbiased in (None, True) else 0)
        return base(x, axis=axis, ddof=ddof, keepdims=options.pop("keepdims", keepdim))

    return method


def _clamp(x: Any, min: Any = None, max: Any = None) -> Any:
    return np.clip(x, min, max)


def _transpose(x: Any, *axes: Any) -> Any:
    """Two numbers are dimensions to exchange, as in PyTorch; anything else is NumPy's, which itself calls this."""
    if len(axes) == 2:
        return np.ndarray.swapaxes(x, *axes)
    return np.ndarray.transpose(x, *axes)


class _Size(int):
    """The number of entries, as NumPy's code asks for it, which can be called as a tensor's ``size(dim)`` is."""

    shape: tuple[int, ...] = ()

    def __call__(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]


def _size(x: Any) -> _Size:
    size = _Size(np.ndarray.size.__get__(x))
    size.shape = tuple(x.shape)
    return size


def _unsqueeze(x: Any, dim: int) -> Any:
    return np.expand_dims(x, dim)


def _view(x: Any, *shape: Any) -> Any:
    sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list, type)) else shape
    return np.ndarray.view(x, sizes) if isinstance(sizes, type) else x.reshape(sizes)


def _expand(x: Any, *shape: Any) -> Any:
    sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
    start = len(sizes) - x.ndim
    whole = tuple(x.shape[i - start] if n == -1 else n for i, n in enumerate(sizes))
    return np.broadcast_to(x, whole)


def _softmax(x: Any, dim: Any = -1, **_: Any) -> Any:
    return functions.softmax(x, dim)


def _log_softmax(x: Any, dim: Any = -1, **_: Any) -> Any:
    return functions.log_softmax(x, dim)


def _logsumexp(x: Any, dim: Any, keepdim: bool = False) -> Any:
    return functions.logsumexp(x, dim, keepdim)


def _same(x: Any, *_: Any, **__: Any) -> Any:
    return x


def _copy(x: Any, *_: Any, **__: Any) -> Any:
    return x.copy()


def _masked_fill(x: Any, mask: Any, value: Any) -> Any:
    return np.where(mask, value, x)


def _norm(x: Any, p: Any = 2, dim: Any = None, keepdim: bool = False) -> Any:
    return np.linalg.norm(x, None if p == "fro" else p, dim, keepdim) if dim is not None else np.sqrt(np.sum(x * x))


_ELEMENTWISE: Final = {
    "exp": "exp", "log": "log", "log1p": "log1p", "expm1": "expm1", "sqrt": "sqrt", "tanh": "tanh", "sin": "sin",
    "cos": "cos", "sinh": "sinh", "cosh": "cosh", "abs": "abs", "neg": "negative", "square": "square", "sign": "sign",
    "reciprocal": "reciprocal", "pow": "power", "mul": "multiply", "add": "add", "sub": "subtract", "div": "divide",
    "mm": "matmul", "matmul": "matmul", "bmm": "matmul", "mv": "matmul", "gt": "greater", "ge": "greater_equal",
    "lt": "less", "le": "less_equal", "eq": "equal", "ne": "not_equal", "maximum": "maximum", "minimum": "minimum",
    "atan": "arctan", "floor": "floor",
}  # fmt: skip

_SHARED: Final[dict[str, Method]] = {name: _elementwise(numpy) for name, numpy in _ELEMENTWISE.items()} | {
    "sum": _reduction("sum"), "prod": _reduction("prod"), "amax": _reduction("max"), "amin": _reduction("min"),
    "mean": _mean, "var": _spread(_BALL_VAR), "std": _spread(_BALL_STD), "clamp": _clamp, "clamp_min": _clamp,
    "sigmoid": functions.sigmoid, "relu": functions.relu, "softmax": _softmax, "log_softmax": _log_softmax,
    "logsumexp": _logsumexp, "transpose": _transpose, "unsqueeze": _unsqueeze, "masked_fill": _masked_fill,
    "norm": _norm, "rsqrt": lambda x: 1 / np.sqrt(x), "t": lambda x: np.ndarray.transpose(x), "clone": _copy,
    "detach": _same,
    "permute": lambda x, *axes: np.ndarray.transpose(x, *axes),
}  # fmt: skip
"""Functions of ``torch`` that are methods of tensors too."""

METHODS: Final[dict[str, Any]] = _SHARED | {
    "size": property(_size),
    "view": _view, "expand": _expand, "expand_as": lambda x, other: np.broadcast_to(x, other.shape), "dim": np.ndim,
    "numel": np.size, "contiguous": _same, "to": _same, "type_as": _same, "double": _same, "float": _same,
    "cpu": _same, "mul_": lambda x, y: x.__imul__(y), "add_": lambda x, y: x.__iadd__(y),
    "new_zeros": lambda x, *shape: _zeros(*shape),
}  # fmt: skip
"""What arrays of balls can do besides while they stand for tensors."""

_FUNCTIONS: Final[dict[str, Any]] = _SHARED | {
    "where": np.where, "zeros_like": np.zeros_like, "ones_like": np.ones_like, "empty_like": np.empty_like,
    "outer": np.outer, "einsum": np.einsum, "stack": lambda parts, dim=0: np.stack(parts, dim),
    "cat": lambda parts, dim=0: np.concatenate(parts, dim), "dot": np.dot, "flip": lambda x, dims: np.flip(x, dims),
    "eye": np.eye, "arange": np.arange, "cumsum": lambda x, dim: np.cumsum(x, dim), "squeeze": np.squeeze,
    "diag": np.diag, "reshape": np.reshape, "inverse": np.linalg.inv, "is_tensor": lambda x: isinstance(x, BallArray),
}  # fmt: skip

_NEURAL: Final[dict[str, Any]] = {
    "softmax": _softmax, "log_softmax": _log_softmax, "relu": functions.relu, "sigmoid": functions.sigmoid,
    "tanh": np.tanh, "softplus": functions.softplus, "silu": functions.silu,
    "one_hot": lambda labels, num_classes=-1: functions.one_hot(labels, num_classes),
    "linear": lambda x, weight, bias=None: np.matmul(x, np.swapaxes(weight, 0, 1)) + (0 if bias is None else bias),
}  # fmt: skip


def substitutes(torch: Any) -> dict[int, Any]:
    """What the user's names for PyTorch stand for on balls."""
    neural = StandIn(torch.nn.functional, _NEURAL)
    nn = StandIn(torch.nn, {"functional": neural})
    found: dict[int, Any] = {
        id(torch.nn.functional): neural,
        id(torch.nn): nn,
        id(torch): StandIn(torch, _FUNCTIONS | {"nn": nn, "zeros": _zeros, "ones": _ones}),
    }
    for module, table in ((torch, _FUNCTIONS), (torch.nn.functional, _NEURAL)):
        for name, own in table.items():
            if hasattr(module, name):
                found[id(getattr(module, name))] = own
    return found


def _zeros(*shape: Any, **_: Any) -> Any:
    from gradproof.numeric.balls.arrays import exact

    return exact(np.zeros(shape[0] if len(shape) == 1 else shape))


def _ones(*shape: Any, **_: Any) -> Any:
    from gradproof.numeric.balls.arrays import exact

    return exact(np.ones(shape[0] if len(shape) == 1 else shape))
