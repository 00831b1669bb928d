"""What a verification found: frozen data, a table for people, a dict and JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gradproof.verdicts import Verdict

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

    >>> report = Report((Finding("W", Verdict("certified")), Finding("b", Verdict("refuted"), "off by a factor 2")))
    >>> report.ok, report.verdict.name
    (False, 'refuted')
    >>> print(report)
    refuted: wrong: a ball excludes zero
      b  refuted    off by a factor 2
      W  certified
    """

    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    seed: int | None = None
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The weakest verdict among the findings."""
        if not self.findings:
            return Verdict("unknown", "nothing was checked")
        return min(self.findings, key=lambda f: WEAKEST_FIRST.index(f.verdict.name)).verdict

    @property
    def ok(self) -> bool:
        """Whether every gradient is proved or certified."""
        return bool(self.findings) and all(finding.ok for finding in self.findings)

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
            "ok": self.ok,
            "verdict": self.verdict.name,
            "reason": self.verdict.reason,
            "findings": [finding.as_dict() for finding in self.findings],
            "notes": list(self.notes),
            "seed": self.seed,
            "figures": self.figures,
        }

    def to_json(self, indent: int | None = 2) -> str:
        """The report as JSON; what is not a finite number becomes null."""
        return json.dumps(_finite(self.as_dict()), indent=indent, ensure_ascii=False, allow_nan=False)

    def __str__(self) -> str:
        lines = [str(self.verdict)]
        ordered = sorted(self.findings, key=lambda f: WEAKEST_FIRST.index(f.verdict.name))
        heads = [_head(finding) for finding in ordered]
        width = max((len(head) for head in heads), default=0)
        for head, finding in zip(heads, ordered, strict=True):
            details = [finding.diagnosis or ("" if finding.ok else finding.verdict.reason), finding.where]
            texts = [text for text in details if text]
            lines.append(f"  {head:<{width}}  {finding.verdict.name:<9}  {texts[0] if texts else ''}".rstrip())
            lines += [f"  {'':<{width}}  {'':<9}  {text}" for text in texts[1:]]
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)


def _head(finding: Finding) -> str:
    return f"{finding.name} {finding.shape}" if finding.shape else finding.name


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
