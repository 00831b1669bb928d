"""The user's own functions: their syntax trees, and edited trees as the code that they run."""
