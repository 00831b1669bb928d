"""What a verification found: frozen data, a table for people, a dict and JSON for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gradproof.verdicts import Verdict

SCHEMA: Final = 1
"""The number of the form of :meth:`Report.to_json`: a key may be added, and none is removed or changes its meaning."""

WEAKEST_FIRST: Final = ("refuted", "unknown", "guarded", "agrees", "certified", "proved")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a gradient where claimed and derived value differ."""

    index: tuple[int, ...]
    claimed: float
    derived: float

    @property
    def ratio(self) -> float | None:
        """claimed / derived, or None where the derived value is zero."""
        return self.claimed / self.derived if self.derived else None

    def __str__(self) -> str:
        ratio = "" if self.ratio is None else f", ratio {self.ratio:.10g}"
        return f"claimed {self.claimed:.10g}, derived {self.derived:.10g}{ratio}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one parameter's gradient.

    ``name`` is the parameter (``W``, ``params.W1``), ``where`` the worst entry found and the point it was found at,
    ``diagnosis`` the cause in words; both are empty where nothing is wrong. ``entries`` are some that differ, the worst
    first. For a refutation also, each where it could be found: ``cause`` the key of the cause in its table, ``line``
    the line of user code that computes the wrong term, ``mend`` that line as it passes the check, ``region`` the
    condition under which it is wrong, ``counterexample`` small inputs at which it is, ``latex`` claimed − derived.
    """

    name: str
    verdict: Verdict
    diagnosis: str = ""
    where: str = ""
    shape: tuple[int, ...] = ()
    entries: tuple[Entry, ...] = ()
    cause: str = ""
    line: str = ""
    mend: str = ""
    region: str = ""
    counterexample: Mapping[str, Any] = field(default_factory=dict)
    latex: str = ""

    @property
    def ok(self) -> bool:
        """Proved or certified."""
        return bool(self.verdict)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "name": self.name,
            "shape": list(self.shape),
            "verdict": self.verdict.name,
            "reason": self.verdict.reason,
            "evidence": list(self.verdict.evidence),
            "diagnosis": self.diagnosis,
            "where": self.where,
            "entries": [
                {"index": list(e.index), "claimed": e.claimed, "derived": e.derived, "ratio": e.ratio}
                for e in self.entries
            ],
            "cause": self.cause,
            "line": self.line,
            "mend": self.mend,
            "region": self.region,
            "counterexample": plain_data(self.counterexample),
            "latex": self.latex,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The findings of one verification; its verdict is the weakest of theirs.

    ``allowed`` are verdicts besides proved and certified that the caller takes for a success: ``guarded``, ``agrees``.

    >>> report = Report((Finding("W", Verdict("certified")), Finding("b", Verdict("refuted"), "off by a factor 2")))
    >>> report.ok, report.verdict.name
    (False, 'refuted')
    >>> print(report)
    refuted: the gradient of b is wrong (1 of 2)
    <BLANKLINE>
      b    refuted
        diagnosis       off by a factor 2
        reason          wrong: a ball excludes zero
    <BLANKLINE>
      W    certified
        reason          equal at these shapes to 200 digits or more, by ball arithmetic
    """

    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    seed: int | None = None
    figures: dict[str, Any] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The weakest verdict among the findings."""
        if not self.findings:
            return Verdict("unknown", "nothing was checked")
        return min(self.findings, key=lambda f: WEAKEST_FIRST.index(f.verdict.name)).verdict

    @property
    def ok(self) -> bool:
        """Whether every gradient is proved or certified, or has a verdict that the caller allowed."""
        return bool(self.findings) and all(f.ok or f.verdict.name in self.allowed for f in self.findings)

    @property
    def exit_code(self) -> int:
        """The command line's: 0 if all is well, else that of the verdict."""
        return 0 if self.ok else self.verdict.exit_code

    def __bool__(self) -> bool:
        return self.ok

    def __getitem__(self, name: str) -> Finding:
        for finding in self.findings:
            if finding.name == name:
                return finding
        raise KeyError(f"no finding is called {name!r}; the names are {', '.join(f.name for f in self.findings)}")

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "schema": SCHEMA,
            "ok": self.ok,
            "verdict": self.verdict.name,
            "reason": self.verdict.reason,
            "exit_code": self.exit_code,
            "findings": [finding.as_dict() for finding in self.findings],
            "notes": list(self.notes),
            "seed": self.seed,
            "figures": self.figures,
        }

    def to_json(self, indent: int | None = 2) -> str:
        """The report as JSON; what is not a finite number becomes null."""
        return json.dumps(_finite(self.as_dict()), indent=indent, ensure_ascii=False, allow_nan=False)

    def __str__(self) -> str:
        from gradproof.numeric.verification.rendering.text import text
        from gradproof.numeric.verification.rendering.view import view

        return text(view(self))

    def rich(self) -> Any:
        """The report as a rich renderable, coloured by verdict; UsageError where rich is not installed."""
        from gradproof.numeric.verification.rendering.rich_text import renderable
        from gradproof.numeric.verification.rendering.view import view

        return renderable(view(self))

    __rich__ = rich

    def html(self, title: str = "Gradient report") -> str:
        """The report as a complete HTML page that opens offline."""
        from gradproof.numeric.verification.rendering.html import page
        from gradproof.numeric.verification.rendering.view import view

        return page(view(self), title)

    def _repr_html_(self) -> str:
        from gradproof.numeric.verification.rendering.html import fragment
        from gradproof.numeric.verification.rendering.view import view

        return fragment(view(self))

    def markdown(self, title: str = "Gradient report") -> str:
        """The report as Markdown, for an issue or a pull request."""
        from gradproof.numeric.verification.rendering.markdown import markdown
        from gradproof.numeric.verification.rendering.view import view

        return markdown(view(self), title)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the report to a file; its suffix decides: .html, .md, .json or .txt."""
        from gradproof.numeric.verification.rendering.files import write

        return write(self, path)


def plain_data(value: Any) -> Any:
    """Inputs as JSON holds them: arrays as nested lists, keys as text."""
    if isinstance(value, Mapping):
        return {str(key): plain_data(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_data(part) for part in value]
    return value.tolist() if hasattr(value, "tolist") else value


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_finite(v) for v in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def weakest(verdicts: Sequence[Verdict]) -> Verdict:
    """The weakest of some verdicts."""
    return min(verdicts, key=lambda v: WEAKEST_FIRST.index(v.name))
