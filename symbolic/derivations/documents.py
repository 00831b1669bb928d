"""Derivations as documents: LaTeX, HTML with MathML, Markdown, PDF, and plain text for a terminal."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sympy as sp

from gradproof.errors import UsageError
from gradproof.files import write_bytes, write_text

from ..equations.definition import Definition
from .block_names import block_rows
from .jacobian_matrix import assembled
from .matrix_form import matrix_expression
from .notation import Notation
from .patterns import softmax_pattern
from .printer import Printer
from .styles import GREEK_TEXT, TEX, TEXT, Style
from .time_nodes import AtTimes

if TYPE_CHECKING:
    from .derivation import Derivation, Step
    from .matrix_nodes import Node

FORMS: Final = ("both", "matrix", "index")
SUFFIXES: Final = (".tex", ".html", ".md", ".pdf")

CONVENTIONS: Final = (
    "Arrays have NumPy's layout: one example a row. A derivative by an array has the shape of that array; the "
    "derivative of an array has the output's indices first.",
    "In matrix form an array with one axis is a column, 𝟏 is a column of ones, 𝐞 with an index is the column with 1 "
    "there and else 0, ⊙ is the elementwise product and X^⊙p the elementwise power. Functions act on each element, and "
    "a number added to an array is added to each of its elements.",
    "Indices start at 0, an axis of size 1 has none, and a sum without limits runs over the whole dimension of its "
    "index. δ with two indices is 1 where they are equal and else 0; brackets are 1 where what they hold is true and "
    "else 0.",
    "A number above a symbol in parentheses is the number at the end of its name, a layer in a network. A bar is the "
    "derivative of the output by the symbol under it; for a pre-activation z it is written δ, the error. A derivative "
    "marked direct is by the output's own equation alone.",
)

TIMES: Final = (
    "A recurrence stands at one time t, which is the first index of its arrays, and in matrix form their only one. The "
    "state before the first step is the initial one.",
)
"""What documents with a recurrence say beside the conventions."""


@dataclass(frozen=True, slots=True)
class Line:
    """One formula: its left side, and what it is equal to, one part a row."""

    left: str
    rights: tuple[str, ...]
    form: str


@dataclass(frozen=True, slots=True)
class Block:
    """A step as documents show it."""

    number: str
    rule: str
    title: str
    shape: str
    note: str
    lines: tuple[Line, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Symbol:
    """A row of the table of symbols."""

    tex: str
    text: str
    meaning: str
    shape: str


# -- the content ------------------------------------------------------------------------------------------------------
def blocks(derivation: Derivation, form: str, style: Style) -> tuple[Block, ...]:
    """Every step as a block of formulas."""
    _known_form(form)
    return tuple(_block(derivation, step, form, style) for step in derivation.steps)


def _known_form(form: str) -> None:
    if form not in FORMS:
        raise UsageError(f"no form is called {form!r}; the forms are {', '.join(FORMS)}")


def _block(derivation: Derivation, step: Step, form: str, style: Style) -> Block:
    inner = tuple(_block(derivation, s, form, style) for s in step.steps if form != "index" or s.rule != "matrix form")
    lines = _lines(derivation, step, form, style)
    return Block(step.number, step.rule, _title(derivation, step), _shape(step.shape, style), step.note, lines, inner)


def _title(derivation: Derivation, step: Step) -> str:
    name = TEXT.symbol(derivation.notation.parts(step.target), (), step.target.rank == 0)
    if step.kind == "value":
        return name
    output = TEXT.symbol(derivation.notation.parts(derivation.output), (), derivation.output.rank == 0)
    return f"∂{output}/∂{name}"


def _shape(shape: Sequence[Any], style: Style) -> str:
    if not shape:
        return "scalar"
    shown = [Printer(_NO_NAMES, {}, style)(n) for n in shape]
    return (r" \times " if style is TEX else " × ").join(shown)


_NO_NAMES = Notation.of({})


def _lines(derivation: Derivation, step: Step, form: str, style: Style) -> tuple[Line, ...]:
    notation = derivation.notation
    top = step.number.isdigit()
    lines = []
    node = step.matrix_after
    if step.rule == "matrix form" and node is not None:
        return (_matrix_line(derivation, step, node, style),)
    if form != "matrix" or node is None or not top:
        letters = notation.assign(step.ranges, step.before, step.after)
        show = Printer(notation, letters, style)
        if top:
            rank = derivation.output.rank if step.kind != "value" else 0
            above, below = ([letters[i] for i, a, b in r if a != b] for r in (step.ranges[:rank], step.ranges[rank:]))
            chain = [show(step.before)] if step.before is not step.after and step.steps else []
            if step.start is not None:
                below = step.start.below(show, True)
            left = _left(derivation, step, style, below, above)
            said = left.split(style.equals)
            rights = [r for r in dict.fromkeys([*chain, show(step.after)]) if r not in said]
            if softmax_pattern(step.after) is not None:
                rights.append(Printer(notation, letters, style, patterns=False)(step.after))
            lines.append(Line(left, tuple(rights), "index"))
        else:
            lines.append(Line(show(step.before), (show(step.after),), "index"))
    if (top and form != "index" and node is not None and (step.ranges or step.after.has(sp.Sum))) or (
        top and not lines and node is not None
    ):
        lines.append(_matrix_line(derivation, step, node, style))
    return tuple(lines)


def _matrix_line(derivation: Derivation, step: Step, node: Node, style: Style) -> Line:
    """An equation in matrix form; of a recurrence, at one time."""
    notation = derivation.notation
    times = node.letters(notation, style) if isinstance(node, AtTimes) else []
    below = [letter for axis, letter in times if axis >= derivation.output.rank or step.kind == "value"]
    above = [letter for axis, letter in times if axis < derivation.output.rank and step.kind != "value"]
    if step.start is not None:
        below = step.start.below(Printer(notation, {}, style), False)
    rights = [node.show(notation, style)]
    if not times and softmax_pattern(step.after) is not None:  # the logsumexp that the next lines differentiate by
        shape = [last - first + 1 for _, first, last in step.ranges]
        inner = matrix_expression(step.after.args[0], step.ranges, shape)
        rights += [] if inner is None else [style.call("exp", inner.show(notation, style))]
    return Line(_left(derivation, step, style, below, above), tuple(rights), "matrix")


def _left(derivation: Derivation, step: Step, style: Style, below: Sequence[str], above: Sequence[str]) -> str:
    """The left side: z_ij, or ∂C/∂W_ij, or δ_ij = ∂C/∂z_ij for an intermediate that keeps a name.

    The indices of the output are ``above``; of a value there are none.
    """
    notation = derivation.notation
    if step.kind == "value":
        return notation.symbol(step.target, style, below)
    fraction = notation.derivative(step.target, style, below, above)
    indices = [*above, *below]
    named = next((a for a, t in notation.adjoints.items() if t is step.target), None)
    if named is None or (step.target in derivation.wrt and named not in notation.reused):
        return fraction
    own = notation.symbol(named, style, indices)
    return f"{own}{style.equals}{fraction}"


def symbols(derivation: Derivation) -> list[Symbol]:
    """Inputs, intermediates and adjoints with their shapes."""
    notation = derivation.notation
    rows = []
    for d in _in_order(derivation):
        words = "".join(f", {w.replace('_', '-')}" for w in sorted(d.assumptions))
        role = "input" if d not in derivation.wrt else "input, differentiated by"
        rows.append(_symbol(notation, d, role + words))
    for d in derivation.equations:
        rows.append(_symbol(notation, d, "output" if d is derivation.output else "intermediate"))
    rows += [Symbol(*row) for row in block_rows(notation, _shape)]
    for step in derivation.steps:
        named = next((a for a, t in notation.adjoints.items() if t is step.target), None)
        if step.kind == "adjoint" and named is not None:
            output = TEXT.symbol(notation.parts(derivation.output), (), derivation.output.rank == 0)
            target = TEXT.symbol(notation.parts(step.target), (), step.target.rank == 0)
            rows.append(_symbol(notation, named, f"∂{output}/∂{target}"))
    return rows


def _in_order(derivation: Derivation) -> list[Definition]:
    """The inputs in the order of the equations that use them; within one, parameters last."""
    wrt = list(derivation.wrt)
    first: dict[Definition, int] = {}
    for number, d in enumerate(derivation.equations):
        for used in d.uses:
            first.setdefault(used, number)
    return sorted(
        derivation.inputs,
        key=lambda d: (first.get(d, len(first)), wrt.index(d) if d in wrt else -1, derivation.notation.names[d]),
    )


def _symbol(notation: Notation, d: Definition, meaning: str) -> Symbol:
    return Symbol(notation.symbol(d, TEX), notation.symbol(d, TEXT), meaning, _shape(d.shape, TEX))


def letters(derivation: Derivation) -> list[tuple[str, str]]:
    """Each index letter with its range, once the document has been printed."""
    return [
        (letter, rf"0, \dots, {Printer(_NO_NAMES, {}, TEX)(size - 1)}")
        for letter, size in derivation.notation.ranges()
        if not any(mark in letter for mark in "{_")
    ]


def results(derivation: Derivation, form: str, style: Style) -> tuple[Line, ...]:
    """The last word: each derivative, or the whole matrix where every input is a scalar."""
    whole = assembled(derivation, style)
    if whole is not None:
        return (Line(whole[0], (whole[1],), "matrix"),)
    last = {step.target: step for step in derivation.steps if step.kind == "adjoint" and step.number.isdigit()}
    lines: list[Line] = []
    for target in derivation.wrt:
        step = last.get(target)
        if step is None:
            lines.append(Line(derivation.notation.derivative(target, style), ("0",), "index"))
            continue
        found = _lines(derivation, step, form, style)
        lines.append(Line(found[-1].left, found[-1].rights[-1:], found[-1].form))
    return tuple(lines)


# -- documents --------------------------------------------------------------------------------------------------------
def render(derivation: Derivation, kind: str, form: str = "both") -> str:
    """The document as text; ``kind`` is "tex", "html" or "md"."""
    import jinja2

    mathml = mathml_filter() if kind == "html" else None
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gradproof.symbolic.derivations", "templates"),
        autoescape=kind == "html",
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **(_TEX_DELIMITERS if kind == "tex" else {}),
    )
    environment.filters["tex_text"] = _tex_text
    environment.filters["sup"] = _html_text if kind == "html" else str
    if mathml is not None:
        environment.filters["math"] = mathml
    content: dict[str, Any] = {
        "title": _heading(derivation),
        "blocks": blocks(derivation, form, TEX),
        "results": results(derivation, form, TEX),
        "symbols": symbols(derivation),
        "conventions": (*CONVENTIONS, *(TIMES if derivation.notation.times else ())),
        "forward": sum(step.kind == "value" for step in derivation.steps),
    }
    content["letters"] = letters(derivation)
    return environment.get_template(f"derivation.{kind}.j2").render(content)


_TEX_DELIMITERS: Final[dict[str, Any]] = {
    "block_start_string": "<%", "block_end_string": "%>", "variable_start_string": "<<", "variable_end_string": ">>",
    "comment_start_string": "<#", "comment_end_string": "#>",
}  # fmt: skip


def _heading(derivation: Derivation) -> str:
    notation = derivation.notation
    names = [TEXT.symbol(notation.parts(d), (), d.rank == 0) for d in (derivation.output, *derivation.wrt)]
    what = "gradient" if derivation.output.rank == 0 else "Jacobian"
    return f"The {what} of {names[0]} by {', '.join(names[1:])}"


def _html_text(text: str) -> Any:
    import markupsafe

    return markupsafe.Markup(str(markupsafe.escape(text)).replace("^⊙p", "<sup>⊙p</sup>"))


def _tex_text(text: str) -> str:
    """Plain text for TeX, its few mathematical characters as formulas."""
    escaped = re.sub(r"([#%&$_{}])", r"\\\1", text)
    for character, tex in _TEX_CHARACTERS.items():
        escaped = escaped.replace(character, tex)
    return re.sub("[̀-ͯ]", "", escaped)


_TEX_CHARACTERS: Final = {
    "X^⊙p": r"$X^{\odot p}$",
    "𝟏": r"$\mathbf{1}$",
    "𝐞": r"$\mathbf{e}$",
    "⊙": r"$\odot$",
    "∂": r"$\partial$",
    "×": r"$\times$",
} | {letter: f"${TEX.letter(name)}$" for name, letter in GREEK_TEXT.items()}


def mathml_filter() -> Callable[..., Any]:
    """A template filter from TeX to MathML."""
    try:
        from latex2mathml.converter import convert
    except ImportError as error:
        raise UsageError(
            "HTML needs latex2mathml for its formulas; install it with: python -m pip install 'gradproof[tour]'"
        ) from error
    import markupsafe

    def filter_(tex: str, display: str = "block") -> markupsafe.Markup:
        text = convert(tex, display=display)
        # a browser's MathML core knows no bold digits, and reads an operator's own spacing into function names
        text = text.replace('<mn mathvariant="bold">1</mn>', "<mn>&#x1D7CF;</mn>")
        text = re.sub(r"<mo>([A-Za-z]{2,})</mo>", r"<mi>\1</mi>", text)
        return markupsafe.Markup(text)

    return filter_


def write(derivation: Derivation, path: str | os.PathLike[str], form: str = "both") -> Path:
    """Write a document; its kind is the suffix of ``path``."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            f"{path}: a derivation is written as {', '.join(SUFFIXES)}, not as {suffix or 'a file without suffix'!r}"
        )
    if suffix == ".pdf":
        return write_bytes(path, pdf(render(derivation, "tex", form)))
    return write_text(path, render(derivation, suffix[1:], form))


