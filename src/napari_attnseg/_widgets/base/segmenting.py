"""Segment an image or the frames of a stack in a worker thread. No Qt."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.source import Source
from napari_attnseg._widgets.layers.stack_array import StackArray
from napari_attnseg.boxes import Box
from napari_attnseg.errors import InputError
from napari_attnseg.frame_order import nearest_first
from napari_attnseg.intensity import Intensity
from napari_attnseg.io.results import PER_FRAME
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


class FrameResults(Sequence[Segmentation]):
    """Results of a stack, written into arrays of all frames to save memory.

    Maps are float16, which halves the memory, and `new_layers` uses the arrays without
    copying. A frame that is not segmented is 0 in all of them, and has no hash of its
    image. For each frame, only data that differ between frames are kept; its result is
    put together when it is asked for.

    Parameters
    ----------
    frames : int

    Attributes
    ----------
    done : int
        Number of frames that are segmented.
    """

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._whole: dict[tuple[str, int], StackArray] = {}
        self._facts: dict[int, dict[str, Any]] = {}
        self._shares: dict[int, tuple[float | None, ...]] = {}
        self._first: Segmentation | None = None
        self.done = 0

    def __len__(self) -> int:
        return self._frames

    @overload
    def __getitem__(self, index: int) -> Segmentation: ...

    @overload
    def __getitem__(self, index: slice) -> list[Segmentation]: ...

    def __getitem__(self, index: int | slice) -> Segmentation | list[Segmentation]:
        """The result of a frame, once one of them is segmented."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._frames))]
        frame = index + (self._frames if index < 0 else 0)
        if not 0 <= frame < self._frames:
            raise IndexError(index)
        first = self._first
        assert first is not None
        attention = []
        shares = self._shares.get(frame, (None,) * len(first.attention))
        for i, (gate, mean) in enumerate(zip(first.attention, shares, strict=True)):
            share = gate.effective_share
            if share.values is not None:
                values = self._whole["share", i].values[frame]
                share = replace(share, mean=mean, values=values)
            psi = self._whole["psi", i].values[frame]
            attention.append(replace(gate, values=psi, effective_share=share))
        nothing = {key: None for key in PER_FRAME if key in first.provenance}
        own = self._facts.get(frame, nothing)
        return replace(
            first,
            mask=self._whole["mask", 0].values[frame],
            probability=self._whole["probability", 0].values[frame],
            attention=tuple(attention),
            provenance={**first.provenance, **own},
        )

    def keep(self, frame: int, result: Segmentation) -> Segmentation:
        """Store a result, and return it as views of the arrays.

        Errors are those of `StackArray.put`.
        """
        shares = []
        for i, gate in enumerate(result.attention):
            self._put("psi", i, frame, gate.values)
            share = gate.effective_share
            if share.values is not None:
                self._put("share", i, frame, share.values)
            shares.append(share.mean)
        self._put("mask", 0, frame, result.mask)
        self._put("probability", 0, frame, result.probability)
        own = result.provenance
        self._facts[frame] = {key: own[key] for key in PER_FRAME if key in own}
        self._shares[frame] = tuple(shares)
        self._first = self._first or result
        self.done += 1
        return self[frame]

    def _put(self, name: str, i: int, frame: int, values: NDArray[Any]) -> None:
        whole = self._whole.get((name, i))
        if whole is None:
            kind = np.float16 if values.dtype.kind == "f" else values.dtype
            whole = StackArray(self._frames, values.shape, kind)
            self._whole[name, i] = whole
        whole.put(frame, values)


class FrameDone(NamedTuple):
    """A frame of a stack that is segmented.

    Attributes
    ----------
    frame : int
    result : Segmentation
        Views of the arrays of `stack`.
    stack : FrameResults
        Results of the whole stack; other frames may be written into it meanwhile.
    """

    frame: int
    result: Segmentation
    stack: FrameResults


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
    stack = FrameResults(total)
    numbers = how.frames(total)
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

    arriving = read_ahead(nearest_first(numbers, near), read)
    came: FrameDone | None = None
    for at in range(len(numbers)):
        rate = ""
        if at:
            rate = f", {rate_words(at, time.monotonic() - started, 'slice')}"
        step = (
            "segmenting" if total == 1 else f"{at + 1} of {len(numbers)} slices{rate}"
        )
        if came is not None or not how.tile:  # tiles have steps of their own
            yield Step(_steps_done(how, at, len(numbers)), step, came)
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
