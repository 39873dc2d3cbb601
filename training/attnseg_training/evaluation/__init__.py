"""Measuring a network on images with a known mask."""
