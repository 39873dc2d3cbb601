"""Colours of measured objects in the viewer. No Qt."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_attnseg.colormaps import OBJECT_COLOUR, SELECTED_COLOUR


def object_colours(selected: int) -> dict[int | None, str]:
    """Colours of labels: one object stands out among the others."""
    return {None: OBJECT_COLOUR, selected: SELECTED_COLOUR, 0: "transparent"}


def alike(colours: Any, others: Any) -> bool:
    """Whether two colormaps of labels give every label the same colour."""
    one, other = (getattr(found, "color_dict", {}) for found in (colours, others))
    return one.keys() == other.keys() and all(
        np.array_equal(one[key], other[key]) for key in one
    )
