"""Functions that NumPy lacks, emitted beside the code that calls them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ERF: Final = '''def erf(x):
    """The error function, elementwise (NumPy has none)."""
    x = np.asarray(x)
    return np.array([math.erf(v) for v in x.ravel()], dtype=x.dtype).reshape(x.shape)
'''

EXPM: Final = '''def expm(a):
    """The exponential of square matrices: the Pade approximant of degree 13, scaled and squared (Higham, 2005)."""
    size = np.abs(a).sum(axis=-2).max(initial=0.0)
    squarings = max(0, math.ceil(math.log2(size / 5.37))) if size > 5.37 else 0
    a = a / 2.0**squarings
    one = np.eye(a.shape[-1], dtype=a.dtype)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    odd = a6 @ (a6 + 16380 * a4 + 40840800 * a2)
    odd = odd + 33522128640 * a6 + 10559470521600 * a4 + 1187353796428800 * a2 + 32382376266240000 * one
    even = a6 @ (182 * a6 + 960960 * a4 + 1323241920 * a2)
    even = even + 670442572800 * a6 + 129060195264000 * a4 + 7771770303897600 * a2 + 64764752532480000 * one
    odd = a @ odd
    result = np.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        result = result @ result
    return result
'''

EXPM_ALONG: Final = '''def expm_along(a, *directions):
    """The derivative of expm(a) along square matrices, in this order: the upper right block of one exponential.

    The matrix is [[a, d1, 0], [0, a, d2], [0, 0, a]] for two directions, and so on (Van Loan, 1978).
    """
    n, count = a.shape[-1], len(directions)
    shapes = (a.shape[:-2], *(d.shape[:-2] for d in directions))
    size = (count + 1) * n
    blocks = np.zeros((*np.broadcast_shapes(*shapes), size, size), dtype=np.result_type(a, *directions))
    for s in range(count + 1):
        here = slice(s * n, (s + 1) * n)
        blocks[..., here, here] = a
        if s < count:
            blocks[..., here, (s + 1) * n : (s + 2) * n] = directions[s]
    return expm(blocks)[..., :n, count * n :]
'''

PRODUCT_OF_OTHERS: Final = '''def product_of_others(a):
    """The product of all other entries along the last axis: of those before each times those behind it."""
    before, behind = np.ones_like(a), np.ones_like(a)
    np.cumprod(a[..., :-1], axis=-1, out=before[..., 1:])
    np.cumprod(a[..., :0:-1], axis=-1, out=behind[..., -2::-1])
    return before * behind
'''

HELPERS: Final[Mapping[str, str]] = MappingProxyType(
    {"erf": ERF, "expm": EXPM, "expm_along": EXPM_ALONG, "product_of_others": PRODUCT_OF_OTHERS}
)
"""Source by name; each may call those before it."""


def helpers(text: str) -> list[str]:
    """The sources that a body needs, in an order in which they can stand."""
    needed = {name for name in HELPERS if re.search(rf"(?<![.\w]){name}\(", text)}
    if "expm_along" in needed:
        needed.add("expm")
    return [source for name, source in HELPERS.items() if name in needed]
