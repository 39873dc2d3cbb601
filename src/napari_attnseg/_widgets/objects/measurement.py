"""Measurement of the objects of a Labels layer, with its run and image. No Qt."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.base.jobs import Failed
from napari_attnseg._widgets.layers.metadata import has_record, record_of
from napari_attnseg._widgets.layers.record import Derivation, LayerRecord
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg._widgets.layers.source import Source, finest, source_of
from napari_attnseg._widgets.objects.origin import origin_of
from napari_attnseg.boxes import Box
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.intensity import WHOLE_RANGE, Intensity, rule_of
from napari_attnseg.objects.descriptors import ObjectRecord, PixelSize
from napari_attnseg.objects.measure import measure, separate
from napari_attnseg.results import AttentionMap
from napari_attnseg.uncertainty import case_doubt


def images_for(labels: Any, layers: Iterable[Any]) -> list[Any]:
    """Image layers that are not results and have the size of a Labels layer."""
    return [
        layer
        for layer in layers
        if hasattr(layer, "rgb")
        and not has_record(layer)
        and layer.ndim == labels.ndim
        and tuple(finest(layer).shape[: layer.ndim]) == tuple(finest(labels).shape)
    ]


def pixel_size_of(layer: Any) -> PixelSize:
    """Size of a pixel in the world, with a unit if the layer has one of length.

    A sheared layer has no size of a pixel, because its pixels are not rectangles.
    """
    corner = np.zeros(layer.ndim)
    sides = []
    for axis in (-2, -1):
        along = corner.copy()
        along[axis] = 1
        sides.append(
            np.subtract(layer.data_to_world(along), layer.data_to_world(corner))
        )
    height, width = (float(np.linalg.norm(side)) for side in sides)
    if abs(sides[0] @ sides[1]) > 1e-6 * height * width:
        return PixelSize()
    vertical, horizontal = layer.units[-2:]
    if not (vertical.is_compatible_with("m") and horizontal.is_compatible_with("m")):
        return PixelSize(height, width)
    height *= float((1 * vertical).to(horizontal).magnitude)
    return PixelSize(height, width, f"{horizontal:~P}")


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Input of a measurement; it holds no layers, which may be removed meanwhile.

    Attributes
    ----------
    name : str
        Name of the Labels layer.
    data : ndarray of int, shape (H, W) or (T, H, W)
    keep : bool
        Whether the numbers in the layer may already be those of objects. If `run_task`
        finds that they are not, it separates the objects and numbers them over all
        frames.
    numbered_here : bool
        Whether an earlier measurement numbered the objects.
    pixel : PixelSize
    image : Source or None
    image_sha256 : tuple of str
        Hash, for each frame, that the image must have; empty: any image is accepted.
    probability : list of array
        One per class, each of the shape of `data`.
    gates : list of (LayerRecord, array)
        Record and psi of each gate; psi has the shape (h, w) or (T, h, w).
    intensity : Percentiles or Window
        How the image's values become [0, 1]: as in the run if it is the image of the
        run. The window of a run is not used for another image, such as another channel.
    origin : mapping of str to str
        `descriptors.origin_of_numbers`.
    box : Box or None
        Part of the image that probability and gates cover; None: all of it.
    missing : frozenset of int
        Frames that the run did not segment; they have no objects and no doubt.
    """

    name: str
    data: NDArray[np.integer[Any]]
    keep: bool
    numbered_here: bool
    pixel: PixelSize
    image: Source | None
    image_sha256: tuple[str, ...] = ()
    probability: list[Any] = field(default_factory=list)
    gates: list[tuple[LayerRecord, Any]] = field(default_factory=list)
    intensity: Intensity = WHOLE_RANGE
    origin: Mapping[str, str] = field(default_factory=dict)
    box: Box | None = None
    missing: frozenset[int] = frozenset()


def task_of(labels: Any, result: ResultLayers | None, image: Any) -> Task:
    """Task of measuring a Labels layer, with its run and an image if there are any.

    Raises
    ------
    InputError
        If the layer is not an image or a stack of images, or its image cannot be used.
    """
    data = finest(labels)
    if labels.ndim not in (2, 3):
        raise InputError(
            "Expected labels (Y, X) or a stack of them (T, Y, X), but layer "
            f"{labels.name!r} has {labels.ndim} axes; take one slice out of it first."
        )
    probability = [] if result is None else [p.data for p in result.probability]
    gates = [] if result is None else list(result.gates.values())
    source = None if image is None else source_of(image)
    hashes: tuple[str, ...] = ()
    rule: Intensity = WHOLE_RANGE
    if result is not None and source is not None:
        # Where provenance names the image, or its layer was found, it has to hold the
        # pixels of the run. Another image, such as another channel, may be measured.
        run = result.record
        if image is result.image or source.origin == run.source:
            hashes = run.image_sha256
            rule = rule_of(run.provenance)
    return Task(
        labels.name,
        # A copy: somebody may paint while it is measured.
        np.array(data),
        _features_free(labels),
        _are_objects(labels),
        pixel_size_of(labels),
        source,
        hashes,
        probability,
        [
            (record, layer.data)
            for layer in gates
            if (record := record_of(layer)) is not None
        ],
        rule,
        origin_of(labels, result, source),
        None if result is None else result.record.box,
        frozenset(() if result is None else result.record.missing_frames),
    )


