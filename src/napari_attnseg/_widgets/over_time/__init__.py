"""The Time dock: what was found in each frame of a stack or a film, as curves."""
