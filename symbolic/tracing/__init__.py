"""A user's own NumPy function, run on symbolic arrays, as index equations with the user's names."""
