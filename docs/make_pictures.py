"""Draw the pictures of lectures.md from the derived gradients: ``python docs/make_pictures.py [FOLDER]``.

Every number in them comes from functions that ``gp.compile`` made of the derived equations, from the optimisers of
``gradproof.numeric``, or from a program that gradproof generated; none is drawn by hand. Needs matplotlib.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import gradproof as gp
from gradproof.files import write_bytes
from gradproof.numeric.reference import lecture
from gradproof.numeric.reference.network import Layer, ReferenceNetwork
from gradproof.numeric.reference.optimisers import Adam, GradientDescent, Momentum, Optimiser
from gradproof.numeric.training.train import train

FOLDER = Path(__file__).with_name("lectures")
INK, GREEN, BLUE, RED, GOLD, MUTED = "#1b2733", "#0b6e4f", "#1f5fa8", "#b3261e", "#b7791f", "#8a97a3"


# -- what is drawn --------------------------------------------------------------------------------------------------
def straight_line(rows: int = 40, seed: int = 0) -> tuple[Any, Any]:
    """Points around y = 2x − 1: x and y, each of shape (rows,)."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, rows)
    return x, 2 * x - 1 + rng.normal(0, 0.6, rows)


def line_functions() -> tuple[Any, Any]:
    """The mean squared error of a line with its derived gradient, and its derived Hessian, as compiled functions."""
    x, y, slope, intercept = gp.array("x", ("m",)), gp.array("y", ("m",)), gp.array("slope"), gp.array("intercept")
    cost = np.mean((slope * x + intercept - y) ** 2)
    second = [block for row in gp.hessian(cost, [slope, intercept]) for block in row]
    return gp.compile([cost, *gp.grad(cost, [slope, intercept])]), gp.compile(second)


def descend(rate: float, steps: int, start: tuple[float, float] = (-1.0, 2.0)) -> tuple[Any, Any]:
    """Gradient descent on the line: the (slope, intercept) of every step, and the costs."""
    x, y = straight_line()
    function, _ = line_functions()
    point, path, costs = np.array(start), [], []
    for _ in range(steps + 1):
        cost, *gradient = function(x=x, y=y, slope=point[0], intercept=point[1])
        path.append(point)
        costs.append(float(cost))
        point = point - rate * np.array([float(g) for g in gradient])
    return np.array(path), np.array(costs)


def threshold() -> float:
    """2/λ_max of the derived Hessian: gradient descent on the line converges below it and diverges above."""
    x, _ = straight_line()
    _, second = line_functions()
    blocks = second(x=x)
    return float(2 / np.linalg.eigvalsh(np.array(blocks, dtype=float).reshape(2, 2)).max())


def neuron() -> Any:
    """A single sigmoid neuron with two inputs, squared error of one example: the derived gradient, compiled."""
    x, w, b, y = gp.array("x", (2,)), gp.array("w", (2,)), gp.array("b"), gp.array("y")
    cost = (1 / (1 + np.exp(-(x @ w + b))) - y) ** 2
    return gp.compile([cost, *gp.grad(cost, [w, b])])


# -- pictures -------------------------------------------------------------------------------------------------------
def error() -> Figure:
    """Row 10: the falling error of the talk's script and of the generated program, over 60,000 steps."""
    figure, (axes,) = _figure()
    steps, every = 60_000, 200
    run = lecture.train(seed=1, steps=steps, every=every)
    layers = [gp.Dense(3, 4, "sigmoid", bias=False), gp.Dense(4, 1, "sigmoid", bias=False)]
    with tempfile.TemporaryDirectory() as folder:
        network = gp.Network(layers, loss="sum_squares")
        path = network.generate(Path(folder, "lecture_program.py"), optimizer="gradient_descent", learning_rate=1)
        program = _module(path)
        W1, W2 = lecture.initial_weights(1)
        params = {"W1": W1, "W2": W2}
        noted = [(0, program.mean_absolute_error(params, lecture.X, lecture.Y))]

        def note(epoch: int, epochs: int, value: float) -> None:
            if epoch % 4000 == 0 or epoch in (250, 500, 1000, 2000):
                noted.append((epoch, program.mean_absolute_error(params, lecture.X, lecture.Y)))

        program.train(params, lecture.X, lecture.Y, epochs=steps, progress=note)
    axes.plot(run.steps, run.errors, color=BLUE, linewidth=2, label="the script, as written")
    axes.plot(*zip(*noted, strict=True), "o", color=RED, fillstyle="none", label="the generated program")
    axes.set(yscale="log", xlabel="step", ylabel="mean |y − a|")
    axes.set_title(f"3-4-1 network: error {run.errors[0]:.3f} → {run.errors[-1]:.5f}", loc="left", color=INK)
    axes.legend(frameon=False)
    return figure


