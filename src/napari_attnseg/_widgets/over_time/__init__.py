"""The Time dock: measurements of each frame of a stack or a film, as curves."""
