"""The table of rewritings: mathematically the same, and numerically not.

A row is a name and pairs of a pattern and what takes its place (the language of :mod:`.patterns`). That a row fits is
a guess; it is kept only if the rewritten code has the same exact values and loses fewer digits. Sources: Higham,
*Accuracy and Stability of Numerical Algorithms* (2nd ed., SIAM 2002), sections 1.5 to 1.14; Goldberg, *What Every
Computer Scientist Should Know About Floating-Point Arithmetic* (1991); Blanchard, Higham and Higham, *Accurately
computing the log-sum-exp and softmax functions* (2021).
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gradproof.numeric.audit.patterns import Scope, filled, matches, parsed
from gradproof.numeric.audit.source import Source
from gradproof.symbolic.user_code.trees import Node

_SIGMOID: Final = "1 / (1 + exp(-_z))"
_LOG_SUM_EXP: Final = "np.max({0}, {1}) + np.log(np.sum(np.exp({0} - np.max({0}, *_kd)), {1}))"
_SOFTMAX: Final = "exp(_u) / sum(exp(_u), *_k)"
_TAIL: Final = "np.exp(-np.abs(_z)) / (1 + np.exp(-np.abs(_z))) ** 2"


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A row of the table."""

    name: str
    pairs: tuple[tuple[str, str], ...]


