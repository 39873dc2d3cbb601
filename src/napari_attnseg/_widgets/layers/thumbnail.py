"""Keep the bytes of a thumbnail as long as the thumbnail. No Qt, no torch."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


class _Kept(np.ndarray[Any, np.dtype[np.uint8]]):
    """An array whose bytes are made once and live as long as it does."""

    _bytes: bytes | None = None

    def tobytes(self, order: Literal["K", "A", "C", "F"] | None = "C") -> bytes:
        """Bytes of the array; those of a thumbnail, which nobody writes into."""
        if order != "C":
            return super().tobytes(order)
        if self._bytes is None:
            self._bytes = super().tobytes()
        return self._bytes


def keep_thumbnail(layer: Any) -> None:
    """Let napari draw the thumbnail of a layer, now and whenever it changes.

    napari's layer list makes a picture of ``thumbnail.tobytes()``, which does not hold
    these bytes: they are gone before it is drawn, and what came to lie in their place
    (coloured noise) may be drawn instead.
    """
    layer.events.thumbnail.connect(_keep)
    _hold(layer)


def _keep(event: Any) -> None:
    _hold(event.source)


def _hold(layer: Any) -> None:
    thumbnail: NDArray[np.uint8] = layer.thumbnail
    if not isinstance(thumbnail, _Kept):
        # By `thumbnail` itself it would be copied into an ordinary array.
        layer._thumbnail = thumbnail.view(_Kept)
