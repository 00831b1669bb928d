"""What an audit found: frozen data about digits, no verdict about what is right."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

SCHEMA: Final = 1
"""The number of the form of :meth:`AuditReport.to_json`: a key may be added, and none is removed or changes meaning."""

KINDS: Final = {
    "nan": "NaN",
    "inf": "overflow",
    "zero": "underflow to zero",
    "digits": "digits lost",
}
"""What can go wrong, as people call it."""


@dataclass(frozen=True, slots=True)
class Region:
    """Where a fault shows in one floating-point type, and the digits of the worst output there before and after."""

    dtype: str
    condition: str
    kept: float
    carried: float
    after: float | None = None

    def __str__(self) -> str:
        after = "" if self.after is None else f", {self.after:.1f} when rewritten"
        return f"{self.dtype}: {self.condition} (keeps {self.kept:.1f} of {self.carried:.1f} digits{after})"


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A rewriting that was tried and keeps the digits: its name, the lines as they are and as they would be."""

    name: str
    place: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One step of the user's code that loses digits, overflows or gives NaN although the result is an ordinary number.

    ``operations`` are the expressions, ``cause`` why, ``line`` where they stand, ``outputs`` what they spoil,
    ``regions`` where, for each type; ``got`` and ``truth`` are a value and what it should be; ``rewritings`` were tried
    and mend it.
    """

    kind: str
    operations: tuple[str, ...]
    cause: str
    line: str
    outputs: tuple[str, ...]
    regions: tuple[Region, ...]
    got: str = ""
    truth: str = ""
    rewritings: tuple[Rewriting, ...] = ()

    @property
    def mended(self) -> bool:
        """Whether a rewriting keeps the digits in every region."""
        return bool(self.rewritings) and all(region.after is not None for region in self.regions)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "kind": self.kind,
            "operations": list(self.operations),
            "cause": self.cause,
            "line": self.line,
            "outputs": list(self.outputs),
            "regions": [
                {"dtype": r.dtype, "condition": r.condition, "kept": r.kept, "carried": r.carried, "after": r.after}
                for r in self.regions
            ],
            "got": self.got,
            "truth": self.truth,
            "mended": self.mended,
            "rewritings": [
                {"name": r.name, "place": r.place, "before": r.before, "after": r.after} for r in self.rewritings
            ],
        }


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The findings of an audit. ``ok`` says that no digits were lost beyond the bound, and that this could be decided.

    ``kept`` holds for each type the digits of the worst output at the given inputs, ``undecided`` what had no truth to
    compare with.
    """

    findings: tuple[AuditFinding, ...] = ()
    kept: Mapping[str, float] = field(default_factory=dict)
    undecided: str = ""
    notes: tuple[str, ...] = ()
    bound: float = 3.0
    seed: int = 0
    figures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """No finding, and nothing that would have to be decided is open."""
        return not self.findings and not self.undecided

    @property
    def exit_code(self) -> int:
        """0 without findings, 1 with some, 3 where it could not be decided."""
        return 1 if self.findings else 3 if self.undecided else 0

    def __bool__(self) -> bool:
        return self.ok

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "schema": SCHEMA,
            "ok": self.ok,
            "exit_code": self.exit_code,
            "findings": [finding.as_dict() for finding in self.findings],
            "kept": dict(self.kept),
            "undecided": self.undecided,
            "notes": list(self.notes),
            "bound": self.bound,
            "seed": self.seed,
            "figures": dict(self.figures),
        }

    def to_json(self, indent: int | None = 2) -> str:
        """The report as JSON."""
        return json.dumps(self.as_dict(), indent=indent, ensure_ascii=False, allow_nan=False)

    def __str__(self) -> str:
        from gradproof.numeric.audit.rendering import view
        from gradproof.numeric.verification.rendering.text import text

        return text(view(self))

    def rich(self) -> Any:
        """The report as a rich renderable; UsageError where rich is not installed."""
        from gradproof.numeric.audit.rendering import view
        from gradproof.numeric.verification.rendering.rich_text import renderable

        return renderable(view(self))

    __rich__ = rich

    def html(self, title: str = "Numerical audit") -> str:
        """The report as a complete HTML page that opens offline."""
        from gradproof.numeric.audit.rendering import view
        from gradproof.numeric.verification.rendering.html import page

        return page(view(self), title)

    def _repr_html_(self) -> str:
        from gradproof.numeric.audit.rendering import view
        from gradproof.numeric.verification.rendering.html import fragment

        return fragment(view(self))

    def markdown(self, title: str = "Numerical audit") -> str:
        """The report as Markdown."""
        from gradproof.numeric.audit.rendering import view
        from gradproof.numeric.verification.rendering.markdown import markdown

        return markdown(view(self), title)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the report to a file; its suffix decides: .html, .md, .json or .txt."""
        from gradproof.numeric.verification.rendering.files import write

        return write(self, path)


def named(report: AuditReport, names: Mapping[str, str]) -> AuditReport:
    """The report with outputs by other names."""
    findings = (replace(f, outputs=tuple(names.get(output, output) for output in f.outputs)) for f in report.findings)
    return replace(report, findings=tuple(findings))


def together(*reports: AuditReport) -> AuditReport:
    """One report of several functions at the same inputs; what is said of each is said once."""
    counts = [report.figures.get("inputs tried", 0) for report in reports]
    return AuditReport(
        tuple(finding for report in reports for finding in report.findings),
        {key: min(r.kept[key] for r in reports if key in r.kept) for report in reports for key in report.kept},
        "; ".join(dict.fromkeys(report.undecided for report in reports if report.undecided)),
        tuple(dict.fromkeys(note for report in reports for note in report.notes)),
        reports[0].bound,
        reports[0].seed,
        {"inputs tried": max(counts)},
    )
