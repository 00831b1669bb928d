"""Hand-written losses and gradients of the usual models, in the spellings that people use; a file a kind.

Each pair is plain NumPy and stands for itself: :data:`PAIRS` maps a name to (loss, gradient, inputs), where
``gradient`` returns one array per name in it. The modules put their pairs into the table when they are imported.
"""

from . import (  # noqa: F401 - each registers its pairs
    convolution,
    cross_entropy,
    densities,
    embeddings,
    identities,
    margins,
    normalisation,
    perceptrons,
    regression,
    sequences,
)
from .table import PAIRS, Pair

__all__ = ["PAIRS", "Pair"]
