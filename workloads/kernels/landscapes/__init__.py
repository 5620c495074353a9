"""Surfaces to descend on: value and gradient, and descent where a surface makes a method show its character."""
