"""The frame of the command line: find the command, load it alone, run it, end with an exit code to be trusted.

A command is a module with ``NAME``, ``HELP``, ``configure(parser)`` and ``run(args) -> int``. Its ``HELP`` stands in
the table below too, so that ``gradproof --help`` lists every command without importing any (a test compares the two).
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final, NoReturn, Protocol, cast

from gradproof import __version__
from gradproof.errors import GradproofError, UsageError

USAGE: Final = 2
INTERNAL: Final = 70  # sysexits.h EX_SOFTWARE: Python's own 1 would read as "refuted"
INTERRUPTED: Final = 130  # 128 + SIGINT
BROKEN_PIPE: Final = 141  # 128 + SIGPIPE

_EPILOG: Final = """\
exit codes:
  0 proved or certified   1 refuted   2 wrong usage   3 not decided
  70 an error inside gradproof   130 interrupted"""


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command lives, and the line that ``gradproof --help`` shows for it."""

    module: str
    help: str


COMMANDS: Final[Mapping[str, Command]] = {
    "derive": Command("gradproof.cli.derive", "derive gradients step by step, as LaTeX, HTML, Markdown or PDF"),
    "verify": Command("gradproof.cli.verify", "check a hand-written gradient against its loss"),
    "audit": Command("gradproof.cli.audit", "find where a function loses its digits, and what mends it"),
    "generate": Command("gradproof.cli.generate", "write a certified NumPy training program for a network"),
    "tour": Command("gradproof.cli.tour", "do the whole job on real data, and write a page to open"),
}
"""Every command, in the order of ``--help``."""


class CommandModule(Protocol):
    """What the module of a command has to offer."""

    NAME: str
    HELP: str

    def configure(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, args: argparse.Namespace) -> int: ...


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are a UsageError of one line instead of the usage text and an exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see '{self.prog} --help'")


def main(argv: Sequence[str] | None = None, *, commands: Mapping[str, Command] = COMMANDS) -> int:
    """Run the command line and return its exit code.

    A user's mistake ends in one line on stderr and code 2. An error inside gradproof shows its traceback and ends in
    code 70, which cannot be mistaken for the verdict ``refuted`` (code 1).

    >>> main(["--version"])  # doctest: +ELLIPSIS
    gradproof ...
    0
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    _print_any_character()
    try:
        code = _run(arguments, commands)
        sys.stdout.flush()
    except GradproofError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("interrupted", code=INTERRUPTED, kind="")
    except BrokenPipeError:
        _discard_output()
        return BROKEN_PIPE
    except OSError as error:
        if not _is_about_a_file(error):
            return _report_bug()
        return _fail(_describe(error))
    except Exception:
        return _report_bug()
    return code


def _run(arguments: list[str], commands: Mapping[str, Command]) -> int:
    parser = _Parser(
        prog="gradproof",
        description="Derive a gradient, prove it, ship it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"gradproof {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", parser_class=_Parser)

    # The options before a command take no value, so the first other word names the command.
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    if chosen is not None and chosen not in commands:
        raise UsageError(f"there is no command {chosen!r}; the commands are {', '.join(commands)}")
    module: CommandModule | None = None
    for name, command in commands.items():
        if name != chosen:
            subparsers.add_parser(name, help=command.help)
            continue
        module = cast(CommandModule, import_module(command.module))
        subparser = subparsers.add_parser(name, help=command.help, description=_sentence(command.help))
        subparser.allow_abbrev = False
        module.configure(subparser)

    try:
        options, unknown = parser.parse_known_args(arguments)
    except SystemExit as stop:  # --help and --version have printed what was asked for
        return stop.code if isinstance(stop.code, int) else 0
    if unknown:
        where = parser.prog if chosen is None else f"{parser.prog} {chosen}"
        raise UsageError(f"unrecognized arguments: {' '.join(unknown)}; see '{where} --help'")
    if module is None:
        raise UsageError(f"no command was given; the commands are {', '.join(commands)}; see 'gradproof --help'")
    return module.run(options)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _fail(message: str, *, code: int = USAGE, kind: str = "error: ") -> int:
    print(f"gradproof: {kind}{' '.join(message.split())}", file=sys.stderr)
    return code


def _report_bug() -> int:
    traceback.print_exc()
    _fail("this is an error inside gradproof, not yours; please report it with the lines above", code=INTERNAL)
    return INTERNAL


_WITHOUT_FILENAME: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


def _is_about_a_file(error: OSError) -> bool:
    return error.filename is not None or error.errno in _WITHOUT_FILENAME


def _describe(error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    return reason if error.filename is None else f"{error.filename}: {reason}"


def _print_any_character() -> None:
    """Let a terminal that cannot show δ print it as an escape, instead of failing in the middle of a report."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _discard_output() -> None:
    """Send what is still buffered nowhere: the reader has gone, and the interpreter would complain at its exit."""
    try:
        descriptor = sys.stdout.fileno()
    except (io.UnsupportedOperation, ValueError):  # not a real file: nothing is flushed at exit
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
