"""Descent under feedback control."""