def pdf(source: str) -> bytes:
    """A TeX document as PDF, by pdflatex."""
    program = shutil.which("pdflatex")
    if program is None:
        raise UsageError("a PDF needs pdflatex, which is not installed; write .tex or .html instead")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "derivation.tex").write_text(source, encoding="utf-8")
        command = [program, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "derivation.tex"]
        for _ in range(2):  # the table may take a second run to settle
            done = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
            if done.returncode:
                log = done.stdout.decode("utf-8", "replace").splitlines()
                reason = next((line for line in log if line.startswith("!")), f"exit code {done.returncode}")
                raise UsageError(f"pdflatex stopped: {reason}; write .tex to look at the source")
        return (Path(folder) / "derivation.pdf").read_bytes()


# -- plain text -------------------------------------------------------------------------------------------------------
def plain_text(derivation: Derivation, form: str = "both", color: bool = False) -> str:
    """The derivation for a terminal: numbered equations, the rule of each step, results at the end."""
    lines = [_heading(derivation), ""]

    def show(block: Block, depth: int) -> None:
        indent = "  " * depth
        lines.append(
            f"{indent}({block.number}) {block.rule}" + (f"   {block.title}, {block.shape}" if not depth else "")
        )
        for line in block.lines:
            parts = (line.left, *line.rights)
            lines.append(f"{indent}      {parts[0]}" + "".join(f" = {p}" for p in parts[1:]))
        for inner in block.blocks:
            show(inner, depth + 1)

    for block in blocks(derivation, form, TEXT):
        show(block, 0)
    lines += ["", "Result"]
    lines += [f"  {' = '.join((line.left, *line.rights))}" for line in results(derivation, form, TEXT)]
    return "\n".join(lines) + "\n"


def summary(derivation: Derivation) -> str:
    """One line a numbered equation, in matrix form where there is one."""
    lines = []
    for step in derivation.steps:
        line = _lines(derivation, step, "matrix", TEXT)[-1]
        lines.append(f"({step.number})  {' = '.join((line.left, *line.rights[-1:]))}")
    return "\n".join(lines)


__all__ = ["CONVENTIONS", "FORMS", "Block", "Line", "plain_text", "render", "summary", "write"]
