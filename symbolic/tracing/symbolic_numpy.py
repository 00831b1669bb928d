"""NumPy for symbolic sizes, outside of a trace: ``gp.numpy.eye(n)`` is an identity matrix of n rows.

NumPy's own functions ask the symbolic arrays among their arguments; ``np.eye(n)`` has none, and NumPy wants a number.
Here stand the names of NumPy as a traced function sees them, so that the same code runs in both places:

>>> from gradproof.symbolic.arrays.array import array
>>> X = array("X", ("m", "n"))
>>> numpy.eye(X.shape[1]) @ X.T
<symbolic array t(n, m)>
>>> numpy.sqrt(X.shape[0])
sqrt(m)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import sympy as sp

from .stand_ins import Namespace, numpy_names
from .trace_creation import METHODS, creation_names


def _of_size(name: str, exact: Callable[[Any], Any]) -> Callable[..., Any]:
    """A ufunc that is exact on a size, ``np.sqrt(n)``."""
    original = getattr(np, name)

    def function(x: Any, *args: Any, **kwargs: Any) -> Any:
        return exact(x) if isinstance(x, sp.Expr) else original(x, *args, **kwargs)

    function.__name__ = name
    return function


numpy: Final = Namespace(
    np, numpy_names() | creation_names() | {name: _of_size(name, exact) for name, exact in METHODS.items()}
)
"""A NumPy whose creation functions take symbolic sizes; what is made of real numbers by them is symbolic too."""
