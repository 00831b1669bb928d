r"""Convolution and pooling: sums, means and maxima over windows of the last axes (NCL and NCHW).

A window is an index: place i of the output reads :math:`s\,i + d\,u - p` of the input, with stride s, dilation d,
padding p and the offset u in the kernel. As everywhere in neural networks the kernel is not reversed (a correlation).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradproof.errors import ShapeError

from .common import named, whole

sliding_windows = np.lib.stride_tricks.sliding_window_view


def conv1d(x: Any, W: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:
    r""":math:`y_{noi} = b_o + \sum_{c,u} W_{ocu} \, x_{n,c,s i + d u - p}`, with 0 beyond the ends.

    x has the shape (N, C, L), W (outputs, C / groups, kernel).
    """
    return _convolved(x, W, b, stride, padding, dilation, groups, "ncxu,ocu->nox")


def conv2d(x: Any, W: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:
    r""":math:`y_{noij} = b_o + \sum_{c,u,v} W_{ocuv} \, x_{n,c,s i + d u - p,\,s j + d v - p}`, with 0 beyond the ends.

    x has the shape (N, C, H, W), the kernel (outputs, C / groups, rows, columns); ``stride``, ``padding`` and
    ``dilation`` are numbers, or pairs of them.
    """
    return _convolved(x, W, b, stride, padding, dilation, groups, "ncxyuv,ocuv->noxy")


def max_pool(x: Any, size: Any, stride: Any = None) -> Any:
    """The largest entry of each window of the last two axes; without ``stride`` windows do not overlap."""
    return np.max(_windows(x, _pair(size), _pair(size if stride is None else stride), (1, 1)), axis=(-2, -1))


def average_pool(x: Any, size: Any, stride: Any = None) -> Any:
    """The mean of each window of the last two axes; without ``stride`` windows do not overlap."""
    return np.mean(_windows(x, _pair(size), _pair(size if stride is None else stride), (1, 1)), axis=(-2, -1))


def _convolved(x: Any, W: Any, b: Any, stride: Any, padding: Any, dilation: Any, groups: int, how: str) -> Any:
    rank = np.ndim(x) - 2
    steps, widths, gaps = (_pair(value, rank) for value in (stride, padding, dilation))
    if any(widths):
        x = named(np.pad(x, ((0, 0), (0, 0), *((width, width) for width in widths))), "x_padded")
    if groups == 1:
        y = np.einsum(how, _windows(x, W.shape[2:], steps, gaps), W)
    else:
        apart = x.reshape(x.shape[0], groups, whole(x.shape[1], groups, "channels"), *x.shape[2:])
        own = W.reshape(groups, whole(W.shape[0], groups, "outputs"), *W.shape[1:])
        y = np.einsum(how.replace("nc", "ngc").replace(",o", ",go").replace("no", "ngo"),
                      _windows(apart, W.shape[2:], steps, gaps), own)  # fmt: skip
        y = y.reshape(x.shape[0], W.shape[0], *y.shape[3:])
    return y if b is None else y + b[(slice(None), *[None] * rank)]


def _windows(x: Any, sizes: Sequence[Any], steps: Sequence[Any], gaps: Sequence[Any]) -> Any:
    """The windows of the last axes, with one axis more for each: (..., places, offsets)."""
    rank = len(sizes)
    if any(not isinstance(step, (int, np.integer)) or step < 1 for step in (*steps, *gaps)):
        raise ShapeError(f"strides {tuple(steps)} and dilations {tuple(gaps)} must be positive whole numbers")
    reach = tuple(gap * (size - 1) + 1 for size, gap in zip(sizes, gaps, strict=True))
    windows: Any = sliding_windows(x, reach, axis=tuple(range(np.ndim(x) - rank, np.ndim(x))))
    return windows[(..., *(slice(None, None, int(n)) for n in (*steps, *gaps)))]


def _pair(value: Any, rank: int = 2) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,) * rank
