"""Whole engines' ways of tiering, one per file: a rule, its numbers, and where both come from."""
