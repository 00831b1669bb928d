"""Data, scaling, the training loop and the search of hyperparameters."""
