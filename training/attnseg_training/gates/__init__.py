"""Measure what the gate maps mean."""
