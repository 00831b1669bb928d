"""Generated training programs: certified, readable by a linter, reproducible, and alone with NumPy."""

from __future__ import annotations

import csv
import functools
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradproof.codegen import certify as certification
from gradproof.codegen import generate as generation
from gradproof.codegen.execute import load
from gradproof.codegen.generate import OPTIMIZERS, generate, program_text
from gradproof.codegen.initialise import INITIALISERS
from gradproof.errors import CertificationError, UnsupportedError, UsageError
from gradproof.numeric.reference import lecture
from gradproof.numeric.reference.network import Layer, ReferenceNetwork
from gradproof.numeric.reference.optimisers import OPTIMISERS
from gradproof.symbolic.networks.layers import ACTIVATIONS, Dense
from gradproof.symbolic.networks.losses import LOSSES
from gradproof.symbolic.networks.network import Network

LAST = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}


def network(loss: str = "cross_entropy", outputs: int = 3, **options: Any) -> Network:
    return Network([Dense(4, 6, "tanh"), Dense(6, outputs, LAST.get(loss, "identity"))], loss=loss, **options)


def module_of(net: Any, **options: Any) -> Any:
    text, _ = program_text(net, **options)
    return load(text, "train")


@functools.cache
def usual_program() -> str:
    """The program of the usual network, made once."""
    return program_text(network())[0]


MOST = max(len(INITIALISERS), len(OPTIMIZERS))
CHOICES = [(list(INITIALISERS)[k % len(INITIALISERS)], list(OPTIMIZERS)[k % len(OPTIMIZERS)]) for k in range(MOST)]


def ruff(path: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "E,F,W,B",
        "--line-length",
        "120",
        str(path),
    ]
    return subprocess.run(command, capture_output=True, text=True)


