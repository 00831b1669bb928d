"""NumPy's statistics on balls: averages, covariances, counts with weights, bins and linear interpolation."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import asarray, clip, ones, searchsorted, zeros  # bound now: they are replaced while user code runs

from gradproof.numeric.balls.arrays import BallArray, balls_of, base, filled
from gradproof.numeric.balls.ball import ZERO, NotOnBalls
from gradproof.numeric.balls.frames import user_line

Objects = np.ndarray[Any, Any]


def _balls(value: Any) -> BallArray:
    return balls_of(value).view(BallArray)


def average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = np._NoValue
) -> Any:
    """``np.average``: Σ w a / Σ w, weights along the axis or of a's shape."""
    values = _balls(a)
    keep = keepdims not in (None, False, np._NoValue)
    if weights is None:
        mean = values.mean(axis=axis, keepdims=keep)
        return (mean, zeros(np.shape(mean)) + values.size / max(np.size(mean), 1)) if returned else mean
    w: Any = weights if isinstance(weights, BallArray) else asarray(base(weights))
    if np.shape(w) != values.shape:
        if axis is None or np.ndim(w) != 1:
            what = f"np.average with weights of shape {np.shape(w)}"
            raise NotOnBalls(f"{user_line()}: {what} is not implemented on balls")
        w = w.reshape([-1 if i == axis % values.ndim else 1 for i in range(values.ndim)])
    total = np.sum(_balls(np.broadcast_to(base(w), values.shape)), axis=axis, keepdims=keep)
    result = np.sum(values * w, axis=axis, keepdims=keep) / total
    return (result, total) if returned else result


def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None, **options: Any) -> Any:
    """``np.cov`` without frequency weights: (X − mean)(X − mean)ᵀ / (n − ddof), a variable a row."""
    if any(value is not None for value in options.values()):
        raise NotOnBalls(f"{user_line()}: np.cov with {', '.join(options)} is not implemented on balls")
    rows = [np.atleast_2d(_balls(m))] + ([] if y is None else [np.atleast_2d(_balls(y))])
    if not rowvar:
        rows = [part.T if np.ndim(original) == 2 else part for part, original in zip(rows, (m, y), strict=False)]
    X = np.concatenate(rows) if len(rows) > 1 else rows[0]
    n = X.shape[1] - ((0 if bias else 1) if ddof is None else ddof)
    centred = X - X.mean(axis=1, keepdims=True)
    result = centred @ centred.T / n
    return result.reshape(()) if result.size == 1 else result


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, **_: Any) -> Any:
    """``np.corrcoef``: covariances over the roots of the variances."""
    c = cov(x, y, rowvar)
    if c.ndim == 0:
        return c / c
    deviation = np.sqrt(np.diagonal(c))
    return c / deviation[:, np.newaxis] / deviation[np.newaxis, :]


def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """``np.bincount`` with weights that are balls: each added to the bin of its label."""
    labels = base(x) if not isinstance(x, BallArray) else x.astype(int)
    if weights is None:
        return np.bincount(labels, None, minlength)
    labels = asarray(labels)
    result = filled((max(int(labels.max(initial=-1)) + 1, minlength),), ZERO)
    np.add.at(result, labels, _balls(weights))
    return result


def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """``np.digitize``: the bin of each number, by comparisons of balls."""
    edges = balls_of(bins)
    falling = len(edges) > 1 and bool(edges[0] > edges[-1])
    side: Any = "left" if right != falling else "right"
    found = searchsorted(edges[::-1] if falling else edges, balls_of(x), side=side)
    return len(edges) - found if falling else found


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """``np.interp``: linear between the points, constant beyond them."""
    if period is not None:
        raise NotOnBalls(f"{user_line()}: np.interp with a period is not implemented on balls")
    at, knots, values = _balls(x), _balls(xp), _balls(fp)
    k = clip(searchsorted(balls_of(knots), balls_of(at), side="right") - 1, 0, len(knots) - 2)
    slope = (values[k + 1] - values[k]) / (knots[k + 1] - knots[k])
    inside = values[k] + slope * (at - knots[k])
    low = values[0] if left is None else left
    high = values[-1] if right is None else right
    return np.where(at < knots[0], low, np.where(at > knots[-1], high, inside))


def isreal(x: Any) -> Any:
    """``np.isreal``: every ball is."""
    return ones(np.shape(x), dtype=bool)
