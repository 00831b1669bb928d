"""The picture of the falling loss."""

from __future__ import annotations

import io
from pathlib import Path

from gradproof.errors import UsageError
from gradproof.files import write_bytes

INK, LINE, MUTED = "#1b2733", "#0b6e4f", "#8a97a3"


def draw_loss(losses: list[float], accuracy: float, path: Path) -> None:
    """Write the training loss per epoch, on a logarithmic axis, as a PNG.

    Raises :class:`UsageError` when matplotlib is missing.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("pictures need matplotlib; python -m pip install 'gradproof[tour]'") from None
    figure = Figure(figsize=(7.2, 3.6), dpi=160, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    epochs = range(1, len(losses) + 1)
    axes.plot(epochs, losses, color=LINE, linewidth=2)
    axes.set_yscale("log")
    axes.set_xlabel("epoch", color=INK)
    axes.set_ylabel("training loss C", color=INK)
    axes.set_title(f"Digits: loss of the generated program · test accuracy {accuracy:.1%}", loc="left", color=INK)
    last = (len(losses), losses[-1])
    axes.annotate(f"{losses[-1]:.4f}", last, textcoords="offset points", xytext=(-4, 8), ha="right", color=LINE)
    axes.grid(alpha=0.25, which="both", linewidth=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)
    axes.tick_params(colors=INK, which="both")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": "gradproof"})
    write_bytes(path, buffer.getvalue())
