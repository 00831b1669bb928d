"""``gradproof tour``: the main job end to end on real data, into a folder with a page to open."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path

from gradproof.errors import UsageError

NAME = "tour"
HELP = "do the whole job on real data, and write a page to open"


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("-o", "--output", default="gradproof-tour", help="folder to write (default: %(default)s)")
    parser.add_argument("--epochs", type=_at_least_one, default=60, help="training epochs (default: %(default)s)")
    parser.add_argument("--hidden", type=_at_least_one, default=32, help="hidden units (default: %(default)s)")
    parser.add_argument("--seed", type=_natural, default=0, help="seed of split and weights (default: %(default)s)")


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _natural(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


def run(args: argparse.Namespace) -> int:
    """Take the tour; 0 when everything that it promises holds."""
    folder = Path(args.output)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a folder with --output")
    _need("sklearn", "rich", "matplotlib", "latex2mathml")
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from gradproof.tour.steps import STEPS, Settings, take

    console = Console()
    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with ExitStack() as stack:
        progress = stack.enter_context(Progress(*columns, console=console, transient=True))
        steps = progress.add_task("the tour", total=len(STEPS))
        training = progress.add_task("training", total=args.epochs, visible=False)

        def tell(step: str, line: str) -> None:
            progress.advance(steps)
            console.print(f"[green]✓[/green] [bold]{step:<12}[/bold] {line}", highlight=False)

        def epoch(number: int, total: int, loss: float) -> None:
            line = f"training, loss {loss:.4f}"
            progress.update(training, completed=number, total=total, description=line, visible=True)

        take(Settings(folder, args.hidden, args.epochs, args.seed), tell, epoch)
    console.print(f"Open {folder / 'index.html'} in a browser.", highlight=False)
    return 0


def _need(*modules: str) -> None:
    from importlib.util import find_spec

    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        names = ", ".join("scikit-learn" if name == "sklearn" else name for name in missing)
        raise UsageError(f"the tour needs {names}; python -m pip install 'gradproof[tour]'")