def run(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own, in which nothing but NumPy and the standard library can be imported."""
    blocker = path.with_name("blocked.py")
    blocker.write_text(
        "import importlib.abc, runpy, sys\n"
        "class Blocker(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        top = name.partition('.')[0]\n"
        "        if top != 'numpy' and top not in sys.stdlib_module_names:\n"
        "            raise ImportError(f'blocked: {name}')\n"
        "sys.meta_path.insert(0, Blocker())\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    command = [sys.executable, "-I", "-W", "error", str(blocker), str(path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=path.parent)


def write_csv(path: Path, header: Sequence[str], rows: Any) -> Path:
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def flowers(path: Path, names: Sequence[Any] = ("rose", "lily", "iris")) -> Path:
    """Three well separated classes in four features."""
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0, 5, 5], [5, 0, 0, 5], [0, 5, 5, 0]])
    kinds = rng.integers(0, 3, size=150)
    features = centres[kinds] + rng.normal(size=(150, 4)) * 0.6
    return write_csv(
        path, ["a", "kind", "b", "c", "d"], [[f[0], names[k], *f[1:]] for f, k in zip(features, kinds, strict=True)]
    )


# -- what is in the module -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("outputs", [1, 3])
def test_loss_and_gradient_are_those_of_the_hand_written_network(loss: str, outputs: int) -> None:
    net = network(loss, outputs, l1=0.02, l2=0.3)
    module = module_of(net)
    layers = tuple(Layer(layer.inputs, layer.outputs, layer.activation) for layer in net.layers)
    reference = ReferenceNetwork(layers, loss=loss, l1=0.02, l2=0.3)
    rng = np.random.default_rng(1)
    params = {name: rng.normal(size=shape) for name, shape in module.SHAPES.items()}
    X, Y = rng.normal(size=(7, 4)), certification.targets(loss, rng, (7, outputs))
    value, gradient = module.loss_and_gradient(params, X, Y)
    np.testing.assert_allclose(value, reference.loss(params, X, Y), rtol=1e-12)
    np.testing.assert_allclose(module.loss(params, X, Y), value, rtol=1e-14)
    expected = reference.gradient(params, X, Y)
    assert list(gradient) == list(params)
    for name in params:
        assert gradient[name].shape == params[name].shape
        np.testing.assert_allclose(gradient[name], expected[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", [a for a in ACTIVATIONS if a != "softmax"])
def test_every_activation_is_generated_certified_and_kept_in_float32(activation: str, tmp_path: Path) -> None:
    net = Network([Dense(3, 4, activation), Dense(4, 2, "tanh")], loss="half_mse")
    text, certificate = program_text(net, dtype="float32")
    assert certificate.verdict.name == "certified"
    path = tmp_path / "train.py"
    path.write_text(text)
    assert ruff(path).returncode == 0, ruff(path).stdout
    module = load(text, "train")
    params = {name: np.abs(w) + np.float32(0.5) for name, w in module.initialise(0).items()}
    X, Y = np.ones((2, 3), dtype=np.float32), np.zeros((2, 2), dtype=np.float32)
    value, gradient = module.loss_and_gradient(params, X, Y)
    assert {np.asarray(a).dtype for a in (value, *gradient.values())} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("initialiser", "optimizer"), CHOICES)
def test_initialisers_draw_weights_and_optimisers_take_the_steps_of_the_reference(
    initialiser: str, optimizer: str, tmp_path: Path
) -> None:
    text, _ = program_text(network(), initialiser=initialiser, optimizer=optimizer)
    (tmp_path / "train.py").write_text(text)
    assert ruff(tmp_path / "train.py").returncode == 0, ruff(tmp_path / "train.py").stdout
    module = load(text, "train")
    first, again, other = module.initialise(1), module.initialise(1), module.initialise(2)
    assert {n: w.shape for n, w in first.items()} == module.SHAPES
    assert all(np.array_equal(first[n], again[n]) for n in first)
    assert initialiser == "zeros" or not np.array_equal(first["W1"], other["W1"])
    assert not first["b1"].any()
    reference = OPTIMISERS[optimizer](learning_rate=0.05)
    rng = np.random.default_rng(2)
    params = module.initialise(3)
    expected, state, own = {n: w.copy() for n, w in params.items()}, reference.init(params), module.start(params)
    for _ in range(6):
        gradient = {name: rng.normal(size=w.shape) for name, w in params.items()}
        expected, state = reference.step(expected, gradient, state)
        module.update(params, {n: g.copy() for n, g in gradient.items()}, own, 0.05)
    for name in params:
        np.testing.assert_allclose(params[name], expected[name], rtol=1e-12)


def test_the_gradient_lines_carry_their_equations_and_the_docstring_the_certificate() -> None:
    text, certificate = program_text(network())
    assert "d_W2 = a1.T @ delta2  # d_W2[i, j] = Σ_k a1[k, i]*delta2[k, j]" in text
    assert "delta2 = (p - Y) / m" in text
    docstring = text.split('"""')[1]
    assert (
        "proved by normal form for all inputs with any number of rows and these widths" in " ".join(docstring.split())
        and certificate.versions["NumPy"] in docstring
        and "4 -> 6 tanh -> 3 softmax" in docstring
    )


def test_a_program_is_the_same_text_every_time_and_in_every_process() -> None:
    text = usual_program()
    assert program_text(network())[0] == text
    script = (
        "import sys\nfrom gradproof.codegen.generate import program_text\n"
        "from gradproof.symbolic.networks.network import Network\n"
        "from gradproof.symbolic.networks.layers import Dense\n"
        'net = Network([Dense(4, 6, "tanh"), Dense(6, 3, "softmax")], loss="cross_entropy")\n'
        "sys.stdout.buffer.write(program_text(net)[0].encode())"
    )
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, env={"PYTHONHASHSEED": "7"})
    assert other.stdout.decode() == text, other.stderr.decode()


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_saturated_outputs_give_a_finite_loss_and_gradient(loss: str) -> None:
    module = module_of(network(loss, 3 if loss == "cross_entropy" else 1))
    params = {name: np.full(shape, 400.0) for name, shape in module.SHAPES.items()}
    Y = np.zeros((2, module.OUTPUTS))
    Y[:, 0] = (0, 1)
    with np.errstate(all="raise", under="ignore"):
        value, gradient = module.loss_and_gradient(params, np.ones((2, 4)), Y)
    assert np.isfinite(value) and all(np.all(np.isfinite(g)) for g in gradient.values())


