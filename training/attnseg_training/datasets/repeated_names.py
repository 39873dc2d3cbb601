"""Tell which lists of a data set name an image several times."""

from __future__ import annotations

from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.layouts import Files
from attnseg_training.datasets.rules import Rule


def repeated_names(files: Files) -> list[Hint]:
    """Give a hint if lists name images several times: each is used once."""
    if not files.repeated:
        return []
    held = ", ".join(
        f"{sum(more.values()) + len(more)} lines for {len(more)} "
        f"image{'s' * (len(more) > 1)} in the list of {split}"
        for split, more in files.repeated.items()
    )
    names = dict.fromkeys(name for more in files.repeated.values() for name in more)
    return [Hint(Rule.LISTED_AGAIN, tuple(names), held=held)]
