"""Certification: a generated program is checked as it stands before it is handed over.

Two checks, from independent sides: the program's loss and gradient run unmodified on balls (is the gradient that
of this loss?), and both against the network's derived equations, lowered without passes (is this the network?).
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from gradproof import __version__
from gradproof.errors import CertificationError, GradproofError, UnsupportedError
from gradproof.symbolic.equations.definition import System
from gradproof.verdicts import Verdict

from .execute import load
from .function_source import function_source
from .lower import lower
from .passes import expand_logsumexp

_CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was checked, on which rung it stands, and by which versions; no date, so that texts are reproducible."""

    verdict: Verdict
    evidence: str
    rows: int
    versions: Mapping[str, str]

    def lines(self) -> list[str]:
        """The certificate as lines of a docstring."""
        tools = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        text = (
            f"Certificate: {self.evidence}. The gradient below was run as it stands on balls of 1024 bits, with "
            f"{self.rows} random rows, against the loss below; loss and gradient agree with the derived equations. "
            f"Made and checked by {tools}."
        )
        return textwrap.wrap(text, 110)


def certify(source: str, network: Any) -> Certificate:
    """Check the program ``source`` of ``network``; raises CertificationError, in one line, if it does not pass."""
    from gradproof.numeric.verification.verify import verify

    module = load(source, "train")
    rows = 3
    inputs = _inputs(module, network, rows)
    try:
        report = verify(module.loss, module.loss_and_gradient, inputs, wrt="params", seed=0)
    except GradproofError as error:
        raise CertificationError(f"the generated program could not be checked: {error}; nothing was written") from error
    bad = [f for f in report.findings if f.verdict.name != "certified"]
    if bad or not report.findings:
        worst = bad[0]
        detail = f"; {worst.diagnosis}" if worst.diagnosis else ""
        raise CertificationError(
            f"the generated gradient of {worst.name} is {worst.verdict}{detail}; nothing was written, please report it"
        )
    _compare(module, network, inputs)
    names = {"gradproof": __version__, "NumPy": version("numpy"), "python-flint": version("python-flint")}
    return Certificate(report.verdict, _evidence([f.verdict.reason for f in report.findings]), rows, names)


def _evidence(reasons: list[str]) -> str:
    """What is known of all parameters, for a reader who knows the widths and not the lines that fixed them."""
    if not all("by normal form" in reason for reason in reasons):
        return "certified: the gradient is that of the loss to 200 digits, on every branch that was entered"
    proofs = [reason.partition("; equal to")[0] for reason in reasons]  # behind it stand shapes that were tried
    fixed = any(re.search(r"[XY]\.shape\[0\] = \d", proof) for proof in proofs)
    rows = "this number of rows" if fixed else "any number of rows"
    known = ", one-hot Y" if any("one_hot Y" in reason for reason in reasons) else ""
    kinks = ", at kinks either one-sided value taken" if any("at kinks" in reason for reason in reasons) else ""
    return f"proved by normal form for all inputs with {rows} and these widths{known}{kinks}"


def _inputs(module: Any, network: Any, rows: int) -> dict[str, Any]:
    """Random inputs of ordinary size; positive ones where an activation (a logarithm) is not defined on all numbers."""
    rng = np.random.default_rng(0)
    Y = targets(network.loss, rng, (rows, module.OUTPUTS))
    for draw in (rng.normal, lambda size: rng.uniform(0.5, 2.0, size=size)):
        params = {name: draw(size=shape) / np.sqrt(max(shape[0], 1)) for name, shape in module.SHAPES.items()}
        inputs = {"params": params, "X": draw(size=(rows, module.INPUTS)), "Y": Y}
        with np.errstate(all="ignore"):
            if np.isfinite(module.loss(**inputs)):
                return inputs
    raise UnsupportedError("the network's cost is not finite at ordinary inputs, so its program cannot be certified")


def targets(loss: str, rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    """Random targets that a loss can have."""
    if loss == "cross_entropy":
        return np.eye(shape[1])[rng.integers(0, shape[1], size=shape[0])]
    if loss.startswith("binary_cross_entropy"):
        return rng.integers(0, 2, size=shape).astype(float)
    if loss == "hinge":
        return rng.choice([-1.0, 1.0], size=shape)
    return rng.normal(size=shape)


def _compare(module: Any, network: Any, inputs: dict[str, Any]) -> None:
    """The program's numbers against the derived equations, lowered without passes."""
    gradients = network.gradients()
    system = System.of(network.cost.definition, *(g.definition for g in gradients.values()))
    program = expand_logsumexp(lower(system))  # which is no pass of choice: there is no NumPy function of it
    function = load(function_source(program, "reference", single=False), "reference").reference
    arrays = {**inputs["params"], "X": inputs["X"], "Y": inputs["Y"]}
    cost, *expected = function(**{i.name: arrays[i.name] for i in program.inputs if i.value is None})
    value, claimed = module.loss_and_gradient(inputs["params"], inputs["X"], inputs["Y"])
    pairs = {"the cost": (cost, value), **{n: (e, claimed[n]) for n, e in zip(gradients, expected, strict=True)}}
    for name, (derived, generated) in pairs.items():
        if np.shape(derived) != np.shape(generated):
            raise CertificationError(
                f"{name} has shape {np.shape(generated)} in the generated program, {np.shape(derived)} in the equations"
            )
        scale = 1 + float(np.max(np.abs(derived)))
        if not float(np.max(np.abs(np.asarray(derived) - np.asarray(generated)))) <= _CLOSE * scale:
            raise CertificationError(f"{name} of the generated program differs from the equations; nothing was written")
