"""Formula text and shapes, read by a whitelisting parser."""
