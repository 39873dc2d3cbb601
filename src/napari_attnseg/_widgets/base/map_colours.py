"""Describe the colours of a map. No Qt, no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_attnseg.colormaps import SIGNED_HIGH, SIGNED_LOW

if TYPE_CHECKING:
    from napari_attnseg.explanations import Explainer


def map_colours(explainer: Explainer) -> str:
    """Meaning of the two colours of a map around 0; empty for other maps."""
    if explainer.scale != "signed":
        return ""
    low, high = explainer.low, explainer.high
    if explainer.targeted:
        low, high = f"speaks against it ({low})", f"speaks for the target ({high})"
    return (
        f"{SIGNED_HIGH[0].capitalize()}: {high}. {SIGNED_LOW[0].capitalize()}: {low}. "
        "Where nothing is coloured the map is 0."
    )
