"""The Inspect dock widget."""
