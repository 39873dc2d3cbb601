"""The plugin's page in napari's Preferences: initial choices of the widgets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari.settings import get_plugin_settings

from napari_attnseg.colormaps import GATE_MAPS, MASK_COLOUR, MASK_COLOURS
from napari_attnseg.weights import bundled_weights


def preferences() -> Any:
    """``weights``, ``device``, ``intensity`` …, as defined in `napari.yaml`.

    The result is None if napari does not know this plugin, because it is disabled or
    not installed.
    """
    return _group("segment")


def threads() -> int:
    """CPU threads of a run; 0: as `napari_attnseg.threads` chooses."""
    chosen = preferences()
    return 0 if chosen is None else int(chosen.threads)


def gate_colours() -> str:
    """Name in `GATE_MAPS` of the colours for gate maps."""
    chosen = _group("colours")
    return next(iter(GATE_MAPS)) if chosen is None else str(chosen.gates)


def mask_colour() -> str:
    """Colour of the model's mask: ``#rrggbb``."""
    chosen = _group("colours")
    return MASK_COLOUR if chosen is None else MASK_COLOURS[chosen.mask]


def first_gate() -> str:
    """Label of the gate whose map a first run shows over the image, or ``none``."""
    chosen = _group("layers")
    return "none" if chosen is None else str(chosen.gate)


def _group(name: str) -> Any:
    try:
        return getattr(get_plugin_settings("napari-attnseg"), name)
    except KeyError:
        return None


def remember(device: str, intensity: str) -> None:
    """Make these the initial choices, unless the user turned that off.

    The initial weights stay the same: a user who tries other weights once may not want
    to start with them.
    """
    chosen = preferences()
    if chosen is None or not chosen.remember:
        return
    chosen.device = device
    chosen.intensity = intensity


def is_initial(weights: Path) -> bool | None:
    """Whether widgets start with a weights file; None if there are no preferences."""
    chosen = preferences()
    return None if chosen is None else bool(chosen.weights == _stored(weights))


def start_with(weights: Path) -> None:
    """Make widgets start with a weights file from now on."""
    chosen = preferences()
    if chosen is not None:
        chosen.weights = _stored(weights)


def _stored(weights: Path) -> str:
    """Text of a weights file in the preferences: a bundled name, or its path."""
    names = {path: name for name, path in bundled_weights().items()}
    return names.get(weights, str(weights))
