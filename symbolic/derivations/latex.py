r"""LaTeX of symbolic arrays: what ``array.latex()`` returns.

>>> from gradproof.symbolic.arrays.array import array
>>> from gradproof.symbolic.calculus.differentiate import grad
>>> X, w, y = array("X", ("m", "n")), array("w", ("n",)), array("y", ("m",))
>>> r = X @ w - y
>>> print(array_latex(grad(r @ r / 2, w), "matrix"))
X^{\top} \left(X w - y\right)
>>> print(array_latex(X @ w, "index"))
t_{i} = \sum_{j} X_{ij} w_{j}
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sympy as sp

from gradproof.errors import UsageError

from ..calculus.compressed import VECTOR
from ..calculus.other_factors import OTHERS
from ..equations.definition import PLAIN_NAMES, Definition, System, define, owner, references
from ..equations.exponentials import slope_of
from ..equations.matrix_definitions import default_name, is_default, is_factor
from ..equations.matrix_functions import MatrixFunction
from ..equations.nodes import LogSumExp, ProductOver
from ..equations.tidy import tidy
from ..recurrences.written import in_step_order, written
from .block_names import line, name_blocks
from .explicit import Explicit
from .function_nodes import OfMatrix, Power, SquaredNorm
from .handing_on import numbers_handed_on
from .index_lines import put_together
from .initial import Start, starts_before
from .kronecker_form import kronecker_form
from .matrix_form import matrix_expression, matrix_form
from .matrix_nodes import Hadamard, Leaf, MatMul, Node, Number, Scale, Transpose
from .notation import Notation
from .patterns import softmax_pattern
from .printer import Printer, equation
from .rebuilding import rebuilt
from .styles import TEX, Style
from .time_nodes import AtTimes, SumOver
from .times import NO_TIMES, Times
from .turning import turned

if TYPE_CHECKING:
    from ..arrays.array import Array

FORMS = ("matrix", "index")
_SMALLEST = 5
"""A function of a matrix of no more nodes is put into every use."""

_FEW_USES = 4
"""A product of two inputs is put into up to so many uses."""

_LARGEST = 9
"""A matrix expression of no more nodes than this is put into its only use."""

_MOST_ARRAYS = 4
_MOST_PLACES = 7
"""So is one of few arrays at few places; of a product of elements, which stands in parentheses, one array less."""

_WIDEST = 12
"""But not where the equation that it goes to would have more places than this."""

_SCALAR_USES = 6
"""A norm, and a power of a scalar, are put into up to so many uses: shorter than a name."""


def array_latex(array: Array, form: str = "matrix") -> str:
    """The value of ``array``: one formula, or an ``aligned`` set of equations where it needs named intermediates.

    In matrix form, an equation that has none is printed in index form. ``form`` is "matrix" or "index", else a
    :class:`~gradproof.errors.UsageError`.
    """
    return show_array(array.definition, form, TEX)


def show_array(definition: Definition, form: str = "matrix", style: Style = TEX) -> str:
    """The same in any style; text has one equation a line."""
    if form not in FORMS:
        raise UsageError(f"no form is called {form!r}; the forms are {', '.join(FORMS)}")
    if definition.is_input:
        return Notation.of({definition: definition.name}).symbol(definition, style)
    (tidied,), _ = written(tidy([definition]))
    if tidied.is_input:
        return Notation.of({tidied: tidied.name}).symbol(tidied, style)
    tidied = _spelled_out(tidied)
    system = System.of(tidied)
    times = Times.of(system.equations)
    equations = tuple(in_step_order(shown(system)))
    nodes = inlined(equations, tidied, times) if form == "matrix" else {}
    equations = tuple(nodes) if form == "matrix" else tuple(d for d in equations if _is_named(d, tidied))
    lines_by_index = put_together(equations, nodes, tidied)
    equations = tuple(d for d in equations if d in lines_by_index or nodes.get(d) is not None)
    notation = Notation.of(_numbered(system, equations), times=times)
    notation.apart, notation.defined = tidied.rank > 2, frozenset(equations)
    blocks = name_blocks(notation, nodes)
    lines = [line(notation, d, whole, style) for d, whole in blocks.items() if d not in nodes]
    for d in equations:
        lines += [start_sides(notation, state, form, style) for state in starts_before(d, equations, times)]
        lines.append(sides(notation, d, nodes.get(d), style, lines_by_index.get(d)))
        lines += [line(notation, d, blocks[d], style)] if d in blocks else []
    if len(lines) == 1 and (nodes.get(tidied) is not None or not tidied.rank):
        return lines[0][1]
    if style is not TEX:
        return "\n".join(f"{left} = {right}" for left, right in lines)
    if len(lines) == 1:
        return " = ".join(lines[0])
    body = " \\\\\n".join(f"{left} &= {right}" for left, right in lines)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def _spelled_out(output: Definition) -> Definition:
    """An output that is another array by a name that nobody chose, as what that array is."""
    other = owner(output.rhs) if isinstance(output.rhs, sp.Indexed) else None
    if other is None or other.rhs is None or other.group or output.group or output.first:
        return output
    plain = is_default(other) or (isinstance(other.rhs, ProductOver) and other.name == OTHERS)
    if not plain or tuple(output.rhs.indices) != output.indices or other.shape != output.shape:
        return output
    return define(output.name, output.shape, other.rhs, derivative_of=output.derivative_of)


def sides(
    notation: Notation, definition: Definition, node: Node | None, style: Style = TEX, rhs: Any = None
) -> tuple[str, str]:
    """Both sides of an equation, in matrix form where a node is given; by index perhaps with another right side."""
    if node is not None:
        below = [letter for _, letter in node.letters(notation, style)] if isinstance(node, AtTimes) else []
        return notation.symbol(definition, style, below), node.show(notation, style)
    return equation(notation, definition, style, rhs=rhs)


def start_sides(notation: Notation, state: Definition, form: str, style: Style = TEX) -> tuple[str, str]:
    """Both sides of what a state is before the first step, h₋₁ = h⁽⁰⁾."""
    start = Start.of(state, notation.times)
    node = start.node() if form == "matrix" else None
    show = Printer(notation, notation.assign(start.ranges, start.value), style)
    value = show(start.value) if node is None else node.show(notation, style)
    return notation.symbol(state, style, start.below(show, node is None)), value


def shown(system: System) -> tuple[Definition, ...]:
    """The equations worth printing: a logsumexp that stands in softmax alone is not."""
    needed = set(system.outputs)
    for d in reversed(system.equations):
        softmax = softmax_pattern(d.rhs)
        needed.update(u for u in d.uses if softmax is None or not isinstance(u.rhs, LogSumExp))
    return tuple(d for d in system.equations if d in needed or d.group)


def _is_named(d: Definition, output: Definition) -> bool:
    """Whether an equation says more than that an inverse is one."""
    if d is output or not is_default(d) or d.name != default_name(d.rhs):
        return True
    return slope_of(d) is None and (d.rhs.name != "inv" or d.name == "inv")


def inlined(
    equations: Sequence[Definition], output: Definition, times: Times = NO_TIMES
) -> dict[Definition, Node | None]:
    """The matrix form of each equation, short unnamed ones put into their only use; those are left out."""
    nodes = {d: matrix_form(d, times) for d in equations}
    nodes = _without_stacks(nodes, output, times)
    equations = tuple(nodes)
    if nodes.get(output) is None and output in nodes:
        nodes[output] = kronecker_form(output)
    users: dict[Definition, Definition] = {}
    width = {d: len(_leaves(node)) for d, node in nodes.items() if node is not None}
    uses: dict[Definition, int] = dict.fromkeys(equations, 0)
    before: dict[Definition, set[Definition]] = {}  # what the equations up to one, and its start, use
    read: set[Definition] = set()
    for d, node in nodes.items():
        for used in _leaves(node) if node is not None else (*d.uses, *d.uses):
            if used in uses:
                uses[used] += 1
                users[used] = d
        before[d] = read = read | set(_leaves(node) if node is not None else d.uses)
    of_matrices = _around_matrices(equations)
    named = {u for d, node in nodes.items() if node is None for u in d.uses if not is_default(u)}
    result: dict[Definition, Node | None] = {}
    gone: dict[Definition, Node] = {}
    for d in equations:
        node = nodes[d]
        if node is not None:
            put_in = node.replaced(lambda leaf: gone.get(leaf.definition, leaf))
            node = rebuilt(put_in) if put_in != node else node
        if (
            node is not None
            and d is not output
            and _unnamed(d)
            and d not in before[d]
            and not (isinstance(node, AtTimes) and (uses[d] != 1 or _sums_over_times(node)))
            and d not in named
            and not is_factor(d)
            and (
                (uses[d] == 1 and (_is_short(node, width.get(users[d], 0)) or _is_leaf(nodes.get(output), d)))
                or (uses[d] <= _SCALAR_USES and _is_small_scalar(nodes[d]))
                or (_count(node) <= _SMALLEST and d in of_matrices)
                or (uses[d] <= _FEW_USES and (_is_product_of_two(node) or _of_matrices_alone(node)))
            )
        ):
            gone[d] = node
            if uses[d] == 1 and users[d] in width:
                width[users[d]] += len(_leaves(node)) - 1
            continue
        if d is output or not is_default(d) or slope_of(d) is None:  # that is written out where it is used
            result[d] = node
    result = numbers_handed_on(result, output)
    return {d: None if node is None else turned(node) for d, node in result.items()}


def _without_stacks(
    nodes: dict[Definition, Node | None], output: Definition, times: Times
) -> dict[Definition, Node | None]:
    """The same with intermediates of three axes put into sums over one of them where that has a matrix form."""
    stacks = {d for d, node in nodes.items() if node is None and d.rank > 2 and d.rhs is not None and not d.group}
    found = dict(nodes)
    for d in nodes:
        held = [r for r in references(d.rhs) if owner(r) in stacks] if d.rank <= 2 and d.rhs is not None else []
        if held and nodes[d] is None and not d.group:
            opened = {r: u.expanded_at(*r.indices) for r in held if (u := owner(r)) is not None}
            found[d] = matrix_expression(d.rhs.xreplace(opened), d.ranges, d.shape, times)
    if found == nodes:
        return nodes
    needed, pending = set[Definition](), [output]
    while pending:
        d = pending.pop()
        if d not in needed:
            needed.add(d)
            node = found.get(d)
            pending.extend(_leaves(node) if node is not None else d.uses)
            pending.extend(d.group or ())
    return {d: node for d, node in found.items() if d in needed}


def _sums_over_times(node: Node) -> bool:
    """Whether an expression names a time of its own, which another one may use too."""
    return isinstance(node, SumOver) or any(_sums_over_times(part) for part in _parts(node))


def _is_leaf(node: Node | None, d: Definition) -> bool:
    """Whether a node is nothing but another equation's array."""
    if isinstance(node, Scale) and all(isinstance(part, Number) for part in node.scalars):
        node = node.operand
    return isinstance(node, Leaf) and node.definition is d


