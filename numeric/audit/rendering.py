"""What an audit says, in which order and in which words; the renderings are those of the verification's report."""

from __future__ import annotations

from gradproof.numeric.audit.report import KINDS, AuditFinding, AuditReport
from gradproof.numeric.verification.rendering.values import number
from gradproof.numeric.verification.rendering.view import Block, CodeLine, Table, View, code_lines


def view(report: AuditReport) -> View:
    """The content of an audit."""
    word = "digits lost" if report.findings else "undecided" if report.undecided else "keeps its digits"
    notes = ([f"not decided: {report.undecided}"] if report.undecided else []) + list(report.notes)
    blocks = tuple(_block(finding) for finding in report.findings)
    return View(word, headline(report), blocks, tuple(notes), footer(report))


def headline(report: AuditReport) -> str:
    """One sentence."""
    if not report.findings:
        return (
            f"no output loses more than {report.bound:g} digits beyond what rounding the inputs explains"
            if not report.undecided
            else "there is no exact result to judge by"
        )
    count, mended = len(report.findings), sum(finding.mended for finding in report.findings)
    what = f"{count} steps go" if count > 1 else "1 step goes"
    if mended == count:
        how = "a rewriting keeps the digits" if count == 1 else "rewritings keep the digits"
    else:
        how = "no rewriting that was tried keeps the digits" if not mended else f"rewritings mend {mended} of them"
    return f"{what} wrong in floating point although the results are ordinary numbers; {how}"


def footer(report: AuditReport) -> str:
    """What was tried."""
    kept = [f"{digits:.1f} in {dtype}" for dtype, digits in report.kept.items()]
    parts = [f"digits kept at the given inputs: {', '.join(kept)}"] if kept else []
    parts += [f"{key}: {number(value, 3)}" for key, value in report.figures.items()]
    return "; ".join([*parts, f"seed {report.seed}"])


def _block(finding: AuditFinding) -> Block:
    place, code = code_lines(finding.line, "")
    facts = [("cause", finding.cause)] if finding.cause else []
    if finding.got:
        facts.append(("gives", f"{finding.got} where {finding.truth} is right" if finding.truth else finding.got))
    if finding.outputs and finding.outputs != ("result",):
        facts.append(("spoils", ", ".join(finding.outputs)))
    names = list(dict.fromkeys(rewriting.name for rewriting in finding.rewritings))
    if names:
        facts.append(("rewriting", "; then ".join(names) + ("" if finding.mended else " (helps, but not everywhere)")))
    else:
        facts.append(("rewriting", "none of the table keeps the digits"))
    lines: list[CodeLine] = []
    for rewriting in finding.rewritings:
        lines += code_lines(rewriting.before, rewriting.after)[1]
    places = list(dict.fromkeys([place, *[rewriting.place for rewriting in finding.rewritings]]))
    return Block(
        tuple((operation, "") for operation in finding.operations or ("(no single step)",)),
        KINDS[finding.kind],
        tuple(facts),
        _regions(finding),
        ", ".join(text for text in places if text),
        tuple(lines) or code,
    )


def _regions(finding: AuditFinding) -> Table:
    rows = tuple(
        (r.condition, f"{r.kept:.1f}", "-" if r.after is None else f"{r.after:.1f}", f"{r.carried:.1f} ({r.dtype})")
        for r in finding.regions
    )
    return Table("regions" if len(rows) > 1 else "region", ("", "keeps", "rewritten", "of"), rows)
