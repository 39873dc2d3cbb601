"""Evaluation of a network on images with an expert's mask."""
