"""Derivations and how equations are shown: steps, their checks, index and matrix form, LaTeX, HTML, text."""
