"""How tightly parts of Python source hold together."""

from __future__ import annotations

ATOM, POWER, UNARY, TIMES, PLUS, BITAND, BITOR, TEST, LOWEST = 100, 60, 50, 40, 30, 25, 22, 20, 0
