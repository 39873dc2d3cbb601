"""The plugin's page in napari's Preferences: initial choices of the widgets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.settings import get_plugin_settings

from napari_attnseg.colormaps import GATE_MAPS, MASK_COLOUR, MASK_COLOURS
from napari_attnseg.weights import bundled_weights


def preferences() -> Any:
    """``weights``, ``device``, ``intensity``, ``remember``, as `napari.yaml` has them.

    None where napari does not know this plugin: it is disabled, or not installed.
    """
    return _group("segment")


def gate_colours() -> str:
    """Name in `GATE_MAPS` of the colours for gate maps."""
    chosen = _group("colours")
    return next(iter(GATE_MAPS)) if chosen is None else str(chosen.gates)


def mask_colour() -> str:
    """Colour of the model's mask: ``#rrggbb``."""
    chosen = _group("colours")
    return MASK_COLOUR if chosen is None else MASK_COLOURS[chosen.mask]


def _group(name: str) -> Any:
    try:
        return getattr(get_plugin_settings("napari-attnseg"), name)
    except KeyError:
        return None


def remember(weights: Path, device: str, intensity: str) -> None:
    """Make these the initial choices, unless the user turned that off."""
    chosen = preferences()
    if chosen is None or not chosen.remember:
        return
    names = {path: name for name, path in bundled_weights().items()}
    chosen.weights = names.get(weights, str(weights))
    chosen.device = device
    chosen.intensity = intensity