ROWS: Final[tuple[Rewriting, ...]] = (
    Rewriting("log(1 − p) as log1p(−p)", (("log(1 - _p)", "np.log1p(-_p)"),)),
    Rewriting("log(1 + x) as log1p(x)", (("log(1 + _x)", "np.log1p(_x)"),)),
    Rewriting("log(1 + exp(z)) as logaddexp(0, z)", (("log(1 + exp(_z))", "np.logaddexp(0, _z)"),)),
    Rewriting("log(exp(a) + exp(b)) as logaddexp(a, b)", (("log(exp(_a) + exp(_b))", "np.logaddexp(_a, _b)"),)),
    Rewriting(
        "binary cross-entropy from the logits",
        ((f"log({_SIGMOID})", "-np.logaddexp(0, -_z)"), (f"log(1 - {_SIGMOID})", "-np.logaddexp(0, _z)")),
    ),
    Rewriting(
        "log(sum(exp(z))) with the maximum subtracted",
        (("log(sum(exp(_z), *_k))", _LOG_SUM_EXP.format("_z", "*_k")),),
    ),
    Rewriting(
        "log(softmax) as z − log(sum(exp(z)))",
        (
            (f"log({_SOFTMAX})", "_u - np.log(np.sum(np.exp(_u), *_k))"),
            (f"log(({_SOFTMAX})[_i])", "(_u - np.log(np.sum(np.exp(_u), *_k)))[_i]"),
        ),
    ),
    Rewriting(
        "log(softmax) as z − logsumexp(z)",
        (
            (f"log({_SOFTMAX})", f"_u - ({_LOG_SUM_EXP.format('_u', '*_kd')})"),
            (f"log(({_SOFTMAX})[_i])", f"(_u - ({_LOG_SUM_EXP.format('_u', '*_kd')}))[_i]"),
        ),
    ),
    Rewriting(
        "softmax with the maximum of each row subtracted",
        (("exp(_z)", "np.exp(_z - np.max(_z, axis=-1, keepdims=True))"),),
    ),
    Rewriting("softmax with the maximum subtracted", (("exp(_z)", "np.exp(_z - np.max(_z))"),)),
    Rewriting(
        "softmax with the maximum of each column subtracted",
        (("exp(_z)", "np.exp(_z - np.max(_z, axis=0, keepdims=True))"),),
    ),
    Rewriting("exp(x) − 1 as expm1(x)", (("exp(_x) - 1", "np.expm1(_x)"), ("1 - exp(_x)", "-np.expm1(_x)"))),
    Rewriting("exp(z) / (1 + exp(z)) as 1 / (1 + exp(−z))", (("exp(_z) / (1 + exp(_z))", "1 / (1 + np.exp(-_z))"),)),
    Rewriting(
        "the sigmoid in two branches",
        (
            (_SIGMOID, "np.where(_z >= 0, 1, np.exp(-np.abs(_z))) / (1 + np.exp(-np.abs(_z)))"),
            ("exp(_z) / (1 + exp(_z))", "np.where(_z >= 0, 1, np.exp(-np.abs(_z))) / (1 + np.exp(-np.abs(_z)))"),
        ),
    ),
    Rewriting(
        "σ(1 − σ) from the exponential",
        (
            (f"({_SIGMOID}) * (1 - {_SIGMOID})", _TAIL),
            ("exp(-_z) / (1 + exp(-_z)) ** 2", _TAIL),
            ("exp(_z) / (1 + exp(_z)) ** 2", _TAIL),
        ),
    ),
    Rewriting("1 − σ(z) as σ(−z)", ((f"1 - {_SIGMOID}", "1 / (1 + np.exp(_z))"),)),
    Rewriting("1 − tanh² as 1 / cosh²", (("1 - tanh(_x) ** 2", "(1 / np.cosh(_x)) ** 2"),)),
    Rewriting("1 − cos(x) as 2 sin²(x / 2)", (("1 - cos(_x)", "2 * np.sin(_x / 2) ** 2"),)),
    Rewriting("sqrt(a² + b²) as hypot(a, b)", (("sqrt(_a ** 2 + _b ** 2)", "np.hypot(_a, _b)"),)),
    Rewriting(
        "E[x²] − E[x]² as the mean square of what is centred",
        (
            ("mean(_x ** 2, *_k) - mean(_x, *_k) ** 2", "np.var(_x, *_k)"),
            ("sum(_x ** 2, *_k) / _n - (sum(_x, *_k) / _n) ** 2", "np.var(_x, *_k)"),
        ),
    ),
    Rewriting("log of a product as a sum of logs", (("log(prod(_p, *_k))", "np.sum(np.log(_p), *_k)"),)),
    Rewriting(
        "log(cosh(x)) as |x| + log1p(expm1(−2|x|) / 2)",
        (("log(cosh(_x))", "np.abs(_x) + np.log1p(np.expm1(-2 * np.abs(_x)) / 2)"),),
    ),
    Rewriting(
        "y · log(p) is 0 where y is 0",
        (("_y * log(_p)", "_y * np.log(np.where(_y == 0, 1, _p))"),),
    ),
    Rewriting(
        "x / |x| is 0 where x is 0",
        (
            ("_x / sqrt(_s)", "_x / np.sqrt(np.where(_s == 0, 1, _s))"),
            (
                "_x / norm(_y, *_k)",
                "_x / np.where(np.linalg.norm(_y, *_k) == 0, 1, np.linalg.norm(_y, *_k))",
            ),
        ),
    ),
    Rewriting("(x + d)² − x² as d (2x + d)", (("(_x + _d) ** 2 - _x ** 2", "_d * (2 * _x + _d)"),)),
    Rewriting(
        "√(1 + x) − 1 as x / (√(1 + x) + 1)", (("sqrt(1 + _x) - 1", "_x / (np.sqrt(1 + _x) + 1)"),)
    ),
    Rewriting(
        "√a − √b as (a − b) / (√a + √b)",
        (
            ("sqrt(_x + _d) - sqrt(_x)", "_d / (np.sqrt(_x + _d) + np.sqrt(_x))"),
            ("sqrt(_a) - sqrt(_b)", "(_a - _b) / (np.sqrt(_a) + np.sqrt(_b))"),
        ),
    ),
    Rewriting(
        "exp(a) − exp(b) as exp(b) expm1(a − b)", (("exp(_a) - exp(_b)", "np.exp(_b) * np.expm1(_a - _b)"),)
    ),
    Rewriting("log(x + d) − log(x) as log1p(d / x)", (("log(_x + _d) - log(_x)", "np.log1p(_d / _x)"),)),
)  # fmt: skip
"""Every row, the more special ones first: of two that are as good the first is taken."""

_PARSED: Final = {row.name: [(parsed(a), parsed(b)) for a, b in row.pairs] for row in ROWS}


def rewritten(row: Rewriting, source: Source, tree: Node) -> Iterator[Node]:
    """The tree with the row applied at every place where it fits; nothing where it fits nowhere."""
    scope = Scope(source, tree)
    numpy = scope.alias()
    if numpy is None:
        return
    edit = _Apply(row, scope, numpy)
    changed = edit.visit(copy.deepcopy(tree))
    assert isinstance(changed, (ast.FunctionDef, ast.Lambda))
    if edit.count:
        yield ast.fix_missing_locations(changed)


class _Apply(ast.NodeTransformer):
    """Replaces the outermost matches; what is inside a replacement is left as it is."""

    def __init__(self, row: Rewriting, scope: Scope, numpy: str) -> None:
        self.pairs = _PARSED[row.name]
        self.scope = scope
        self.numpy = numpy
        self.count = 0

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, (ast.BinOp, ast.Call)):
            for pattern, replacement in self.pairs:
                bound = next(matches(pattern, node, self.scope, {}), None)
                if bound is not None:
                    self.count += 1
                    return ast.copy_location(filled(replacement, bound, self.numpy), node)
        kept: ast.AST = super().visit(node)
        return kept
