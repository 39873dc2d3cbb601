"""Weights for others: calibration, export, release, import."""
