"""Expectations over random inputs, where they have a closed form."""
