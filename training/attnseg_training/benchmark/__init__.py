"""Benchmarks of training, inference and start-up."""
