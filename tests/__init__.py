"""A package by name, so that no other distribution can put one of that name in front of it."""
