"""Recurrences over a symbolic length: ``scan`` runs a user's step once and makes the equations of all steps of it."""
