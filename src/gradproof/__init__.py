"""gradproof: derive a gradient, prove it, ship it."""

__version__ = "0.1.0"
