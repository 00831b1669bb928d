"""Writing a training program for a network: equations → program → templates → certification → file.

The emitted module imports NumPy and the standard library alone. It is certified before it is written: its own loss and
gradient, run as they stand on balls, and its gradient against the network's derived equations, lowered without passes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

import jinja2

from gradproof.errors import UnsupportedError, UsageError
from gradproof.files import write_text
from gradproof.symbolic.arrays.array import Array
from gradproof.symbolic.networks.layers import choose

from .certify import Certificate, certify
from .compile import lowered
from .emit import Writer, statements
from .function_source import dim_names
from .helpers import ERF
from .initialise import initial_source, initialiser_for


class Layer(Protocol):
    """What generation reads of a layer."""

    inputs: Any
    outputs: Any
    activation: str


class NetworkLike(Protocol):
    """What generation reads of a network: layers, loss, arrays by name, and the derived gradients."""

    @property
    def layers(self) -> Any: ...
    @property
    def loss(self) -> str: ...
    @property
    def parameters(self) -> Mapping[str, Array]: ...
    @property
    def output(self) -> Array: ...
    @property
    def cost(self) -> Array: ...
    def gradients(self) -> Mapping[str, Array]: ...


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An optimiser of the emitted program: its name for people, its constants, and its defaults."""

    words: str
    constants: str
    learning_rate: float
    batch_size: int | None = 32
    epochs: int = 50


OPTIMIZERS: Final[Mapping[str, Optimizer]] = MappingProxyType({
    "gradient_descent": Optimizer("gradient descent", "", 0.1, None, 1000),
    "sgd": Optimizer("stochastic gradient descent", "", 0.1),
    "momentum": Optimizer("momentum", "MOMENTUM = 0.9", 0.05),
    "nesterov": Optimizer("Nesterov's momentum", "MOMENTUM = 0.9", 0.05),
    "rmsprop": Optimizer("RMSProp", "DECAY, EPSILON = 0.9, 1e-8", 0.001),
    "adam": Optimizer("Adam", "BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8", 0.001),
})  # fmt: skip
"""Every optimiser that a program can be emitted with."""

DTYPES: Final = ("float64", "float32")

MOST_WEIGHTS: Final = 10**8
"""A layer with more of them is refused: the program is run on its parameters before it is handed over."""

_TASKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cross_entropy": "classes",
        "binary_cross_entropy": "binary",
        "binary_cross_entropy_with_logits": "binary",
        "hinge": "signs",
    }
)

_TARGET_RULES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "binary_cross_entropy": ("(Y >= 0) & (Y <= 1)", "numbers from 0 to 1"),
        "binary_cross_entropy_with_logits": ("(Y >= 0) & (Y <= 1)", "numbers from 0 to 1"),
        "hinge": ("np.abs(Y) == 1", "-1 and 1"),
    }
)
"""What must hold of the target columns of several outputs, and its words; a column of classes is encoded instead."""


@dataclass(frozen=True, slots=True)
class Body:
    """The statements of one emitted function, and the source of what it returns."""

    body: str
    results: list[str]
    source: str = field(repr=False)


def generate(
    network: NetworkLike,
    path: str | os.PathLike[str],
    *,
    optimizer: str = "adam",
    dtype: str = "float64",
    learning_rate: float | None = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    initialiser: str | None = None,
    compiled: bool = False,
) -> Path:
    """Write a certified training program for ``network`` to ``path`` and return the path.

    ``optimizer`` is a name in :data:`OPTIMIZERS`; its defaults hold for what is None. ``initialiser`` is a name for all
    weights; by default Glorot's, and He's before rectifiers.

    Raises UsageError for an unknown name or a symbolic width, CertificationError, with nothing written, if the program
    does not pass its own check.
    """
    text, _ = program_text(
        network, os.path.basename(os.fspath(path)), optimizer=optimizer, dtype=dtype, learning_rate=learning_rate,
        batch_size=batch_size, epochs=epochs, initialiser=initialiser, compiled=compiled,
    )  # fmt: skip
    return write_text(path, text)


def program_text(
    network: NetworkLike,
    filename: str = "train.py",
    *,
    optimizer: str = "adam",
    dtype: str = "float64",
    learning_rate: float | None = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    initialiser: str | None = None,
    compiled: bool = False,
) -> tuple[str, Certificate]:
    """The certified program as text, with its certificate; parameters as in :func:`generate`."""
    choose(optimizer, OPTIMIZERS, "optimizer", "generate")
    choose(dtype, DTYPES, "dtype", "generate")
    if compiled:
        raise UnsupportedError("a compiled variant is not available yet; generate without --compiled")
    _check_widths(network)
    row = OPTIMIZERS[optimizer]
    _check_numbers(learning_rate, batch_size, epochs)
    context = _context(network, filename, optimizer, dtype, initialiser) | {
        "learning_rate": repr(row.learning_rate if learning_rate is None else float(learning_rate)),
        "batch_size": repr(row.batch_size if batch_size is None else int(batch_size)),
        "epochs": repr(row.epochs if epochs is None else int(epochs)),
    }
    context["batch_words"] = "all rows at once" if context["batch_size"] == "None" else "%(default)s"
    draft = _render(context | {"certificate": []})
    certificate = certify(draft, network)
    return _render(context | {"certificate": certificate.lines()}), certificate


def _check_widths(network: NetworkLike) -> None:
    for number, layer in enumerate(network.layers, start=1):
        for what, size in (("inputs", layer.inputs), ("outputs", layer.outputs)):
            if not isinstance(size, int):
                raise UsageError(f"layer {number} has the symbolic number of {what} {size}; a program needs a number")
        if layer.inputs * layer.outputs > MOST_WEIGHTS:
            raise UsageError(
                f"layer {number} has {layer.inputs} x {layer.outputs} weights, too many to check the program; "
                f"a layer may have {MOST_WEIGHTS:,}"
            )


