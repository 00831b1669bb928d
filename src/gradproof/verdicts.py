"""The evidence ladder: six verdicts, from a proof for all shapes down to "unknown", each with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

LADDER: Final[dict[str, str]] = {
    "proved": "equal for all shapes and all inputs, by normal form",
    "certified": "equal at these shapes to 200 digits or more, by ball arithmetic",
    "agrees": "float64 finite differences agree to the printed digits",
    "guarded": "right but for a named guard, such as log(p + 1e-7)",
    "refuted": "wrong: a ball excludes zero",
    "unknown": "not decided; the reason is given",
}
"""What each verdict means, from the strongest to the weakest."""

EXIT_CODES: Final[dict[str, int]] = {
    "proved": 0, "certified": 0, "refuted": 1, "guarded": 3, "agrees": 3, "unknown": 3,
}  # fmt: skip
"""The command line's exit code for a verdict; 2 is kept for usage errors."""


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What was found, the rung of the ladder it stands on, and why it stands no higher.

    ``bool(verdict)`` is True for ``proved`` and ``certified`` only. A verdict equals its name.

    >>> bool(Verdict("proved")), bool(Verdict("agrees", "the code calls a C library"))
    (True, False)
    >>> Verdict("refuted", "a counterexample") == "refuted"
    True
    """

    name: str
    reason: str = ""
    evidence: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.name not in LADDER:
            raise ValueError(f"no verdict is called {self.name!r}; the verdicts are {', '.join(LADDER)}")

    def __bool__(self) -> bool:
        return self.name in ("proved", "certified")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Verdict):
            return (self.name, self.reason, self.evidence) == (other.name, other.reason, other.evidence)
        return self.name == other if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def exit_code(self) -> int:
        """0 for proved and certified, 1 for refuted, 3 for everything that was not decided."""
        return EXIT_CODES[self.name]

    def __str__(self) -> str:
        return f"{self.name}: {self.reason or LADDER[self.name]}"
