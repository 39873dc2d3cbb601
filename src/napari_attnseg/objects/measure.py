"""Measure the objects of a mask; `descriptors` defines each number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as connected
from skimage.measure import regionprops

from napari_attnseg.boxes import Box, box_of
from napari_attnseg.distances import distances
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
from napari_attnseg.objects.seen import Part, Seen
from napari_attnseg.objects.shape import SMALLEST, centre, size_and_shape
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
    """Label the 8-connected objects of a mask (H, W), class by class."""
    # One class, as truth values, goes several times faster.
    one = mask.size and mask.min() >= 0 and mask.max() <= 1
    marked = mask.astype(bool) if one else mask
    found: NDArray[np.int32] = connected(marked, connectivity=2).astype(np.int32)
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
    box: Box | None = None,
) -> list[ObjectRecord]:
    """Measure every object of one frame.

    Parameters
    ----------
    labels : ndarray of int, shape (H, W)
        One number per object, 0 is background; see `separate`.
    image : array, shape (H, W), (H, W, 3) or (H, W, 4), optional
        Image of the objects.
    probability : ndarray, shape (classes, H, W), in [0, 1], optional
        Probability of the model; with several classes the most probable one counts at
        each pixel.
    gates : sequence of AttentionMap
        Gate maps of the model, each at its own resolution.
    pixel : PixelSize, optional
        Size of a pixel, with a unit only if the user gave one. Default: square, not
        calibrated.
    mask : ndarray of int, shape (H, W), optional
        Mask that the labels were made from.
    rgb : bool, optional
        Whether the last axis of `image` is colour.
    frame : int, optional
        Number of the frame, for the records.
    intensity : Percentiles or Window
        How the image's values become [0, 1]: by the rule of the model that found the
        objects (`intensity.rule_of`), so that both see the same values.
    box : Box, optional
        The part of the image that probability and gates cover. Their numbers are not
        assessable for an object that reaches beyond it.

    Returns
    -------
    list of ObjectRecord
        Records, sorted by label.

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
    scene = _Scene(labels, image, probability, gates, pixel, rgb, intensity, box)
    found = regionprops(labels, spacing=(pixel.height, pixel.width))
    records = [_record(scene, region, mask, frame) for region in found]
    outside = {
        psi_name(gate.label, PLACES[2]): scene.psi_outside(gate) for gate in gates
    }
    return [_completed(record, gates, outside) for record in records]


def measure_segmentation(
    result: Segmentation,
    image: NDArray[np.generic],
    frame: int | None = None,
    pixel: PixelSize | None = None,
) -> list[ObjectRecord]:
    """Measure every connected object of a result in its image, read as the run did.

    Parameters
    ----------
    result : Segmentation
    image : ndarray
    frame : int, optional
        Number of the frame, for the records.
    pixel : PixelSize, optional
        As in `measure`.
    """
    return measure(
        separate(result.mask),
        image,
        result.probability,
        result.attention,
        pixel,
        mask=result.mask,
        frame=frame,
        intensity=rule_of(result.provenance),
        box=box_of(result.provenance),
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
        box: Box | None,
    ) -> None:
        self.seen = Seen.of(labels.shape, box)
        self.labels, self.gates, self.pixel = labels, gates, pixel
        self.band = band_width(labels.shape)
        self.looks = None if image is None else Looks(image, rgb, intensity)
        # Of several classes the most probable one counts at each pixel.
        if probability is not None and probability.ndim == 3:
            one = len(probability) == 1
            probability = probability[0] if one else probability.max(0)
        self.probability = probability
        self.near = np.zeros(labels.shape, bool)

    def psi(self, gate: AttentionMap, part: Part) -> NDArray[np.floating]:
        """Value of the gate at each pixel of a part of the image: the nearest one's."""
        rows, columns = _cells(gate, self.labels.shape)
        values: NDArray[np.float32] = gate.values[
            rows[part[0]][:, None], columns[part[1]]
        ]
        return values

    def psi_outside(self, gate: AttentionMap) -> float:
        """Mean of the gate beyond the bands of all objects; NaN without such pixels."""
        near = self.near[self.seen.part]
        shape: tuple[int, ...] = near.shape
        every = _cells(gate, self.near.shape)
        cells = [found[part] for found, part in zip(every, self.seen.part, strict=True)]
        # Many pixels share one value of the map: their number is its weight.
        starts = [np.flatnonzero(np.diff(found, prepend=-1)) for found in cells]
        values = gate.values[
            np.ix_(*(c[s] for c, s in zip(cells, starts, strict=True)))
        ]
        ends = [[*map(int, f), n] for f, n in zip(starts, shape, strict=True)]
        rows, columns = ([slice(*pair) for pair in pairwise(one)] for one in ends)
        far = [
            [np.count_nonzero(~near[row, column]) for column in columns] for row in rows
        ]
        return float(np.average(values, weights=far)) if np.any(far) else float("nan")