def _check_numbers(learning_rate: float | None, batch_size: int | None, epochs: int | None) -> None:
    if learning_rate is not None and not 0 < learning_rate < float("inf"):
        raise UsageError(f"learning_rate is {learning_rate!r}; give a positive number")
    for name, value in (("batch_size", batch_size), ("epochs", epochs)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
            raise UsageError(f"{name} is {value!r}; give a positive integer")


def _context(
    network: NetworkLike, filename: str, optimizer: str, dtype: str, initialiser: str | None
) -> dict[str, Any]:
    layers = list(network.layers)
    gradients = network.gradients()
    forward = _body(network, [network.output])
    cost = _body(network, [network.cost])
    gradient = _body(network, [network.cost, *gradients.values()])
    bodies = "\n".join((forward.source, cost.source, gradient.source))
    task = _TASKS.get(network.loss, "numbers")
    if task in ("binary", "signs") and layers[-1].outputs != 1:
        task = "numbers"
    needs_erf = re.search(r"(?<![.\w])erf\(", bodies) is not None
    weights = {name: tuple(map(int, a.shape)) for name, a in network.parameters.items()}
    initialisers = [initialiser or initialiser_for(layer.activation) for layer in layers]
    initial = initial_source(weights, initialisers)
    arrows = _arrows(layers)
    classified = task in ("classes", "binary", "signs")
    return {
        "title": f"Training program for the network {arrows}, loss {network.loss}.",
        "description": _description(network),
        "filename": filename,
        "dtype": dtype,
        "inputs": layers[0].inputs,
        "outputs": layers[-1].outputs,
        "shapes": weights,
        "initial": initial,
        "initial_words": "; ".join(dict.fromkeys(initialisers)).replace("_", " ") + " weights, biases of zero",
        "needs_math": optimizer == "adam" or needs_erf or "math." in bodies,
        "erf": ERF.rstrip() if needs_erf else "",
        "forward": forward,
        "cost": cost,
        "gradient": gradient,
        "gradient_results": _distinct(dict(zip(gradients, gradient.results[1:], strict=True))),
        "optimizer": optimizer,
        "optimizer_words": OPTIMIZERS[optimizer].words,
        "optimizer_constants": OPTIMIZERS[optimizer].constants,
        "task": task,
        "target_rule": _TARGET_RULES.get(network.loss, ()),
        "threshold": "0.5" if network.loss == "binary_cross_entropy" else "0",
        "single_target": classified,
        "encode_words": {
            "classes": "One-hot rows", "binary": "0 and 1 in a column", "signs": "-1 and 1 in a column",
        }.get(task, ""),
        "score": "accuracy" if classified else "mean_absolute_error",
        "score_words": "accuracy" if classified else "mean absolute error",
        "target_words": "the column of classes" if classified else "the column of targets (several: a,b,c)",
        "command_words": f"Train the network on a CSV file with {OPTIMIZERS[optimizer].words}.",
    }  # fmt: skip


def _arrows(layers: list[Layer]) -> str:
    """``4 -> 6 tanh -> 3 softmax``, on one line."""
    steps = [f"{layer.outputs} {layer.activation}" for layer in layers]
    whole = " -> ".join([str(layers[0].inputs), *steps])
    if len(whole) <= 64:
        return whole
    return f"{layers[0].inputs} -> {steps[0]} -> ... -> {steps[-1]} ({len(layers)} layers)"


def _distinct(results: dict[str, str]) -> dict[str, str]:
    """Two parameters never share one gradient array: the optimisers work in place."""
    seen: set[str] = set()
    distinct = {}
    for name, result in results.items():
        distinct[name] = f"{result}.copy()" if result in seen else result
        seen.add(result)
    return distinct


def _description(network: NetworkLike) -> list[str]:
    lines = ["Examples are rows: each layer computes z = a @ W + b. The lines of forward, loss and loss_and_gradient",
             "carry the index equations that they compute; delta1 is the derivative of C by z1."]  # fmt: skip
    rows = [
        f"    layer {number}: {layer.inputs} -> {layer.outputs}, {layer.activation}"
        + ("" if f"b{number}" in network.parameters else ", no bias")
        for number, layer in enumerate(network.layers, start=1)
    ]
    return [*lines, "", *rows]


def _body(network: NetworkLike, outputs: list[Array]) -> Body:
    program = lowered([a.definition for a in outputs])
    dims = dim_names(program)
    writer = Writer(program, dims, dtype="DTYPE")
    lines = statements(writer.write(), program.texts)
    used = {i.name for i in program.inputs}
    names = [name for name in network.parameters if name in used]
    head = []
    if names:
        unpack = f"    {', '.join(names)} = " + ", ".join(f'params["{n}"]' for n in names)
        if len(unpack) <= 110:
            head.append(unpack)
        else:
            head += [f'    {n} = params["{n}"]' for n in names]
    text = "\n".join(line.split("  # ")[0] for line in lines if not line.lstrip().startswith("#"))
    if writer.used_dims:
        head.append("    m = X.shape[0]")
    return Body("\n".join([*head, *lines]), [writer.result(o) for o in program.outputs], text)


def _render(context: dict[str, Any]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gradproof.codegen", "templates"), undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    text = environment.get_template("train.py.j2").render(context)
    text = re.sub(r"\n{4,}", "\n\n\n", text)  # optional parts leave blank lines behind
    return text.rstrip("\n") + "\n"
