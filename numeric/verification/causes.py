"""The table of causes: the key that a finding carries, and the words for it."""

from __future__ import annotations

from typing import Final

CAUSES: Final[dict[str, str]] = {
    "sign": "a sign is wrong",
    "factor": "a factor is missing or wrong",
    "size": "it is divided by a wrong size or by none, as where 1/m is missing",
    "constant": "a constant is wrong",
    "power": "an exponent is wrong",
    "penalty": "the term of a penalty (L2, L1) is missing or wrong",
    "bias": "a bias is missing",
    "path": "a term is missing, and with it a path through which the loss depends on the parameter",
    "derivative": "the derivative of an activation is missing or wrong",
    "mask": "a mask is missing or wrong",
    "threshold": "a threshold is wrong",
    "variable": "a variable stands where another one belongs, as a for z, or a stale value",
    "function": "a function stands where another one belongs",
    "transpose": "a transpose is missing or too many",
    "operands": "operands, arguments or results are exchanged",
    "axis": "it is summed over the wrong axis, or over one too few or too many",
    "reduction": "a sum, a mean, a maximum or a minimum stands for another one of them",
    "step": "an index, a time step or a range is off by one or by a stride",
    "order": "an order is reversed",
    "eps": "an eps is missing, misplaced or of another size",
    "accumulation": "a value is overwritten where it should be added up, or the other way round",
    "repeated": "repeated indices are added once: += on an index is not np.add.at",
    "spare factor": "a factor is too many",
    "spare term": "a term is too many",
    "spare function": "a function is applied that should not be",
    "spare statement": "a statement is too many",
    "undefined": "it is no number, as where zero is divided by zero",
    "coordinate": "only one entry is wrong",
    "region": "it is wrong in one region only",
    "zero": "it is zero everywhere",
    "shape": "it has the wrong shape",
    "entries": "some entries differ",
}
"""The key of a cause: its words."""
