"""``gradproof derive``: gradients and Jacobians step by step, from a network, a NumPy function or a formula."""

from __future__ import annotations

import argparse
import os
from typing import Any, Final

from gradproof.errors import UsageError

NAME: Final = "derive"
HELP: Final = "derive gradients step by step, as LaTeX, HTML, Markdown or PDF"

_EPILOG: Final = """\
sources:
  gradproof derive net.toml                        the gradients of a network's cost by its parameters
  gradproof derive loss.py:loss --shapes "X:m,n w:n"   of your own NumPy function (the file is run)
  gradproof derive "sum((X @ w - y)**2) / m" --shapes "X:m,n w:n y:m" --wrt w
An output that is not a scalar gives its Jacobian. --shapes: NAME:SIZES[:KIND], SIZES being names and numbers joined by
commas (none or - for a scalar, as in "x: y:-"), KIND one or more of positive, integer, symmetric, one_hot, binary, with
commas. What verify and audit read is read here, too: int<k says integer, unit positive; onehot is one_hot."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("source", metavar="SOURCE", help="NET.toml, FILE.py:function, or a formula")
    parser.add_argument("--shapes", metavar="SHAPES", help='the inputs, as in "X:m,n w:n"; not for a network')
    parser.add_argument("--wrt", metavar="NAMES", help="differentiate by these, separated by commas (default: every "
                        "float input of a formula or function; the parameters of a network)")  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write .tex, .html, .md or .pdf (default: text to the terminal)"
    )
    parser.add_argument("--form", choices=("matrix", "index", "both"), default="both", help="default: both")
    parser.add_argument("--check", action="store_true", help="check every line against the one before it; "
                        "exit code 0 certified, 1 refuted, 3 not decided")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Derive, write or print, and check if asked to."""
    output, inputs = _source(args)
    chosen = _chosen(args.wrt, inputs)
    if args.output is not None:
        _check_suffix(args.output)
    from gradproof.symbolic.derivations.derivation import derive

    derivation = derive(output, chosen)
    if args.output is None:
        print(derivation.text(args.form), end="")
    else:
        derivation.write(args.output, args.form)
        print(f"{args.output} written: {len(derivation.steps)} equations")
    if not args.check:
        return 0
    verdict = derivation.check()
    print(f"check: {verdict}")
    return verdict.exit_code


def _check_suffix(path: str) -> None:
    from gradproof.symbolic.derivations.documents import SUFFIXES

    suffix = os.path.splitext(path)[1].lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"-o {path}: the suffix says what to write; it is one of {', '.join(SUFFIXES)}")


def _source(args: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """The output and what it may be differentiated by, by name, in order."""
    source = args.source
    if source.lower().endswith(".toml"):
        return _network(source, args.shapes)
    path, colon, name = source.rpartition(":")
    if colon and path.lower().endswith(".py"):
        return _function(source, path, name, args.shapes)
    if source.lower().endswith(".py"):
        raise UsageError(f"{source}: name the function too, as in {source}:loss")
    if args.shapes is None:
        raise UsageError('a formula needs --shapes, such as --shapes "X:m,n w:n"')
    from gradproof.symbolic.formulas.formula_functions import environment, symbolic_formula

    names = environment(args.shapes)
    return symbolic_formula(source, names), _differentiable(names)


def _network(path: str, shapes: str | None) -> tuple[Any, dict[str, Any]]:
    if shapes is not None:
        raise UsageError(f"{path}: a network states its own shapes; leave --shapes out")
    from gradproof.symbolic.networks.network_file import load_network

    network = load_network(path)
    return network.cost, dict(network.parameters)


def _function(source: str, path: str, name: str, shapes: str | None) -> tuple[Any, dict[str, Any]]:
    if shapes is None:
        raise UsageError(f'{source} needs --shapes for its arguments, such as --shapes "X:m,n w:n"')
    from gradproof.cli.verify import load_function
    from gradproof.symbolic.arrays.array import array, as_array
    from gradproof.symbolic.formulas.formula_shapes import parse_shapes
    from gradproof.symbolic.tracing.trace import trace

    function = load_function(source, {})
    inputs = {spec.name: array(spec.name, spec.shape, **spec.assumptions) for spec in parse_shapes(shapes).values()}
    value = trace(function, inputs)
    if isinstance(value, (tuple, dict)):
        raise UsageError(f"{source} returns a {type(value).__name__}; derive takes a function that returns one array")
    return as_array(value), _differentiable(inputs)


def _differentiable(names: dict[str, Any]) -> dict[str, Any]:
    from gradproof.symbolic.arrays.array import Array

    return {
        name: value
        for name, value in names.items()
        if isinstance(value, Array) and not value.definition.assumptions & {"integer", "boolean"}
    }


def _chosen(wrt: str | None, inputs: dict[str, Any]) -> list[Any]:
    if wrt is None:
        if not inputs:
            raise UsageError("there is nothing to differentiate by: every input holds integers")
        return list(inputs.values())
    names = [name.strip() for name in wrt.split(",") if name.strip()]
    known = ", ".join(inputs) or "none"
    if not names:
        raise UsageError(f"--wrt is empty; name one or more of {known}")
    unknown = [name for name in names if name not in inputs]
    if unknown:
        raise UsageError(f"--wrt {wrt}: no input is called {unknown[0]!r}; there are {known}")
    return [inputs[name] for name in names]
