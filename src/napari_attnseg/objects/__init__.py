"""Measure the connected objects of a mask, and describe them in sentences."""
