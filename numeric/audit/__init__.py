"""Where a mathematically right function loses its digits in float64 and float32, and the rewriting that keeps them."""
