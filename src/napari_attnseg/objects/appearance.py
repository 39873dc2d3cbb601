"""Appearance of an object: colour, highlights, texture and contrast at the outline."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import rgb2gray, rgb2lab
from skimage.feature import graycomatrix, graycoprops

from napari_attnseg.intensity import WHOLE_RANGE, Intensity, IntensityMapping
from napari_attnseg.objects.descriptors import GREY_LEVELS, HIGHLIGHT
from napari_attnseg.preprocessing import to_rgb

Bools = NDArray[np.bool_]
Floats = NDArray[np.floating]
#: Pixels: SciPy's Gaussian of 1 pixel ends after four.
REACH = 4


class Looks:
    """Image that is prepared once for all of its objects.

    Parameters
    ----------
    image : array, shape (H, W), (H, W, 3) or (H, W, 4)
        As for `preprocessing.to_rgb`; errors are the same, too.
    rgb : bool, optional
        Whether the last axis is colour.
    intensity : Percentiles or Window
        How values become [0, 1].
    """

    def __init__(
        self,
        image: NDArray[np.generic],
        rgb: bool | None = None,
        intensity: Intensity = WHOLE_RANGE,
    ) -> None:
        #: How the image's values were mapped to [0, 1].
        self.mapping: IntensityMapping
        self._rgb, self.mapping = to_rgb(image, rgb, intensity)
        red, green, blue = np.moveaxis(self._rgb, 2, 0)
        #: Whether there is any colour: a grey image may come as RGB.
        self.coloured = bool((red != green).any() or (green != blue).any())

    def within(self, box: tuple[slice, slice]) -> ObjectLooks:
        """Make the `ObjectLooks` of a part of the image."""
        return ObjectLooks(self._rgb, box)


class ObjectLooks:
    """The part of an image around one object.

    Parameters
    ----------
    rgb : ndarray, shape (H, W, 3), in [0, 1]
        The whole image.
    box : (slice, slice)
        Rows and columns of the part; both slices have start and stop.
    """

    def __init__(self, rgb: Floats, box: tuple[slice, slice]) -> None:
        # Filters see as far beyond the part as they reach.
        wide = tuple(slice(max(s.start - REACH, 0), s.stop + REACH) for s in box)
        inner = tuple(
            slice(part.start - around.start, part.stop - around.start)
            for part, around in zip(box, wide, strict=True)
        )
        brightness = rgb2gray(rgb[wide])
        self._rgb = rgb[box]
        self.brightness: Floats = brightness[inner]
        self._slope = np.stack(
            [
                ndimage.gaussian_filter(brightness, 1, order)[inner]
                for order in ((1, 0), (0, 1))
            ]
        )

    def tone(self, inside: Bools) -> dict[str, float]:
        """Mean and SD of brightness, in % of the range (of `mapping`)."""
        values = 100 * self.brightness[inside]
        return {"mean brightness": values.mean(), "SD of brightness": values.std()}

    def colour(self, inside: Bools) -> dict[str, float]:
        """Mean and SD of each CIELAB channel, and the share of highlights."""
        rgb = self._rgb[inside]
        found = {"highlights": 100 * float((rgb.min(1) >= HIGHLIGHT).mean())}
        for name, values in zip(("L*", "a*", "b*"), rgb2lab(rgb).T, strict=True):
            found |= {f"mean {name}": values.mean(), f"SD of {name}": values.std()}
        return found

    def texture(self, inside: Bools) -> dict[str, float]:
        """Haralick's contrast, homogeneity and entropy of neighbouring pixels."""
        levels = np.clip(self.brightness * GREY_LEVELS, 0, GREY_LEVELS - 1)
        # 0 stands for outside; pairs with it are dropped.
        grey = np.where(inside, levels.astype(np.uint8) + 1, 0).astype(np.uint8)
        angles = np.arange(4) * np.pi / 4
        pairs = graycomatrix(grey, [1], angles, GREY_LEVELS + 1, symmetric=True)
        counts = pairs[1:, 1:].sum(3, keepdims=True)
        if not counts.any():
            return {}
        p = counts[counts > 0] / counts.sum()
        return {
            "texture contrast": float(graycoprops(counts, "contrast")[0, 0]),
            "texture homogeneity": float(graycoprops(counts, "homogeneity")[0, 0]),
            "texture entropy": float(-(p * np.log2(p)).sum()),
        }

    def sharpness(self, outline: Bools, distance: Floats) -> float:
        """Median slope of brightness along the outline's normal, in % per pixel.

        Parameters
        ----------
        outline : ndarray of bool
            The object's pixels that touch a pixel outside it.
        distance : ndarray
            Signed distance from the outline; its gradient is the normal.
        """
        normal = np.stack(np.gradient(ndimage.gaussian_filter(distance, 2.0)))
        length = np.hypot(*normal)
        sure = outline & (length > 0.1)  # a line's two sides cancel out
        if not sure.any():
            return float("nan")
        slope = (self._slope * normal).sum(0)[sure] / length[sure]
        return 100 * float(np.median(np.abs(slope)))
