"""Measure the objects of a mask; `descriptors` defines each number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as connected
from skimage.measure import regionprops

from napari_attnseg.errors import InputError
from napari_attnseg.intensity import WHOLE_RANGE, Intensity, rule_of
from napari_attnseg.objects.appearance import Looks
from napari_attnseg.objects.descriptors import (
    DESCRIPTORS,
    PLACES,
    ObjectRecord,
    PixelSize,
    psi_name,
)
from napari_attnseg.objects.shape import SMALLEST, distances, size_and_shape
from napari_attnseg.results import AttentionMap, Segmentation
from napari_attnseg.uncertainty import band_width, binary_entropy

_CALIBRATED = tuple(name for name in DESCRIPTORS if name.startswith("calibrated"))
_SHAPE = ("eccentricity", "solidity")
_EXTENT = (*(name for name in DESCRIPTORS if "diameter" in name), *_SHAPE)
_COLOUR = (*(name for name in DESCRIPTORS if name.endswith("*")), "highlights")
_TEXTURE = tuple(name for name in DESCRIPTORS if name.startswith("texture"))
_LOOKS = (
    *("boundary sharpness", "mean brightness", "SD of brightness"),
    *_COLOUR,
    *_TEXTURE,
)
_MODEL = ("mean probability", "minimum probability", "doubt")


def separate(mask: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """Label the 8-connected objects of a mask (H, W), each class by itself."""
    found: NDArray[np.int32] = connected(mask, connectivity=2).astype(np.int32)
    return found


def measure(
    labels: NDArray[np.integer[Any]],
    image: NDArray[np.generic] | None = None,
    probability: NDArray[np.floating[Any]] | None = None,
    gates: Sequence[AttentionMap] = (),
    pixel: PixelSize | None = None,
    *,
    mask: NDArray[np.integer[Any]] | None = None,
    rgb: bool | None = None,
    frame: int | None = None,
    intensity: Intensity = WHOLE_RANGE,
) -> list[ObjectRecord]:
    """Measure every object of one frame.

    Parameters
    ----------
    labels : ndarray of int, shape (H, W)
        One number per object, 0 is background; see `separate`.
    image : array, shape (H, W), (H, W, 3) or (H, W, 4), optional
        What the objects are seen in.
    probability : ndarray, shape (classes, H, W), in [0, 1], optional
        The model's; of several classes the most probable one counts at each pixel.
    gates : sequence of AttentionMap
        The model's, each at its own resolution.
    pixel : PixelSize, optional
        With its unit only if a person gave one. Default: square, not calibrated.
    mask : ndarray of int, shape (H, W), optional
        What the labels were separated from.
    rgb : bool, optional
        Whether the last axis of `image` is colour.
    frame : int, optional
        Number that the records carry.
    intensity : Percentiles or Window
        How the image's values become [0, 1]: as for the model that found the objects
        (`intensity.rule_of`), so that both saw the same.

    Returns
    -------
    list of ObjectRecord
        By label.

    Raises
    ------
    InputError
        If image or probability have another size, or the image cannot be used.
    """
    labels = np.asarray(labels)
    for name, other in (("image", image), ("probability", probability)):
        size = None if other is None else np.shape(other)
        size = size and (size[-2:] if name == "probability" else size[:2])
        if size is not None and tuple(size) != labels.shape:
            raise InputError(
                f"Expected an {name} of the labels' size {labels.shape}, got {size}; "
                "choose the image that they were made from."
            )
    pixel = pixel or PixelSize()
    scene = _Scene(labels, image, probability, gates, pixel, rgb, intensity)
    found = regionprops(labels, spacing=(pixel.height, pixel.width))
    return [_record(scene, region, mask, frame) for region in found]


def measure_segmentation(
    result: Segmentation, image: NDArray[np.generic]
) -> list[ObjectRecord]:
    """Measure every connected object of a result in its image, read as the run did."""
    return measure(
        separate(result.mask),
        image,
        result.probability,
        result.attention,
        mask=result.mask,
        intensity=rule_of(result.provenance),
    )


class _Scene:
    """One frame, prepared once for all its objects."""

    def __init__(
        self,
        labels: NDArray[np.integer[Any]],
        image: NDArray[np.generic] | None,
        probability: NDArray[np.floating[Any]] | None,
        gates: Sequence[AttentionMap],
        pixel: PixelSize,
        rgb: bool | None,
        intensity: Intensity,
    ) -> None:
        self.labels, self.gates, self.pixel = labels, gates, pixel
        self.band = band_width(labels.shape)
        self.looks = None if image is None else Looks(image, rgb, intensity)
        # Of several classes the most probable one counts at each pixel.
        if probability is not None and probability.ndim == 3:
            probability = probability.max(0)
        self.probability = probability
        if self.probability is not None:
            self.entropy = binary_entropy(self.probability)
        self.psi = [_over_image(gate, labels.shape) for gate in gates]
        self.psi_outside: list[float] = []
        if gates:
            far = distances(labels == 0) > self.band
            self.psi_outside = [
                float(psi[far].mean()) if far.any() else float("nan")
                for psi in self.psi
            ]


def _over_image(gate: AttentionMap, shape: tuple[int, ...]) -> NDArray[np.floating]:
    """Value of the gate at each pixel of the image (nearest neighbour)."""
    rows, columns = (
        np.minimum(((np.arange(n) + 0.5) / stride).astype(int), size - 1)
        for n, stride, size in zip(shape, gate.stride, gate.values.shape, strict=True)
    )
    values: NDArray[np.float32] = gate.values[rows[:, None], columns]
    return values


def _record(
    scene: _Scene, region: Any, mask: NDArray[np.integer[Any]] | None, frame: int | None
) -> ObjectRecord:
    coordinates = region.coords
    row, column = coordinates[0]
    reasons = _not_assessable(scene, region.bbox, len(coordinates))
    found = size_and_shape(region, scene.pixel, scene.labels.size)
    box, inside = _surroundings(scene, region)
    to_outside, to_inside = distances(inside), distances(~inside)
    if scene.looks is not None:
        looks = scene.looks
        found |= looks.tone(box, inside) | looks.texture(box, inside)
        found |= looks.colour(box, inside)
        outline = inside & (to_outside <= 1)
        if outline.any():
            distance = np.where(inside, to_outside, -to_inside)
            found["boundary sharpness"] = looks.sharpness(box, outline, distance)
    if scene.probability is not None:
        own = scene.probability[box][inside]
        found["mean probability"] = float(own.mean(dtype=float))
        found["minimum probability"] = float(own.min())
        around = scene.entropy[box][to_inside <= scene.band]
        found["doubt"] = float(around.mean(dtype=float))
    border = (to_outside <= scene.band) & (to_inside <= scene.band)
    for gate, psi, outside in zip(
        scene.gates, scene.psi, scene.psi_outside, strict=True
    ):
        names = [psi_name(gate.label, place) for place in PLACES]
        parts = [psi[box][where] for where in (inside & ~border, border)]
        means = [float(p.mean(dtype=float)) if p.size else np.nan for p in parts]
        found |= dict(zip(names, [*means, outside], strict=True))
        if len(coordinates) < np.prod(gate.stride):
            reasons |= dict.fromkeys(
                names[:2], "the object is smaller than one pixel of the map"
            )
    names = [*DESCRIPTORS, *(name for name in found if name not in DESCRIPTORS)]
    values = {
        name: np.nan if name in reasons else float(found.get(name, np.nan))
        for name in names
    }
    for name, value in values.items():
        if np.isnan(value):
            reasons.setdefault(name, "too little of it lies there")
    return ObjectRecord(
        region.label,
        int(scene.labels[row, column] if mask is None else mask[row, column]),
        frame,
        (float(coordinates[:, 0].mean()), float(coordinates[:, 1].mean())),
        values,
        reasons,
        scene.pixel.unit,
        None if scene.looks is None else scene.looks.mapping,
        {gate.label: (gate.low, gate.high) for gate in reversed(scene.gates)},
    )


def _not_assessable(
    scene: _Scene, bbox: tuple[int, int, int, int], pixels: int
) -> dict[str, str]:
    """Name of each descriptor that is not assessable → the first reason why."""
    top, left, bottom, right = bbox
    height, width = scene.labels.shape
    found: dict[str, str] = {}
    for names, applies, why in (
        (_LOOKS, scene.looks is None, "no image was given"),
        (_MODEL, scene.probability is None, "no probability of the model was given"),
        (
            _EXTENT,
            top == 0 or left == 0 or bottom == height or right == width,
            "the object touches the frame, so that part of it may be missing",
        ),
        (_CALIBRATED, scene.pixel.unit is None, "the image has no calibration"),
        (
            _COLOUR,
            scene.looks is not None and not scene.looks.coloured,
            "the image is grey",
        ),
        (
            (*_SHAPE, *_TEXTURE, "boundary sharpness"),
            pixels < SMALLEST,
            f"the object has fewer than {SMALLEST} pixels",
        ),
    ):
        if applies:
            found = dict.fromkeys(names, why) | found
    return found


def _surroundings(
    scene: _Scene, region: Any
) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    """Crop the frame to the object and its band; return also the object in the crop."""
    margin = scene.band + 1
    rows, columns = (
        slice(max(part.start - margin, 0), part.stop + margin) for part in region.slice
    )
    return (rows, columns), scene.labels[rows, columns] == region.label
