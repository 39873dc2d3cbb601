"""Recompute a mask layer from its probability by rules. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.display import redraw
from napari_attnseg._widgets.layers.metadata import record_of, set_record
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg.corrections.clicks import CLICKS
from napari_attnseg.corrections.session import clicks_in, with_clicks
from napari_attnseg.hashing import array_sha256
from napari_attnseg.masks import (
    RULES,
    MaskMaker,
    MaskRules,
    MaskSize,
    make_mask,
    measure,
    rules_of,
)

#: Rounding of the probability, which a stack keeps in float16: within this distance of
#: the threshold, or of another class, a pixel may differ without having been painted.
ROUNDING = 1e-3


class MaskEditor:
    """Recomputes the mask of one result, and knows which pixels were painted by hand.

    Parameters
    ----------
    result : ResultLayers
        Result with a probability; its mask layer may have been removed.

    Attributes
    ----------
    own : MaskRules
        Rules by which the model made the mask.
    made : MaskRules
        Rules by which the mask was made before this editor was created.
    """

    def __init__(self, result: ResultLayers) -> None:
        self.result = result
        self.own = MaskRules(result.record.threshold)
        self.made = rules_of(result.record.provenance)
        self._maker: tuple[int, MaskMaker] | None = None
        self._written: dict[int, NDArray[np.uint8]] = {}

    @property
    def frames(self) -> int:
        """Number of frames; 1 for a single image."""
        layer = self.result.probability[0]
        return int(layer.data.shape[0]) if self.result.stacked else 1

    def mask(self, frame: int) -> NDArray[np.uint8]:
        """Mask (H, W) that the layer shows in one frame."""
        data = self.result.mask.data
        return np.asarray(data[frame] if self.result.stacked else data)

    def edited(self, frames: range) -> bool:
        """Whether somebody has painted in these frames since rules made them."""
        return any(self._edited(frame) for frame in frames)

    def _edited(self, frame: int) -> bool:
        found = self.mask(frame)
        if frame in self._written:
            return not np.array_equal(found, self._written[frame])
        if array_sha256(found) == self._sha256(frame):
            return False  # and to make it anew would take longer
        if clicks_in(self.clicks, frame if self.result.stacked else None):
            return True
        probability = self.result.probabilities(frame)
        differs = found != make_mask(probability, self.made, self.result.record.box)
        if not differs.any():
            return False
        ranked = np.sort(probability.astype(np.float32), axis=0)
        clear = np.abs(ranked[-1] - self.made.threshold) > ROUNDING
        if len(ranked) > 1:  # nor may two classes be as probable
            clear &= ranked[-1] - ranked[-2] > ROUNDING
        strange = found > len(ranked)  # no class of the model
        return bool((differs & (clear | strange)).any())

    def _sha256(self, frame: int) -> str:
        """Hash of the frame's mask as it was made last by rules."""
        record = record_of(self.result.mask)
        hashes = () if record is None else record.mask_sha256
        return hashes[frame if len(hashes) > 1 else 0] if hashes else ""

    def accept(self) -> None:
        """Treat painted masks as if rules had made them, from now on."""
        for frame in range(self.frames):
            if self._edited(frame):
                self._written[frame] = self.mask(frame).copy()

    def by_hand(self) -> Mapping[int, NDArray[np.uint8]]:
        """Map each frame that was edited by hand to a copy of its mask."""
        edited = (frame for frame in range(self.frames) if self._edited(frame))
        return {frame: self.mask(frame).copy() for frame in edited}

    def bring_back(
        self,
        rules: MaskRules,
        by_hand: Mapping[int, NDArray[np.uint8]],
        clicks: Mapping[str, Any] | None = None,
    ) -> None:
        """Restore masks that were edited by hand; they count as edited.

        Parameters
        ----------
        rules : MaskRules
            Rules by which the edited masks had been made.
        by_hand : mapping
            Value that `by_hand` returned.
        clicks : mapping, optional
            Earlier value of `clicks`.
        """
        for frame, mask in by_hand.items():
            self.apply(rules, frame)
            redraw(self.result.mask, mask, frame if self.result.stacked else None)
        record = record_of(self.result.mask)
        if clicks is not None and record is not None:
            clicked = record.with_provenance(**{CLICKS: clicks})
            set_record(self.result.mask, clicked)

    @property
    def clicks(self) -> Mapping[str, Any] | None:
        """Clicks that corrected the mask, as recorded in provenance."""
        record = record_of(self.result.mask)
        return None if record is None else record.provenance.get(CLICKS)

    def apply(self, rules: MaskRules, frame: int) -> MaskSize:
        """Recompute the mask of one frame and show it; returns its size.

        A frame that was not segmented stays as it is.
        """
        if not self.result.record.is_done(frame):
            return measure(self.mask(frame))
        mask = self._make(rules, frame)
        self._written[frame] = mask
        self._record(rules, mask, frame)
        redraw(self.result.mask, mask, frame if self.result.stacked else None)
        return measure(mask)

    def _record(self, rules: MaskRules, mask: NDArray[np.uint8], frame: int) -> None:
        """Record in the layer how its mask was made, for files and for repeating it."""
        record = record_of(self.result.mask)
        if record is None:
            return
        hashes: str | list[str] = array_sha256(mask)
        if len(record.mask_sha256) > 1:
            of_frames = list(record.mask_sha256)
            of_frames[frame] = array_sha256(mask)
            hashes = of_frames
        left = with_clicks(
            record.provenance.get(CLICKS),
            None,
            (),  # they corrected the mask that is replaced
            frame if self.result.stacked else None,
        )
        changed = {RULES: asdict(rules), "mask_sha256": hashes, CLICKS: left}
        set_record(self.result.mask, record.with_provenance(**changed))

    def apply_to_others(self, rules: MaskRules, frame: int) -> Iterator[int]:
        """Recompute all frames except one, a frame per step; yields how many are done.

        Frames that were painted meanwhile stay as they are.
        """
        others = [i for i in range(self.frames) if i != frame]
        for done, other in enumerate(others, 1):
            if not self._edited(other):
                self.apply(rules, other)
            yield done

    def size(self, frame: int) -> MaskSize:
        """Pixels and objects of what the layer shows."""
        return measure(self.mask(frame))

    def _make(self, rules: MaskRules, frame: int) -> NDArray[np.uint8]:
        # The last frame's smoothed probability is kept: a slider asks again and again.
        if self._maker is None or self._maker[0] != frame:
            maker = MaskMaker(self.result.probabilities(frame), self.result.record.box)
            self._maker = (frame, maker)
        return self._maker[1](rules)
