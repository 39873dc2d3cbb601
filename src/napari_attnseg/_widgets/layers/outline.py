"""Draw a mask over its image as an outline, visible at every zoom. No Qt.

napari draws an outline in pixels of the image. When a large image is shown as a whole,
a thin outline is narrower than a pixel of the screen, and a thick one takes napari
seconds to compute. The outline is as thick as can be computed at once. Where that
cannot be seen, the mask is filled instead, and is transparent. So is a mask of nearly
the whole frame, because outlines of its holes would look like lesions.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from napari_attnseg._widgets.layers.frames import shown_frame
from napari_attnseg._widgets.layers.outcome import NEARLY_ALL

#: Pixels of the screen.
WIDTH = 2.0
#: Pixels of the image that an outline may have at most, of any image.
_THICKEST = 8
#: Opacity of a mask that is filled instead of outlined.
_FILLED = 0.4
#: Longer side of the canvas, where there is none yet.
_CANVAS = 900
#: Of pixels × (8 + squared width): what napari draws in about 0.3 s.
_AFFORDED = 90e6


class Look(NamedTuple):
    """Look of a Labels layer: its ``contour`` and ``opacity``."""

    contour: int
    opacity: float


#: Layer → the look that it was given here last.
_GIVEN: weakref.WeakKeyDictionary[Any, Look] = weakref.WeakKeyDictionary()
#: Layer → width of its outline in pixels of the screen, where it is not `WIDTH`.
_WIDTHS: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()


def outline(layer: Any, zoom: float | None = None, width: float = WIDTH) -> None:
    """Draw a mask as an outline that is wide enough to be seen.

    Parameters
    ----------
    layer : Labels
    zoom : float, optional
        Pixels of the screen per unit of the world; None: the zoom that shows the whole
        layer.
    width : float
        Width of the outline in pixels of the screen; it stays the same at other zooms.
    """
    if width != WIDTH:
        _WIDTHS[layer] = width
    _give(layer, _look(layer, zoom))


def fill(layer: Any) -> None:
    """Fill a mask, whose look then no longer depends on the zoom."""
    _GIVEN.pop(layer, None)
    layer.contour = 0
    layer.opacity = 1.0


def follow_zoom(layer: Any, zoom: float, point: Sequence[float]) -> None:
    """Adapt an outline to the zoom and the slice, unless the user changed its look.

    Parameters
    ----------
    layer : Labels
    zoom : float
        Pixels of the screen per unit of the world.
    point : sequence of float
        ``viewer.dims.point``: world coordinates of the slice in view.
    """
    given = _GIVEN.get(layer)
    if given is None or given != (layer.contour, layer.opacity):
        return
    stack = layer.ndim == 3
    frame = shown_frame(layer, point, len(layer.data)) if stack else None
    _give(layer, _look(layer, zoom, frame))


def _give(layer: Any, look: Look) -> None:
    # Only what differs: napari computes an outline anew each time.
    if layer.contour != look.contour:
        layer.contour = look.contour
    if layer.opacity != look.opacity:
        layer.opacity = look.opacity
    _GIVEN[layer] = look


def _look(layer: Any, zoom: float | None, frame: int | None = None) -> Look:
    rows, columns = layer.data.shape[-2:]
    # Not of a layer that is made: what is opened from a file looks as it always did,
    # until a dock is open.
    if zoom is not None and (frame is not None or layer.ndim == 2):
        mask = np.asarray(layer.data if frame is None else layer.data[frame])
        if np.count_nonzero(mask) >= NEARLY_ALL * mask.size:
            return Look(0, _FILLED)
    scale = float(np.abs(np.asarray(layer.scale)[-2:]).max())
    screen = _CANVAS / max(rows, columns) if zoom is None else zoom * scale
    wanted = _WIDTHS.get(layer, WIDTH)
    least = math.ceil((2 if zoom is None else 1) * wanted / WIDTH)
    width = max(math.ceil(min(wanted / screen, 1e4)), least) if screen > 0 else least
    affordable = math.isqrt(max(int(_AFFORDED / (rows * columns)) - 8, 0))
    if width <= min(affordable, _THICKEST):
        return Look(width, 1.0)
    width = min(affordable, _THICKEST)
    # One pixel of the screen is seen, two are seen better.
    return Look(width, 1.0) if width * screen >= 1 else Look(0, _FILLED)
