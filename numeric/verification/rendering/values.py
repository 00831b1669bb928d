"""Numbers and small inputs as people read them: short where they are long, exact where they are short."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

EDGE: Final = 3
"""So many entries stay at each end of an axis that is abbreviated."""

BUDGET: Final = 72
"""An array whose text is not longer than that is written out in full."""


def number(value: Any, digits: int = 10) -> str:
    """A number with so many significant digits, and a typographic minus nowhere: it can be pasted into Python.

    >>> number(0.1), number(-1 / 3), number(7), number(float("nan"))
    ('0.1', '-0.3333333333', '7', 'nan')
    """
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def exact_number(value: Any) -> str:
    """The shortest text that reads back as the same number.

    >>> exact_number(0.1), exact_number(2.0), exact_number(True)
    ('0.1', '2.0', 'True')
    """
    return repr(float(value)) if isinstance(value, float) else str(value)


def short_array(value: Any) -> str:
    """A number, nested list or array on one line, long axes abbreviated in the middle.

    >>> short_array([[1.0, 2.5], [0.0, -1.0]])
    '[[1.0, 2.5], [0.0, -1.0]]'
    >>> short_array(list(range(100)))
    '[0, 1, 2, …, 97, 98, 99]'
    """
    plain = value.tolist() if hasattr(value, "tolist") else value
    full = _nested(plain, None)
    if full is not None and len(full) <= BUDGET:
        return full
    for edge in range(EDGE, 0, -1):
        text = _nested(plain, edge) or ""
        if len(text) <= BUDGET or edge == 1:
            return text
    raise AssertionError("the loop above ends with an edge of 1")


def _nested(value: Any, edge: int | None) -> str | None:
    if not isinstance(value, (list, tuple)):
        return exact_number(value)
    if edge is None:
        if len(value) > BUDGET:
            return None
        parts = [_nested(part, None) for part in value]
        texts = [part for part in parts if part is not None]
        return f"[{', '.join(texts)}]" if len(texts) == len(parts) else None
    cut = len(value) > 2 * edge + 1
    shown = [*value[:edge], *value[-edge:]] if cut else list(value)
    texts = [_nested(part, edge) or "" for part in shown]
    return f"[{', '.join([*texts[:edge], '…', *texts[edge:]] if cut else texts)}]"


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of nested lists or of an array; () for a number.

    >>> shape_of([[1, 2, 3], [4, 5, 6]]), shape_of(1.5)
    ((2, 3), ())
    """
    if hasattr(value, "shape"):
        return tuple(value.shape)
    shape: list[int] = []
    while isinstance(value, (list, tuple)):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return tuple(shape)


def assignments(inputs: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """``name = value`` for each array of a dict of inputs; the shape stands beside what is abbreviated.

    >>> list(assignments({"params": {"w": [1.0]}, "x": 2.0}))
    [('params.w', '[1.0]'), ('x', '2.0')]
    """
    for name, value in inputs.items():
        label = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from assignments(value, f"{label}.")
        else:
            text = short_array(value)
            yield label, f"{text}  of shape {shape_of(value)}" if "…" in text else text


def ratio(value: float | None) -> str:
    """claimed / derived, or why there is none.

    >>> ratio(2.0000000000000004), ratio(None)
    ('2', 'derived is 0')
    """
    if value is None:
        return "derived is 0"
    return number(value) if math.isfinite(value) else str(value)
