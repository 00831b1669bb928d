"""Write layers.md from the table of layers: ``python docs/make_layers.py [FILE]``.

Equations and verdicts are those of the table that the tests go through; gradients are printed by the engine.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import Any

import gradproof as gp

HERE = Path(__file__).resolve().parent
LONGEST = 900
"""A derived gradient is printed if its LaTeX is at most so long."""

A_LITTLE_LONGER = 1.6
"""By so much the matrix form may be longer than that by index, and is printed all the same."""

RECURRENT = {"RNN": ("rnn", 1), "GRU": ("gru", 3), "LSTM": ("lstm", 4)}
"""The recurrent layers, with how many gates stand in their weights."""

RECURRENT_HEAD = """
## Recurrent layers

`gp.layers.rnn`, `gru` and `lstm` run over a symbolic length T. Their gradients are recurrences that run backwards; for
every length they are proved to be those of backward passes written by hand. By the weights U of the states, where d is
the gradient by all states:"""

HEAD = """# Layers and losses

`gp.layers` and `gp.losses` hold the common layers as functions of arrays, symbolic ones or NumPy's. Each has a forward
and a backward pass written by hand (`gradproof.numeric.reference.layers`), and the tests hold four things against each
other: the derived gradient, the hand-written one, automatic differentiation, and the generated code.

```python
import gradproof as gp

x, W, b = gp.array("x", ("N", "C", "L")), gp.array("W", ("O", "C", 3)), gp.array("b", ("O",))
y = gp.layers.conv1d(x, W, b, padding=1)
d = gp.array("d", y.shape)
dx, dW, db = gp.vjp(y, [x, W, b], d)
print(dx.latex("index"))
print(gp.compile([dx, dW, db]).source)
```

A stride or a padding is a number; a kernel's size may be a symbol. Place *i* of an output reads $s\\,i + d\\,u - p$
of the input, so that the gradient at $k$ is the sum over the offsets $u$ for which $s$ divides $k + p - d\\,u$. A mask
is an input: 1 (or True) is kept.

| layer | equation | gradients | verdict |
|---|---|---|---|
"""


def table() -> dict[str, Any]:
    """The rows of tests/layers/table.py."""
    path = HERE.parent / "tests" / "layers" / "table.py"
    spec = importlib.util.spec_from_file_location("layer_table_of_documents", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    rows: dict[str, Any] = module.TABLE
    return rows


def gradient_text(row: Any) -> str | None:
    """The derived gradient by the first input, as printed; None for a long one."""
    arrays = row.arrays()
    output = row.layer(**arrays)
    wrt = arrays[row.wrt[0]]
    gradient = (
        gp.grad(output, wrt) if output.ndim == 0 else gp.vjp(output, wrt, gp.array("d_y", output.definition.shape))
    )
    matrix, index = (gradient.latex(form) for form in ("matrix", "index"))
    text: str = matrix if len(matrix) <= A_LITTLE_LONGER * len(index) else index
    return text if len(text) <= LONGEST else None


def recurrent_text(name: str, gates: int) -> str:
    """The gradient of a recurrent layer by the weights of its states, as printed; d is that by all states."""
    T, m, n, k = gp.dims("T m n k")
    shapes = {"x": (T, m, n), "h0": (m, k), "W": (n, gates * k), "U": (k, gates * k), "b": (gates * k,)}
    arrays = {key: gp.array(key, shape) for key, shape in shapes.items()}
    if name == "lstm":
        arrays["c0"] = gp.array("c0", (m, k))
    states = getattr(gp.layers, name)(**arrays)
    h = states[0] if isinstance(states, tuple) else states
    text: str = gp.vjp(h, arrays["U"], gp.array("d", h.shape)).latex()
    return text


def verdict(row: Any) -> str:
    """What the tests establish, in words."""
    if not row.certified:
        return "proved"
    rest = [name for name in row.wrt if name not in row.certified]
    proved = f"proved: {', '.join(rest)}; " if rest else ""
    return f"{proved}certified: {', '.join(row.certified)} ({row.reason})"


def page() -> str:
    """The whole document."""
    rows = table()
    escape = "\\|"
    lines = [
        f"| {row.name} | ${row.equation.replace('|', escape)}$ | {', '.join(row.wrt)} | {verdict(row)} |"
        for row in rows.values()
    ]
    parts = [
        HEAD + "\n".join(lines),
        "\n## Derived gradients\n\nBy the first input; $\\bar y$ is the gradient by the output.",
    ]
    for row in rows.values():
        text = gradient_text(row)
        if text is not None:
            parts.append(f"\n**{row.name}**\n\n$$\n{text}\n$$")
    parts.append(RECURRENT_HEAD)
    for title, (name, gates) in RECURRENT.items():
        parts.append(f"\n**{title}**\n\n$$\n{recurrent_text(name, gates)}\n$$")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="Write the page of the layers anew.")
    options.add_argument("target", nargs="?", type=Path, default=HERE / "layers.md")
    options.parse_args().target.write_text(page(), encoding="utf-8")
