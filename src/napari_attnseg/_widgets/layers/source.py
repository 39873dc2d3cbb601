"""The image layer that is segmented: its frames and its placement. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.metadata import (
    IMAGE_FILE,
    IMAGE_ORIENTATION,
    file_facts,
)
from napari_attnseg._widgets.layers.placement import without_axis
from napari_attnseg._widgets.layers.record import ImageReference
from napari_attnseg.axes import AXIS_READING, AxisReading, possible_readings
from napari_attnseg.errors import InputError
from napari_attnseg.io.file_kinds import (
    VIEWER_DECODING,
    FileKind,
    file_kind,
    tiff_axes,
)
from napari_attnseg.io.other_pictures import OTHER_PICTURES, other_pictures
from napari_attnseg.io.readers.facts import FILE_FACTS as FACTS_OF_FILE
from napari_attnseg.sample_data import sample_path

#: Key, in provenance, of the orientation that was applied to the file's pixels.
ORIENTATION = "orientation"
#: Keys, in provenance, of `Source.notes`.
READING_NOTES = (
    *(AXIS_READING, VIEWER_DECODING, ORIENTATION, OTHER_PICTURES),
    FACTS_OF_FILE,
)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """An image layer as input of a model: its frames and its placement in the world.

    Attributes
    ----------
    name : str
        Name of the layer.
    data : array
        Pixels at full resolution: (H, W) or (T, H, W), with a colour axis at the end if
        `rgb`.
    rgb : bool
        Whether the last axis of `data` is colour.
    frames : int or None
        Length of the leading axis; None for a single image.
    placement : mapping
        ``scale, translate, rotate, shear, affine, units, axis_labels`` of the image.
    file : str or None
        Path of the file that the layer was opened from.
    layer_id : str
        ``unique_id`` of the layer; empty if there is no layer.
    recorded : str or None
        Name of the source in provenance; None: `file`, or `name` if there is no file.
    reading : AxisReading or None
        How an axis of the layer is read (frames or channels), if the user had to
        choose.
    decoding : FileKind or None
        Kind of the file, if napari's own reader decodes it differently than the
        command.
    orientation : int or None
        Orientation, 1 to 8 as in EXIF, that was applied to the pixels of the file. It
        is 1 (none) if napari's own reader opened the file. None: there is no file, or
        earlier results record the orientation already.
    file_facts : mapping or None
        Facts of the file, if this plugin's reader opened it.
    """

    name: str
    data: Any
    rgb: bool
    frames: int | None
    placement: Mapping[str, Any]
    file: str | None = None
    layer_id: str = ""
    recorded: str | None = None
    reading: AxisReading | None = None
    decoding: FileKind | None = None
    orientation: int | None = None
    file_facts: Mapping[str, Any] | None = None

    @property
    def origin(self) -> str:
        """Name of the source in provenance: its file, or else the layer's name."""
        return self.recorded or self.file or self.name

    @property
    def reference(self) -> ImageReference:
        """Reference to the image for the record of its results."""
        return ImageReference(self.name, self.layer_id, self.file)

    @property
    def notes(self) -> dict[str, Any]:
        """Notes for provenance on how the layer was read; empty if there are none."""
        found: dict[str, Any] = {}
        if self.reading is not None:
            found[AXIS_READING] = self.reading.to_dict()
        if self.decoding is not None:
            found[VIEWER_DECODING] = str(self.decoding)
        if self.orientation is not None:
            found[ORIENTATION] = self.orientation
        if self.file_facts is not None:
            found[FACTS_OF_FILE] = dict(self.file_facts)
            return found
        others = 0 if self.file is None else other_pictures(self.file)
        if others:
            found[OTHER_PICTURES] = others
        return found

    @property
    def is_shown(self) -> bool:
        """Whether the layer shows `data`: its channels are not shown as frames."""
        return self.reading is None or not self.reading.is_one_image

    def frame(self, index: int) -> NDArray[np.generic]:
        """One image; only this part of a dask or zarr array is computed."""
        part = self.data if self.frames is None else self.data[index]
        return np.asarray(part)