def _are_objects(labels: Any) -> bool:
    """Whether an earlier measurement numbered the objects of the layer."""
    record = record_of(labels)
    return record is not None and record.derivation is Derivation.OBJECTS


def _features_free(labels: Any) -> bool:
    """Whether its labels may be objects, and its features may be replaced."""
    if has_record(labels):
        return _are_objects(labels)  # of a model's mask the numbers are classes
    taken = len(labels.features.columns) and "area (px)" not in labels.features
    return not (labels.multiscale or taken)


def _objects_already(data: NDArray[np.integer[Any]], numbered_here: bool) -> bool:
    """Whether each number stands for one object."""
    frames = [np.setdiff1d(np.unique(f), 0) for f in data.reshape(-1, *data.shape[-2:])]
    numbers = np.concatenate(frames)
    # Of one number the objects have to be told apart; in a stack an object that is
    # followed through it has one number in many frames, and here a row for each.
    return (numbered_here or len(numbers) > 1) and len(np.unique(numbers)) == len(
        numbers
    )


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """Result of a task.

    Attributes
    ----------
    task : Task
    labels : ndarray of int, shape of the task's data
        One number per object, unique over all frames.
    records : list of ObjectRecord
    doubt : list of float
        One per frame; empty without a probability.
    """

    task: Task
    labels: NDArray[np.integer[Any]]
    records: list[ObjectRecord]
    doubt: list[float]


def run_task(task: Task) -> Generator[tuple[int, str], None, Measurement | Failed]:
    """Measure frame by frame.

    Yields
    ------
    (int, str)
        Number of frames done, and the name of the next step. Cancelling takes effect
        here.
    """
    stacked = task.data.ndim == 3
    frames = len(task.data) if stacked else 1
    parts, records, doubt = [], [], []
    last = 0
    # Here, because in a long stack it takes seconds.
    task = replace(
        task, keep=task.keep and _objects_already(task.data, task.numbered_here)
    )
    try:
        for index in range(frames):
            yield index, f"{index + 1} of {frames} slices" if stacked else "measuring"

            def shown(data: Any, index: int = index) -> NDArray[Any]:
                return np.asarray(data[index] if stacked else data)

            mask = shown(task.data)
            if index in task.missing and not mask.any():
                parts.append(mask)
                doubt += [float("nan")] if task.probability else []
                continue
            pixels = None if task.image is None else task.image.frame(index)
            if pixels is not None and task.image_sha256 and index not in task.missing:
                _expect_pixels(task, pixels, index)
            labels = mask
            if not task.keep:
                labels = separate(mask)
                labels[labels > 0] += last
                last = max(last, int(labels.max()))
            parts.append(labels)
            probability = None
            if task.probability:
                maps = [shown(p) for p in task.probability]
                probability = np.stack(maps).astype(np.float32, copy=False)
                doubt.append(case_doubt(probability, mask, task.box))
            records += measure(
                labels,
                pixels,
                probability,
                _gates(task.gates, shown, mask.shape),
                task.pixel,
                mask=mask,
                rgb=None if task.image is None else task.image.rgb,
                frame=index if stacked else None,
                intensity=task.intensity,
                box=task.box,
            )
    except AttnSegError as error:
        return Failed(str(error))
    if not task.keep:
        # As small as leaves room for more objects: what napari draws in the GUI's
        # thread takes a fraction of the time.
        parts = [part.astype(np.min_scalar_type(2 * last)) for part in parts]
    yield frames, "done"
    return Measurement(task, np.stack(parts) if stacked else parts[0], records, doubt)


def _expect_pixels(task: Task, pixels: NDArray[Any], index: int) -> None:
    if array_sha256(pixels) != task.image_sha256[index]:
        assert task.image is not None
        raise InputError(
            f"The image {task.image.name!r} does not hold the pixels from which "
            "this mask was made; choose the one that does, or 'none'."
        )


def _gates(
    gates: Sequence[tuple[LayerRecord, Any]], shown: Any, shape: tuple[int, ...]
) -> list[AttentionMap]:
    return [record.attention_map(shown(data), shape) for record, data in gates]
