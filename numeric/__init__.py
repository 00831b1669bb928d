"""What is computed: reference networks, ball arithmetic, verification, training.

- ``reference``: hand-written NumPy networks, losses, optimisers, and finite differences; nothing symbolic is loaded
- ``balls``: any NumPy function, unmodified, on numbers that carry a rigorous error bound
- ``verification``: a hand-written gradient against its loss, up the ladder of evidence, and the report
- ``training``: data, scaling, the training loop with its history, the search of hyperparameters
"""

if __name__ != "gradproof.numeric":
    raise ImportError("import this folder as gradproof.numeric: a bare 'numeric' would be a second copy of it")
