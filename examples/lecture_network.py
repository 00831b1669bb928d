"""The 3-4-1 network of many introductory talks, from the blackboard to a certified program.

Run it:  python examples/lecture_network.py [FOLDER]

It verifies the talk's script as it stands, proves its update for all sizes, derives the same network, writes a training
program for it (into FOLDER, or one that is removed at the end), trains both for 60,000 steps, and compares them.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import gradproof as gp
from gradproof.numeric.reference import lecture

STEPS = 60_000


def downhill(syn0: Any, syn1: Any, X: Any, y: Any) -> tuple[Any, Any]:
    """What the script's update claims: the gradient is minus the increments."""
    increment0, increment1 = lecture.update(syn0, syn1, X, y)
    return -increment0, -increment1


def verify_as_it_stands() -> None:
    """Run the unmodified script on balls of 1024 bits."""
    heading("1. The script, as it stands on the blackboard")
    show(inspect.getsource(lecture.update))
    print("It adds its increments. Are they minus the gradient of ½Σ(y − a)²? Its own code, run on balls:\n")
    syn0, syn1 = lecture.initial_weights(seed=1)
    inputs = {"syn0": syn0, "syn1": syn1, "X": lecture.X, "y": lecture.Y}
    report = gp.verify(lecture.loss, downhill, inputs, wrt=["syn0", "syn1"])
    show(str(report))
    require(report.ok, "the script's update is not certified")


def prove_for_all_sizes() -> None:
    """Trace the script on symbolic arrays and compare normal forms."""
    heading("2. The same for every number of rows and every width")
    m, n, h, k = gp.dims("m n h k")
    shapes = {"syn0": (n, h), "syn1": (h, k), "X": (m, n), "y": (m, k)}
    symbols = {name: gp.array(name, shape) for name, shape in shapes.items()}
    cost, increments = gp.trace(lecture.loss, symbols), gp.trace(lecture.update, symbols)
    gradients = gp.grad(cost, [symbols["syn0"], symbols["syn1"]])
    for name, increment, gradient in zip(("syn0", "syn1"), increments, gradients, strict=True):
        verdict = gp.equal(increment, -gradient)
        print(f"    increment of {name} = −∂C/∂{name}:  {verdict}")
        require(verdict.name == "proved", f"the increment of {name} is not proved")
    print()


def derive_network() -> gp.Network:
    """Write the network in two lines and print its derived equations."""
    heading("3. The same network, derived")
    layers = [gp.Dense(3, 4, "sigmoid", bias=False), gp.Dense(4, 1, "sigmoid", bias=False)]
    network = gp.Network(layers, loss="sum_squares", name="lecture")
    show(network.derive().summary())
    for name, verdict in network.verify().items():
        print(f"    ∂C/∂{name} against the hand-written NumPy network:  {verdict}")
        require(bool(verdict), f"the derivative by {name} is not proved")
    print()
    return network


def generate_program(network: gp.Network, folder: Path) -> Any:
    """Write the certified program and load it."""
    heading("4. A program, generated and certified")
    path = network.generate(folder / "train_lecture.py", optimizer="gradient_descent", learning_rate=1, epochs=STEPS)
    specification = importlib.util.spec_from_file_location("train_lecture", path)
    assert specification is not None and specification.loader is not None
    program = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(program)
    show(inspect.getsource(program.loss_and_gradient))
    print(f"It needs NumPy alone: {path.name}, {len(path.read_text(encoding='utf-8').splitlines())} lines.\n")
    return program


def train_both(program: Any) -> None:
    """Train the script and the program from the same weights, and compare the falling error."""
    heading(f"5. Both trained for {STEPS:,} steps, from the same weights")
    start = time.perf_counter()
    by_script = lecture.train(seed=1, steps=STEPS, every=10_000)
    after_script = time.perf_counter()
    W1, W2 = lecture.initial_weights(seed=1)
    params = {"W1": W1, "W2": W2}
    errors = {0: program.mean_absolute_error(params, lecture.X, lecture.Y)}

    def note(epoch: int, epochs: int, loss: float) -> None:
        if epoch in by_script.steps:
            errors[epoch] = program.mean_absolute_error(params, lecture.X, lecture.Y)

    program.train(params, lecture.X, lecture.Y, epochs=STEPS, progress=note)
    end = time.perf_counter()

    print("      step   error of the script   of the program")
    for step, error in zip(by_script.steps, by_script.errors, strict=True):
        print(f"    {step:6,d}   {error:.12f}        {errors[step]:.12f}")
    distance = max(abs(errors[step] - error) for step, error in zip(by_script.steps, by_script.errors, strict=True))
    print(f"\n    largest difference {distance:.1e};  {after_script - start:.1f} s and {end - after_script:.1f} s\n")
    require(distance < 1e-6, "the two do not reach the same error")
    print("       row   target   output")
    for row, target, output in zip(lecture.X, lecture.Y, program.predict(params, lecture.X), strict=True):
        print(f"    {row.astype(int)}   {target[0]:.0f}        {output[0]:.4f}")
    require(bool((np.round(program.predict(params, lecture.X)) == lecture.Y).all()), "the network has not learnt")


def heading(text: str) -> None:
    print(f"{text}\n{'-' * len(text)}\n")


def show(text: str) -> None:
    print("\n".join(f"    {line}".rstrip() for line in text.rstrip().splitlines()) + "\n")


def require(holds: bool, otherwise: str) -> None:
    """End with code 1 where something that this demonstration claims does not hold."""
    if not holds:
        sys.exit(f"error: {otherwise}")


def main(folder: Path) -> None:
    """All five parts, in order."""
    verify_as_it_stands()
    prove_for_all_sizes()
    network = derive_network()
    program = generate_program(network, folder)
    train_both(program)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        if not Path(sys.argv[1]).is_dir():
            sys.exit(f"error: there is no folder {sys.argv[1]}; create it first")
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
