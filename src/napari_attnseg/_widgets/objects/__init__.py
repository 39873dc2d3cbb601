"""The Objects dock widget."""
