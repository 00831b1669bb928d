"""Names for the blocks of an array that is only used by its parts: the gates of a weight, W = [W_i  W_f  W_o  W_g]."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import sympy as sp

from ..equations.definition import PLAIN_NAMES, Definition
from .block_nodes import Block
from .matrix_algebra import joined
from .matrix_nodes import Leaf, Node
from .notation import Notation
from .printer import Printer
from .styles import TEX, TEXT, Name, Style
from .time_nodes import Slice

Place = tuple[Any, Any]


def name_blocks(notation: Notation, nodes: Mapping[Definition, Node | None]) -> dict[Definition, Node]:
    """Give the blocks of arrays names in the notation; the arrays that have got such, as what stands side by side.

    A block is called like the one equation that uses it, W_o in that of o or of z_o, or else by its number.
    """
    found: dict[Definition, dict[Place, Block]] = {}
    users: dict[tuple[Definition, Place], set[str]] = {}
    for user, node in nodes.items():
        for block in _blocks(node) if node is not None else ():
            if any(cut is not None and cut[1] - cut[0] == 1 for cut in (block.rows, block.columns)):
                continue  # one row is called by its place
            assert isinstance(block.operand, Leaf)
            target, place = block.operand.definition, (block.rows, block.columns)
            found.setdefault(target, {})[place] = block
            name = notation.names.get(user, user.name)
            if user.derivative_of is None and (user.name not in PLAIN_NAMES or Name.of(name).word):
                users.setdefault((target, place), set()).add(name)
    result: dict[Definition, Node] = {}
    symbols = {_key(notation.parts(d)) for d in notation.names}
    for target, places in found.items():
        parts, axis = _side_by_side(list(places.values()))
        if not parts:
            continue
        order = [(block.rows, block.columns) for block in parts]
        words = [_word(users.get((target, place), set())) for place in order]
        if None in words or len(set(words)) < len(words):
            words = [str(number) for number in range(1, len(words) + 1)]
        notation.blocks |= {(target, place): word for place, word in zip(order, words, strict=True) if word}
        named = [notation.block(target, place) for place in order]
        if any(name is not None and _key(name) in symbols for name in named):
            notation.blocks = {key: word for key, word in notation.blocks.items() if key[0] is not target}
            continue
        result[target] = joined(axis, parts)
    return result


def line(notation: Notation, target: Definition, whole: Node, style: Style = TEX) -> tuple[str, str]:
    """Both sides of the equation that says what the blocks of an array are called."""
    (first, *_) = _blocks(whole)
    times = first.operand.times(notation, style) if isinstance(first.operand, Slice) else []
    return notation.symbol(target, style, times), whole.show(notation, style)


def block_rows(notation: Notation, shown: Callable[[Sequence[Any], Style], str]) -> Iterator[tuple[str, str, str, str]]:
    """The blocks that have names, for a table of symbols: in TeX, in text, what it is, its shape."""
    for target, place in notation.blocks:
        name = notation.block(target, place)
        assert name is not None
        axis = 0 if place[1] is None else 1
        first, end = (Printer(notation, {}, TEXT)(bound) for bound in place[axis])
        which = "entries" if target.rank == 1 else ("rows", "columns")[axis]
        whole = TEXT.symbol(notation.parts(target), (), target.rank == 0)
        size = sp.expand(place[axis][1] - place[axis][0])
        cut = max(target.rank - 2, 0) + axis
        shape = (*target.shape[:cut], size, *target.shape[cut + 1 :])
        yield TEX.symbol(name), TEXT.symbol(name), f"{which} {first} to {end} of {whole}", shown(shape, TEX)


def _key(name: Name) -> tuple[str, str, str]:
    """What tells a symbol from others: W_o may be typed Wo or W_o."""
    return name.head + name.word.replace(" ", ""), name.number, name.accent


def _word(users: set[str]) -> str | None:
    if len(users) != 1:
        return None
    name = Name.of(next(iter(users)))
    return name.word or name.head


def _side_by_side(blocks: list[Block]) -> tuple[list[Block], int]:
    """Blocks that are all of an array, in order along one of its axes; none where they are not."""
    axes = {axis for block in blocks for axis, cut in enumerate((block.rows, block.columns)) if cut is not None}
    if len(axes) != 1 or len(blocks) < 2:
        return [], 0
    (axis,) = axes
    left, ordered = list(blocks), list[Block]()
    end: Any = sp.S.Zero
    while left:
        following = next((b for b in left if sp.expand(_cut(b, axis)[0] - end) == 0), None)
        if following is None:
            return [], 0
        left.remove(following)
        ordered.append(following)
        end = _cut(following, axis)[1]
    return (ordered, axis) if sp.expand(end - blocks[0].operand.shape[axis]) == 0 else ([], 0)


def _cut(block: Block, axis: int) -> tuple[Any, Any]:
    cut = block.columns if axis else block.rows
    return cut if cut is not None else (sp.S.Zero, block.operand.shape[axis])


def _blocks(node: Node) -> Iterator[Block]:
    if isinstance(node, Block) and isinstance(node.operand, Leaf):
        yield node
    for value in vars(node).values():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Node):
                yield from _blocks(part)
