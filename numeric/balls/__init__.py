"""Ball arithmetic: a user's NumPy code, unmodified, on numbers of 1024 bits with a rigorous error bound."""
