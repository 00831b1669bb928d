"""``index.html``: everything that the tour made, on one page that opens offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

import gradproof
from gradproof.files import write_text
from gradproof.symbolic.derivations.documents import mathml_filter

if TYPE_CHECKING:
    from gradproof.symbolic.networks.network import Network

    from .steps import Findings, Settings


def write_page(folder: Path, net: Network, found: Findings, settings: Settings) -> Path:
    """Write ``index.html`` into the folder."""
    environment = Environment(
        loader=PackageLoader("gradproof.tour"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    program = (folder / "train.py").read_text(encoding="utf-8")
    text = environment.get_template("index.html.j2").render(
        version=gradproof.__version__,
        layers=[
            {"number": number, "inputs": layer.inputs, "outputs": layer.outputs, "activation": layer.activation}
            for number, layer in enumerate(net.layers, start=1)
        ],
        size=net.size,
        equations=_equations(net),
        verdicts=_verdict_table(found),
        kinds=list(found.verdicts),
        figures=found.figures,
        seconds=sum(found.seconds.values()),
        settings=settings,
        excerpt=_excerpt(program),
    )
    return write_text(folder / "index.html", text)


def mathml(latex: str) -> str:
    """A formula as MathML, which browsers show without any script."""
    return str(mathml_filter()(latex))


def _equations(net: Network) -> list[str]:
    """The fused equations of cost and gradients, in matrix form where they have one, as MathML."""
    from gradproof.symbolic.derivations.latex import shown, sides
    from gradproof.symbolic.derivations.matrix_form import matrix_form
    from gradproof.symbolic.derivations.notation import Notation
    from gradproof.symbolic.equations.definition import System
    from gradproof.symbolic.equations.tidy import tidy

    system = System.of(*tidy(net.system().outputs))
    notation = Notation.of(system.names)
    lines = (sides(notation, d, matrix_form(d)) for d in shown(system))
    return [mathml(f"{left} = {right}") for left, right in lines]


def _verdict_table(found: Findings) -> list[dict[str, Any]]:
    """One row a parameter: its name, and the verdict of each kind of evidence."""
    kinds = list(found.verdicts)
    names = list(found.verdicts[kinds[0]])
    return [{"name": n, "verdicts": [found.verdicts[k][n].split(":")[0] for k in kinds]} for n in names]


def _excerpt(program: str) -> str:
    """The function of the generated program that computes loss and gradient."""
    lines = program.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("def loss_and_gradient"))
    after = (i for i in range(start + 1, len(lines)) if lines[i] and not lines[i].startswith((" ", ")")))
    end = next(after, len(lines))
    return "\n".join(lines[start:end]).rstrip()
