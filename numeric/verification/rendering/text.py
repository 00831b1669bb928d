"""A report as plain text: aligned, wrapped, and without a character that depends on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final
from unicodedata import combining, east_asian_width

from gradproof.numeric.verification.rendering.view import Block, View

WIDTH: Final = 100
LATEX_LINES: Final = 4
"""More lines of a formula are left to the renderings that can show it."""

LABEL: Final = 16
"""The width of the column of labels: "counterexample" and two blanks."""


def text(view: View, width: int = WIDTH) -> str:
    """The whole report; no line ends in a blank."""
    lines = [*wrapped(f"{view.verdict}: {view.headline}", width, "  ")]
    head = _head_widths(view.blocks, width)
    for block in view.blocks:
        lines += ["", *_block(block, head, width)]
    if view.notes or view.footer:
        lines.append("")
    for note in view.notes:
        lines += wrapped(f"note: {note}", width, "      ")
    if view.footer:
        lines += wrapped(view.footer, width, "  ")
    return "\n".join(line.rstrip() for line in lines)


def columns(value: str) -> int:
    """How many columns a text takes: a combining mark none, a wide character two.

    >>> columns("W1"), columns("δ̂"), columns("重み")
    (2, 1, 4)
    """
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in value)


def padded(value: str, width: int) -> str:
    """The text with blanks up to ``width`` columns."""
    return value + " " * (width - columns(value))


def wrapped(value: str, width: int, indent: str, first: str = "") -> list[str]:
    """Paragraphs of at most ``width`` columns; what has no blank stays whole, lines of the text stay lines."""
    lines: list[str] = []
    for i, paragraph in enumerate(value.splitlines() or [""]):
        start = first if i == 0 else indent
        lines += textwrap.wrap(
            paragraph, max(width, len(indent) + 20), initial_indent=start, subsequent_indent=indent,
            break_long_words=False, break_on_hyphens=False,
        ) or [start]  # fmt: skip
    return lines


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows as aligned columns: the first to the left, numbers on their decimal point's side to the right."""
    widths = [max(columns(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(
            padded(cell, width) if i == 0 else " " * (width - columns(cell)) + cell
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )


def _head_widths(blocks: Sequence[Block], width: int) -> tuple[int, int]:
    members = [member for block in blocks for member in block.members]
    limit = width // 2
    names = [columns(name) for name, _ in members if columns(name) <= limit]
    return max(names, default=0), max((columns(shape) for _, shape in members), default=0)


def _block(block: Block, head: tuple[int, int], width: int) -> Iterator[str]:
    for name, shape in block.members:
        yield f"  {padded(name, head[0])}  {padded(shape, head[1])}  {block.verdict}"
    for label, value in block.facts:
        yield from _fact(label, wrapped(value, width - LABEL - 4, ""))
    if block.table:
        yield from _fact(block.table.label, table([block.table.heading, *block.table.rows]))
    if block.counterexample:
        inputs = [f"{name} = {value}" for name, value in block.counterexample]
        yield from _fact("counterexample", inputs)
    if block.place or block.code:
        place = [block.place] if block.place else []
        yield from _fact("line", [*place, *(f"{line.sign} {line.text}" for line in block.code)])
    if block.latex:
        yield from _fact("difference", difference(block.latex))


def difference(latex: str) -> list[str]:
    """The formula as a terminal can bear it: a few lines of LaTeX, or where the rest is to be seen."""
    lines = latex.splitlines()
    if len(lines) == 1:
        return [f"claimed − derived = {latex}"]
    if len(lines) > LATEX_LINES:
        return [f"claimed − derived takes {len(lines) - 2} equations: see report.html(), or .latex of the finding"]
    return ["claimed − derived, in LaTeX:", *lines]


def _fact(label: str, lines: Sequence[str] | Iterator[str]) -> Iterator[str]:
    for i, line in enumerate(lines):
        yield f"    {label if i == 0 else '':<{LABEL}}{line}"