def source_of(layer: Any, reading: AxisReading | None = None) -> Source:
    """Copy the properties of an image layer that segmentation needs.

    The layer may be changed or deleted afterwards.

    Parameters
    ----------
    layer : Image
    reading : AxisReading, optional
        How one of its three axes is read, from `readings_of`. None: the axes are
        frames, rows and columns.

    Raises
    ------
    InputError
        If its data cannot be segmented: more than one leading axis, no numbers.
    """
    data = finest(layer)
    want = "Expected an image (Y, X) or a stack (T, Y, X), in grey, RGB or RGBA"
    if layer.ndim not in (2, 3):
        raise InputError(
            f"{want}, but layer {layer.name!r} has {layer.ndim} axes besides colour "
            f"(shape {tuple(data.shape)}); take one slice or channel out of it first "
            "(Layers ▸ Data ▸ Split Stack)."
        )
    if np.dtype(data.dtype).kind not in "buif":
        raise InputError(
            f"{want}, but layer {layer.name!r} holds {data.dtype} values; convert it "
            "to integer or float."
        )
    placement, rgb = placement_of(layer), bool(layer.rgb)
    frames = int(data.shape[0]) if layer.ndim == 3 else None
    if reading is not None and reading.is_one_image:
        placement = without_axis(placement, reading.axis, layer.name)
        data = reading.image(data)
        frames, rgb = None, data.ndim == 3
    axes = data.shape[:-1] if rgb else data.shape
    if min(axes) < 1 or min(axes[-2:]) < 2:
        raise InputError(
            f"{want} of at least 2×2 pixels, but layer {layer.name!r} has shape "
            f"{tuple(finest(layer).shape)}."
        )
    if rgb and data.shape[-1] not in (3, 4):
        raise InputError(
            f"{want}, but layer {layer.name!r} has {data.shape[-1]} colour channels."
        )
    file = file_of(layer)
    applied = layer.metadata.get(IMAGE_ORIENTATION, 1)
    return Source(
        layer.name,
        data,
        rgb,
        frames,
        placement,
        file,
        str(layer.unique_id),
        reading=reading,
        decoding=decoding_of(layer),
        orientation=None if file is None else int(applied),
        file_facts=file_facts(layer),
    )


def frames_of(layer: Any, reading: AxisReading | None = None) -> int | None:
    """Number of frames of an image layer; None for a single image, or no layer."""
    one = reading is not None and reading.is_one_image
    if layer is None or layer.ndim != 3 or one:
        return None
    return int(finest(layer).shape[0])


def finest(layer: Any) -> Any:
    """Pixels of a layer at full resolution."""
    return layer.data[0] if layer.multiscale else layer.data


def readings_of(layer: Any) -> tuple[AxisReading, ...]:
    """Possible readings of an axis of an image layer; see `axes.possible_readings`."""
    if layer.rgb or layer.ndim != 3:
        return ()
    shape = tuple(finest(layer).shape)
    return possible_readings(shape, _axis_names(layer, shape))


def _axis_names(layer: Any, shape: tuple[int, ...]) -> tuple[str, ...]:
    """Names of the axes from the layer, or else from its file; empty if unknown."""
    names = tuple(str(label) for label in layer.axis_labels)
    if names == tuple(str(i) for i in range(-len(names), 0)):  # as napari numbers them
        file = file_of(layer)
        found = () if file is None else tiff_axes(file, shape)
        names = found if len(found) == len(names) else ("",) * len(names)
    return names


def decoding_of(layer: Any) -> FileKind | None:
    """Kind of a layer's file, if napari's own reader decoded it differently.

    None for a layer that this plugin's reader made, which decodes files like the
    command.
    """
    if IMAGE_FILE in layer.metadata or layer.source.path is None:
        return None
    return file_kind(layer.source.path)


def placement_of(layer: Any) -> dict[str, Any]:
    """Placement of a layer in the world, as arguments of another layer."""
    return {
        "scale": np.array(layer.scale),
        "translate": np.array(layer.translate),
        "rotate": np.array(layer.rotate),
        "shear": np.array(layer.shear),
        "affine": np.array(layer.affine.affine_matrix),
        "units": layer.units,
        "axis_labels": layer.axis_labels,
    }


def file_of(layer: Any) -> str | None:
    """File from which an image layer was opened; None if there is none."""
    plugin, sample = layer.source.sample or ("", "")
    if plugin == "napari-attnseg":
        return str(sample_path(sample))
    path: str | None = layer.metadata.get(IMAGE_FILE, layer.source.path)
    return path if path is not None and Path(path).is_file() else None