def test_a_deep_network_is_generated_with_lines_that_fit(tmp_path: Path) -> None:
    net = Network([Dense(5, 5, "relu") for _ in range(7)] + [Dense(5, 2, "gelu_tanh")], loss="huber", l1=0.1)
    assert ruff(generate(net, tmp_path / "train.py", optimizer="nesterov")).returncode == 0


def test_wrong_shapes_are_named() -> None:
    module = load(usual_program(), "train")
    params = module.initialise(0)
    with pytest.raises(ValueError, match=r"X must have the shape \(m, 4\), and has \(2, 5\)"):
        module.forward(params, np.ones((2, 5)))
    with pytest.raises(ValueError, match=r"Y must have the shape \(2, 3\), and has \(3, 3\)"):
        module.loss(params, np.ones((2, 4)), np.ones((3, 3)))
    with pytest.raises(ValueError, match=r"W1 must have the shape \(4, 6\), and has \(6, 4\)"):
        module.forward({**params, "W1": params["W1"].T}, np.ones((2, 4)))


# -- the lectures' network -------------------------------------------------------------------------------------------
def test_the_lectures_network_reaches_the_same_error_from_the_same_weights() -> None:
    net = Network([Dense(3, 4, "sigmoid", bias=False), Dense(4, 1, "sigmoid", bias=False)], loss="sum_squares")
    module = module_of(net, optimizer="gradient_descent", learning_rate=1.0)
    syn0, syn1 = lecture.initial_weights(seed=1)
    params = {"W1": syn0.copy(), "W2": syn1.copy()}
    history = module.train(params, lecture.X.copy(), lecture.Y.copy(), epochs=60_000, learning_rate=1.0)
    script = lecture.train(seed=1, steps=60_000)
    error = module.mean_absolute_error(params, lecture.X, lecture.Y)
    assert error == pytest.approx(script.errors[-1], rel=1e-6)
    np.testing.assert_allclose(params["W1"], script.syn0, rtol=1e-6)
    assert error < 0.01 < history[0]


# -- the program as a file -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("names", [("rose", "lily", "iris"), (3, 10, 7)])
def test_the_file_trains_by_itself_on_class_labels(tmp_path: Path, names: Sequence[Any]) -> None:
    path = generate(network(), tmp_path / "train.py", epochs=60, learning_rate=0.02)
    data = flowers(tmp_path / "flowers.csv", names)
    done = run(path, "--data", str(data), "--target", "kind", "--output", "params.npz", "--seed", "1")
    assert done.returncode == 0, done.stderr
    accuracy = float(done.stdout.split("test accuracy ")[1].split()[0])
    assert accuracy >= 0.95
    module = load(path.read_text(), "train")
    params, more = module.load(tmp_path / "params.npz")
    assert sorted(more["classes"]) == sorted(map(str, names)) and more["history"][-1] < more["history"][0]
    X, cells = module.read_csv(data, "kind")
    Y, classes = module.encode(data, cells)
    assert classes == list(more["classes"])
    assert module.accuracy(params, module.scale(X, more["low"], more["high"]), Y) >= 0.95
    assert not list(tmp_path.glob("*.tmp"))


