"""Hand-written NumPy networks, losses and optimisers, and finite differences: the independent check."""
