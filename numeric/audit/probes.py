"""The inputs that an audit tries: every input in turn over a range of magnitudes, shifted, near one, and at zero.

A :class:`Family` changes one input by one number t; what goes wrong from some t on is told as a region of that input.
All values are rounded to float32, so that one exact run is the truth for both types.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from gradproof.errors import UsageError
from gradproof.numeric.verification.interfaces import Path, float_leaves, label, replaced

MAGNITUDES: Final = (1e-8, 1e-4, 1e-2, 1.0, 10.0, 40.0, 100.0, 800.0, 1e4, 1e8)
OFFSETS: Final = (1.0, 1e2, 1e4, 1e8)
NEAR_ONE: Final = (1e-2, 1e-4, 1e-6)

LARGE: Final = 1000
"""With more input entries than that only the magnitudes that most often matter are tried, and edges are coarse."""

FEW: Final = (1e-4, 40.0, 800.0)


@dataclass(frozen=True, slots=True)
class Family:
    """One input, how it is changed, and the numbers t to try."""

    path: Path
    kind: str
    values: tuple[float, ...]
    domain: float = np.inf  # beyond this t the function need not be defined

    @property
    def name(self) -> str:
        """The input's name, as in a function's call."""
        return label(self.path)

    def at(self, inputs: Mapping[str, Any], t: float) -> dict[str, Any]:
        """The inputs with this one changed."""
        x = np.asarray(float_leaves(inputs)[self.path], dtype=np.float64)
        with np.errstate(over="ignore"):  # beyond float32: the run in that type is left out
            changed = np.asarray(self._changed(x, t), dtype=np.float32).astype(np.float64)
            wide = np.asarray(self._changed(x, t), dtype=np.float64)
        value = np.where(np.isfinite(changed) & ((changed != 0) | (wide == 0)), changed, wide)
        return dict(replaced(inputs, {self.path: value if x.ndim else float(value)}))

    def _changed(self, x: np.ndarray[Any, Any], t: float) -> Any:
        size = float(np.max(np.abs(x), initial=0.0)) or 1.0
        match self.kind:
            case "magnitude":
                return x * (t / size)
            case "negative":
                return x * (-t / size)
            case "offset":
                return x + t
            case "near one":
                return 1 - (1 - x) * t
            case _:
                return x * 0.0

    def region(self, low: float, high: float) -> str:
        """The region of t from ``low`` to ``high`` in words; 0 and infinity are no bounds.

        >>> Family(("z",), "magnitude", ()).region(709.78, np.inf), Family(("z",), "magnitude", ()).region(0, 1e-8)
        ('max |z| ≥ 710', 'max |z| ≤ 1e-08')
        """
        subject = {
            "magnitude": f"max |{self.name}|", "negative": f"max |{self.name}| with the signs reversed",
            "offset": f"an offset of all of {self.name}", "near one": f"max (1 − {self.name}), relative to the given",
            "zero": self.name,
        }[self.kind]  # fmt: skip
        if self.kind == "zero":
            return f"{subject} = 0"
        if low > 0 and np.isfinite(high):
            return f"{low:.3g} ≤ {subject} ≤ {high:.3g}"
        return f"{subject} ≥ {low:.3g}" if low > 0 else f"{subject} ≤ {high:.3g}" if np.isfinite(high) else self.name


def families(
    inputs: Mapping[str, Any], vary: str | Sequence[str] | None, magnitudes: Sequence[float]
) -> Iterator[Family]:
    """The families for the inputs that hold data; labels (0/1, −1/1) and single hyperparameters stay as they are."""
    leaves = float_leaves(inputs)
    chosen = _chosen(leaves, vary)
    large = is_large(inputs)
    for path in chosen:
        x = np.asarray(leaves[path], dtype=np.float64)
        scales = tuple(t for t in magnitudes if t in FEW) if large else tuple(magnitudes)
        low, high = float(np.min(x)), float(np.max(x))
        inside = bool(0 < low and high < 1)
        if not np.any(x):
            yield Family(path, "offset", scales)
            continue
        yield Family(path, "magnitude", scales, 1.0 if inside else np.inf)
        if low <= 0:
            yield Family(path, "negative", tuple(t for t in scales if t >= 1))
        if inside:
            yield Family(path, "near one", NEAR_ONE[-1:] if large else NEAR_ONE)
        elif x.size > 1:
            yield Family(path, "offset", OFFSETS[2:3] if large else OFFSETS)
        if low <= 0 or x.size == 1:
            yield Family(path, "zero", (0.0,))


def is_large(inputs: Mapping[str, Any]) -> bool:
    """Whether one exact run is so slow that only the most telling inputs are tried."""
    return sum(int(np.size(leaf)) for leaf in float_leaves(inputs).values()) > LARGE


def _chosen(leaves: Mapping[Path, Any], vary: str | Sequence[str] | None) -> list[Path]:
    if vary is not None:
        names = [vary] if isinstance(vary, str) else list(vary)
        found = [path for path in leaves if path[0] in names or label(path) in names]
        missing = [name for name in names if not any(name in (path[0], label(path)) for path in leaves)]
        if missing:
            valid = ", ".join(label(path) for path in leaves) or "none"
            raise UsageError(f"vary={', '.join(missing)}: the floating-point inputs are {valid}")
        return found
    data = [path for path, leaf in leaves.items() if not _is_label(np.asarray(leaf))]
    arrays = [path for path in data if np.ndim(leaves[path])]
    return arrays or data


def _is_label(x: np.ndarray[Any, Any]) -> bool:
    values = set(np.unique(x).tolist()) if x.size else set()
    return x.ndim > 0 and bool(values) and (values <= {0.0, 1.0} or values <= {-1.0, 1.0}) and len(values) > 1