def test_the_file_fits_numbers_and_two_classes(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    X = rng.uniform(-1, 1, size=(200, 2))
    line = write_csv(tmp_path / "line.csv", ["x", "y", "target"], np.column_stack([X, 3 * X[:, 0] - 2 * X[:, 1] + 1]))
    fit = generate(Network([Dense(2, 1)], loss="mse"), tmp_path / "fit.py", optimizer="momentum")
    done = run(fit, "--data", str(line), "--target", "target", "--epochs", "60")
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split("test mean absolute error ")[1].split()[0]) < 1e-3
    kinds = np.where(X[:, 0] > X[:, 1], "yes", "no")
    sides = write_csv(tmp_path / "sides.csv", ["x", "y", "side"], np.column_stack([X, kinds]))
    for loss, last in (("binary_cross_entropy", "sigmoid"), ("hinge", "identity")):
        tell = generate(
            Network([Dense(2, 1, last)], loss=loss), tmp_path / "tell.py", optimizer="adam", learning_rate=0.05
        )
        done = run(tell, "--data", str(sides), "--target", "side", "--epochs", "80")
        assert done.returncode == 0, done.stderr
        assert float(done.stdout.split("test accuracy ")[1].split()[0]) > 0.9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "none.csv", "--target", "kind"], "none.csv cannot be read: No such file"),
        (["--data", "flowers.csv", "--target", "sort"], "no column 'sort'; the columns are a, kind, b, c, d"),
        (["--data", "words.csv", "--target", "kind"], "row 3, column b: 'many' is not a number"),
        (["--data", "infinite.csv", "--target", "kind"], "row 2, column c: 'nan' is not finite"),
        (["--data", "short.csv", "--target", "kind"], "row 2: 3 cells, but the header has 5"),
        (["--data", "narrow.csv", "--target", "kind"], "2 columns beside the target, but the network takes 4"),
        (["--data", "classes.csv", "--target", "kind"], "the target has 2 classes (x, y), not 3"),
        (["--data", "empty.csv", "--target", "kind"], "needs a header and at least one row"),
        (["--data", "twice.csv", "--target", "kind"], "has two columns called 'a'; rename one of them"),
        (["--data", "missing.csv", "--target", "kind"], "row 3: the target is missing; fill it in or remove the row"),
        (
            ["--data", "flowers.csv", "--target", "kind", "--epochs", "0"],
            "argument --epochs: invalid positive int value: '0'",
        ),
        (["--data", "flowers.csv", "--target", "kind", "--test-fraction", "1"], "invalid fraction value: '1'"),
        (["--data", "flowers.csv"], "the following arguments are required: --target"),
    ],
)
def test_a_mistake_ends_in_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    path = tmp_path / "train.py"
    path.write_text(usual_program(), encoding="utf-8")
    header = ["a", "kind", "b", "c", "d"]
    flowers(tmp_path / "flowers.csv")
    write_csv(tmp_path / "words.csv", header, [[1, "x", 2, 3, 4], [1, "y", "many", 3, 4]])
    write_csv(tmp_path / "infinite.csv", header, [[1, "x", 2, "nan", 4]])
    write_csv(tmp_path / "short.csv", header, [[1, "x", 2]])
    write_csv(tmp_path / "narrow.csv", ["a", "kind", "b"], [[1, "x", 2]])
    write_csv(tmp_path / "classes.csv", header, [[1, "x", 2, 3, 4], [1, "y", 2, 3, 4]])
    write_csv(tmp_path / "empty.csv", header, [])
    write_csv(tmp_path / "twice.csv", ["a", "kind", "a", "c", "d"], [[1, "x", 2, 3, 4], [1, "y", 2, 3, 4]])
    write_csv(tmp_path / "missing.csv", header, [[1, "x", 2, 3, 4], [1, "", 2, 3, 4], [1, "y", 2, 3, 4]])
    done = run(path, *arguments)
    assert done.returncode == 2
    assert message in done.stderr and done.stderr.count("\n") == 1 and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("loss", "last", "right", "words"),
    [
        ("binary_cross_entropy", "sigmoid", [0, 1], "numbers from 0 to 1"),
        ("binary_cross_entropy_with_logits", "identity", [0, 1], "numbers from 0 to 1"),
        ("hinge", "identity", [-1, 1], "-1 and 1"),
    ],
)
def test_several_target_columns_hold_what_the_loss_is_of(
    loss: str, last: str, right: list[int], words: str, tmp_path: Path
) -> None:
    path = generate(Network([Dense(1, 2, last)], loss=loss), tmp_path / "fit.py")
    for name, cells, code in (("right", right, 0), ("wrong", [right[0], 5], 2)):
        rows = [[number, *cells] for number in range(6)]
        table = write_csv(tmp_path / f"{name}.csv", ["x", "y", "z"], rows)
        done = run(path, "--data", str(table), "--target", "y,z", "--epochs", "2")
        assert done.returncode == code, done.stderr
    assert f"the targets must be {words}" in done.stderr and done.stderr.count("\n") == 1


