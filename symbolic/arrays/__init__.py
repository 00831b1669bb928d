"""Symbolic arrays: NumPy's face on index equations, one table of functions, ufuncs and methods."""
