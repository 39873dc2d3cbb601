"""Recognise DICOM colours that are stored plane by plane, while the header denies it.

Read pixel by pixel, such an image shows three small grey pictures in stripes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

#: Said of such a file.
PLANES_WORDS = (
    "{} says that its colours are stored pixel by pixel, but they look as if red, "
    "green and blue were stored one after another (PlanarConfiguration), so that the "
    "image is read as three small ones in stripes: look at it, and correct the file."
)
# What these limits tell rightly: training/results/recognised-images-kvasir-seg.json.
#: Largest ratio of the mean difference of neighbours, down and across, if the samples
#: are read as planes, to that if they are read as pixels.
_ROWS, _COLUMNS = 0.8, 0.9
#: Smallest correlation of what would be red and green, and green and blue.
_ALIKE = 0.5


def looks_like_planes(path: Path, header: Any) -> bool:
    """Whether bytes of an uncompressed RGB image lie as those of three planes.

    Looks at the first frame. False also if the file is damaged, which is said when its
    frames are decoded.
    """
    syntax = header.file_meta.get("TransferSyntaxUID")
    if (
        syntax is None
        or syntax.is_encapsulated
        or header.get("PhotometricInterpretation") != "RGB"
        or header.get("SamplesPerPixel") != 3
        or header.get("BitsAllocated") != 8
        or header.get("PlanarConfiguration") != 0
    ):
        return False
    from pydicom.pixels import pixel_array

    try:
        stored = np.asarray(pixel_array(path, index=0, raw=True))
    except Exception:  # of many kinds
        return False
    return _are_planes(stored.ravel().astype(np.float32), stored.shape[1])


def _are_planes(samples: Any, width: int) -> bool:
    """Whether neighbours are more alike if samples (H × W × 3) are three planes."""
    if len(samples) <= 6 * width:
        return False
    planes = samples.reshape(3, -1)
    if (planes.std(1) == 0).any():
        return False
    red, green, blue = planes - planes.mean(1, keepdims=True)

    def differ(step: int) -> float:
        return float(np.abs(samples[step:] - samples[:-step]).mean())

    def across(step: int) -> float:  # 0 where rows are even
        rows = samples.reshape(-1, 3 * width)
        return float(np.abs(rows[:, step:] - rows[:, :-step]).mean())

    return bool(
        differ(width) < _ROWS * differ(3 * width)
        and across(1) < _COLUMNS * across(3)
        and min(_correlation(red, green), _correlation(green, blue)) > _ALIKE
    )


def _correlation(one: Any, other: Any) -> float:
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))
