"""Layers of neural networks as functions of symbolic arrays."""
