r"""Proofs in parts: intermediates that were proved to be equal stand as one input in what is made of them.

If :math:`u = v` is proved, and :math:`f(w) = g(w)` for every w, then :math:`f(u) = g(v)`. A long chain of layers is
proved so one layer at a time, where its whole normal form would be too large.

>>> import numpy as np
>>> from gradproof.symbolic.arrays.array import array
>>> x = array("x", ("m",))
>>> u, v = np.exp(2 * x), np.exp(x) ** 2
>>> [verdict.name for verdict in prove_by_parts([(np.tanh(u), np.tanh(v))], [(u, v)])]
['proved']
"""

from __future__ import annotations

from collections.abc import Sequence

from gradproof.verdicts import Verdict

from .arrays.array import Array
from .equations.definition import Definition, placeholder
from .equations.putting import put
from .normal.zero import Prover
from .prove import prove

Pair = tuple[Array, Array]


def prove_by_parts(
    pairs: Sequence[Pair], cuts: Sequence[Pair], prover: Prover | None = None, within: Sequence[Array] = ()
) -> list[Verdict]:
    """A verdict for each pair, as :func:`~.prove.prove` gives it, with the arrays of each cut as one input.

    ``cuts`` are pairs of intermediates of the left and of the right sides, in the order of computation, each of which
    is itself proved with those before it. One that is not proved is not used: then what follows may well be unknown.
    """
    prover = prover or Prover()
    left: dict[Definition, Definition] = {}
    right: dict[Definition, Definition] = {}

    def verdict(one: Array, other: Array) -> Verdict:
        return prove(Array(put(one.definition, left)), Array(put(other.definition, right)), prover, within)

    for number, (one, other) in enumerate(cuts):
        if verdict(one, other):
            shared = placeholder(f"cut{number}", one.definition.shape)
            left[one.definition] = right[other.definition] = shared
    return [verdict(one, other) for one, other in pairs]
