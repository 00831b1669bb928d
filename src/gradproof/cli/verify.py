"""``gradproof verify FILE.py:loss FILE.py:grad``: check a hand-written gradient from the command line.

This runs the user's own files, as ``python FILE.py`` would (except for their ``if __name__ == "__main__"`` part).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from gradproof.errors import GradproofError, UsageError

NAME: Final = "verify"
HELP: Final = "check a hand-written gradient against its loss"

SHAPES: Final = """\
--shapes is a list of NAME:SIZES[:KIND], separated by blanks, which derive reads too (with names among the sizes);
SIZES are joined by commas, none or - for one number:
  X:32,784         normally distributed floats (the default kind)
  b:10:zeros       zeros;  p:32,10:positive  floats above 0;  p:32:unit  floats between 0 and 1
  y:32:int<10      integers from 0 to 9, labels or indices: never differentiated;  s:32:sign  floats -1.0 or 1.0
  Y:32,10:one_hot  (or onehot) rows with a single 1.0;  t:32:binary  floats 0.0 or 1.0
  A:5,5:symmetric  a symmetric matrix;  lam:-  one float"""

_ITEM: Final = re.compile(
    r"([^\W\d]\w*):(-|\d+(?:,\d+)*|)(?::(normal|zeros|positive|unit|sign|one_?hot|binary|symmetric|integer|int<\d+))?$"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"{SHAPES}\n\nThe files are run. Exit codes: 0 certified, 1 refuted, 2 wrong usage, 3 undecided"
    parser.add_argument("loss", metavar="FILE.py:LOSS", help="the loss: LOSS(**inputs) returns one number")
    parser.add_argument("grad", metavar="FILE.py:GRAD", help="its gradient: a dict, a tuple or one array")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--inputs", metavar="DATA.npz", help="the arguments, as arrays by name")
    source.add_argument("--shapes", metavar="SHAPES", help='or random ones, as in "X:32,784 y:32:int<10"')
    parser.add_argument("--wrt", metavar="NAMES", help="the parameters, with commas (default: what GRAD returns)")
    parser.add_argument("--seed", type=natural, default=0, help="the seed of every random number (default: 0)")
    parser.add_argument(
        "--allow", metavar="VERDICT", action="append", default=[], choices=("guarded", "agrees"),
        help="take this verdict for a success too: guarded (right but for a log(p + eps) or a clipping) or agrees",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("-o", "--output", metavar="FILE", help="also write the report, as .html, .md, .json or .txt")


def natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is negative; a seed is 0 or more")
    return value


def run(args: argparse.Namespace) -> int:
    """Verify, print the report, and return its exit code."""
    from gradproof.numeric.verification.rendering.files import check_suffix
    from gradproof.numeric.verification.verify import verify

    if args.output is not None:
        check_suffix(args.output)
    inputs = load_inputs(args.inputs) if args.inputs is not None else random_inputs(args.shapes, args.seed)
    wrt = [name.strip() for name in args.wrt.split(",") if name.strip()] if args.wrt is not None else None
    modules: dict[str, ModuleType] = {}
    # With --json standard output is the report alone: what the user's own code prints goes to standard error.
    with contextlib.redirect_stdout(sys.stderr) if args.json else contextlib.nullcontext():
        loss, grad = (load_function(spec, modules) for spec in (args.loss, args.grad))
        report = verify(loss, grad, inputs, wrt, seed=args.seed, allow=args.allow)
    if args.output is not None:
        report.write(args.output)
    if args.json:
        print(report.to_json())
    else:
        show(report)
        if args.shapes is not None:
            print(f"note: random inputs and directions by --seed {args.seed}")
    return report.exit_code


def show(report: Any) -> None:
    """Print a report: coloured where standard output is a terminal and rich is installed, else as plain text."""
    if sys.stdout.isatty() and importlib.util.find_spec("rich") is not None:
        from rich.console import Console

        Console(highlight=False).print(report.rich())
    else:
        print(report)


def random_inputs(shapes: str, seed: int) -> dict[str, Any]:
    """Random inputs by the grammar of ``--shapes``.

    >>> inputs = random_inputs("X:3,2 y:3:int<4 lam:-", seed=0)
    >>> inputs["X"].shape, inputs["y"].dtype.kind, isinstance(inputs["lam"], float)
    ((3, 2), 'i', True)
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    inputs: dict[str, Any] = {}
    for item in shapes.split():
        match = _ITEM.fullmatch(item)
        if match is None:
            raise UsageError(f"--shapes: {item!r} is not NAME:SIZES[:KIND], as in X:32,784 or y:32:int<10")
        name, sizes, kind = match.groups()
        shape = () if sizes in ("", "-") else tuple(int(n) for n in sizes.split(","))
        if name in inputs:
            raise UsageError(f"--shapes: {name} stands there twice")
        try:
            inputs[name] = _random_array(name, shape, kind or "normal", rng)
        except (MemoryError, ValueError) as error:
            if isinstance(error, GradproofError):
                raise
            raise UsageError(f"--shapes: {item} does not fit into memory; give smaller sizes") from error
    if not inputs:
        raise UsageError("--shapes is empty; it wants NAME:SIZES[:KIND], as in X:32,784")
    return inputs


