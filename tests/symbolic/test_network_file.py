"""Networks in TOML: what is read is what was written, and every mistake is named by file, place and value."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradproof.errors import GradproofError, UsageError
from gradproof.symbolic.networks.layers import ACTIVATIONS, PARAMETER, Dense
from gradproof.symbolic.networks.network import Network
from gradproof.symbolic.networks.network_file import dump_network, load_network, parse_network

DIGITS = """\
name = "digits"
inputs = 64
loss = "cross_entropy"
l2 = 1e-4

[[layers]]
units = 32
activation = "relu"

[[layers]]
units = 10
activation = "softmax"
"""


def test_a_file_is_read_as_the_network_it_describes(tmp_path: Path) -> None:
    path = tmp_path / "digits.toml"
    path.write_text(DIGITS, encoding="utf-8")
    net = load_network(path)
    assert net.layers == (Dense(64, 32, "relu"), Dense(32, 10, "softmax"))
    assert (net.name, net.loss, net.l1, net.l2) == ("digits", "cross_entropy", 0, 1e-4)


def test_widths_may_be_dimensions_and_layers_may_have_parameters_names_and_no_bias() -> None:
    net = parse_network(
        'inputs = "n"\nlayers = [{units = "h", activation = "elu", alpha = 0.5, bias = false, name = "hidden"}, '
        "{units = 1}]"
    )
    assert net.layers == (Dense("n", "h", ("elu", 0.5), bias=False, name="hidden"), Dense("h", 1))
    assert net.loss == "mse"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"relu"', '"rleu"', "layers[1].activation is 'rleu' (did you mean 'relu'?); the names are identity, "),
        ('"softmax"', "3", "layers[2].activation is 3; give a text"),
        ("units = 32", "unit = 32", "layers[1].unit = 32 is no key (did you mean 'units'?); the keys are units, "),
        ("units = 32", "units = -3", "layers[1].units is -3; give a positive integer"),
        ("units = 32", "units = true", "layers[1].units is True"),
        ("units = 32", 'units = "1 + 1"', "layers[1].units is '1 + 1'"),
        ("units = 32\n", "", "layers[1].units is missing"),
        ("units = 10", "units = 10\ninputs = 31", "layers[2].inputs is 31 but layers[1].units is 32"),
        ("units = 32", "units = 32\ninputs = 63", "layers[1].inputs is 63 but the file's inputs are 64"),
        ("units = 32", "units = 32\nalpha = 0.1", "layers[1].alpha is 0.1 but relu takes no parameter"),
        ("units = 32", 'units = 32\nbias = "no"', "layers[1].bias is 'no'; give true or false"),
        ('"cross_entropy"', '"cross"', "loss is 'cross' (did you mean 'cross_entropy'?); the names are mse, "),
        ("l2 = 1e-4", "l2 = -1.0", "l2 is -1.0; a penalty must be at least 0"),
        ("l2 = 1e-4", "l2 = nan", "l2 is nan; give a finite number"),
        ("l2 = 1e-4", "l2 = '1e-4'", "l2 is '1e-4'; give a finite number"),
        ("l2 = 1e-4", "L2 = 1e-4", "L2 = 0.0001 is no key"),
        ("inputs = 64\n", "", "inputs is missing"),
        ('"relu"', '"softmax"', "layer 1 has softmax but is not the last"),
        ('"softmax"', '"tanh"', "layer 2 has tanh, which does not go with the loss cross_entropy"),
        ("inputs = 64", "inputs = = 64", "this is not TOML"),
        ("inputs = 64", "inputs = \"__import__('os')\"", "inputs is "),
    ],
)
def test_a_mistake_is_one_line_that_names_file_place_and_value(old: str, new: str, words: str) -> None:
    assert old in DIGITS
    with pytest.raises(GradproofError) as caught:
        parse_network(DIGITS.replace(old, new, 1), "net.toml")
    assert str(caught.value).startswith("net.toml: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["inputs = 3\nlayers = []", "inputs = 3\nlayers = [1]", "inputs = 3\nlayers = 1", "inputs = 3"]
)
def test_a_network_without_layers_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"\[\[layers\]\]"):
        parse_network(text)


def test_binary_cross_entropy_of_a_softmax_over_one_unit_is_refused() -> None:
    text = DIGITS.replace("units = 10", "units = 1").replace('"cross_entropy"', '"binary_cross_entropy"')
    with pytest.raises(UsageError, match=r"net\.toml: layer 2 has softmax over one unit.*use sigmoid"):
        parse_network(text, "net.toml")


def test_a_byte_order_mark_before_the_text_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_bytes(b"\xef\xbb\xbf" + DIGITS.encode())
    assert load_network(tmp_path / "net.toml").loss == "cross_entropy"


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.toml: there is no such file"):
        load_network(tmp_path / "missing.toml")
    with pytest.raises(UsageError, match="cannot be read"):
        load_network(tmp_path)
    (tmp_path / "raw.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        load_network(tmp_path / "raw.toml")


@st.composite
def networks(draw: Any) -> Network:
    sizes = st.one_of(st.integers(1, 9), st.sampled_from(["n", "h", "width_2"]))
    widths = draw(st.lists(sizes, min_size=2, max_size=5))
    layers = []
    for inputs, outputs in pairwise(widths):
        name = draw(st.sampled_from([a for a in ACTIVATIONS if a != "softmax"]))
        alpha = draw(st.floats(-2, 2)) if name in PARAMETER else None
        layers.append(
            Dense(inputs, outputs, name, draw(st.booleans()), draw(st.none() | st.text(min_size=1)), alpha=alpha)
        )
    penalty = st.floats(0, 10)
    return Network(
        layers, draw(st.sampled_from(["mse", "huber"])), draw(penalty), draw(penalty), draw(st.text(min_size=1))
    )


@given(networks())
def test_a_network_written_and_read_again_is_the_same(net: Network) -> None:
    again = parse_network(dump_network(net))
    assert (again.layers, again.loss, again.l1, again.l2, again.name) == (
        net.layers,
        net.loss,
        net.l1,
        net.l2,
        net.name,
    )
