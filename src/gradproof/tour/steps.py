"""The steps of the tour: network → equations → proofs → generated program → training → page."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import gradproof
from gradproof.errors import UsageError
from gradproof.files import write_text
from gradproof.numeric.reference.differences import compare, directional
from gradproof.numeric.reference.network import Layer, ReferenceNetwork
from gradproof.numeric.training.data import Dataset, digits
from gradproof.numeric.verification.verify import verify
from gradproof.symbolic.networks.layers import Dense
from gradproof.symbolic.networks.network import Network
from gradproof.verdicts import Verdict

from .page import write_page
from .pictures import draw_loss

GOAL = 0.96
"""The test accuracy that the tour must reach; below it the tour fails."""

DIFFERENCES = 1e-5
"""Central differences of step 1e-6 in float64 cannot see further than about 1e-9; more than this is a fault."""

STEPS = ("data", "network", "equations", "proof", "differences", "balls", "program", "training", "page")
"""What is done, in this order; a listener hears of each."""

Listener = Callable[[str, str], None]
"""Called with a step's name and one line about what came out of it."""

EpochListener = Callable[[int, int, float], None]
"""Called with the epoch, the number of epochs, and the training loss."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user can choose about the tour."""

    folder: Path
    hidden: int = 32
    epochs: int = 60
    seed: int = 0


@dataclass(slots=True)
class Findings:
    """What the steps found; ``report.json`` is made of it."""

    verdicts: dict[str, dict[str, str]] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def add_verdicts(self, kind: str, verdicts: dict[str, Verdict]) -> None:
        """Record one verdict a parameter under the kind of evidence."""
        self.verdicts[kind] = {name: str(verdict) for name, verdict in verdicts.items()}


def take(settings: Settings, tell: Listener, epoch: EpochListener) -> Findings:
    """Run all steps and write the folder; returns the findings.

    Raises :class:`UsageError` when an extra is missing, and ``AssertionError`` when something that the tour claims is
    not so: a verdict below proved or certified, or a test accuracy below :data:`GOAL`.
    """
    folder = settings.folder
    folder.mkdir(parents=True, exist_ok=True)
    found = Findings()
    clock = _Clock(found.seconds)
    with clock.step("data"):
        data = digits(seed=settings.seed)
    tell("data", f"{len(data.X_train)} digits to train on, {len(data.X_test)} to test, {data.X_train.shape[1]} pixels")
    with clock.step("network"):
        pixels, classes = data.X_train.shape[1], len(data.classes)
        layers = [Dense(pixels, settings.hidden, "relu"), Dense(settings.hidden, classes, "softmax")]
        net = Network(layers, loss="cross_entropy", name="digits")
    tell("network", f"{net.size:,} parameters")
    with clock.step("equations"):
        derivation = net.derive()
        for suffix in ("tex", "html"):
            derivation.write(folder / f"derivation.{suffix}")
        found.figures["equations"] = len(net.system())
    tell("equations", f"{found.figures['equations']} index equations; derivation.tex, derivation.html")
    with clock.step("proof"):
        proofs = net.verify()
        found.add_verdicts("proof against the hand-written network", proofs)
    _require(proofs, {"proved"})
    tell("proof", "hand-written NumPy gradients equal the derived ones, for all shapes")
    reference = _reference(net)
    params = reference.initialise(np.random.default_rng(settings.seed), "he_uniform")
    batch = slice(0, 32)
    with clock.step("differences"):
        worst = _differences(reference, params, data, batch)
        found.figures["finite differences: largest relative error along random directions"] = worst
    if worst > DIFFERENCES:
        raise AssertionError(f"central differences are off by a relative {worst:.1e}, more than {DIFFERENCES:.0e}")
    tell("differences", f"central differences agree to {worst:.1e}")
    with clock.step("balls"):
        certificate = _balls(reference, params, data, batch)
        found.add_verdicts("ball arithmetic", {f.name: f.verdict for f in certificate.findings})
    _require({f.name: f.verdict for f in certificate.findings}, {"certified", "proved"})
    tell("balls", "the same code, run on balls: loss and gradient agree to 200 digits")
    with clock.step("program"):
        net.generate(folder / "train.py", optimizer="adam")
        program = load_program(folder / "train.py")
    tell("program", "train.py, NumPy alone, certified before it was written")
    with clock.step("training"):
        history, accuracy = _train(program, data, settings, epoch)
        found.figures |= {"test accuracy": accuracy, "training loss": history[-1], "epochs": settings.epochs}
    if accuracy < GOAL:
        raise AssertionError(f"the test accuracy is {accuracy:.4f}, below the {GOAL} that the tour promises")
    tell("training", f"test accuracy {accuracy:.4f}, training loss {history[-1]:.4f}")
    with clock.step("page"):
        draw_loss(history, accuracy, folder / "loss.png")
    write_text(folder / "report.json", json.dumps(_report(found, settings), indent=2) + "\n")
    write_page(folder, net, found, settings)
    tell("page", "loss.png, report.json, index.html")
    return found