def _random_array(name: str, shape: tuple[int, ...], kind: str, rng: Any) -> Any:
    import numpy as np

    if kind.startswith("int<"):
        top = int(kind[4:])
        if top < 1:
            raise UsageError(f"--shapes: {name} wants integers below {top}, and there are none")
        return rng.integers(0, top, size=shape)
    if kind == "integer":
        raise UsageError(f"--shapes: {name} is to be drawn, so say below what; int<10 has the integers from 0 to 9")
    if kind == "symmetric":
        if len(shape) != 2 or shape[0] != shape[1]:
            raise UsageError(f"--shapes: {name} is symmetric only with two equal sizes, as in {name}:5,5")
        square = rng.standard_normal(shape)
        return (square + square.T) / 2
    if kind in ("onehot", "one_hot"):
        if not shape:
            raise UsageError(f"--shapes: {name}:-:{kind} has no axis to be one-hot along")
        return np.eye(shape[-1])[rng.integers(0, shape[-1], size=shape[:-1])]
    makers: dict[str, Callable[[], Any]] = {
        "normal": lambda: rng.standard_normal(shape),
        "zeros": lambda: np.zeros(shape),
        "positive": lambda: np.exp(rng.standard_normal(shape)),
        "unit": lambda: rng.uniform(0.02, 0.98, size=shape),
        "sign": lambda: rng.choice([-1.0, 1.0], size=shape),
        "binary": lambda: rng.integers(0, 2, size=shape).astype(float),
    }
    value = makers[kind]()
    return value if shape else float(value)


def load_inputs(path: str) -> dict[str, Any]:
    import zipfile

    import numpy as np

    if not os.path.isfile(path):
        raise UsageError(f"--inputs: there is no file {path}")
    try:
        data = np.load(path, allow_pickle=False)
        if not hasattr(data, "files"):
            raise UsageError(f"--inputs: {path} holds one array without a name; save with np.savez(path, X=X, W=W)")
        with data:
            return {name: data[name] for name in data.files}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        if isinstance(error, GradproofError):
            raise
        raise UsageError(f"--inputs: {path} is not an .npz file of plain arrays: {error}") from error


def load_function(spec: str, modules: dict[str, ModuleType]) -> Callable[..., Any]:
    """The function that ``FILE.py:name`` names; its file is run once and kept in ``modules``."""
    path, colon, name = spec.rpartition(":")
    if not colon or not path or not name:
        raise UsageError(f"{spec!r} is not FILE.py:function")
    if not os.path.isfile(path):
        raise UsageError(f"{spec}: there is no file {path}")
    path = os.path.abspath(path)
    if path not in modules:
        modules[path] = _load_module(path)
    function = getattr(modules[path], name, None)
    if not callable(function):
        functions = [k for k, v in vars(modules[path]).items() if callable(v) and not k.startswith("_")]
        raise UsageError(f"{spec}: the file has no function {name!r}; it has {', '.join(functions) or 'none'}")
    return function  # type: ignore[no-any-return]


def _load_module(path: str) -> ModuleType:
    """Run a file as a module, with its folder on the path, as ``python FILE.py`` has it."""
    name = f"_gradproof_user_{os.path.splitext(os.path.basename(path))[0]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    return module
