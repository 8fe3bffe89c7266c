"""Noise that a student's function draws from a given generator: how it is distributed, and where it comes from."""
