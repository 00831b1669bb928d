"""Random networks: the derived gradient is right, generated code computes it, and verification tells it from a fault.

Each example is drawn by hypothesis and printed with what repeats it; the oracle is automatic differentiation of the
network written once more. ``GRADPROOF_EXAMPLES=10000 python -m pytest -m random_programs`` runs more of them.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Mapping
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from beside import examples, module
from hypothesis import given, note
from hypothesis import strategies as st

import gradproof as gp
from gradproof.codegen.execute import load
from gradproof.symbolic.networks.losses import LOSSES

networks = module(__file__, "random_networks.py")
dense = module(__file__, "../symbolic/test_networks.py", "gradproof_tests_dense_networks")
pytestmark = pytest.mark.random_programs
RANDOM = {"data": st.data(), "seed": st.integers(0, 2**32 - 1)}
LARGEST = 1e6
"""Values beyond this are not compared: their rounding is not."""


class Case:
    """A random network with numbers, and its gradient by automatic differentiation."""

    def __init__(self, data: Any, seed: int) -> None:
        self.net = networks.Network(data.draw, seed)
        self.at = self.net.numbers
        self.known: dict[str, Any] = {}
        note("\n".join(self.net.log))
        parts = [self.at[name] for name in self.net.wrt]
        with np.errstate(all="ignore"):
            self.value, self.right = autograd.value_and_grad(self.cost)(parts)
        self.usable = all(np.all(np.isfinite(g)) and np.max(np.abs(g), initial=0) < LARGEST for g in self.right)

    def cost(self, parts: Any) -> Any:
        """The added zero lets autograd differentiate by a parameter that the network does not use."""
        loss = self.net.automatic(self.at | dict(zip(self.net.wrt, parts, strict=True)))
        return loss + sum(0 * anp.sum(part) for part in parts)

    def close(self, found: Any, right: Any, digits: float = 1e-9) -> None:
        for name, one, other in zip(self.net.wrt, found, right, strict=True):
            assert np.shape(one) == np.shape(other), name
            scale = 1 + np.max(np.abs(other), initial=0)
            np.testing.assert_allclose(one / scale, other / scale, rtol=0, atol=digits, err_msg=name)

    def compiled(self, *arrays: Any) -> Any:
        """Generated NumPy, run."""
        function = gp.compile(list(arrays))
        note(function.source)
        with np.errstate(all="ignore"):
            return function(**{name: v for name, v in (self.at | self.known).items() if name in function.parameters})


@examples(40, shrink=False)
@given(**RANDOM)
def test_the_gradient_of_a_random_network(data: Any, seed: int) -> None:
    """In reverse mode and in forward mode, by generated code."""
    case = Case(data, seed)
    if not case.usable:
        return
    value, *got = case.compiled(case.net.value, *gp.grad(case.net.value, case.net.targets()))
    np.testing.assert_allclose(value, case.value, rtol=1e-9, atol=1e-9)
    case.close(got, case.right)
    case.known = {f"v_{name}": case.net.rng.normal(size=np.shape(case.at[name])) for name in case.net.wrt}
    targets = case.net.targets()
    directions = [gp.array(f"v_{t.name}", t.shape) for t in targets]
    (along,) = case.compiled(gp.jvp(case.net.value, targets, directions))
    other = sum(np.sum(g * v) for g, v in zip(case.right, case.known.values(), strict=True))
    assert abs(along - other) <= 1e-8 * (1 + sum(np.max(np.abs(g), initial=0) for g in case.right))


@examples(60, shrink=False)
@given(**RANDOM)
def test_second_derivatives_of_a_random_network(data: Any, seed: int) -> None:
    """The Hessian times a direction, by tangents of the gradient."""
    case = Case(data, seed)
    if not case.usable:
        return
    name = data.draw(st.sampled_from(case.net.wrt), label="wrt")
    direction = case.net.rng.normal(size=np.shape(case.at[name]))

    def slope(v: Any) -> Any:
        def loss(u: Any) -> Any:
            return case.net.automatic(case.at | {name: u}) + 0 * anp.sum(u**3)

        return anp.sum(autograd.grad(loss)(v) * direction)

    try:
        with np.errstate(all="ignore"):
            right = autograd.grad(slope)(case.at[name])
    except NotImplementedError:  # autograd knows no second derivative of some functions
        return
    if np.all(np.isfinite(right)) and np.max(np.abs(right), initial=0) < LARGEST:
        case.known = {"v": direction}
        target = case.net.inputs[name]
        (found,) = case.compiled(gp.hvp(case.net.value, target, gp.array("v", target.shape)))
        scale = 1 + np.max(np.abs(right), initial=0)
        np.testing.assert_allclose(found / scale, right / scale, rtol=0, atol=1e-8)


@examples(60, shrink=False)
@given(**RANDOM)
def test_the_gradient_of_a_random_dense_network(data: Any, seed: int) -> None:
    """``gp.Network`` with drawn widths, activations, losses, penalties and batch, beside the same in autograd."""
    rng = np.random.default_rng(seed)
    pick = lambda options, what: data.draw(st.sampled_from(sorted(options)), label=what)  # noqa: E731
    loss = pick(dense.LOSS, "loss")
    steep = {"tan", "exp", "expm1", "sinh", "cosh", "square"}
    hidden = set(dense.ORACLE) - steep - {"softmax"}
    count = data.draw(st.integers(1, 3), label="layers")
    sizes = [data.draw(st.integers(1, 4), label="width") for _ in range(count + 1)]
    ends = set(LOSSES[loss].activations or dense.ORACLE) & set(dense.ORACLE) - steep
    rows = [pick(hidden, "activation") for _ in range(count - 1)]
    rows.append(pick(ends - {"softmax"} if sizes[-1] == 1 and len(ends) > 1 else ends, "last"))
    stack = [
        gp.Dense(i, o, a, bias=data.draw(st.booleans(), label="bias"))
        for i, o, a in zip(sizes[:-1], sizes[1:], rows, strict=True)
    ]
    penalties = {name: pick([0, 0.1], name) for name in ("l1", "l2")}
    net = gp.Network(stack, loss, **penalties)
    note(f"{stack} {loss} {penalties}")
    at = dense.numbers(net, rng, rows=data.draw(st.integers(1, 4), label="rows"))
    with np.errstate(all="ignore"):
        value, right = dense.oracle(net, at)
    gradients = net.gradients()
    function = gp.compile([net.cost, *gradients.values()])
    found, *got = function(**{name: at[name] for name in function.parameters})
    np.testing.assert_allclose(found, value, rtol=1e-9)
    for name, one in zip(gradients, got, strict=True):
        np.testing.assert_allclose(one, right[name], rtol=1e-8, atol=1e-10, err_msg=name)


class Edits(ast.NodeTransformer):
    """One edit of a function's source: an operator, a number, a sign, a function or a name is another one."""

    OPERATORS: Mapping[type[ast.operator], type[ast.operator]] = {
        ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.Pow: ast.Mult,
        ast.MatMult: ast.Mult,
    }  # fmt: skip
    FUNCTIONS: Mapping[str, str] = {"exp": "tanh", "tanh": "sin", "sum": "mean", "sqrt": "exp", "maximum": "minimum"}

    def __init__(self, which: int, names: list[str]) -> None:
        self.left, self.names = which, names
        self.made = ""

    def _here(self) -> bool:
        self.left -= 1
        return self.left == -1

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if type(node.op) in self.OPERATORS and self._here():
            before, node.op = ast.unparse(node), self.OPERATORS[type(node.op)]()
            self.made = f"{before} -> {ast.unparse(node)}"
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return self._instead(node, node.operand) if isinstance(node.op, ast.USub) and self._here() else node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) in (int, float) and self._here():
            return self._instead(node, ast.Constant(node.value + 1))
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if node.attr == "T" and self._here():
            return self._instead(node, node.value)
        if node.attr in self.FUNCTIONS and self._here():
            return self._instead(node, ast.Attribute(node.value, self.FUNCTIONS[node.attr], node.ctx))
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if isinstance(node.ctx, ast.Load) and node.id in self.names and self._here():
            other = self.names[self.names.index(node.id) - 1]
            return self._instead(node, ast.Name(other, node.ctx))
        return node

    def _instead(self, node: ast.AST, new: ast.AST) -> ast.AST:
        self.made = f"{ast.unparse(node)} -> {ast.unparse(new)}"
        return ast.copy_location(new, node)