def _is_short(node: Node, width: int) -> bool:
    """Whether an expression reads well within another one, which has so many places."""
    if _count(node) <= _LARGEST:
        return True
    if isinstance(node, AtTimes):  # what comes back from the next time has a name in books
        return False
    leaves, core = _leaves(node), node.operand if isinstance(node, Scale) else node
    if width + len(leaves) > _WIDEST:
        return False
    return len(leaves) <= _MOST_PLACES and len(set(leaves)) <= _MOST_ARRAYS - isinstance(core, Hadamard)


def _is_small_scalar(node: Node | None) -> bool:
    """‖x‖², ‖x − a‖², 1/t, t^{-3/2}."""
    if isinstance(node, Scale) and all(isinstance(part, Number) for part in node.scalars):
        node = node.operand
    if isinstance(node, SquaredNorm):
        return len(_leaves(node)) <= 2 and _count(node) <= _LARGEST
    return isinstance(node, Power) and node.is_scalar and isinstance(node.base, Leaf)


def _is_product_of_two(node: Node) -> bool:
    """A x, Xᵀ A: shorter than a name for it."""
    if not isinstance(node, MatMul) or len(node.factors) != 2:
        return False
    plain = (f.operand if isinstance(f, Transpose) else f for f in node.factors)
    return all(isinstance(f, Leaf) and f.definition.is_input for f in plain)


