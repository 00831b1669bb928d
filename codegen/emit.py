"""Writing a program as NumPy source: one line an equation where that reads well, with the equation beside it."""

from __future__ import annotations

import keyword
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import sympy as sp

from .decompositions import decomposed_once
from .helpers import HELPERS
from .precedence import ATOM, BITAND, BITOR, DOT, LOWEST, PLUS, POWER, TEST, TIMES, UNARY
from .program import Instruction, LoopTime, Program
from .size_text import size_text

RESERVED: Final = frozenset({"np", "math", *HELPERS, "dtype", "float", *keyword.kwlist, *keyword.softkwlist})
"""Names that a value must not take in generated code."""

WIDTH: Final = 110
_INLINE: Final = 72
_LONGEST: Final = 96

INFIX: Final[Mapping[str, tuple[str, int]]] = MappingProxyType({
    "add": (" + ", PLUS), "sub": (" - ", PLUS), "mul": (" * ", TIMES), "div": (" / ", TIMES), "matmul": (" @ ", TIMES),
    "floordiv": (" // ", TIMES), "mod": (" % ", TIMES), "and": (" & ", BITAND), "or": (" | ", BITOR),
})  # fmt: skip
"""Binary operators: left-associative, with their precedence."""


@dataclass(frozen=True, slots=True)
class Line:
    """One statement: the variable, its source, and the name of its equation with whether it completes it.

    Without a variable, ``source`` is the whole statement; ``depth`` is how far it stands inside of loops.
    """

    target: str
    source: str
    equation: str
    complete: bool
    depth: int = 0


class Writer:
    """The source of a program's instructions, with ``dims`` naming the dimension symbols.

    ``names`` gives variables for inputs that are not called by their own name (``params["W1"]``).
    """

    def __init__(self, program: Program, dims: Mapping[Any, str], dtype: str = "dtype") -> None:
        self.program = program
        self.dims = dims
        self.dtype = dtype
        self.needs_dtype = False
        self.used_dims: set[Any] = set()
        self.steps = {s.name: s for s in program.instructions}
        self.texts: dict[str, tuple[str, int]] = {i.name: (i.name, ATOM) for i in program.inputs}
        self.shapes = program.shapes
        self.dtypes = {i.name: i.dtype for i in program.inputs} | {s.name: s.dtype for s in program.instructions}
        self.uses = _uses(program)
        self.taken = RESERVED | {i.name for i in program.inputs} | set(dims.values()) | set(self.steps)
        self.lines: list[Line] = []
        self._counter = 0

    def write(self) -> list[Line]:
        """The statements, in order; :attr:`result` then gives the source of each output."""
        for step in self.program.instructions:
            if step.op == "loop":
                from .loop_source import write_loop

                write_loop(self, step)
                continue
            if step.op == "result":  # a variable of the loop
                continue
            text, precedence = self._source(step)
            if self._inlined(step, text):
                self.texts[step.name] = (text, precedence)
                continue
            while len(text) > _LONGEST and self._part(step):
                text, precedence = self._source(step)
            target = step.name if not step.name.startswith("_") else self.fresh()
            self.lines.append(Line(target, text, step.equation, not step.name.startswith("_")))
            self.texts[step.name] = (target, ATOM)
        return self.lines

    def result(self, name: str) -> str:
        """The source of a value after :meth:`write`."""
        return self.texts[name][0]

    def start_names_at(self, other: Writer) -> None:
        """Number variables without a name on from those of another writer."""
        self._counter = other._counter

    continue_names_of = start_names_at

    def fresh(self) -> str:
        while True:
            self._counter += 1
            if (name := f"t{self._counter}") not in self.taken:
                return name

    def _inlined(self, step: Instruction, text: str) -> bool:
        if not step.name.startswith("_"):
            return False
        if step.op in ("literal", "size"):
            return True
        if step.op in ("transpose", "expand") and len(text) < 24 and self.texts[step.args[0]][1] == ATOM:
            return True
        if step.op == "index" and len(step.args) == 1 and len(text) < 24 and _of_one_time(step):
            return True
        return self.uses[step.name] == 1 and len(text) <= _INLINE

    def _part(self, step: Instruction) -> bool:
        """Give the longest operand that stands inline a line of its own; False where there is none."""
        inline = [a for a in step.args if a in self.steps and self.steps[a].op not in ("literal", "size")
                  and not re.fullmatch(r"\w+", self.texts[a][0])]  # fmt: skip
        if not inline:
            return False
        longest = max(inline, key=lambda a: len(self.texts[a][0]))
        target = self.fresh()
        self.lines.append(Line(target, self.texts[longest][0], self.steps[longest].equation, False))
        self.texts[longest] = (target, ATOM)
        return True

    # -- one instruction ---------------------------------------------------------------------------------------------
    def _arg(self, name: str, precedence: int) -> str:
        text, own = self.texts[name]
        return text if own >= precedence else f"({text})"

    def _source(self, step: Instruction) -> tuple[str, int]:
        if step.op in INFIX:
            symbol, precedence = INFIX[step.op]
            if step.op == "mul" and self._is_scale(step):
                return f"{self._arg(step.args[0], TIMES)} * {self.texts[step.args[1]][0]}", TIMES
            if step.op == "matmul":
                left = self.steps.get(step.args[0])
                loose = left is not None and left.op in ("mul", "div")
                text = self._arg(step.args[0], TIMES + loose) + symbol + self._arg(step.args[1], TIMES + 1)
                return text, TIMES if step.shape else DOT
            return self._arg(step.args[0], precedence) + symbol + self._arg(step.args[1], precedence + 1), precedence
        return _FORMATS[step.op](self, step)

    def _is_scale(self, step: Instruction) -> bool:
        """Whether a number stands in front of a product of floats, which then needs no brackets: 2 * x * y."""
        number, product = step.args
        return not self.shapes[number] and self.dtypes[number] in ("weak", "float") and self._is_product(product)

    def negated(self, name: str) -> tuple[str, int]:
        """The source of a value with a minus in front: -x * y."""
        text, _ = self.texts[name]
        if self._is_product(name) and not text.startswith("-"):
            return f"-{text}", TIMES
        return f"-{self._arg(name, UNARY)}", UNARY

    def _is_product(self, name: str) -> bool:
        """Whether a value stands inline as a product of floats."""
        product = self.steps.get(name)
        while product is not None and product.op in ("mul", "div"):
            first = product.args[0]
            if self.texts[product.name][1] != TIMES or self.dtypes[first] != "float":
                return False
            product = self.steps.get(first)
            if product is None or self.texts[product.name][1] != TIMES:
                return True
        return False

    def is_python_number(self, step: Instruction) -> bool:
        """Whether a value is made of sizes and numbers alone, so that NumPy has no part in it."""
        made = (self.steps.get(a) for a in step.args)
        return step.op in ("literal", "size") or (
            step.shape == () and step.op != "index" and bool(step.args)
            and all(s is not None and self.is_python_number(s) for s in made)
        )  # fmt: skip

    def size(self, expression: Any) -> str:
        """A dimension expression as Python source."""
        return self.sized(expression)[0]

    def sized(self, expression: Any) -> tuple[str, int]:
        """The source of a dimension expression with its precedence; its symbols are noted as used."""
        expression = sp.sympify(expression, strict=True)
        self.used_dims |= expression.free_symbols
        return size_text(expression, self.dims)

    def shape(self, sizes: Iterable[Any]) -> str:
        """A shape as a Python tuple."""
        parts = [self.size(n) for n in sizes]
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"

    def to_dtype(self) -> str:
        self.needs_dtype = True
        return self.dtype


