"""Images prepared for the network, by a thread on the CPU.

A large image becomes RGB in [0, 1] a few rows at a time, and narrow at once: there is
never a whole copy of it in float.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor

from napari_attnseg.boxes import Box
from napari_attnseg.encoded_image import resize
from napari_attnseg.hashing import array_sha256
from napari_attnseg.intensity import Intensity, IntensityMapping
from napari_attnseg.preprocessing import RgbImage

#: Largest difference between the channels of an image without colours.
GREY = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class PreparedImage:
    """One image, or a box of it, ready for the encoders.

    Attributes
    ----------
    pixels : Tensor, shape (1, 3, S, S), in [0, 1]
        On the CPU.
    shape, intensity, rule, sha256, box, frame, grey
        As of `EncodedImage`.
    """

    pixels: Tensor
    shape: tuple[int, int]
    intensity: IntensityMapping
    rule: Intensity
    sha256: str
    box: Box | None = None
    frame: tuple[int, int] | None = None
    grey: bool = False


@torch.inference_mode()
def prepare(
    image: ArrayLike, rgb: bool | None, rule: Intensity, box: Box | None, size: int
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
    narrow = torch.cat([_narrow(torch.from_numpy(s), size) for s in source.strips()], 2)
    pixels = resize(narrow, size)
    sha256 = array_sha256(image)
    # Of what was resized: what is stored as colour may have none.
    grey = float((pixels.amax(1) - pixels.amin(1)).max()) < GREY
    return PreparedImage(
        pixels, source.shape, source.mapping(), rule, sha256, box, frame, grey
    )


def _narrow(strip: Tensor, columns: int) -> Tensor:
    """(h, W, 3) → (1, 3, h, columns), not clamped."""
    rows = strip.permute(2, 0, 1)[None]
    if rows.shape[-1] == columns:
        return rows
    size = (rows.shape[-2], columns)
    return F.interpolate(rows, size, mode="bilinear", antialias=True)
