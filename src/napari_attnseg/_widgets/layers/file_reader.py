"""napari's reader of DICOM, films and volumes, as the commands read them. No Qt.

A stack is an array whose frames are read when they are shown. Layers get the size of a
pixel, its unit and the names of the axes, but never the name of the patient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import dask.array
import napari.layers
import numpy as np
from napari.utils.notifications import show_warning
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.metadata import (
    FILE_FACTS,
    FRAME_TIMES,
    IMAGE_FILE,
    IMAGE_ORIENTATION,
)
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.io.folders import entries
from napari_attnseg.io.readers import FileSet, Frames, find_sets, open_frames
from napari_attnseg.io.readers.dicom_planes import PLANES_WORDS
from napari_attnseg.io.readers.facts import (
    FRAME_STEP,
    FRAME_STEP_UNIT,
    Assumed,
    FileFacts,
    FrameAxis,
    NotUsed,
)
from napari_attnseg.io.readers.facts_words import facts_sentences
from napari_attnseg.io.readers.film_kinds import INTERLACED_WORDS
from napari_attnseg.io.readers.formats import FileFormat, file_format

#: More images than this from one folder would fill the layer list.
MANY = 20
_LABELS = {FrameAxis.TIME: "t", FrameAxis.DEPTH: "z", FrameAxis.UNKNOWN: "frame"}


def get_file_reader(
    path: str | list[str],
) -> Callable[[str | list[str]], list[Any]] | None:
    """Return the reader for such files and folders of DICOM, otherwise None."""
    first = Path(path if isinstance(path, str) else path[0])
    kinds = {file_format(first)}
    if first.is_dir() and kinds == {None}:
        try:
            kinds = {file_format(one) for one in entries(first)[:MANY]}
        except AttnSegError:
            return None
        return read_files if FileFormat.DICOM in kinds else None
    return read_files if kinds - {None, FileFormat.RASTER} else None


def read_files(path: str | list[str]) -> list[Any]:
    """Make a layer of each image, film, volume or series.

    Raises
    ------
    InputError
        If no file can be read, or there are too many. If only some cannot be read, they
        are left out with a warning.
    """
    given = [Path(one) for one in ([path] if isinstance(path, str) else path)]
    sets = find_sets(given)
    if len(sets) > MANY:
        raise InputError(
            f"Expected up to {MANY} images or series, but there are {len(sets)}; open "
            "those that you want to see."
        )
    layers, wrong = [], list[tuple[FileSet, InputError]]()
    for one in sets:
        try:
            layers.append(file_layer(one))
        except InputError as error:
            wrong.append((one, error))
    if wrong and not layers:
        raise wrong[0][1]
    for layer in layers:
        if NotUsed.INTERLACED in layer.metadata[FILE_FACTS]["not_used"]:
            show_warning(INTERLACED_WORDS.format(layer.name))
        if Assumed.COLOURS_BY_PIXEL in layer.metadata[FILE_FACTS]["assumed"]:
            show_warning(PLANES_WORDS.format(layer.name))
    known = [(one.name, one.metadata[FILE_FACTS]) for one in layers]
    for sentence in facts_sentences(known):
        show_warning(sentence)
    for one, reason in wrong:
        show_warning(f"{one.name} is left out: {reason}")
    return layers


def file_layer(files: FileSet) -> Any:
    """Image layer of one set of files; errors as of `open_frames`."""
    frames = open_frames(files)
    facts = frames.facts
    first = frames[0]
    stack, said = len(frames) > 1, frames.to_provenance()
    return napari.layers.Image(
        _lazy(frames, first) if stack else first,
        name=files.name,
        rgb=facts.channels > 1,
        contrast_limits=_limits(facts, first),
        metadata={
            # napari would name the path, which may name the patient.
            IMAGE_FILE: str(files.paths[0].absolute()) if files.shows_path else None,
            IMAGE_ORIENTATION: 1,
            FILE_FACTS: said,
            FRAME_TIMES: _times(frames) if stack else None,
        },
        **placement_by(said, stack),
    )


def placement_by(said: Mapping[str, Any], stack: bool) -> dict[str, Any]:
    """Scale, units and names of axes, from what `Frames.to_provenance` returned."""
    scale = list(said.get("pixel_spacing") or (1.0, 1.0))
    units, labels = [str(said.get("unit", "pixel"))] * 2, ["y", "x"]
    if stack:
        scale = [said.get(FRAME_STEP) or 1.0, *scale]
        units = [str(said.get(FRAME_STEP_UNIT, "pixel")), *units]
        axis = FrameAxis(said.get("frame_axis", FrameAxis.UNKNOWN))
        labels = [_LABELS[axis], *labels]
    return {"scale": scale, "units": units, "axis_labels": labels}


def _times(frames: Frames) -> list[float | None] | None:
    """Seconds of each frame, where they are known."""
    if frames.facts.axis is not FrameAxis.TIME:
        return None
    try:
        return [frames.place_of(i) for i in range(len(frames))]
    except (InputError, IndexError):  # it is cut short
        return None


def _limits(facts: FileFacts, first: NDArray[Any]) -> tuple[float, float] | None:
    """The file's window; else by the first frame, so that no other has to be read."""
    if facts.channels > 1:
        return None
    if facts.window is not None:
        return facts.window
    if first.dtype == np.uint8:
        return 0.0, 255.0
    low, high = float(np.nanmin(first)), float(np.nanmax(first))
    return (low, high) if low < high else (low, low + 1)


class _Stack:
    """Frames as an array that is read in parts."""

    def __init__(self, frames: Frames, dtype: np.dtype[Any]) -> None:
        self._frames, self.dtype = frames, dtype
        self.shape, self.ndim = frames.shape, len(frames.shape)

    def __getitem__(self, key: tuple[Any, ...]) -> NDArray[Any]:
        numbers = range(*key[0].indices(len(self._frames)))
        each = [self._frames[i][key[1:]] for i in numbers]
        return np.stack(each) if each else np.empty((0, *self.shape[1:]), self.dtype)


def _lazy(frames: Frames, first: NDArray[Any]) -> Any:
    """A dask array with one frame per chunk; one is read at a time."""
    return dask.array.from_array(
        _Stack(frames, first.dtype),
        chunks=(1, *frames.shape[1:]),
        name=False,
        lock=True,
        asarray=False,
        fancy=False,
        meta=np.empty((0,) * len(frames.shape), first.dtype),
    )
