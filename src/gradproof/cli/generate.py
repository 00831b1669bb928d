"""``gradproof generate``: write a certified NumPy training program for a network."""

from __future__ import annotations

import argparse

NAME = "generate"
HELP = "write a certified NumPy training program for a network"


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("network", metavar="NET.toml", help="the network's layers and loss, as a TOML file")
    parser.add_argument("-o", "--output", metavar="FILE.py", default="train.py", help="default: train.py")
    parser.add_argument("--optimizer", default="adam", metavar="NAME",
                        help="gradient_descent, sgd, momentum, nesterov, rmsprop or adam (default: adam)")  # fmt: skip
    parser.add_argument("--dtype", default="float64", metavar="NAME", help="float64 or float32 (default: float64)")
    parser.add_argument("--learning-rate", type=float, metavar="RATE", help="the program's default learning rate")
    parser.add_argument("--batch-size", type=int, metavar="ROWS", help="the program's default number of rows a step")
    parser.add_argument("--epochs", type=int, metavar="COUNT", help="the program's default number of epochs")
    parser.add_argument(
        "--initialiser", metavar="NAME", help="how weights are drawn (default: Glorot, He for rectifiers)"
    )
    parser.add_argument("--compiled", action="store_true", help="a compiled variant (not available yet)")


def run(args: argparse.Namespace) -> int:
    """Load the network, write the program, and say what was certified."""
    from gradproof.codegen.generate import program_text
    from gradproof.files import write_text
    from gradproof.symbolic.networks.network_file import load_network

    network = load_network(args.network)
    filename = args.output.replace("\\", "/").rsplit("/", 1)[-1]
    text, certificate = program_text(
        network, filename, optimizer=args.optimizer, dtype=args.dtype, learning_rate=args.learning_rate,
        batch_size=args.batch_size, epochs=args.epochs, initialiser=args.initialiser, compiled=args.compiled,
    )  # fmt: skip
    write_text(args.output, text)
    print(f"{args.output} written: {certificate.verdict}")
    return 0
