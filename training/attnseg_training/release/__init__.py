"""Release of weights: calibration, export, training over seeds, import."""
