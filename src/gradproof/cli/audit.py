"""``gradproof audit FILE.py:function``: where a function, and its gradient if named, loses digits, and what keeps them.

This runs the user's own file, as ``gradproof verify`` does.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from types import ModuleType
from typing import Any, Final

from gradproof.cli.verify import SHAPES, load_function, load_inputs, natural, random_inputs, show
from gradproof.errors import UsageError

NAME: Final = "audit"
HELP: Final = "find where a function loses its digits, and what mends it"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = (
        f"{SHAPES}\n\nThe file is run. Exit codes: 0 no digits lost beyond the bound, 1 some lost, 2 wrong usage, "
        "3 undecided"
    )
    parser.add_argument("function", metavar="FILE.py:FUNCTION", help="a loss, a gradient, or any function of arrays")
    parser.add_argument("grad", metavar="FILE.py:GRADIENT", nargs="?", help="a gradient, to audit with its loss")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--inputs", metavar="DATA.npz", help="the arguments, as arrays by name")
    source.add_argument("--shapes", metavar="SHAPES", help='or random ones, as in "X:32,784 y:32:int<10"')
    parser.add_argument("--vary", metavar="NAMES", help="the inputs to vary, with commas (default: all but labels)")
    parser.add_argument("--digits", type=_positive, default=3.0, help="digits that may be lost (default: 3)")
    parser.add_argument("--entrywise", action="store_true", help="ask of every entry that it keeps its own digits")
    parser.add_argument("--seed", type=natural, default=0, help="the seed of every random number (default: 0)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("-o", "--output", metavar="FILE", help="also write the report, as .html, .md, .json or .txt")


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 16:
        raise argparse.ArgumentTypeError(f"{text} is no number of digits between 0 and 16")
    return value


def run(args: argparse.Namespace) -> int:
    """Audit, print the report, and return its exit code."""
    from gradproof.numeric.audit.audit import audit
    from gradproof.numeric.verification.rendering.files import check_suffix

    if args.output is not None:
        check_suffix(args.output)
    inputs: dict[str, Any] = (
        load_inputs(args.inputs) if args.inputs is not None else random_inputs(args.shapes, args.seed)
    )
    vary = [name.strip() for name in args.vary.split(",") if name.strip()] if args.vary is not None else None
    if vary == []:
        raise UsageError("--vary is empty; name at least one input")
    with contextlib.redirect_stdout(sys.stderr) if args.json else contextlib.nullcontext():
        modules: dict[str, ModuleType] = {}
        function = load_function(args.function, modules)
        grad = None if args.grad is None else load_function(args.grad, modules)
        report = audit(function, grad, inputs, vary=vary, bound=args.digits, entrywise=args.entrywise, seed=args.seed)
    if args.output is not None:
        report.write(args.output)
    if args.json:
        print(report.to_json())
    else:
        show(report)
    return report.exit_code
