"""The text of ``--shapes``: which arrays there are, their dimensions, and what is known about their entries."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gradproof.errors import UsageError

FLAGS: Final = ("positive", "integer", "symmetric", "one_hot", "binary")
KINDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"onehot": ("one_hot",), "unit": ("positive",), "normal": (), "zeros": (), "sign": ()}
)
"""What kinds of random inputs say of an array of symbols, where the word is no flag itself."""
MAX_SIZE: Final = 10**9
MAX_ENTRIES: Final = 200

_EXAMPLE: Final = 'such as "X:m,n W:n,k y:m:integer s:"'
_RESERVED: Final = ("np", "numpy")


@dataclass(frozen=True, slots=True)
class ArraySpec:
    """One array as text gives it: its name, its shape, and the flags that hold for its entries.

    >>> ArraySpec("Y", ("m", 10), ("one_hot",)).assumptions
    {'one_hot': True}
    """

    name: str
    shape: tuple[int | str, ...]
    flags: tuple[str, ...] = ()

    @property
    def assumptions(self) -> dict[str, bool]:
        """The flags as the keyword arguments of ``gradproof.array``."""
        return dict.fromkeys(self.flags, True)

    def __str__(self) -> str:
        flags = f":{','.join(self.flags)}" if self.flags else ""
        return f"{self.name}:{','.join(map(str, self.shape))}{flags}"


def parse_shapes(text: str) -> dict[str, ArraySpec]:
    """Read ``NAME:DIMENSIONS[:FLAGS]``, separated by blanks, into one :class:`ArraySpec` a name, in order.

    A dimension is a positive whole number or a name; no dimension, or ``-``, makes a scalar. The flags are in
    :data:`FLAGS`; ``int<k`` says integer, labels of k classes. Kinds of random inputs mean what they say of symbols.

    Raises:
        UsageError: with the column, and what stands there.

    >>> specs = parse_shapes("X:m,n W:n,3 A:n,n:symmetric s:")
    >>> [spec.shape for spec in specs.values()]
    [('m', 'n'), ('n', 3), ('n', 'n'), ()]
    >>> specs["A"].flags
    ('symmetric',)
    >>> parse_shapes("y:m:int<k lam:-")["y"].flags
    ('integer',)
    >>> parse_shapes("X:m,0")
    Traceback (most recent call last):
    gradproof.errors.UsageError: shapes, column 5: a dimension is a positive whole number or a name, not '0'
    """
    entries = list(re.finditer(r"\S+", text))
    if not entries:
        raise UsageError(f"no shapes were given; write them {_EXAMPLE}")
    if len(entries) > MAX_ENTRIES:
        raise UsageError(f"shapes: {len(entries)} arrays are too many; at most {MAX_ENTRIES} are read")
    specs: dict[str, ArraySpec] = {}
    for entry in entries:
        spec = _parse_entry(entry.group(), entry.start() + 1)
        if spec.name in specs:
            raise UsageError(f"shapes, column {entry.start() + 1}: {spec.name} is given twice")
        specs[spec.name] = spec
    for spec in specs.values():
        for size in spec.shape:
            if size in specs:
                raise UsageError(f"shapes: {size} names an array and a dimension of {spec.name}; rename one of them")
    return specs


def _parse_entry(entry: str, column: int) -> ArraySpec:
    name, *rest = entry.split(":")
    if not _is_name(name):
        raise UsageError(f"shapes, column {column}: {name!r:.40} is not a name for an array; write {_EXAMPLE}")
    if not 1 <= len(rest) <= 2:
        raise UsageError(f"shapes, column {column}: {entry!r:.60} is not NAME:DIMENSIONS[:FLAGS]; write {_EXAMPLE}")
    column += len(name) + 1
    shape: list[int | str] = []
    if rest[0] not in ("", "-"):
        for part in rest[0].split(","):
            shape.append(_parse_dimension(part, column))
            column += len(part) + 1
    else:
        column += 1 + len(rest[0])
    flags = _parse_flags(rest[1], column) if len(rest) == 2 else ()
    if "symmetric" in flags and (len(shape) != 2 or shape[0] != shape[1]):
        raise UsageError(
            f"shapes, column {column}: {name} is symmetric only with two equal dimensions, as in {name}:n,n"
        )
    if "one_hot" in flags and not shape:
        raise UsageError(f"shapes, column {column}: {name} is one_hot only with a dimension to choose in")
    return ArraySpec(name, tuple(shape), flags)


def _parse_dimension(part: str, column: int) -> int | str:
    if re.fullmatch(r"[0-9]{1,12}", part) and 1 <= int(part) <= MAX_SIZE:
        return int(part)
    if _is_name(part):
        return part
    raise UsageError(f"shapes, column {column}: a dimension is a positive whole number or a name, not {part!r:.40}")


def _parse_flags(text: str, column: int) -> tuple[str, ...]:
    flags: dict[str, None] = {}
    for flag in text.split(","):
        meant = ("integer",) if _is_label(flag) else KINDS.get(flag, (flag,))
        if not set(meant) <= set(FLAGS):
            known = ", ".join((*FLAGS, "int<k", *KINDS))
            raise UsageError(f"shapes, column {column}: unknown flag {flag!r:.40}; the flags are {known}")
        flags |= dict.fromkeys(meant)
        column += len(flag) + 1
    return tuple(flags)


def _is_label(flag: str) -> bool:
    """Whether a flag is ``int<k`` with a name or a positive number for k."""
    start, less, end = flag.partition("<")
    return start == "int" and bool(less) and (_is_name(end) or bool(re.fullmatch(r"0*[1-9][0-9]{0,11}", end)))


def _is_name(text: str) -> bool:
    # NFKC folding by the parser could turn two spellings into one name, so only names that stay as they are count
    return (
        text.isidentifier()
        and not keyword.iskeyword(text)
        and "__" not in text
        and text not in _RESERVED
        and len(text) <= 40
    )
