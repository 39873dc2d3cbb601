"""Choose between the window of a file and the rule that was asked for."""

from __future__ import annotations

from napari_attnseg.intensity import Intensity, Window
from napari_attnseg.io.readers.facts import FileFacts


def rule_for(
    facts: FileFacts | None, rule: Intensity, asked: bool = False
) -> Intensity:
    """Choose the window of the file, unless the user asked for another rule.

    Parameters
    ----------
    facts : FileFacts or None
        Facts of the file; None: it has no window.
    rule : Percentiles or Window
        Rule of the model card, or the one that was asked for.
    asked : bool
        Whether the user asked for `rule`; if so, it is used instead of the window.
    """
    if asked or facts is None or facts.window is None:
        return rule
    return Window(*facts.window)
