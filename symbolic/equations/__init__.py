"""Index equations: dimensions, definitions and systems, nodes and functions of right-hand sides, fusion, values."""