def _of_matrices_alone(node: Node) -> bool:
    """det(A) A⁻¹, A⁻¹ Xᵀ: functions of matrices, which are short whatever the matrix is."""
    if isinstance(node, MatMul):
        plain = [f.operand if isinstance(f, Transpose) else f for f in node.factors]
        of_matrices = [f for f in plain if isinstance(f, OfMatrix)]
        return len(plain) == 2 and bool(of_matrices) and all(isinstance(f, (OfMatrix, Leaf)) for f in plain)
    if isinstance(node, Scale):
        return all(isinstance(part, (OfMatrix, Number)) for part in node.scalars) and _of_matrices_alone(node.operand)
    return isinstance(node.operand if isinstance(node, Transpose) else node, OfMatrix)


def _numbered(system: System, equations: Sequence[Definition]) -> dict[Definition, str]:
    """The names of a system, those that nobody chose numbered anew among the equations that are printed."""
    names = system.names
    plain = {d for d in equations if _is_plain(d, names)}
    after = {d for d in equations if _is_after_plain(d)}  # adjoints of such, adjoints of these, ...
    taken = {names[d] for d in (*system.inputs, *equations) if d not in plain | after}
    for d in equations:
        if d in plain:
            names[d] = _free(d.name, taken)
    left = [d for d in equations if d in after]
    while left:
        d = next((d for d in left if d.derivative_of not in left), left[0])
        left.remove(d)
        target = d.derivative_of
        # where what it is the adjoint of is not printed, there is nothing that a bar would refer to
        names[d] = _free(f"d_{names[target]}" if target is not None and target in equations else "t", taken)
    return names


