"""Choose between the window of a file and the rule that was asked for."""

from __future__ import annotations

from typing import Any

from napari_attnseg.intensity import Intensity, Window
from napari_attnseg.io.imagej_calibration import CALIBRATED_WINDOW
from napari_attnseg.io.images import UprightImage
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


def rule_of_picture(
    found: UprightImage, rule: Intensity, name: str, asked: bool = False
) -> tuple[Intensity, dict[str, Any]]:
    """Choose as `rule_for`, with a window in the numbers of a calibrated TIFF.

    Parameters
    ----------
    found : UprightImage
    rule : Percentiles or Window
        As in `rule_for`; a window is meant in calibrated values.
    name : str
        Name of the file, for messages.
    asked : bool
        As in `rule_for`.

    Returns
    -------
    Percentiles or Window
        Applies to the numbers of the file.
    dict
        Provenance of a window that was converted; else empty.

    Raises
    ------
    InputError
        If a window cannot be converted.
    """
    if found.calibration is None or not isinstance(rule, Window):
        return rule_for(found.facts, rule, asked), {}
    facts = found.calibration.to_json(rule)
    return found.calibration.stored(rule, name), {CALIBRATED_WINDOW: facts}
