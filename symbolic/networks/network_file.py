"""Networks in TOML files: read with every mistake named by its place, and written back.

The file is data and is never executed. Keys of the file: ``name``, ``inputs``, ``loss``, ``l1``, ``l2``, and one
``[[layers]]`` table a layer with ``units``, ``activation``, ``alpha``, ``bias``, ``name``, ``inputs``.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradproof.errors import GradproofError, ShapeError, UsageError

from .layers import ACTIVATIONS, PARAMETER, Dense, choose
from .losses import LOSSES
from .network import Network

_FILE_KEYS: dict[str, str] = {
    "name": "text", "inputs": "width", "loss": "text", "l1": "number", "l2": "number", "layers": "tables",
}  # fmt: skip
_LAYER_KEYS: dict[str, str] = {
    "units": "width", "activation": "text", "alpha": "number", "bias": "flag", "name": "text", "inputs": "width",
}  # fmt: skip
_WANTED: dict[str, str] = {
    "text": 'a text in quotes, such as "relu"',
    "width": "a positive integer, or the name of a dimension in quotes",
    "number": "a finite number",
    "flag": "true or false",
    "tables": "one [[layers]] table a layer",
}


def load_network(path: str | Path) -> Network:
    """The network that a TOML file describes.

    Raises :class:`UsageError` in one line that names the file, the place (``layers[2].activation``), the value found
    there and what would be valid.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
    except FileNotFoundError as error:
        raise UsageError(f"{file}: there is no such file; give the path of a network in TOML") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: the file cannot be read as UTF-8 text: {error}") from error
    return parse_network(text, str(file))


def parse_network(text: str, where: str = "network") -> Network:
    """The network that TOML text describes; ``where`` names its source in errors.

    >>> parse_network('inputs = 3\\nlayers = [{units = 1, activation = "sigmiod"}]', "net.toml")
    Traceback (most recent call last):
    gradproof.errors.UsageError: net.toml: layers[1].activation is 'sigmiod' (did you mean 'sigmoid'?); the names are \
identity, linear, sigmoid, tanh, relu, leaky_relu, elu, softmax, square, exp, log, sin, cos, tan, sinh, cosh, arctan, \
erf, log1p, expm1, abs, selu, softplus, silu, gelu, gelu_tanh
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: this is not TOML: {error}") from error
    _check_table(table, _FILE_KEYS, ("inputs", "layers"), where, "")
    entries = table["layers"]
    if not entries:
        raise UsageError(f"{where}: layers is empty; add a [[layers]] table with units and an activation")
    width = table["inputs"]
    layers = []
    for number, entry in enumerate(entries, start=1):
        place = f"layers[{number}]"
        _check_table(entry, _LAYER_KEYS, ("units",), where, place)
        if entry.get("inputs", width) != width:
            before = "the file's inputs are" if number == 1 else f"layers[{number - 1}].units is"
            raise ShapeError(f"{where}: {place}.inputs is {entry['inputs']!r} but {before} {width!r}; make them equal")
        layers.append(_layer(entry, width, where, place))
        width = entry["units"]
    loss = table.get("loss", "mse")
    _choose(loss, tuple(LOSSES), where, "loss")
    for key in ("l1", "l2"):
        if table.get(key, 0) < 0:
            raise UsageError(f"{where}: {key} is {table[key]!r}; a penalty must be at least 0")
    try:
        return Network(layers, loss, table.get("l1", 0), table.get("l2", 0), table.get("name", "network"))
    except GradproofError as error:
        raise type(error)(f"{where}: {error}") from error


def _layer(entry: Mapping[str, Any], width: Any, where: str, place: str) -> Dense:
    activation = entry.get("activation", "identity")
    _choose(activation, ACTIVATIONS, where, f"{place}.activation")
    if "alpha" in entry and activation not in PARAMETER:
        raise UsageError(
            f"{where}: {place}.alpha is {entry['alpha']!r} but {activation} takes no parameter; "
            f"those that do are {', '.join(PARAMETER)}"
        )
    return Dense(
        width, entry["units"], activation, entry.get("bias", True), entry.get("name"), alpha=entry.get("alpha")
    )


def _choose(value: str, names: tuple[str, ...], where: str, place: str) -> None:
    try:
        choose(value, names, "name")
    except UsageError as error:
        near = difflib.get_close_matches(value, names, n=1, cutoff=0.5)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise UsageError(f"{where}: {place} is {value!r}{hint}; the names are {', '.join(names)}") from error


def _check_table(table: object, keys: Mapping[str, str], required: tuple[str, ...], where: str, place: str) -> None:
    if not isinstance(table, dict):
        raise UsageError(f"{where}: {place} is {table!r}; write a [[layers]] table")
    dot = f"{place}." if place else ""
    for key, value in table.items():
        if key not in keys:
            near = difflib.get_close_matches(key, keys, n=1, cutoff=0.5)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise UsageError(f"{where}: {dot}{key} = {value!r} is no key{hint}; the keys are {', '.join(keys)}")
        if not _fits(value, keys[key]):
            raise UsageError(f"{where}: {dot}{key} is {value!r}; give {_WANTED[keys[key]]}")
    for key in required:
        if key not in table:
            raise UsageError(f"{where}: {dot}{key} is missing; give {_WANTED[keys[key]]}")


def _fits(value: object, kind: str) -> bool:
    if kind == "flag":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind == "text":
        return isinstance(value, str) and value != ""
    if kind == "width":
        return (isinstance(value, int) and value > 0) or (isinstance(value, str) and value.isidentifier())
    if kind == "number":
        return isinstance(value, (int, float)) and math.isfinite(value)
    return isinstance(value, list)


def dump_network(network: Network) -> str:
    """The TOML text that :func:`load_network` reads as the same network.

    >>> print(dump_network(Network([Dense(2, 1, "sigmoid")], loss="half_mse", name="gate")), end="")
    name = "gate"
    inputs = 2
    loss = "half_mse"
    <BLANKLINE>
    [[layers]]
    units = 1
    activation = "sigmoid"
    """
    lines = [f"name = {_text(network.name)}", f"inputs = {_number(network.layers[0].inputs)}"]
    lines.append(f"loss = {_text(network.loss)}")
    lines += [f"{key} = {value!r}" for key, value in (("l1", network.l1), ("l2", network.l2)) if value]
    for layer in network.layers:
        lines += ["", "[[layers]]", f"units = {_number(layer.outputs)}", f"activation = {_text(layer.activation)}"]
        lines += [] if layer.alpha is None else [f"alpha = {layer.alpha!r}"]
        lines += [] if layer.bias else ["bias = false"]
        lines += [] if layer.name is None else [f"name = {_text(layer.name)}"]
    return "\n".join(lines) + "\n"


def _number(width: Any) -> str:
    if isinstance(width, int):
        return str(width)
    if not width.is_Symbol:
        raise UsageError(f"the width {width} is an expression; a network file has integers and names of dimensions")
    return _text(str(width))


def _text(value: str) -> str:
    """A TOML basic string."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped) + '"'
