"""Prepare weights for others: calibration, export, training over seeds, import."""
