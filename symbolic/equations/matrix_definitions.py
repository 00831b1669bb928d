"""The equation of a matrix function: ``A_inv[i, j] = A⁻¹[i, j]``, named after its matrix."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from .definition import PLAIN_NAMES, Definition, define, owner
from .dims import free_index
from .matrix_functions import ROWS, MatrixFunction


def matrix_definition(name: str, node: Any, batch: tuple[Any, ...] = ()) -> Definition:
    """The whole value of a function of the matrix of ``node``, whose leading axes have the sizes ``batch``."""
    rank = ROWS[name].rank
    index = tuple(free_index(len(batch) + a) for a in range(rank))
    shape = (*batch, *(node.size,) * rank)
    return define(default_name(node.other(name, *index)), shape, node.other(name, *index))


FACTORS: Final[Mapping[str, str]] = MappingProxyType({"chol": "L", "eigval": "lam", "eigvec": "V"})
"""What factors of a matrix are called everywhere: L, λ and V."""

LETTERS: Final[Mapping[str, str]] = MappingProxyType({**FACTORS, "along": "D"})
"""Functions that are not called after their matrix; D is a derivative of the exponential."""


def default_name(node: Any) -> str:
    """``A_inv`` and ``det_A`` for functions of an array that has a name, ``inv`` and ``det`` for other ones."""
    if node.name in LETTERS:
        return LETTERS[node.name]
    argument = owner(node.bodies[0])
    plain = argument is None or argument.name in PLAIN_NAMES or isinstance(argument.rhs, MatrixFunction)
    if argument is None or plain:
        return str(node.name)
    return f"{argument.name}_inv" if node.name == "inv" else f"{node.name}_{argument.name}"


def is_default(definition: Definition) -> bool:
    """Whether a definition is a matrix function that nobody has named; its matrix may have got a name since."""
    rhs = definition.rhs
    return isinstance(rhs, MatrixFunction) and definition.name in (rhs.name, default_name(rhs))


def is_factor(definition: Definition) -> bool:
    """Whether a definition is a factor of a matrix, which is written by its name wherever it is used."""
    return isinstance(definition.rhs, MatrixFunction) and definition.rhs.name in FACTORS
