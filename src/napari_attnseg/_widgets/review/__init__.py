"""The Review dock: decide on the masks of a series, case by case."""
