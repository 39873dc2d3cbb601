"""Segment an image or the frames of a stack in a worker thread. No Qt."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.source import Source
from napari_attnseg.boxes import Box
from napari_attnseg.errors import InputError
from napari_attnseg.intensity import Intensity
from napari_attnseg.pipeline import read_ahead
from napari_attnseg.rate_words import rate_words
from napari_attnseg.results import Segmentation
from napari_attnseg.tiles import tile_steps

if TYPE_CHECKING:
    from napari_attnseg.inference import Segmenter
    from napari_attnseg.prepared_image import PreparedImage

#: Steps of the progress bar of a run in tiles, whose number is not known before.
TILED_STEPS = 1000


@dataclass(frozen=True, slots=True)
class Looking:
    """Intensities, box and tiling by which an image is segmented.

    Attributes
    ----------
    intensity : Percentiles, Window, str or None
        As for `Segmenter.segment`.
    box : Box or None
        As for `Segmenter.segment`.
    tile : bool
        As for `Segmenter.segment`.
    """

    intensity: Intensity | str | None = None
    box: Box | None = None
    tile: bool = False

    def steps(self, frames: int | None) -> int:
        """Steps of the progress bar; 0 if they are not known."""
        return TILED_STEPS if self.tile else frames or 0


def segment_frames(
    source: Source, segmenter: Segmenter, how: Looking
) -> Generator[tuple[int, str], None, list[Segmentation]]:
    """Segment frame by frame; the next one is read while one is segmented.

    Maps of a stack are kept as float16 from the start.

    Yields
    ------
    (int, str)
        Steps done, and what comes next. A cancel takes effect here.

    Raises
    ------
    InputError, DeviceError
        As `Segmenter.segment`; of a stack it says which slice.
    """
    total = source.frames or 1
    results: list[Segmentation] = []
    stack = _Stack(total)
    started = time.monotonic()

    def read(index: int) -> NDArray[Any] | PreparedImage:
        pixels = source.frame(index)
        if how.tile:
            return pixels
        return segmenter.prepare(pixels, source.rgb, how.intensity, how.box)

    arriving = read_ahead(range(total), read)
    for index in range(total):
        rate = ""
        if index:
            rate = f", {rate_words(index, time.monotonic() - started, 'slice')}"
        step = "segmenting" if total == 1 else f"{index + 1} of {total} slices{rate}"
        try:
            if how.tile:
                pixels = next(arriving)
                assert isinstance(pixels, np.ndarray)
                result = yield from _in_tiles(
                    pixels, source, segmenter, how, index, step
                )
            else:
                yield index, step
                prepared = next(arriving)
                assert not isinstance(prepared, np.ndarray)
                (encoded,) = segmenter.encode_prepared([prepared])
                result = segmenter.decode(encoded)
        except InputError as error:
            if source.frames is None:
                raise
            raise InputError(f"Slice {index}: {error}") from error
        results.append(result if total == 1 else stack.keep(index, result))
    return results


def _in_tiles(
    pixels: NDArray[Any],
    source: Source,
    segmenter: Segmenter,
    how: Looking,
    index: int,
    step: str,
) -> Generator[tuple[int, str], None, Segmentation]:
    tiles = tile_steps(segmenter, pixels, source.rgb, False, how.intensity, how.box)
    frames = source.frames or 1
    while True:
        try:
            done, total = next(tiles)
        except StopIteration as end:
            found: Segmentation = end.value
            return found
        at = round(TILED_STEPS * (index + done / total) / frames)
        yield at, f"{step}, tile {min(done + 1, total)} of {total}"


class _Stack:
    """Results of a stack, written into arrays of all frames: half as much memory.

    Maps are float16, and `new_layers` takes the whole arrays as they are.
    """

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._whole: dict[tuple[str, int], NDArray[Any]] = {}

    def keep(self, frame: int, result: Segmentation) -> Segmentation:
        """The same result as views of the arrays."""
        attention = []
        for i, gate in enumerate(result.attention):
            share, values = (
                gate.effective_share,
                self._put("psi", i, frame, gate.values),
            )
            if share.values is not None:
                kept = self._put("share", i, frame, share.values)
                share = replace(share, values=kept)
            attention.append(replace(gate, values=values, effective_share=share))
        return replace(
            result,
            mask=self._put("mask", 0, frame, result.mask),
            probability=self._put("probability", 0, frame, result.probability),
            attention=tuple(attention),
        )

    def _put(self, name: str, i: int, frame: int, values: NDArray[Any]) -> Any:
        whole = self._whole.get((name, i))
        if whole is None:
            kind = np.float16 if values.dtype.kind == "f" else values.dtype
            whole = np.empty((self._frames, *values.shape), kind)
            self._whole[name, i] = whole
        whole[frame] = values
        return whole[frame]
