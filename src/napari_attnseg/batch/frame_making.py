"""Prepare what is written for each frame of a film or a volume."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.batch.options import SegmentOptions
from napari_attnseg.flicker import Flicker, Pair, small_picture
from napari_attnseg.frame_rows import COLUMNS, frame_row, pair_columns
from napari_attnseg.intensity import rule_of
from napari_attnseg.io.frame_parts import EarlierFrames, FrameParts
from napari_attnseg.io.overlay_video import can_write_video, outlined
from napari_attnseg.io.reader_masks import DISAGREE_KEY
from napari_attnseg.io.readers import FileSet, Frames
from napari_attnseg.io.readers.facts import FrameAxis
from napari_attnseg.io.stack_results import StackNames
from napari_attnseg.objects.descriptors import origin_of_numbers, table_rows
from napari_attnseg.objects.measure import measure_segmentation
from napari_attnseg.objects.physical import pixel_size
from napari_attnseg.preprocessing import to_rgb
from napari_attnseg.reader_record import Reader

if TYPE_CHECKING:
    from napari_attnseg.readers import Readers
    from napari_attnseg.results import Segmentation

#: Columns of the table of frames with ``--readers``.
READER_COLUMNS = (
    *(f"area_{key}_px" for key in (*(one.key for one in Reader), DISAGREE_KEY)),
    "dice_cnn_transformer",
)


class Neighbours:
    """Compares each frame with the one before."""

    def __init__(self) -> None:
        self._last: tuple[NDArray[Any], NDArray[Any]] | None = None
        self._pairs: list[Pair] = []

    def add(self, picture: NDArray[Any], mask: NDArray[Any]) -> Pair | None:
        """Take the next frame: its small picture and its mask."""
        last, self._last = self._last, (picture, mask)
        if last is None:
            return None
        pair = Pair.of((last[0], picture), (last[1], mask))
        self._pairs.append(pair)
        return pair

    def gap(self) -> None:
        """Note a missing frame, so that the next frame has no neighbour before it."""
        self._last = None

    def to_json(self) -> dict[str, Any]:
        """Return the flicker, JSON-ready."""
        return Flicker.of(self._pairs).to_json()


class FrameMaking:
    """Prepares what is written for each frame of one file or series, in order.

    Parameters
    ----------
    files : FileSet
    frames : Frames
    names : StackNames
    how : SegmentOptions
    overlay : bool
        Whether to draw pictures of the overlay.

    Attributes
    ----------
    neighbours : Neighbours
        Comparisons of the frames that were prepared so far.
    """

    def __init__(
        self,
        files: FileSet,
        frames: Frames,
        names: StackNames,
        how: SegmentOptions,
        overlay: bool,
    ) -> None:
        self._files, self._frames, self._names, self._how = files, frames, names, how
        self._overlay = overlay and can_write_video()
        self.neighbours = Neighbours()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the table of frames."""
        return COLUMNS + (READER_COLUMNS if self._how.readers else ())

    @property
    def more_masks(self) -> tuple[str, ...]:
        """Keys of the further masks of each frame, besides the model's own mask."""
        keys = *(one.key for one in Reader), DISAGREE_KEY
        return keys if self._how.readers else ()

    def new(self, frame: int, image: NDArray[Any], result: Segmentation) -> FrameParts:
        """Prepare the parts of a frame that was segmented in this run."""
        facts, own = self._frames.facts, result.provenance
        place = self._frames.place_of(frame)
        timed = facts.axis is FrameAxis.TIME
        seconds = place if timed else None
        row = frame_row(result, facts.pixel_mm2)
        row |= {
            "frame": frame,
            "seconds": seconds,
            "position": None if timed else place,
            "mask": self._names.mask(frame).name,
            "image_sha256": own["image_sha256"],
        }
        objects: list[dict[str, Any]] = []
        if self._how.objects:
            records = measure_segmentation(
                result, image, frame, pixel_size(facts.placement)
            )
            label = str(self._files.label)
            origin = origin_of_numbers(self._files.name, label, own)
            objects = table_rows(records, origin)
        masks: dict[str, NDArray[Any]] = {}
        if self._how.readers and result.readers is not None:
            masks = _masks_of(result.readers)
            areas = {f"area_{k}_px": np.count_nonzero(m) for k, m in masks.items()}
            row |= areas | {READER_COLUMNS[-1]: round(result.readers.dice, 4)}
        row |= self._compared(image, result.mask)
        picture = self._picture(image, result.mask, own)
        return FrameParts(result.mask, row, picture, seconds, objects, masks)

    def kept(
        self,
        frame: int,
        image: NDArray[Any],
        mask: NDArray[Any],
        earlier: EarlierFrames,
    ) -> FrameParts:
        """Prepare the parts of a frame whose results come from an earlier run."""
        (found,) = earlier.rows[frame]
        row = {**found, **self._compared(image, mask)}
        timed = self._frames.facts.axis is FrameAxis.TIME
        seconds = self._frames.place_of(frame) if timed else None
        picture = self._picture(image, mask, earlier.provenance)
        masks = dict.fromkeys(self.more_masks, mask)
        return FrameParts(mask, row, picture, seconds, (), masks)

    def _compared(self, image: NDArray[Any], mask: NDArray[Any]) -> dict[str, Any]:
        return pair_columns(self.neighbours.add(small_picture(image), mask))

    def _picture(
        self, image: NDArray[Any], mask: NDArray[Any], provenance: Mapping[str, Any]
    ) -> NDArray[np.uint8] | None:
        if not self._overlay:
            return None
        rgb, _ = to_rgb(image, intensity=rule_of(provenance))
        return outlined(rgb, mask)


def _masks_of(readers: Readers) -> dict[str, NDArray[Any]]:
    masks: dict[str, NDArray[Any]] = {one.key: readers[one].mask for one in Reader}
    return masks | {DISAGREE_KEY: (readers.disagreement > 0).astype(np.uint8)}
