"""How tightly parts of Python source hold together."""

from __future__ import annotations

ATOM, POWER, UNARY, TIMES, DOT, PLUS, BITAND, BITOR, TEST, LOWEST = 100, 60, 50, 40, 35, 30, 25, 22, 20, 0
"""A product of vectors stands in brackets among other products, though it need not."""
