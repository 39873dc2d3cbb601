"""Measure the frames of a mask in a thread, those nearest to the slider first.

No Qt.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.source import Source
from napari_attnseg._widgets.over_time.stacked import StackedMask
from napari_attnseg.errors import InputError
from napari_attnseg.flicker import Flicker, Pair, small_picture
from napari_attnseg.frame_order import nearest_first
from napari_attnseg.frame_rows import frame_row, pair_columns
from napari_attnseg.hashing import array_sha256

#: A column that every frame with a probability has.
HIGHEST = "highest_probability"


class MeasuredFrame(NamedTuple):
    """Numbers of one frame, and the hash of the mask that they describe.

    Attributes
    ----------
    made : str
        Hash of the mask as the mask rules made it, before edits, at the time of
        measuring.
    seen : str
        Hash of the mask that was measured, with edits.
    numbers : mapping
        Numbers by `frame_rows.COLUMNS`.
    picture : ndarray or None
        Small picture of the image; None if the image is not open.
    """

    made: str
    seen: str
    numbers: Mapping[str, Any]
    picture: NDArray[np.float32] | None


class Came(NamedTuple):
    """A measured frame, and comparisons with its neighbours, by later frame."""

    frame: int
    measured: MeasuredFrame
    pairs: Mapping[int, Pair]


@dataclass(slots=True)
class Measured:
    """Measurements of the frames of one mask.

    Attributes
    ----------
    rows : dict of int to MeasuredFrame
    pairs : dict of int to Pair
        Later frame → comparison with the one before.
    version : int
        Number that increases with each change.
    """

    rows: dict[int, MeasuredFrame] = field(default_factory=dict)
    pairs: dict[int, Pair] = field(default_factory=dict)
    version: int = 0

    @classmethod
    def of_saved(
        cls, mask: StackedMask, numbers: Mapping[int, Mapping[str, float]]
    ) -> Measured:
        """Measurements from the saved table, for masks that were read from files."""
        found = cls()
        for frame, row in numbers.items():
            made = mask.made(frame)
            found.rows[frame] = MeasuredFrame(made, made, row, None)
            if "image_change" in row:
                pair = Pair(row["image_change"], row.get("dice_to_last"))
                found.pairs[frame] = pair
        return found

    def take(self, came: Came) -> None:
        """Add a frame, or replace it."""
        self.rows[came.frame] = came.measured
        self.pairs |= came.pairs
        self.version += 1

    def outdated(self, mask: StackedMask, shown: int) -> list[int]:
        """Frames whose numbers are missing, or describe a mask that has changed since.

        A user can paint only in the frame on screen, so only its mask is compared.
        """
        found = []
        for frame in mask.frames:
            row = self.rows.get(frame)
            # The maps of a run come after its mask.
            less = mask.probability and row and HIGHEST not in row.numbers
            if row is None or less or row.made != mask.made(frame):
                found.append(frame)
                continue
            if frame == shown and row.seen != array_sha256(mask.data[frame]):
                found.append(frame)
        return found

    def flicker(self) -> Flicker:
        """Flicker over all pairs so far."""
        return Flicker.of(self.pairs.values())

    def table(self, mask: StackedMask, place: Callable[[int], Any]) -> list[Any]:
        """Rows of the table of frames; `place` gives a frame's time or position."""
        images = mask.record.image_sha256
        return [
            {
                "frame": frame,
                **place(frame),
                **self.rows[frame].numbers,
                **pair_columns(self.pairs.get(frame)),
                "image_sha256": _at(images, frame),
            }
            for frame in mask.frames
            if frame in self.rows
        ]


def _at(hashes: tuple[str, ...], frame: int) -> str:
    return hashes[frame] if frame < len(hashes) else ""


def measure_frames(
    mask: StackedMask,
    image: Source | None,
    frames: Iterable[int],
    known: Mapping[int, MeasuredFrame],
    near: Callable[[], int],
    pixel_mm2: float | None,
) -> Generator[Came, None, None]:
    """Measure frames of a mask, for a worker thread.

    Parameters
    ----------
    mask : StackedMask
    image : Source or None
        Without it no pairs are compared.
    frames : iterable of int
    known : mapping
        Frames that have been measured.
    near : callable
        Returns the frame on screen, which is measured first.
    pixel_mm2 : float or None

    Yields
    ------
    Came
    """
    rows = dict(known)
    for frame in nearest_first(frames, near):
        made = mask.made(frame)
        found = mask.segmentation(frame)
        picture = None if image is None else _picture(image, frame)
        seen, numbers = array_sha256(found.mask), frame_row(found, pixel_mm2)
        rows[frame] = MeasuredFrame(made, seen, numbers, picture)
        pairs = {}
        for first in (frame - mask.every, frame):
            pair = _pair(mask, rows, first)
            if pair is not None:
                pairs[first + mask.every] = pair
        mask.let_go()
        yield Came(frame, rows[frame], pairs)


def _picture(image: Source, frame: int) -> NDArray[np.float32] | None:
    try:
        return small_picture(image.frame(frame))
    except InputError:  # it can be read no longer, or is damaged there
        return None


def _pair(
    mask: StackedMask, rows: Mapping[int, MeasuredFrame], first: int
) -> Pair | None:
    one, other = rows.get(first), rows.get(first + mask.every)
    if one is None or other is None or one.picture is None or other.picture is None:
        return None
    masks = (np.asarray(mask.data[i]) for i in (first, first + mask.every))
    return Pair.of((one.picture, other.picture), (next(masks), next(masks)))
