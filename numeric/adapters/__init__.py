"""Gradients written for other libraries: ``torch.autograd.Function`` and ``jax.custom_vjp``.

Their bodies are made of functions that NumPy has too, so they run on balls as they are: while they do, the names that
the user's module has for the library stand for the same operations on balls. Where a body uses something else, the
library's own float64 is compared with differences, and the report says on which rung that stands.
"""