def faulty(source: str, data: Any) -> tuple[str, Any]:
    """The source with one edit behind the checks of its arguments: what was edited, and the function."""
    tree = ast.parse(source)
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    start = max((k for k, s in enumerate(function.body) if isinstance(s, ast.If)), default=0) + 1
    kept, rest = function.body[:start], function.body[start:]
    nodes = [node for part in rest for node in ast.walk(part) if isinstance(node, ast.Name)]
    names = sorted({node.id for node in nodes if isinstance(node.ctx, ast.Store)})
    count = Edits(-1, names)
    for part in copy.deepcopy(rest):
        count.visit(part)
    total = -1 - count.left
    edit = Edits(data.draw(st.integers(0, max(total - 1, 0)), label="edit"), names)
    function.body = [*kept, *(edit.visit(part) for part in rest)]
    return edit.made, load(ast.unparse(ast.fix_missing_locations(tree)), "faulty").compute


@examples(40, shrink=False)
@given(**RANDOM)
def test_a_random_network_is_certified_and_a_fault_in_its_gradient_refuted(data: Any, seed: int) -> None:
    """The generated gradient by ``gp.verify``, as it is and with one edit that changes its numbers."""
    case = Case(data, seed)
    if not case.usable:
        return
    wrt = data.draw(st.sampled_from(case.net.wrt), label="wrt")
    loss = gp.compile(case.net.value).function
    gradient = gp.compile(gp.grad(case.net.value, case.net.inputs[wrt]))
    note(gradient.source)
    needed = {name: case.at[name] for name in case.at if name in {*_names(loss), *gradient.parameters}}
    edit, wrong = faulty(gradient.source, data)
    note(edit)
    right = gradient_of(gradient.function, wrt, gradient.parameters)
    off = gradient_of(wrong, wrt, gradient.parameters)
    report = gp.verify(loss, right, needed, wrt=wrt, prove=False, move=False, budget=0)
    assert report.ok, report
    if changes(lambda: right(**needed)[wrt], lambda: off(**needed)[wrt]):
        report = gp.verify(loss, off, needed, wrt=wrt, prove=False, move=False, budget=0)
        assert report.verdict.name == "refuted", f"{edit}\n{report}"


def gradient_of(compute: Callable[..., Any], wrt: str, names: Mapping[str, str]) -> Callable[..., Any]:
    """A function of all inputs that calls one of some of them."""
    return lambda **given: {wrt: compute(**{name: given[name] for name in names})}


def _names(function: Any) -> tuple[str, ...]:
    code = function.__code__
    return tuple(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def changes(right: Callable[[], Any], wrong: Callable[[], Any]) -> bool:
    """Whether the faulty code runs, and computes finite numbers of the right shape that are others."""
    one = right()
    with np.errstate(all="ignore"):
        try:
            other = wrong()
        except (ValueError, IndexError, TypeError, AttributeError, NameError, ZeroDivisionError):
            return False
    if np.shape(other) != np.shape(one) or not np.all(np.isfinite(other)):
        return False
    return bool(np.max(np.abs(one - other), initial=0) > 1e-6 * (1 + np.max(np.abs(one), initial=0)))