def test_training_that_diverges_ends_in_one_line_without_warnings(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    rows = np.column_stack([rng.normal(size=40), np.arange(40)])
    table = write_csv(tmp_path / "line.csv", ["x", "target"], rows)
    fit = generate(Network([Dense(1, 4, "square"), Dense(4, 1)]), tmp_path / "fit.py", optimizer="gradient_descent")
    done = run(fit, "--data", str(table), "--target", "target", "--learning-rate", "50")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("use a smaller learning rate")
    assert "Warning" not in done.stderr and "Traceback" not in done.stderr


# -- certification ---------------------------------------------------------------------------------------------------
FAULTS = [
    ("delta2 = (p - Y) / m", "delta2 = (Y - p) / m"),
    ("delta2 = (p - Y) / m", "delta2 = p - Y"),
    ("(1 - a1 * a1)", "(1 - a1)"),
    ("d_b1 = delta1.sum(axis=0)", "d_b1 = delta1.mean(axis=0)"),
    ("d_W2 = a1.T @ delta2", "d_W2 = 1.0000001 * a1.T @ delta2"),
]


@pytest.mark.parametrize(("right", "wrong"), FAULTS)
def test_a_wrong_line_fails_certification_and_leaves_no_file(
    right: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = generation._render

    def faulty(context: dict[str, Any]) -> str:
        text = original(context)
        assert right in text
        return text.replace(right, wrong)

    monkeypatch.setattr(generation, "_render", faulty)
    with pytest.raises(CertificationError, match="nothing was written"):
        generate(network(), tmp_path / "train.py")
    assert list(tmp_path.iterdir()) == []


def test_a_program_of_another_network_fails_certification(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    original = generation._render
    monkeypatch.setattr(
        generation, "_render", lambda c: original(c).replace("a1 = np.tanh(z1)", "a1 = np.tanh(2 * z1) / 2")
    )
    # loss and gradient are wrong in the same way: consistent with each other, but not the network that was asked for
    monkeypatch.setattr("gradproof.numeric.verification.verify.verify", _accepts)
    with pytest.raises(CertificationError, match="differs from the equations"):
        generate(network(), tmp_path / "train.py")
    assert list(tmp_path.iterdir()) == []


def _accepts(*arguments: Any, **options: Any) -> Any:
    from gradproof.numeric.verification.report import Finding, Report
    from gradproof.verdicts import Verdict

    return Report((Finding("params.W1", Verdict("certified")),))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "adamm"}, "no optimizer is called 'adamm'.*gradient_descent, sgd"),
        ({"dtype": "int8"}, "no dtype is called 'int8'.*float64, float32"),
        ({"initialiser": "xavier"}, "no initialiser is called 'xavier'"),
        ({"learning_rate": -1.0}, "learning_rate is -1.0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"epochs": 0}, "epochs is 0"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        generate(network(), tmp_path / "train.py", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_layer_too_wide_to_be_checked_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="layer 1 has 1000000 x 1000000 weights, too many"):
        generate(Network([Dense(10**6, 10**6)]), tmp_path / "train.py")
    assert not list(tmp_path.iterdir())


def test_symbolic_widths_and_compiled_variants_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="layer 1 has the symbolic number of inputs n"):
        generate(Network([Dense("n", 2)]), tmp_path / "train.py")
    with pytest.raises(UnsupportedError, match="compiled"):
        generate(network(), tmp_path / "train.py", compiled=True)
    assert list(tmp_path.iterdir()) == []
