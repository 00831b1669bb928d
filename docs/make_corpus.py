"""Write ``corpus.md``: derivatives from the literature as they come out, with the formula, the code and the verdict.

``python docs/make_corpus.py`` writes the page anew; a test holds it against what the engine gives.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import gradproof as gp
from gradproof.symbolic.arrays.products import eye
from gradproof.symbolic.formulas.formula import evaluate_formula
from gradproof.symbolic.formulas.formula_functions import default_functions

HERE = Path(__file__).parent
CASES = HERE.parent / "tests" / "symbolic" / "corpus.json"
ASSUMED = {"spd": "positive_definite", "symmetric": "symmetric", "positive": "positive", "onehot": "one_hot"}
"""The words of the corpus's domains that an array may be assumed to have."""

INTRODUCTION = """# Derivatives from the literature

Expressions from the Matrix Cookbook, from Parr and Howard, from matrixcalculus.org and from networks, each with the
derivative as it comes out: the formula that `.latex()` gives, the code that `.numpy()` gives (its checks of shapes left
out), and the verdict of `gp.equal` on it and the published one. `docs/make_corpus.py` writes this page.

$\\bar x$ is the derivative by $x$, $\\odot$ and $\\oslash$ are product and quotient element by element,
$\\mathbf 1$ is a column of ones, $\\sigma$ the sigmoid. A gradient has the shape of what it is taken by;
$\\bar X_{ijkl}$ is the derivative of entry $ij$ by $X_{kl}$, and $\\otimes$ and vec are of
rows stacked, as NumPy stacks them.
"""


def derived(case: dict[str, Any]) -> tuple[Any, Any]:
    """The derivative that the engine finds, and the published one."""
    functions = default_functions() | {"eye": eye}
    assumed = case.get("domain") or {}
    symbols = {
        name: gp.array(name, tuple(shape), **({ASSUMED[assumed[name]]: True} if assumed.get(name) in ASSUMED else {}))
        for name, shape in case["shapes"].items()
    }
    y, wrt = evaluate_formula(case["expr"], symbols, functions), symbols[case["wrt"]]
    take = {"gradient": gp.grad, "hessian": gp.hessian}.get(case["kind"], gp.jacobian)
    return take(y, wrt), evaluate_formula(case["derivative"], symbols, functions)


def section(case: dict[str, Any]) -> str:
    """One case of the page."""
    found, published = derived(case)
    compared = by_columns(found) if case["kind"] == "vec-jacobian" else found
    words = ", ".join(f"{name} {kind}" for name, kind in (case.get("domain") or {}).items())
    shapes = ", ".join(f"{name} ({', '.join(shape)})" for name, shape in case["shapes"].items())
    kind = "Jacobian" if "jacobian" in case["kind"] else case["kind"].capitalize()
    return "\n".join(
        [
            f"## {case['id']}",
            "",
            f"{case['source']}. {kind} by `{case['wrt']}`; {shapes}{'; ' + words if words else ''}.",
            "",
            f"```text\n{case['expr']}\n```",
            "",
            f"$$\n{found.latex()}\n$$",
            "",
            f"```text\n{computation(found.numpy())}\n```",
            "",
            f"Verdict: {gp.equal(compared, published).name}.",
        ]
    )


def by_columns(jacobian: Any) -> Any:
    """d vec(Y) / d vec(X), both stacked by columns."""
    rows, columns, height, width = jacobian.shape
    return jacobian.transpose((1, 0, 3, 2)).reshape(rows * columns, height * width)


def computation(source: str) -> str:
    """The lines of a function that compute: no checks, no comments, no sizes that nothing uses."""
    lines = [re.sub(r"\s+# .*", "", line)[4:] for line in source.split('"""')[-1].splitlines()]
    left_out = r"\s*(if .*|raise .*|#.*|.*np\.asarray\(.*)?$"
    lines = [line for line in lines if not re.match(left_out, line)]
    sizes = [line for line in lines if re.search(r"= \w+\.shape(\[\d\])?$", line)]
    rest = "\n".join(line for line in lines if line not in sizes)
    used = [
        line
        for line in sizes
        if any(re.search(rf"\b{name}\b", rest) for name in re.findall(r"\w+", line.split("=")[0]))
    ]
    return "\n".join([*used, rest])


def page(cases: list[dict[str, Any]]) -> str:
    """The whole page."""
    return "\n\n".join([INTRODUCTION.rstrip(), *map(section, cases)]) + "\n"


def cases() -> list[dict[str, Any]]:
    """The cases of the page in their order."""
    return json.loads(CASES.read_text())  # type: ignore[no-any-return]


if __name__ == "__main__":
    (HERE / "corpus.md").write_text(page(cases()))
    sys.stdout.write(f"{len(cases())} derivatives\n")