def _require(verdicts: dict[str, Verdict], allowed: set[str]) -> None:
    weak = {name: str(v) for name, v in verdicts.items() if v.name not in allowed}
    if weak:
        raise AssertionError(f"the tour promises {' or '.join(sorted(allowed))}, but: {weak}")


def _reference(net: Network) -> ReferenceNetwork:
    """The hand-written NumPy network of the same layers."""
    return ReferenceNetwork(
        [Layer(int(layer.inputs), int(layer.outputs), layer.activation) for layer in net.layers], net.loss
    )


def _differences(
    reference: ReferenceNetwork, params: dict[str, Any], data: Dataset, batch: slice, directions: int = 5
) -> float:
    """The largest relative error of <gradient, V> against central differences along random directions V."""
    X, Y = data.X_train[batch], data.Y_train[batch]
    gradient = reference.gradient(params, X, Y)
    rng = np.random.default_rng(1)
    worst = 0.0
    for _ in range(directions):
        direction = {name: rng.standard_normal(p.shape) for name, p in params.items()}
        length = np.sqrt(sum(np.sum(v * v) for v in direction.values()))
        # a short step: a long one crosses the corners of relu
        direction = {name: v / length for name, v in direction.items()}
        claimed = sum(float(np.sum(gradient[name] * v)) for name, v in direction.items())
        measured = directional(lambda p: float(reference.loss(p, X, Y)), params, direction, h=1e-6)
        errors = compare({"along V": np.array(claimed)}, {"along V": np.array(measured)})
        worst = max(worst, errors["along V"])
    return worst


def _balls(reference: ReferenceNetwork, params: dict[str, Any], data: Dataset, batch: slice) -> Any:
    """The hand-written network's own code on balls, at real digits."""
    names = list(params)

    def loss(X: Any, Y: Any, **weights: Any) -> Any:
        return reference.loss(weights, X, Y)

    def gradient(X: Any, Y: Any, **weights: Any) -> Any:
        return reference.gradient(weights, X, Y)

    inputs = {"X": data.X_train[batch], "Y": data.Y_train[batch], **params}
    return verify(loss, gradient, inputs, wrt=names, prove=False)


def load_program(path: Path) -> ModuleType:
    """The generated program as a module (it is the user's own file from here on)."""
    spec = importlib.util.spec_from_file_location("gradproof_tour_train", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} cannot be loaded as a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _train(program: ModuleType, data: Dataset, settings: Settings, epoch: EpochListener) -> tuple[list[float], float]:
    """Training by the generated program; the losses per epoch and the test accuracy."""
    params = program.initialise(settings.seed)
    history: list[float] = program.train(
        params, data.X_train, data.Y_train, epochs=settings.epochs, seed=settings.seed, progress=epoch
    )
    return history, float(program.accuracy(params, data.X_test, data.Y_test))


def _report(found: Findings, settings: Settings) -> dict[str, Any]:
    return {
        "gradproof": gradproof.__version__,
        "data": "scikit-learn's bundled digits (1,797 × 64), min-max scaled, split with a fixed seed",
        "settings": {"hidden": settings.hidden, "epochs": settings.epochs, "seed": settings.seed},
        "verdicts": found.verdicts,
        "figures": found.figures,
        "seconds": {name: round(t, 2) for name, t in found.seconds.items()},
    }


@dataclass(frozen=True, slots=True)
class _Clock:
    seconds: dict[str, float]

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start
