"""How the check grows with the number of parameters, beside ``torch.autograd.gradcheck`` in both of its modes.

A network of two layers (784 inputs, a hidden layer of growing width, 10 classes, 32 examples) with a gradient written
by hand in NumPy. ``gradproof.verify`` gets the two functions as they are; torch gets a ``Function`` whose forward and
backward pass they are, in float64, at its default tolerances. Each cell is one run, one after the other in one process;
loss evaluations are counted inside of the loss, seconds are of the processor. Then the same with two errors planted:
one entry doubled, and everything off by a relative 10⁻⁷.

    OMP_NUM_THREADS=1 python benchmarks/scale.py          # some minutes; without torch its columns are left out
    python benchmarks/scale.py --widths 16 32 --limit 60  # stop torch's slow mode after a minute a cell
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

import gradproof as gp

Array = np.ndarray[Any, Any]
Arrays = dict[str, Array]
Gradient = Callable[..., Arrays]

INPUTS: Final = 784
CLASSES: Final = 10
EXAMPLES: Final = 32
PARAMETERS: Final = ("W1", "b1", "W2", "b2")

_calls = itertools.count()
"""Counts evaluations of the loss (an iterator of the standard library is left alone where state is put back)."""


def loss(X: Array, Y: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Any:
    """Mean cross-entropy of a softmax over a tanh layer."""
    next(_calls)
    z = np.tanh(X @ W1 + b1) @ W2 + b2
    z = z - np.max(z, axis=1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(Y * z, axis=1))


def gradient(X: Array, Y: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Arrays:
    """Its gradient, by hand."""
    H = np.tanh(X @ W1 + b1)
    z = H @ W2 + b2
    e = np.exp(z - np.max(z, axis=1, keepdims=True))
    dz = (e / np.sum(e, axis=1, keepdims=True) - Y) / len(X)
    dH = (dz @ W2.T) * (1 - H**2)
    return {"W1": X.T @ dH, "b1": dH.sum(axis=0), "W2": H.T @ dz, "b2": dz.sum(axis=0)}


def one_entry(X: Array, Y: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Arrays:
    """One entry is twice what it should be."""
    found = gradient(X, Y, W1, b1, W2, b2)
    found["W1"][400 % len(W1), 3] *= 2
    return found


def slightly_off(X: Array, Y: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Arrays:
    """Every entry is off by a relative 10⁻⁷."""
    return {name: (1 + 1e-7) * g for name, g in gradient(X, Y, W1, b1, W2, b2).items()}


GRADIENTS: Final[dict[str, Gradient]] = {
    "right": gradient,
    "one entry doubled": one_entry,
    "relative 1e-7": slightly_off,
}


def inputs(width: int) -> Arrays:
    """Data and parameters for one width of the hidden layer."""
    rng = np.random.default_rng(0)
    return {
        "X": rng.random((EXAMPLES, INPUTS)),
        "Y": np.eye(CLASSES)[rng.integers(0, CLASSES, EXAMPLES)],
        "W1": rng.normal(size=(INPUTS, width)) / np.sqrt(INPUTS),
        "b1": 0.1 * rng.normal(size=width),
        "W2": rng.normal(size=(width, CLASSES)) / np.sqrt(width),
        "b2": 0.1 * rng.normal(size=CLASSES),
    }


class Stopped(BaseException):
    """The time of a cell is over; no Exception, so that nothing on the way takes it for a failure."""


@dataclass(frozen=True)
class Cell:
    """One run: what was said, evaluations of the loss, processor seconds; ``stopped`` where the limit ended it."""

    said: str
    evaluations: int
    seconds: float
    stopped: bool = False


def counted(run: Callable[[], str]) -> Cell:
    """One run, its evaluations counted."""
    before, started = next(_calls), time.process_time()
    try:
        said, stopped = run(), False
    except Stopped:
        said, stopped = "stopped", True
    seconds = time.process_time() - started
    return Cell(said, next(_calls) - before - 1, seconds, stopped)


def ours(grad: Gradient, given: Arrays, **options: Any) -> Callable[[], str]:
    """``gradproof.verify`` with its verdict."""
    return lambda: str(gp.verify(loss, grad, given, list(PARAMETERS), **options).verdict.name)


def torchs(grad: Gradient, given: Arrays, fast: bool, limit: float) -> Callable[[], str]:
    """``torch.autograd.gradcheck`` of a Function made of the two functions; ended inside of the loss."""
    import torch

    data = {name: given[name] for name in given if name not in PARAMETERS}
    until = time.process_time() + limit

    def named(tensors: Any) -> Arrays:
        return data | {n: t.detach().numpy().copy() for n, t in zip(PARAMETERS, tensors, strict=True)}

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *parameters: Any) -> Any:
            if time.process_time() > until:
                raise Stopped
            ctx.save_for_backward(*parameters)
            return torch.tensor(float(loss(**named(parameters))), dtype=torch.float64)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            found = grad(**named(ctx.saved_tensors))
            return tuple(g * torch.from_numpy(found[name]) for name in PARAMETERS)

    def run() -> str:
        tensors = tuple(torch.tensor(given[name], requires_grad=True) for name in PARAMETERS)
        passed = torch.autograd.gradcheck(Function.apply, tensors, raise_exception=False, fast_mode=fast)
        return "passes" if passed else "fails"

    return run


def columns(grad: Gradient, given: Arrays, torch: bool, limit: float) -> dict[str, Callable[[], str]]:
    """What is run beside one another: ours with and without proofs, torch's slow mode and its fast one."""
    found = {"verify": ours(grad, given), "without proofs": ours(grad, given, prove=False, budget=0)}
    if torch:
        found["gradcheck"] = torchs(grad, given, False, limit)
        found["gradcheck, fast"] = torchs(grad, given, True, limit)
    return found


def shown(cell: Cell, base: Cell, parameters: int) -> str:
    """Verdict, evaluations, seconds, and seconds as a multiple of ours."""
    words = f"{cell.said:<10}{cell.evaluations:>9,}{cell.seconds:>9.2f}{cell.seconds / base.seconds:>8.2f}"
    if not cell.stopped:
        return words
    whole = cell.seconds * 2 * parameters / max(cell.evaluations, 1)
    return f"{words}   at the limit; {whole:,.0f} s extrapolated to {2 * parameters:,} evaluations"


def main() -> None:
    """Print one line a run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--limit", type=float, default=600.0, help="seconds after which gradcheck is stopped")
    options = parser.parse_args()
    torch = importlib.util.find_spec("torch") is not None
    print("" if torch else "torch is not installed: its columns are left out\n", end="")
    for name, grad in GRADIENTS.items():
        print(f"\n{name}\n{'net':<12}{'parameters':>11}  {'':<17}{'says':<10}{'losses':>9}{'seconds':>9}{'ratio':>8}")
        for width in options.widths:
            given = inputs(width)
            parameters = sum(given[parameter].size for parameter in PARAMETERS)
            base = None
            for which, run in columns(grad, given, torch, options.limit).items():
                cell = counted(run)
                base = base or cell
                net = f"{INPUTS}-{width}-{CLASSES}"
                print(f"{net:<12}{parameters:>11,}  {which:<17}{shown(cell, base, parameters)}", flush=True)


if __name__ == "__main__":
    main()