def _of_one_time(step: Instruction) -> bool:
    """Whether an index is the present time in a loop, and nothing else: ``x[t]``."""
    return any(item[0] == "int" and isinstance(item[1], LoopTime) for item in step.params)


def _uses(program: Program) -> Counter[str]:
    uses: Counter[str] = Counter(program.outputs)
    for step in program.instructions:
        for position, arg in enumerate(step.args):
            repeats = step.params[0].count(f"{{{position}}}") if step.op == "function" else 1
            repeats = 2 if step.op == "loop" else repeats  # what a loop reads is computed before it
            uses[arg] += max(repeats, 1) if step.op not in ("cast", "diag") else 1
    for name in program.outputs:
        uses[name] += 1  # an output stands on a line of its own
    return uses


# -- formats of the ops that are no infix operators ------------------------------------------------------------------
def _function(w: Writer, s: Instruction) -> tuple[str, int]:
    template = s.params[0]
    call = re.match(r"[\w.]+\(.*\)$|\(.*\)$", template) is not None and _closes_at_end(template)
    bare = [_bare(template, p) for p in range(len(s.args))]
    for position, argument in enumerate(s.args):
        if w.texts[argument][0] == "1":
            template = template.replace(f"{{{position}}} * ", "")
    text = template.format(*(w._arg(a, LOWEST if b else ATOM) for a, b in zip(s.args, bare, strict=True)))
    return text, ATOM if call else PLUS


def _closes_at_end(template: str) -> bool:
    depth = 0
    for position, c in enumerate(template):
        depth += (c == "(") - (c == ")")
        if c == ")" and depth == 0 and position < len(template) - 1:
            return False
    return True


def _bare(template: str, position: int) -> bool:
    """Whether an operand stands alone between brackets and commas, so that it needs no brackets of its own."""
    hole = f"{{{position}}}"
    return all(
        re.search(r"[(,]\s*$", before) is not None and re.match(r"\s*[,)]", after) is not None
        for before, after in _around(template, hole)
    )