def _cells(
    gate: AttentionMap, shape: tuple[int, ...]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Row and column of the map's value for each row and column of the image."""
    rows, columns = (
        np.clip(((np.arange(n) + 0.5 - first) / stride).astype(int), 0, size - 1)
        for n, first, stride, size in zip(
            shape, gate.origin, gate.stride, gate.values.shape, strict=True
        )
    )
    return rows, columns


def _record(
    scene: _Scene, region: Any, mask: NDArray[np.integer[Any]] | None, frame: int | None
) -> ObjectRecord:
    top, left, _, _ = region.bbox
    pixels = int(np.count_nonzero(region.image))
    row, column = top, left + int(region.image[0].argmax())
    middle = centre(region.image)
    reasons = _not_assessable(scene, region.bbox, pixels)
    found = size_and_shape(region, scene.pixel, scene.labels.size)
    part, inside = _surroundings(scene, region)
    to_outside, to_inside = distances(inside), distances(~inside)
    scene.near[part] |= to_inside <= scene.band
    if scene.looks is not None:
        looks = scene.looks.within(part)
        found |= looks.tone(inside) | looks.texture(inside) | looks.colour(inside)
        outline = inside & (to_outside <= 1)
        if outline.any():
            distance = np.where(inside, to_outside, -to_inside)
            found["boundary sharpness"] = looks.sharpness(outline, distance)
    seen = scene.seen.where(part)
    if not seen[inside].all():
        of_gates = (psi_name(g.label, p) for g in scene.gates for p in PLACES[:2])
        why = "part of the object lies outside the box that was segmented"
        reasons = dict.fromkeys((*_MODEL, *of_gates), why) | reasons
    if scene.probability is not None:
        near = scene.probability[part]
        own, around = near[inside], near[(to_inside <= scene.band) & seen]
        found["mean probability"] = float(own.mean(dtype=float))
        found["minimum probability"] = float(own.min())
        if around.size:
            found["doubt"] = float(binary_entropy(around).mean(dtype=float))
    border = (to_outside <= scene.band) & (to_inside <= scene.band)
    for gate in scene.gates:
        psi = scene.psi(gate, part)
        names = [psi_name(gate.label, place) for place in PLACES[:2]]
        parts = [psi[where & seen] for where in (inside & ~border, border)]
        means = [float(p.mean(dtype=float)) if p.size else np.nan for p in parts]
        found |= dict(zip(names, means, strict=True))
        if pixels < np.prod(gate.stride):
            reasons |= dict.fromkeys(
                names, "the object is smaller than one pixel of the map"
            )
    return ObjectRecord(
        region.label,
        int(scene.labels[row, column] if mask is None else mask[row, column]),
        frame,
        (top + middle[0], left + middle[1]),
        found,
        reasons,
        scene.pixel.unit,
        None if scene.looks is None else scene.looks.mapping,
        {gate.label: (gate.low, gate.high) for gate in reversed(scene.gates)},
    )


def _completed(
    record: ObjectRecord, gates: Sequence[AttentionMap], outside: dict[str, float]
) -> ObjectRecord:
    """The record with psi outside all objects, every number named and explained."""
    found, reasons = {**record.values, **outside}, dict(record.reasons)
    names = [
        *DESCRIPTORS,
        *(psi_name(gate.label, place) for gate in gates for place in PLACES),
    ]
    values = {
        name: np.nan if name in reasons else float(found.get(name, np.nan))
        for name in names
    }
    for name, value in values.items():
        if np.isnan(value):
            reasons.setdefault(name, "too little of it lies there")
    return replace(record, values=values, reasons=reasons)


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
        (
            _EXTENT,
            scene.seen.cut(bbox),
            "the object touches the edge of the box that was segmented, so that part "
            "of it may be missing",
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


def _surroundings(scene: _Scene, region: Any) -> tuple[Part, NDArray[np.bool_]]:
    """Crop the frame to the object and its band; return also the object in the crop."""
    margin = scene.band + 1
    rows, columns = (
        slice(max(part.start - margin, 0), min(part.stop + margin, size))
        for part, size in zip(region.slice, scene.labels.shape, strict=True)
    )
    return (rows, columns), scene.labels[rows, columns] == region.label
