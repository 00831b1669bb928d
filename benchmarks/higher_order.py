"""Second derivatives side by side with autograd, JAX and PyTorch: time and memory, as ratios to the generated NumPy.

Run it by itself: ``python benchmarks/higher_order.py``. Frameworks that are not installed are skipped, and said to be.
All compute in float64 on one thread. Times are the median of several rounds, in each of which every side runs once, in
turn; compilation is outside of them. Memory is what a second call adds to the resident set at its largest, each side in
a process of its own (read from /proc, so on Linux).
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import importlib.util
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_ENABLE_X64": "1",
    "JAX_PLATFORMS": "cpu",
}
SIDES = ("gradproof", "autograd", "jax", "torch")

Run = Callable[[], Any]

SLOW = 3.0
"""What takes more seconds than this is run once."""


# -- the losses, for any module that is like NumPy ---------------------------------------------------------------------
def logistic(xp: Any, data: dict[str, Any], w: Any) -> Any:
    z = data["X"] @ w
    return (xp.logaddexp(0 * z, z) - data["y"] * z).mean()


def factorisation(xp: Any, data: dict[str, Any], U: Any, V: Any) -> Any:
    return ((U @ V.T - data["M"]) ** 2).sum() / 2


def net(xp: Any, data: dict[str, Any], W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
    a = xp.tanh(data["X"] @ W1 + b1)
    return ((a @ W2 + b2 - data["T"]) ** 2).sum() / (2 * data["T"].shape[0])


SIZES: dict[str, dict[str, tuple[int, ...]]] = {
    "logistic": {"X": (10_000, 100), "y": (10_000,), "w": (100,)},
    "factorisation": {"M": (500, 100), "U": (500, 10), "V": (100, 10)},
    "net": {"X": (100, 10), "T": (100, 5), "W1": (10, 20), "b1": (20,), "W2": (20, 5), "b2": (5,)},
}
LOSSES = {"logistic": logistic, "factorisation": factorisation, "net": net}
WRT = {"logistic": ["w"], "factorisation": ["U", "V"], "net": ["W1", "b1", "W2", "b2"]}
CASES: dict[str, tuple[str, str]] = {
    "logistic regression 10,000 × 100, Hessian": ("logistic", "hessian"),
    "logistic regression 10,000 × 100, product": ("logistic", "product"),
    "matrix factorisation 500 × 100, rank 10, product": ("factorisation", "product"),
    "matrix factorisation 500 × 100, rank 10, Hessian (ours compressed)": ("factorisation", "hessian"),
    "10-20-5 tanh net, 100 examples, Hessian": ("net", "hessian"),
    "10-20-5 tanh net, 100 examples, product": ("net", "product"),
}


def numbers(loss: str) -> tuple[dict[str, Any], list[Any], list[Any]]:
    """Data, parameters and a direction, the same for every side."""
    import numpy as np

    rng = np.random.default_rng(0)
    made = {name: rng.normal(size=shape) for name, shape in SIZES[loss].items()}
    if loss == "logistic":
        made["y"] = (made["y"] > 0) * 1.0
        made["w"] /= 10
    parameters = [made.pop(name) for name in WRT[loss]]
    return made, parameters, [rng.normal(size=p.shape) for p in parameters]


# -- the sides --------------------------------------------------------------------------------------------------------
def with_gradproof(loss: str, what: str) -> Run:
    import numpy as np

    import gradproof as gp

    data, parameters, vectors = numbers(loss)
    names = WRT[loss]
    sizes = {"logistic": "m n", "factorisation": "m n r", "net": "m n h k"}[loss]
    shapes = {
        "logistic": {"X": "m n", "y": "m", "w": "n"},
        "factorisation": {"M": "m n", "U": "m r", "V": "n r"},
        "net": {"X": "m n", "T": "m k", "W1": "n h", "b1": "h", "W2": "h k", "b2": "k"},
    }[loss]
    dims = dict(zip(sizes.split(), gp.dims(sizes), strict=True))
    e = {name: gp.array(name, tuple(dims[d] for d in shape.split())) for name, shape in shapes.items()}
    value = LOSSES[loss](np, e, *(e[name] for name in names))
    wrt = [e[name] for name in names]
    if what == "product":
        directions = [gp.array(f"v_{p.name}", p.shape) for p in wrt]
        function = gp.compile(gp.hvp(value, wrt, directions))
        given = {f"v_{name}": v for name, v in zip(names, vectors, strict=True)}
    else:
        function = gp.compile(gp.hessian(value, wrt), compressed=loss == "factorisation")
        given = {}
    given |= data | dict(zip(names, parameters, strict=True))
    arguments = {name: array for name, array in given.items() if name in function.parameters or name in names}
    return lambda: function(**arguments)


def with_autograd(loss: str, what: str) -> Run:
    import autograd
    import autograd.numpy as anp

    data, parameters, vectors = numbers(loss)
    if what == "product":

        def along(*p: Any) -> Any:
            slopes = autograd.grad(lambda *q: LOSSES[loss](anp, data, *q), tuple(range(len(p))))(*p)
            return sum(anp.sum(g * v) for g, v in zip(slopes, vectors, strict=True))

        product = autograd.grad(along, tuple(range(len(parameters))))
        return lambda: product(*parameters)
    ends = [sum(p.size for p in parameters[: k + 1]) for k in range(len(parameters))]

    def flat(theta: Any) -> Any:
        pieces = [theta[end - p.size : end].reshape(p.shape) for p, end in zip(parameters, ends, strict=True)]
        return LOSSES[loss](anp, data, *pieces)

    hessian = autograd.hessian(flat)
    start = anp.concatenate([p.ravel() for p in parameters])
    return lambda: hessian(start)


def with_jax(loss: str, what: str) -> Run:
    import jax
    import jax.numpy as jnp

    data, parameters, vectors = numbers(loss)
    held = {name: jnp.asarray(value) for name, value in data.items()}
    at, along = tuple(map(jnp.asarray, parameters)), tuple(map(jnp.asarray, vectors))
    every = tuple(range(len(at)))

    # the data are arguments: as constants they would be folded while compiling
    def value(data: Any, *p: Any) -> Any:
        return LOSSES[loss](jnp, data, *p)

    if what == "product":

        @jax.jit
        def product(data: Any, p: Any, v: Any) -> Any:
            slope = jax.grad(value, tuple(k + 1 for k in every))
            return jax.jvp(lambda *q: slope(data, *q), p, v)[1]

        return lambda: jax.block_until_ready(product(held, at, along))
    hessian = jax.jit(jax.hessian(value, tuple(k + 1 for k in every)))
    return lambda: jax.block_until_ready(hessian(held, *at))


def with_torch(loss: str, what: str) -> Run:
    import torch

    torch.set_num_threads(1)
    data, parameters, vectors = numbers(loss)
    held = {name: torch.from_numpy(value) for name, value in data.items()}
    at, along = tuple(map(torch.from_numpy, parameters)), tuple(map(torch.from_numpy, vectors))
    every = tuple(range(len(at)))

    def value(*p: Any) -> Any:
        return LOSSES[loss](torch, held, *p)

    if what == "product":
        slope = torch.func.grad(value, every)
        return lambda: torch.func.jvp(slope, at, along)[1]
    hessian = torch.func.hessian(value, every)
    return lambda: hessian(*at)


MAKERS: dict[str, Callable[[str, str], Run]] = {
    "gradproof": with_gradproof, "autograd": with_autograd, "jax": with_jax, "torch": with_torch,
}  # fmt: skip


# -- measuring --------------------------------------------------------------------------------------------------------
def times(case: str, sides: list[str], rounds: int) -> dict[str, float]:
    """Median seconds of each side, the sides in turn."""
    runs = {side: MAKERS[side](*CASES[case]) for side in sides}
    first = {}
    for side, run in runs.items():
        for _ in range(2):
            start = time.perf_counter()
            run()
            first[side] = time.perf_counter() - start
            if first[side] > 4 * SLOW:  # a first call may load and compile, but not for that long
                break
    found: dict[str, list[float]] = {side: [first[side]] if first[side] > SLOW else [] for side in sides}
    for _ in range(rounds):
        for side, run in runs.items():
            if first[side] > SLOW:
                continue
            repeats = max(1, int(0.01 / first[side]))
            start = time.perf_counter()
            for _ in range(repeats):
                run()
            found[side].append((time.perf_counter() - start) / repeats)
    return {side: statistics.median(values) for side, values in found.items()}


def memory(case: str, side: str) -> float:
    """What one call needs beyond what is held before it, in MB: the largest resident set, in a process of its own."""
    command = [sys.executable, __file__, "--memory-of", side, case]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _memory_here(side: str, case: str) -> None:
    run = MAKERS[side](*CASES[case])
    run()  # what is compiled or loaded at the first call
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the largest resident set from here on
    before = _kilobytes("VmRSS")
    result = run()
    print((_kilobytes("VmHWM") - before) / 1024)
    del result


def _kilobytes(line: str) -> int:
    return int(re.search(rf"{line}:\s+(\d+)", Path("/proc/self/status").read_text()).group(1))  # type: ignore[union-attr]


def main() -> None:
    """Print one row a case: seconds of the generated NumPy, and what the others take as multiples of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--sides", nargs="+", default=list(SIDES), choices=SIDES, help="ours is always among them")
    parser.add_argument("--memory-of", nargs=2, metavar=("SIDE", "CASE"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        os.environ.update(ONE_THREAD)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    if args.memory_of:
        _memory_here(*args.memory_of)
        return
    wanted = [side for side in SIDES if side in (SIDES[0], *args.sides)]
    sides = [side for side in wanted if importlib.util.find_spec(side)]
    for side in wanted:
        print(f"{side} {version(side)}" if side in sides else f"{side} is not installed: skipped")
    print(f"numpy {version('numpy')}")
    for case in (c for c in CASES if args.only in c):
        seconds, megabytes = times(case, sides, args.rounds), {side: memory(case, side) for side in sides}
        own, held = seconds["gradproof"], megabytes["gradproof"]
        print(f"\n{case}: {own * 1e3:.3f} ms, {held:.1f} MB")
        for side in sides[1:]:
            ratio = f"{megabytes[side] / held:6.1f}" if held >= 1 else "     -"
            print(f"  {side:9} time × {seconds[side] / own:7.1f}   memory × {ratio}  ({megabytes[side]:.1f} MB)")


if __name__ == "__main__":
    main()