def _around(template: str, hole: str) -> list[tuple[str, str]]:
    return [(template[: m.start()], template[m.end() :]) for m in re.finditer(re.escape(hole), template)]


def _compare(w: Writer, s: Instruction) -> tuple[str, int]:
    return f"{w._arg(s.args[0], BITOR)} {s.params[0]} {w._arg(s.args[1], BITOR)}", TEST


def _method(w: Writer, s: Instruction, name: str) -> tuple[str, int]:
    axes, keepdims = s.params
    rank = len(s.shape) if keepdims else len(s.shape) + len(axes)
    options = []
    if len(axes) < rank or keepdims:
        options.append(f"axis={axes[0]}" if len(axes) == 1 else f"axis={tuple(axes)}")
    if keepdims:
        options.append("keepdims=True")
    text, precedence = w.texts[s.args[0]]
    if precedence == ATOM and re.fullmatch(r"\w+", text):
        return f"{text}.{name}({', '.join(options)})", ATOM
    return f"np.{name}({', '.join([text, *options])})", ATOM


def _transpose(w: Writer, s: Instruction) -> tuple[str, int]:
    (order,) = s.params
    operand = w._arg(s.args[0], ATOM)
    if order == (1, 0):
        return f"{operand}.T", ATOM
    return f"{operand}.transpose({', '.join(map(str, order))})", ATOM


def _expand(w: Writer, s: Instruction) -> tuple[str, int]:
    (positions,) = s.params
    items = ["None" if p in positions else ":" for p in range(len(s.shape))]
    while len(items) > 1 and items[-1] == ":":
        items.pop()
    return f"{w._arg(s.args[0], ATOM)}[{', '.join(items)}]", ATOM


def _index(w: Writer, s: Instruction) -> tuple[str, int]:
    items = []
    for axis, item in enumerate(s.params):
        size = w.shapes[s.args[0]][axis]
        if item[0] == "all":
            items.append(":")
        elif item[0] == "int":
            items.append(w.size(item[1]))
        elif item[0] == "arg":
            items.append(w.texts[s.args[1 + item[1]]][0])
        else:
            _, start, stop, step, _ = item
            first = "" if start == (0 if step > 0 else sp.expand(size - 1)) else w.size(start)
            last = "" if stop is None or stop == size else w.size(stop)
            items.append(f"{first}:{last}" + ("" if step == 1 else f":{step}"))
    while len(items) > 1 and items[-1] == ":":
        items.pop()
    return f"{w._arg(s.args[0], ATOM)}[{', '.join(items)}]", ATOM


def _take(w: Writer, s: Instruction) -> tuple[str, int]:
    items = [":" if item == ":" else w.texts[s.args[1 + item]][0] for item in s.params]
    while len(items) > 1 and items[-1] == ":":
        items.pop()
    return f"{w._arg(s.args[0], ATOM)}[{', '.join(items)}]", ATOM


def _cast(w: Writer, s: Instruction) -> tuple[str, int]:
    source = w.steps.get(s.args[0])
    if source is not None and w.is_python_number(source):
        return f"float({w.texts[s.args[0]][0]})", ATOM
    return f"{w._arg(s.args[0], ATOM)}.astype({w.to_dtype()})", ATOM


def _arange(w: Writer, s: Instruction) -> tuple[str, int]:
    start, stop = s.params
    return f"np.arange({'' if start == 0 else w.size(start) + ', '}{w.size(stop)})", ATOM


def _tensordot(w: Writer, s: Instruction) -> tuple[str, int]:
    left, right = (w.texts[a][0] for a in s.args)
    own, other = (list(places) for places in s.params)
    return f"np.tensordot({left}, {right}, axes=({own}, {other}))", ATOM


def _broadcast(w: Writer, s: Instruction) -> tuple[str, int]:
    text, shape = w.texts[s.args[0]][0], w.shape(s.params)
    source = w.steps.get(s.args[0])
    if source is not None and source.op == "literal" and text == "0":
        return f"np.zeros({shape}, dtype={w.to_dtype()})", ATOM
    if source is not None and source.shape == ():
        return f"np.full({shape}, {text}, dtype={w.to_dtype()})", ATOM
    return f"np.broadcast_to({text}, {shape}).copy()", ATOM


def _concatenate(w: Writer, s: Instruction) -> tuple[str, int]:
    axis = "" if s.params[0] == 0 else f", axis={s.params[0]}"
    return f"np.concatenate([{', '.join(w.texts[a][0] for a in s.args)}]{axis})", ATOM


def _array(w: Writer, s: Instruction) -> tuple[str, int]:
    texts = [w.texts[a][0] for a in s.args]
    for size in s.params[:0:-1]:
        texts = [f"[{', '.join(texts[k : k + int(size)])}]" for k in range(0, len(texts), int(size))]
    return f"np.array([{', '.join(texts)}], dtype={w.to_dtype()})", ATOM


