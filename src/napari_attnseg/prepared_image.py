"""Images prepared for the network, by a thread on the CPU.

A large image is converted to RGB in [0, 1] a few rows at a time, and these rows are
shrunk at once. So there is never a float copy of the whole image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_attnseg.arrays import Array, concatenate, narrow, resize, to_numpy
from napari_attnseg.boxes import Box
from napari_attnseg.hashing import array_sha256
from napari_attnseg.intensity import Intensity, IntensityMapping
from napari_attnseg.preprocessing import RgbImage
from napari_attnseg.several_pictures import pictures_on_page

#: Largest difference between the channels of an image without colours.
GREY = 1e-3


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ImageFacts:
    """What is kept of one image, or of a box of it, from its file to its mask.

    Attributes
    ----------
    shape : (int, int)
        Rows and columns of the image, or of the box.
    intensity : IntensityMapping
        How its values were mapped to [0, 1].
    rule : Percentiles or Window
        Rule that was asked for.
    sha256 : str
        SHA-256 of the image as it was given; see `hashing.array_sha256`.
    box : Box or None
        Part of the image that is segmented; None: all of it.
    frame : (int, int) or None
        Rows and columns of the whole image if a box of it is segmented; None: no box.
    grey : bool
        Whether the image, or the box, is grey. An image that is stored as RGB is grey,
        too, if red, green and blue are equal.
    pictures : int
        Number of pictures if the image seems to be a page of several; else, and of a
        box or a tile, 0.
    """

    shape: tuple[int, int]
    intensity: IntensityMapping
    rule: Intensity
    sha256: str
    box: Box | None = None
    frame: tuple[int, int] | None = None
    grey: bool = False
    pictures: int = 0

    def facts(self) -> dict[str, Any]:
        """These attributes by name, for the next step."""
        return {one.name: getattr(self, one.name) for one in fields(ImageFacts)}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PreparedImage(ImageFacts):
    """One image, or a box of it, ready for the encoders.

    Attributes
    ----------
    pixels : Array, shape (1, 3, S, S), in [0, 1]
        Input of the network, on the CPU.
    """

    pixels: Array


def prepare(
    image: ArrayLike,
    rgb: bool | None,
    rule: Intensity,
    box: Box | None,
    size: int,
    array: Callable[[NDArray[np.float32]], Array],
    tile: bool = False,
) -> PreparedImage:
    """Map the values of an image to [0, 1] and resize it to (S, S).

    Parameters
    ----------
    image, rgb, box
        As for `Segmenter.segment`.
    rule : Percentiles or Window
        How values are mapped.
    size : int
        S.
    array : callable
        The function `Engine.array`, which converts the result for the engine.
    tile : bool
        Whether it is a tile of an image, in which no pictures are counted.

    Raises
    ------
    InputError
        As `preprocessing.to_rgb`; or the box is not inside the image.
    """
    part, frame = image, None
    if box is not None and np.ndim(image) > 1:  # else refused below
        whole = np.asarray(image)
        frame = whole.shape[0], whole.shape[1]
        box.expect_inside(frame)
        part = whole[box.slices]
    source = RgbImage(part, rgb, rule)
    # Columns first, then rows, as one resize does: the same numbers to the last bit.
    strips = (array(np.moveaxis(s, 2, 0)[None]) for s in source.strips())
    pixels = resize(concatenate([narrow(s, size) for s in strips], 2), size)
    sha256 = array_sha256(image)
    # Of what was resized: what is stored as colour may have none.
    grey = float(np.ptp(to_numpy(pixels), axis=1).max()) < GREY
    return PreparedImage(
        pixels=pixels,
        shape=source.shape,
        intensity=source.mapping(),
        rule=rule,
        sha256=sha256,
        box=box,
        frame=frame,
        grey=grey,
        pictures=0 if tile or box is not None else pictures_on_page(np.asarray(image)),
    )
