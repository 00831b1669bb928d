"""A report as Markdown of the kind that issues, pull requests and notebooks show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gradproof.numeric.verification.rendering.view import Block, View

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~$&])")


def escaped(text: str) -> str:
    """Plain text for Markdown: no character is markup, and no line is broken.

    >>> print(escaped("a*b | <script>"))
    a\\*b \\| \\<script\\>
    """
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Text as inline code, whatever backticks it holds.

    >>> code("W"), code("a`b")
    ('`W`', '`` a`b ``')
    """
    text = " ".join(text.split()).replace("|", "¦")
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest else f"{fence}{text}{fence}"


def markdown(view: View, title: str) -> str:
    """The whole report."""
    lines = [f"# {escaped(title)}", "", f"**{view.verdict}**: {escaped(view.headline)}", ""]
    if any(shape for block in view.blocks for _, shape in block.members):
        lines += ["| gradient | shape | verdict |", "|---|---|---|"]
        for block in view.blocks:
            lines += [f"| {code(name)} | {shape} | {block.verdict} |" for name, shape in block.members]
    for block in view.blocks:
        lines += ["", *_block(block)]
    if view.notes:
        lines += ["", *(f"- Note: {escaped(note)}" for note in view.notes)]
    if view.footer:
        lines += ["", escaped(view.footer)]
    return "\n".join(lines) + "\n"


def _block(block: Block) -> Iterator[str]:
    yield f"## {', '.join(code(name) for name, _ in block.members)}: {block.verdict}"
    yield ""
    yield from (f"- {label}: {escaped(text)}" for label, text in block.facts)
    if block.table:
        heading = [block.table.label, *block.table.heading[1:]]
        yield from ("", f"| {' | '.join(heading)} |", "|---" + "|--:" * (len(heading) - 1) + "|")
        yield from (f"| {code(row[0])} | {' | '.join(row[1:])} |" for row in block.table.rows)
    if block.counterexample:
        yield from ("", "A counterexample:", "")
        yield from _fenced([f"{name} = {value}" for name, value in block.counterexample], "text")
    if block.place or block.code:
        yield from ("", f"The line: {code(block.place)}" if block.place else "The line:", "")
        yield from _fenced([f"{line.sign} {line.text}" for line in block.code], "diff") if block.code else ()
    if block.latex:
        yield from ("", "claimed − derived:", "", "$$", block.latex, "$$")


def _fenced(lines: list[str], language: str) -> Iterator[str]:
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (f"{fence}{language}", *lines, fence)
