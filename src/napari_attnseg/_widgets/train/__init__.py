"""The Train dock widget."""