def _stack(w: Writer, s: Instruction) -> tuple[str, int]:
    axis = "" if s.params[0] == 0 else f", axis={s.params[0]}"
    return f"np.stack([{', '.join(w.texts[a][0] for a in s.args)}]{axis})", ATOM


def _trace(w: Writer, s: Instruction) -> tuple[str, int] | None:
    """The sum of a diagonal (not of a product whose last factor is one: A @ B.diagonal())."""
    text, precedence = w.texts[s.args[0]]
    matrix = text.removesuffix(".diagonal()")
    return (f"np.trace({matrix})", ATOM) if matrix != text and precedence == ATOM and not s.shape else None


def _literal(w: Writer, s: Instruction) -> tuple[str, int]:
    text = s.params[0]
    whole = " " not in text or (text.startswith("math.") and _closes_at_end(text))
    return text, UNARY if text.startswith("-") else ATOM if whole else PLUS


def _call(template: str) -> Callable[[Writer, Instruction], tuple[str, int]]:
    return lambda w, s: (template.format(*(w.texts[a][0] for a in s.args)), ATOM)


def _attribute(template: str) -> Callable[[Writer, Instruction], tuple[str, int]]:
    return lambda w, s: (template.format(*(w._arg(a, ATOM) for a in s.args)), ATOM)


def _einsum(w: Writer, s: Instruction) -> str:
    """A contraction that NumPy can hand to BLAS says so: no index is both in two operands and in the result."""
    left, _, right = s.params[0].partition("->")
    operands = left.split(",")
    batched = any(sum(letter in o for o in operands) > 1 for letter in right)
    how = "" if len(operands) == 1 or batched else ", optimize=True"
    return f'np.einsum("{s.params[0]}", {", ".join(w.texts[a][0] for a in s.args)}{how})'


_FORMATS: Final[dict[str, Callable[[Writer, Instruction], tuple[str, int]]]] = {
    "neg": lambda w, s: w.negated(s.args[0]),
    "not": lambda w, s: (f"~{w._arg(s.args[0], UNARY)}", UNARY),
    "pow": lambda w, s: (f"{w._arg(s.args[0], POWER + 1)}**{w._arg(s.args[1], POWER)}", POWER),
    "function": _function,
    "compare": _compare,
    "where": _call("np.where({}, {}, {})"),
    "clip": _call("np.clip({}, {}, {})"),
    "cast": _cast,
    "whole": _attribute("{}.astype(int)"),
    "copy": _attribute("{}.copy()"),
    "literal": _literal,
    "size": lambda w, s: w.sized(s.params[0]),
    "arange": _arange,
    "eye": lambda w, s: (f"np.eye({w.size(s.params[0])}, dtype={w.to_dtype()})", ATOM),
    "diag": _call("np.diag({})"),
    "diagonal": _attribute("{}.diagonal()"),
    "transpose": _transpose,
    "expand": _expand,
    "index": _index,
    "take": _take,
    "linalg": lambda w, s: (s.params[0].format(*(w.texts[a][0] for a in s.args)), ATOM),
    "solve": _call("np.linalg.solve({}, {})"),
    "sum": lambda w, s: _trace(w, s) or _method(w, s, "sum"),
    "mean": lambda w, s: _method(w, s, "mean"),
    "max": lambda w, s: _method(w, s, "max"),
    "prod": lambda w, s: _method(w, s, "prod"),
    "others": _call("product_of_others({})"),
    "einsum": lambda w, s: (_einsum(w, s), ATOM),
    "tensordot": _tensordot,
    "broadcast": _broadcast,
    "concatenate": _concatenate,
    "array": _array,
    "stack": _stack,
}
"""How each op is written; precedence decides about brackets."""


def statements(lines: Iterable[Line], texts: Mapping[str, str], indent: str = "    ") -> list[str]:
    """The lines as indented source, each with its equation behind it or, where that is long, above it."""
    result: list[str] = []
    for line in decomposed_once([*lines]):
        inside = indent + "    " * line.depth
        code = inside + (f"{line.target} = {line.source}" if line.target else line.source)
        comment = f"part of {line.equation}" if line.equation else ""
        if line.complete:
            comment = "; ".join(filter(None, (texts.get(name, "") for name in line.equation.split(", "))))
        if not comment:
            result.append(code)
        elif len(code) + len(comment) + 4 <= WIDTH:
            result.append(f"{code}  # {comment}")
        else:
            width = WIDTH - len(inside) - 4
            wrapped = textwrap.wrap(comment, width, break_long_words=False, break_on_hyphens=False) or [comment]
            result += [f"{inside}# {wrapped[0]}", *(f"{inside}#     {more}" for more in wrapped[1:]), code]
    return result
