"""What a report says, in which order and in which words: the one content behind every rendering.

A :class:`View` holds no layout. Parameters with one verdict and one reason share a block, so that a hundred proved
layers do not say a hundred times why; everything that is wrong has a block of its own, and comes first.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any, Final

from gradproof.numeric.verification.rendering.values import assignments, number, ratio
from gradproof.numeric.verification.report import WEAKEST_FIRST, Finding, Report
from gradproof.verdicts import LADDER, Verdict

SHOWN_ENTRIES: Final = 4

_NOT_HIGHER: Final = re.compile(r"[;,.]?\s*\bnot (proved|certified|traced|on balls): ?(?=\S)")
"""How a reason says why it is on no higher rung: "…; not proved: the batch is looped over"."""

_PLACE: Final = re.compile(r"(?P<place>[^\s:]+:\d+(?: \(in [^)]*\))?)(?::?\s+|:?$)(?P<code>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line of code; ``changed`` marks what the mend alters."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A line of code in a two-line difference: ``sign`` is "-" (as it is), "+" (mended) or " "."""

    sign: str
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The line itself."""
        return "".join(piece.text for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Table:
    """A few rows of texts: the first column to the left, then what the code gives, what is right, and further ones."""

    label: str
    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Block:
    """One finding, or several with the same verdict for the same reason."""

    members: tuple[tuple[str, str], ...]  # names and shapes
    verdict: str
    facts: tuple[tuple[str, str], ...] = ()  # labels and texts
    table: Table | None = None
    place: str = ""
    code: tuple[CodeLine, ...] = ()
    counterexample: tuple[tuple[str, str], ...] = ()
    latex: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """A whole report: its verdict, one sentence, the blocks from the weakest verdict to the strongest, and notes."""

    verdict: str
    headline: str
    blocks: tuple[Block, ...]
    notes: tuple[str, ...] = ()
    footer: str = ""


def view(report: Report) -> View:
    """The content of a report."""
    blocks = tuple(_blocks(report.findings))
    return View(report.verdict.name, headline(report), blocks, tuple(report.notes), footer(report))


def headline(report: Report) -> str:
    """One sentence that says what the verdict is about."""
    if not report.findings:
        return "nothing was checked"
    names = [f.name for f in report.findings if f.verdict.name == report.verdict.name]
    total, listed = len(report.findings), _listed(names)
    match report.verdict.name:
        case "refuted":
            what = f"the gradient of {listed} is wrong" if len(names) == 1 else f"the gradients of {listed} are wrong"
        case "unknown":
            what = f"not decided for {listed}"
        case "guarded":
            plural = "gradient" if len(names) == 1 else "gradients"
            what = f"the {plural} of {listed} {'is' if len(names) == 1 else 'are'} right but for a guard"
        case name if len(names) == total:
            what = LADDER[name]
        case "agrees":
            what = f"{LADDER['agrees']} for {listed}; stronger for the rest"
        case name:
            what = f"{LADDER[name]}; the rest is proved"
    return what if total == 1 or len(names) == total else f"{what} ({len(names)} of {total})"


def footer(report: Report) -> str:
    """Seed and figures, so that a run can be repeated."""
    parts = [] if report.seed is None else [f"seed {report.seed}"]
    figures = dict(report.figures)
    if "parameters" in figures:
        parts.append(f"{figures.pop('parameters'):,} entries of gradients")
    if "precision_bits" in figures:
        parts.append(f"balls of {figures.pop('precision_bits')} bits")
    for key, value in figures.items():
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            text = number(value, 3) if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value
            parts.append(f"{key.replace('_', ' ')}: {text}")
    return ", ".join(parts)


def _listed(names: list[str], most: int = 6) -> str:
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]


def _blocks(findings: tuple[Finding, ...]) -> list[Block]:
    groups: dict[Any, list[Finding]] = {}
    for i, finding in enumerate(findings):
        plain = not (finding.diagnosis or finding.where or finding.entries or finding.line or finding.counterexample)
        key = (finding.verdict.name, finding.verdict.reason, finding.verdict.evidence) if plain else i
        groups.setdefault(key, []).append(finding)
    blocks = [_block(group) for group in groups.values()]
    return sorted(blocks, key=lambda block: WEAKEST_FIRST.index(block.verdict))


def _block(findings: list[Finding]) -> Block:
    first = findings[0]
    facts = [] if not first.diagnosis else [("diagnosis", first.diagnosis)]
    facts += reasons(first.verdict)
    where = point(first.where) if first.entries else first.where
    if where and where != first.region:
        facts.append(("where", where))
    if first.region:
        facts.append(("region", first.region))
    place, code = code_lines(first.line, first.mend)
    return Block(
        tuple((f.name, shape_text(f.shape)) for f in findings),
        first.verdict.name,
        tuple(facts),
        entry_table(first),
        place,
        code,
        tuple(assignments(first.counterexample)),
        first.latex,
    )


def reasons(verdict: Verdict) -> list[tuple[str, str]]:
    """Why the verdict holds, why it is on no higher rung ("… ; not proved: …"), and its further evidence.

    >>> reasons(Verdict("certified", "equal to 200 digits; not proved: line 3 loops over the batch"))
    [('reason', 'equal to 200 digits'), ('not proved', 'line 3 loops over the batch')]
    """
    facts: list[tuple[str, str]] = []
    pieces = _NOT_HIGHER.split(verdict.reason or LADDER[verdict.name])
    if pieces[0].strip():
        facts.append(("reason", pieces[0].strip()))
    facts += [(f"not {rung}", text.strip()) for rung, text in zip(pieces[1::2], pieces[2::2], strict=True)]
    return facts + [("evidence", text) for text in verdict.evidence]


def point(where: str) -> str:
    """Where a fault was found, without the entry that the table below it shows.

    >>> point("W[0, 1] at the given inputs: claimed 1, derived 2, ratio 0.5")
    'at the given inputs'
    """
    match = re.fullmatch(r"[^\s\[]+(?:\[[^\]]*\])?\s+(.*?)(?:: claimed .*)?", where, re.DOTALL)
    return match[1] if match else where


def shape_text(shape: tuple[int, ...]) -> str:
    """``784×10``; empty for a number.

    >>> shape_text((784, 10)), shape_text((3,)), shape_text(())
    ('784×10', '3', '')
    """
    return "×".join(map(str, shape))


def entry_table(finding: Finding) -> Table | None:
    """The worst entries: what the code claims, what is right, and their ratio."""
    rows = []
    for entry in finding.entries[:SHOWN_ENTRIES]:
        index = ", ".join(map(str, entry.index))
        place = f"{finding.name}[{index}]" if entry.index else finding.name
        rows.append((place, number(entry.claimed), number(entry.derived), ratio(entry.ratio)))
    label = "entries" if len(rows) > 1 else "entry"
    return Table(label, ("", "claimed", "derived", "ratio"), tuple(rows)) if rows else None


def code_lines(line: str, mend: str) -> tuple[str, tuple[CodeLine, ...]]:
    """Where the wrong line stands, and the difference between it and the mended one.

    >>> place, code = code_lines("model.py:12 (in grad): return X.T @ d", "return X.T @ d / len(X)")
    >>> place, [f"{c.sign} {c.text}" for c in code]
    ('model.py:12 (in grad)', ['- return X.T @ d', '+ return X.T @ d / len(X)'])
    """
    match = _PLACE.fullmatch(line.strip())
    place, old = (match["place"], match["code"].strip("`")) if match else ("", line)
    mended = _PLACE.fullmatch(mend.strip())
    new = mended["code"] if mended and mended["code"] else mend
    before, after = _unindented(old), _unindented(new)
    if not after:
        return place, tuple(CodeLine(" ", (Piece(text),)) for text in before)
    if not before:
        return place, tuple(CodeLine("+", (Piece(text),)) for text in after)
    pieces = [_pieces(a, b) for a, b in zip(before, after, strict=False)]
    removed = [CodeLine("-", pieces[i][0] if i < len(pieces) else (Piece(t),)) for i, t in enumerate(before)]
    added = [CodeLine("+", pieces[i][1] if i < len(pieces) else (Piece(t),)) for i, t in enumerate(after)]
    return place, (*removed, *added)


def _unindented(code: str) -> list[str]:
    lines = [line.rstrip() for line in code.expandtabs().splitlines() if line.strip()]
    indent = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    return [line[indent:] for line in lines]


_TOKEN: Final = re.compile(r"\w+(?:\.\w+)*|\s+|\*\*|//|.")


def _pieces(before: str, after: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    one, two = _TOKEN.findall(before), _TOKEN.findall(after)
    old: list[Piece] = []
    new: list[Piece] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        if b > a:
            old.append(Piece("".join(one[a:b]), kind != "equal"))
        if d > c:
            new.append(Piece("".join(two[c:d]), kind != "equal"))
    return tuple(old), tuple(new)
