"""Find the open image layer from which a result was made. No Qt, no torch.

The reference in the record decides, not the name of a layer: the layer's id while the
viewer is open, otherwise the image's file and the hash of its pixels.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.record import LayerRecord
from napari_attnseg._widgets.layers.source import file_of, finest
from napari_attnseg.hashing import array_sha256


class _Hashes:
    """Hashes of the frames of one array that were asked for."""

    def __init__(self, data: NDArray[Any]) -> None:
        self.data = weakref.ref(data)
        self.of_frame: dict[int, str] = {}


#: Image layer → hashes of its data, so that each is computed once.
_HASHES: weakref.WeakKeyDictionary[Any, _Hashes] = weakref.WeakKeyDictionary()


def find_image(
    record: LayerRecord, shape: tuple[int, ...], images: Sequence[Any]
) -> Any:
    """Find the image layer from which a result was made; None if it is not open.

    Parameters
    ----------
    record : LayerRecord
        Record of a layer of the result.
    shape : tuple of int
        (H, W) or (T, H, W) of the result.
    images : sequence of Image layers
        Layers that are no results.
    """
    wanted = record.image.layer_id
    for image in images:
        if wanted and str(image.unique_id) == wanted:
            return image
    files = {record.image.file, record.source} - {None}
    of_file = [image for image in images if file_of(image) in files]
    for image in (*of_file, *images):
        if holds_pixels(image, shape, record.image_sha256):
            return image
    # Another reader may have converted the pixels of the file, or they are computed
    # only when they are shown. What needs the very pixels compares them again.
    return of_file[0] if of_file else None


def holds_pixels(layer: Any, shape: tuple[int, ...], sha256: Sequence[str]) -> bool:
    """Whether an image layer in memory holds the pixels with these hashes.

    Of a stack only three frames are compared, because hashing a long stack would block
    the window.

    Parameters
    ----------
    layer : Image
    shape : tuple of int
        (H, W) or (T, H, W) that the image must have.
    sha256 : sequence of str
        One hash per frame. An empty hash, for a frame that was not segmented, matches
        every image.
    """
    data = finest(layer)
    frames = shape[0] if len(shape) == 3 else 1
    if (
        not isinstance(data, np.ndarray)
        or layer.ndim != len(shape)
        or data.shape[: layer.ndim] != tuple(shape)
        or len(sha256) != frames
    ):
        return False
    known = _HASHES.get(layer)
    if known is None or known.data() is not data:
        known = _HASHES[layer] = _Hashes(data)
    done = [index for index, found in enumerate(sha256) if found]
    if not done:
        return False
    for index in sorted({done[0], done[len(done) // 2], done[-1]}):
        if index not in known.of_frame:
            frame = data[index] if len(shape) == 3 else data
            known.of_frame[index] = array_sha256(frame)
        if known.of_frame[index] != sha256[index]:
            return False
    return True