def geometry() -> Figure:
    """Row 9: the input magnifies the gradient, dead nodes, and the arrow of steepest descent."""
    figure, (left, middle, right) = _figure(3)
    function = neuron()
    inputs, w = np.linspace(0, 3, 31), np.array([0.2, 0.3])
    for weight, colour in ((0.0, GREEN), (0.5, BLUE)):
        values = [function(x=np.array([v, 1.0]), w=np.array([weight, 0.3]), b=0.1, y=0.0)[1][0] for v in inputs]
        left.plot(inputs, values, color=colour, label=f"$w_1$ = {weight:g}")
    left.set(xlabel="input $x_1$", ylabel="∂C/∂$w_1$", title="the input magnifies the error")
    left.legend(frameon=False)
    levels = np.linspace(-8, 8, 161)
    z = gp.array("z", ("m",))
    for name, a, colour in (("sigmoid", 1 / (1 + np.exp(-z)), GREEN), ("ReLU", np.maximum(z, 0), RED)):
        slopes = gp.compile(gp.grad(np.sum(a), z))(z=levels)
        middle.plot(levels, slopes, color=colour, label=name)
    middle.set(xlabel="pre-activation z", ylabel="σ′(z)", title="where σ′ is 0 a node is dead")
    middle.legend(frameon=False)
    axis = np.linspace(-3, 3, 61)
    x, y = np.array([1.0, 0.6]), 0.0
    costs = [[float(function(x=x, w=np.array([p, q]), b=0.1, y=y)[0]) for p in axis] for q in axis]
    right.contour(axis, axis, costs, levels=9, colors=MUTED, linewidths=0.9)
    arrow = {"arrowstyle": "->", "color": RED, "lw": 1.8}
    for point in (w, np.array([-1.2, 1.5]), np.array([1.6, -1.8])):
        step = -np.asarray(function(x=x, w=point, b=0.1, y=y)[1])
        right.annotate("", point + 1.1 * step / np.linalg.norm(step), point, arrowprops=arrow)
    right.set(xlabel="$w_1$", ylabel="$w_2$", title="steepest descent: −∇C", aspect="equal")
    return figure


def line() -> Figure:
    """Row 17: the line of best fit by gradient descent, and its way over the cost."""
    figure, (left, right) = _figure(2)
    x, y = straight_line()
    path, _ = descend(0.5 * threshold(), 60)
    left.plot(x, y, "o", color=MUTED, markersize=3.5)
    ends = np.array([-2.0, 2.0])
    for step, shade in ((0, 0.25), (1, 0.45), (3, 0.7), (60, 1.0)):
        left.plot(ends, path[step, 0] * ends + path[step, 1], color=GREEN, alpha=shade, label=f"step {step}")
    left.set(xlabel="x", ylabel="y", title=f"y = {path[-1, 0]:.3f} x {path[-1, 1]:+.3f}")
    left.legend(frameon=False)
    function, _ = line_functions()
    p, q = np.meshgrid(np.linspace(-1.6, 4.2, 60), np.linspace(-3.5, 2.4, 60))
    costs = [float(function(x=x, y=y, slope=s, intercept=i)[0]) for s, i in zip(p.ravel(), q.ravel(), strict=True)]
    right.contour(p, q, np.reshape(costs, p.shape), levels=[0.5, 1, 2, 4, 8, 12], colors=MUTED, linewidths=0.9)
    right.plot(*path.T, "o-", color=GREEN, markersize=3)
    right.set(xlabel="slope", ylabel="intercept", title="the same run, over the cost")
    return figure


