"""A small checker of TeX: environments, braces, \\left and \\right, and a whitelist of macros."""

from __future__ import annotations

import re
from typing import Any

_MACROS = """frac sqrt sum prod left right operatorname text mathbf bar hat tilde dot partial odot oslash otimes top
cdot
lVert rVert langle rangle lfloor rfloor lceil rceil bmod mid quad
in ge le ne times dots begin end log tanh sin cos tan sinh cosh
arctan max min exp sigma alpha
beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho tau upsilon phi chi psi
omega Gamma Delta infty Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"""
FORMULA_MACROS = frozenset(_MACROS.split())


def problems(tex: str, macros: frozenset[str] = FORMULA_MACROS) -> list[str]:
    """What is wrong with a formula; an empty list if nothing is."""
    found = [f"unknown macro \\{name}" for name in re.findall(r"\\([A-Za-z]+)", tex) if name not in macros]
    depth = 0
    for character in re.sub(r"\\[{}\\]", "", tex):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            found.append("a brace is closed that was not opened")
            break
    if depth > 0:
        found.append("a brace is not closed")
    if len(re.findall(r"\\left\b", tex)) != len(re.findall(r"\\right\b", tex)):
        found.append("\\left without \\right")
    open_environments: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{([a-z*]+)\}", tex):
        if kind == "begin":
            open_environments.append(name)
        elif not open_environments or open_environments.pop() != name:
            found.append(f"\\end{{{name}}} does not close what is open")
    found += [f"{name} is not closed" for name in open_environments]
    if re.search(r"\^\{[^{}]*\}\^|_\{[^{}]*\}_", tex):
        found.append("a double superscript or subscript")
    return found


def parsed(tex: str) -> Any:
    """The nodes of a document by an independent parser, strict about braces and environments."""
    from pylatexenc.latexwalker import LatexWalker

    nodes, _, _ = LatexWalker(tex, tolerant_parsing=False).get_latex_nodes()
    return nodes
