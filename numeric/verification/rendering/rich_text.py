"""A report for a terminal, by rich: the content of the plain text, coloured by verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gradproof.errors import UsageError
from gradproof.numeric.verification.rendering.text import difference
from gradproof.numeric.verification.rendering.view import Block, CodeLine, Table, View

COLOURS: Final = {
    "proved": "green", "certified": "green", "agrees": "yellow", "guarded": "yellow", "refuted": "red",
    "unknown": "magenta",
} | {"keeps its digits": "green", "undecided": "magenta"} | dict.fromkeys(
    ("digits lost", "NaN", "overflow", "underflow to zero"), "red"
)  # fmt: skip
"""One colour for each verdict and for what an audit says; the word stands beside it, for who sees none."""


def renderable(view: View) -> Any:
    """A rich renderable.

    Raises:
        UsageError: rich is not installed.
    """
    try:
        from rich.console import Group
        from rich.text import Text
    except ImportError as error:
        message = "a coloured report needs rich; install it with: python -m pip install rich, or print(report)"
        raise UsageError(message) from error
    parts: list[Any] = [Text.assemble(_badge(view.verdict), " ", (view.headline, "bold"))]
    for block in view.blocks:
        parts += [Text(""), *_block(block)]
    if view.notes or view.footer:
        parts.append(Text(""))
    parts += [Text.assemble(("note ", "bold"), note) for note in view.notes]
    if view.footer:
        parts.append(Text(view.footer, "dim"))
    return Group(*parts)


def _badge(verdict: str) -> tuple[str, str]:
    return f" {verdict} ", f"bold reverse {COLOURS[verdict]}"


def _block(block: Block) -> list[Any]:
    from rich.padding import Padding
    from rich.table import Table as Grid
    from rich.text import Text

    colour = COLOURS[block.verdict]
    heads = Grid.grid(padding=(0, 2))
    for name, shape in block.members:
        heads.add_row(Text(name, "bold"), Text(shape, "dim"), Text(block.verdict, f"bold {colour}"))
    facts = Grid.grid(padding=(0, 2))
    facts.add_column(style="dim", min_width=14)
    facts.add_column()
    for label, value in block.facts:
        facts.add_row(label, Text(value, "bold" if label == "diagnosis" else ""))
    if block.table:
        facts.add_row(block.table.label, _table(block.table))
    if block.counterexample:
        inputs = [Text.assemble((name, "bold"), f" = {value}") for name, value in block.counterexample]
        facts.add_row("counterexample", Text("\n").join(inputs))
    if block.place or block.code:
        lines = [Text(block.place)] if block.place else []
        facts.add_row("line", Text("\n").join([*lines, *map(_code, block.code)]))
    if block.latex:
        facts.add_row("difference", Text("\n".join(difference(block.latex))))
    return [Padding(heads, (0, 0, 0, 1)), Padding(facts, (0, 0, 0, 3))]


def _table(content: Table) -> Any:
    from rich.table import Table as Grid
    from rich.text import Text

    table = Grid.grid(padding=(0, 2))
    styles: Sequence[str] = ("", "red", "green", "")
    for i in range(len(content.heading)):
        table.add_column(justify="left" if i == 0 else "right")
    table.add_row(*[Text(cell, "dim") for cell in content.heading])
    for row in content.rows:
        table.add_row(*[Text(cell, style) for cell, style in zip(row, styles, strict=True)])
    return table


def _code(line: CodeLine) -> Any:
    from rich.text import Text

    colour = {"-": "red", "+": "green"}.get(line.sign, "")
    pieces = [(piece.text, f"bold underline {colour}".strip() if piece.changed else colour) for piece in line.pieces]
    return Text.assemble((f"{line.sign} ", colour), *pieces)
