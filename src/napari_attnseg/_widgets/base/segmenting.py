"""Segment an image or the frames of a stack in a worker thread. No Qt."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.source import Source
from napari_attnseg._widgets.layers.stack_results import StackResults
from napari_attnseg.boxes import Box
from napari_attnseg.errors import InputError
from napari_attnseg.frame_order import nearest_first
from napari_attnseg.intensity import Intensity
from napari_attnseg.pipeline import read_ahead
from napari_attnseg.rate_words import rate_words
from napari_attnseg.results import Segmentation
from napari_attnseg.tiles import tile_steps

if TYPE_CHECKING:
    from napari_attnseg.inference import Segmenter
    from napari_attnseg.prepared_image import PreparedImage

#: Key, in provenance, of `Looking.every` where frames are left out.
EVERY = "every"
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
    every : int
        Step between frames: every Nth frame of a stack is segmented, from the first on.
    """

    intensity: Intensity | str | None = None
    box: Box | None = None
    tile: bool = False
    every: int = 1

    def frames(self, total: int) -> range:
        """The frames of a stack that are segmented."""
        return range(0, total, self.every)

    def steps(self, frames: int | None) -> int:
        """Steps of the progress bar; 0 if they are not known."""
        return TILED_STEPS if self.tile else len(self.frames(frames or 0))


class FrameDone(NamedTuple):
    """A frame of a stack that is segmented.

    Attributes
    ----------
    frame : int
    result : Segmentation
        Views of the arrays of `stack`.
    stack : StackResults
        Results of the whole stack; other frames may be written into it meanwhile.
    """

    frame: int
    result: Segmentation
    stack: StackResults


class Step(NamedTuple):
    """Position of a run.

    Attributes
    ----------
    done : int
        Steps that are done.
    text : str
        Text of the next step.
    came : FrameDone or None
        Result of the last step, if it finished a frame.
    """

    done: int
    text: str
    came: FrameDone | None = None


def segment_frames(
    source: Source,
    segmenter: Segmenter,
    how: Looking,
    near: Callable[[], int] = lambda: 0,
    begun: StackResults | None = None,
    first_is_shown: Callable[[], object] = lambda: None,
) -> Generator[Step, None, Sequence[Segmentation]]:
    """Segment frame by frame; the next one is read while one is segmented.

    Maps of a stack are kept as float16 from the start.

    Parameters
    ----------
    source : Source
    segmenter : Segmenter
    how : Looking
    near : callable
        Returns the frame of a stack that is on screen, which is segmented first, then
        its neighbours.
    begun : StackResults, optional
        Results of an earlier run with the same settings: only the frames that it left
        are segmented, and added to it.
    first_is_shown : callable
        Called after the first frame came; returns once it is on screen, which the work
        on the next one would delay.

    Yields
    ------
    Step
        Cancelling takes effect here; frames that were yielded before are complete.

    Raises
    ------
    InputError, DeviceError
        As for `Segmenter.segment`; for a stack, the message names the slice.
    """
    total = source.frames or 1
    stack = StackResults(total) if begun is None else begun
    numbers = how.frames(total)
    left = [frame for frame in numbers if stack.image_sha256(frame) is None]
    before = len(numbers) - len(left)
    started = time.monotonic()

    def read(index: int) -> tuple[int, NDArray[Any] | PreparedImage | InputError]:
        try:
            pixels = source.frame(index)
            if how.tile:
                return index, pixels
            prepared = segmenter.prepare(pixels, source.rgb, how.intensity, how.box)
        except InputError as error:
            return index, error
        return index, prepared

    arriving = read_ahead(nearest_first(left, near), read)
    came: FrameDone | None = None
    for at in range(before, len(numbers)):
        rate = ""
        if at > before:
            passed = time.monotonic() - started
            rate = f", {rate_words(at - before, passed, 'slice')}"
        step = (
            "segmenting" if total == 1 else f"{at + 1} of {len(numbers)} slices{rate}"
        )
        if came is not None or not how.tile:  # tiles have steps of their own
            yield Step(_steps_done(how, at, len(numbers)), step, came)
        if at == before + 1:
            first_is_shown()
        index, seen = next(arriving)
        try:
            if isinstance(seen, InputError):
                raise seen
            if isinstance(seen, np.ndarray):
                result = yield from _in_tiles(
                    seen, source, segmenter, how, (at, len(numbers)), step
                )
            else:
                (encoded,) = segmenter.encode_prepared([seen])
                result = segmenter.decode(encoded)
        except InputError as error:
            if source.frames is None:
                raise
            kept = f" The {stack.done} that are done are kept." if stack.done else ""
            raise InputError(f"Slice {index}: {error}{kept}") from error
        if total == 1:
            return [result]
        if how.every > 1:
            own = {**result.provenance, EVERY: how.every}
            result = replace(result, provenance=own)
        came = FrameDone(index, stack.keep(index, result), stack)
    yield Step(_steps_done(how, len(numbers), len(numbers)), "adding layers", came)
    return stack


def _steps_done(how: Looking, frame: int, frames: int, part: float = 0.0) -> int:
    return round(TILED_STEPS * (frame + part) / frames) if how.tile else frame


def _in_tiles(
    pixels: NDArray[Any],
    source: Source,
    segmenter: Segmenter,
    how: Looking,
    place: tuple[int, int],
    step: str,
) -> Generator[Step, None, Segmentation]:
    tiles = tile_steps(segmenter, pixels, source.rgb, False, how.intensity, how.box)
    while True:
        try:
            done, total = next(tiles)
        except StopIteration as end:
            found: Segmentation = end.value
            return found
        at = _steps_done(how, *place, part=done / total)
        yield Step(at, f"{step}, tile {min(done + 1, total)} of {total}")