def learning_rate() -> Figure:
    """Row 19: too small, right, too large, and the threshold from the Hessian."""
    figure, (axes,) = _figure()
    limit = threshold()
    rates = ((0.02, "too small", BLUE), (0.5, "right", GREEN), (0.99, "just below", GOLD), (1.03, "too large", RED))
    for factor, name, colour in rates:
        _, costs = descend(factor * limit, 60)
        axes.plot(costs, color=colour, linewidth=1.8, label=f"{name}: {factor:g} · 2/λ")
    axes.set(yscale="log", xlabel="step", ylabel="cost")
    axes.set_title(f"the threshold 2/λ_max of the derived Hessian is {limit:.4f}", loc="left", color=INK)
    axes.legend(frameon=False)
    return figure


def optimisers() -> Figure:
    """Row 20: one curve for each optimiser, and the noisy one of SGD."""
    figure, (axes,) = _figure()
    for name, (optimiser, batch) in OPTIMISERS.items():
        axes.plot(optimiser_losses(optimiser, batch), linewidth=1.6, label=name)
    axes.set(yscale="log", xlabel="epoch", ylabel="mean squared error")
    axes.set_title("one network, one start, 64 rows", loc="left", color=INK)
    axes.legend(frameon=False, ncols=2)
    return figure


OPTIMISERS: dict[str, tuple[Optimiser, int | None]] = {
    "gradient descent": (GradientDescent(0.2), None),
    "SGD, one row": (GradientDescent(0.2), 1),
    "mini-batches of 16": (GradientDescent(0.2), 16),
    "momentum": (Momentum(0.05), None),
    "Adam": (Adam(0.03), None),
}
"""The optimisers that are compared, and how many rows each takes at a time (None: all)."""


def optimiser_losses(optimiser: Optimiser, batch_size: int | None, epochs: int = 120) -> tuple[float, ...]:
    """The losses of a 1-8-1 tanh network that learns a noisy sine, from one start."""
    rng = np.random.default_rng(2)
    X = rng.uniform(-1, 1, (64, 1))
    Y = np.sin(3 * X) + rng.normal(0, 0.1, X.shape)
    network = ReferenceNetwork([Layer(1, 8, "tanh"), Layer(8, 1)], "mse")
    start = network.initialise(np.random.default_rng(0))
    return train(network, start, (X, Y), optimiser, epochs, batch_size, np.random.default_rng(5)).losses


PICTURES: dict[str, Callable[[], Figure]] = {
    "error": error, "geometry": geometry, "line": line, "learning-rate": learning_rate, "optimisers": optimisers,
}  # fmt: skip


# -- how it is drawn ------------------------------------------------------------------------------------------------
def _figure(columns: int = 1) -> tuple[Figure, list[Any]]:
    figure = Figure(figsize=(9.2 if columns == 3 else 7.2, 3.1), dpi=140, layout="constrained")
    FigureCanvasAgg(figure)
    panels = [figure.add_subplot(1, columns, place + 1) for place in range(columns)]
    for axes in panels:
        axes.grid(alpha=0.25, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(MUTED)
    return figure, panels


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(folder: Path = FOLDER) -> None:
    """Write every picture into ``folder`` as a PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({"font.size": 9, "axes.titlesize": 9.5, "axes.labelcolor": INK, "text.color": INK}):
        for name, draw in PICTURES.items():
            drawn, buffer = io.BytesIO(), io.BytesIO()
            draw().savefig(drawn, format="png")
            # 64 colours are enough for lines, and a third of the size
            Image.open(drawn).convert("RGB").quantize(64).save(buffer, format="png", optimize=True)
            print(write_bytes(folder / f"{name}.png", buffer.getvalue()), f"{len(buffer.getvalue()) / 1000:.0f} kB")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="Draw the pictures of the documents anew.")
    options.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    main(options.parse_args().folder)