def _is_plain(d: Definition, names: Mapping[Definition, str]) -> bool:
    """Whether an equation has no other name than the one that operators give."""
    return d.name in PLAIN_NAMES and re.fullmatch(rf"{d.name}(_\d+)?", names.get(d, d.name)) is not None


def _is_after_plain(d: Definition) -> bool:
    """Whether an equation is the adjoint of one that nobody named, or the adjoint of such an adjoint."""
    target = d.derivative_of
    if target is None or target.is_input or d.name != f"d_{target.name}":
        return False
    return (
        target.name in PLAIN_NAMES or (is_default(target) and target.name == target.rhs.name) or _is_after_plain(target)
    )


def _free(name: str, taken: set[str]) -> str:
    found = next(n for n in itertools.chain([name], (f"{name}_{k}" for k in itertools.count(2))) if n not in taken)
    taken.add(found)
    return found


def _unnamed(d: Definition) -> bool:
    return d.name in PLAIN_NAMES or d.name.startswith("d_") or is_default(d) or (d.name == VECTOR and not d.rank)


def _around_matrices(equations: Sequence[Definition]) -> set[Definition]:
    """Inverses and determinants, and what stands in them alone: (X^T X)^{-1} is written out wherever it is used."""
    functions = {d for d in equations if isinstance(d.rhs, MatrixFunction)}
    inside = {used for d in functions for used in d.uses}
    return functions | {d for d in inside if all(user in functions for user in equations if d in user.uses)}


def _leaves(node: Node) -> list[Definition]:
    found: list[Definition] = []

    def note(leaf: Leaf) -> Node:
        found.append(leaf.definition)
        return leaf

    node.replaced(note)
    if isinstance(node, Explicit):
        found.extend(d for row in node.entries for e in row for d in _owners(e) for _ in range(2))
    return found


def _owners(expression: Any) -> list[Definition]:
    return [d for d in map(owner, references(expression)) if d is not None]


def _count(node: Node) -> int:
    """How many nodes an expression has."""
    return 1 + sum(map(_count, _parts(node)))


def _parts(node: Node) -> list[Node]:
    values = (v if isinstance(v, tuple) else (v,) for v in vars(node).values())
    return [part for value in values for part in value if isinstance(part, Node)]


__all__ = ["FORMS", "array_latex", "inlined", "show_array", "shown", "sides"]
