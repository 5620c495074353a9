"""Loops from physics, chemistry, signals and biology that minimise something."""
