"""A mask layer that is re-made from its probability by rules. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.display import redraw
from napari_attnseg._widgets.layers.metadata import METADATA
from napari_attnseg._widgets.layers.runs import Case
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

#: A stack keeps its probability in float16: nearer to the threshold, or to another
#: class, than this, a pixel may fall on the other side without anybody having painted.
_ROUNDING = 1e-3


class MaskEditor:
    """Re-makes one case's mask; knows what was painted by hand.

    Parameters
    ----------
    case : Case
        With a probability; its mask layer may have been removed.

    Attributes
    ----------
    own : MaskRules
        How the model made the mask.
    made : MaskRules
        How it was made when it was found here: by the model, or anew.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        self.own = MaskRules(float(case.facts.get("threshold", 0.5)))
        self.made = rules_of(case.facts)
        self._maker: tuple[int, MaskMaker] | None = None
        self._written: dict[int, NDArray[np.uint8]] = {}

    @property
    def frames(self) -> int:
        """How many images the mask has."""
        layer = self.case.probability[0]
        return int(layer.data.shape[0]) if self.case.stacked else 1

    def mask(self, frame: int) -> NDArray[np.uint8]:
        """What the layer shows in one frame."""
        data = self.case.mask.data
        return np.asarray(data[frame] if self.case.stacked else data)

    def edited(self, frames: range) -> bool:
        """Whether somebody painted in these frames since we wrote them."""
        return any(self._edited(frame) for frame in frames)

    def _edited(self, frame: int) -> bool:
        found = self.mask(frame)
        if frame in self._written:
            return not np.array_equal(found, self._written[frame])
        if array_sha256(found) == self._sha256(frame):
            return False  # and to make it anew would take longer
        probability = self.case.probabilities(frame)
        differs = found != make_mask(probability, self.made)
        if not differs.any():
            return False
        ranked = np.sort(probability.astype(np.float32), axis=0)
        clear = np.abs(ranked[-1] - self.made.threshold) > _ROUNDING
        if len(ranked) > 1:  # nor may two classes be as probable
            clear &= ranked[-1] - ranked[-2] > _ROUNDING
        strange = found > len(ranked)  # no class of ours: no rounding makes it
        return bool((differs & (clear | strange)).any())

    def _sha256(self, frame: int) -> str:
        """Of the frame's mask as it was made last, by the run or here."""
        found = self.case.mask.metadata[METADATA].get("mask_sha256", "")
        return str(found[frame] if isinstance(found, list) else found)

    def accept(self) -> None:
        """What was painted counts as written by us from now on."""
        for frame in range(self.frames):
            if self._edited(frame):
                self._written[frame] = self.mask(frame).copy()

    def apply(self, rules: MaskRules, frame: int) -> MaskSize:
        """Re-make one frame and show it; how large it is now."""
        mask = self._make(rules, frame)
        self._written[frame] = mask
        self._record(rules, mask, frame)
        redraw(self.case.mask, mask, frame if self.case.stacked else None)
        return measure(mask)

    def _record(self, rules: MaskRules, mask: NDArray[np.uint8], frame: int) -> None:
        """The layer says how its mask was made, for files and for who repeats it."""
        facts = self.case.mask.metadata[METADATA]
        facts[RULES] = asdict(rules)
        found, before = array_sha256(mask), facts.get("mask_sha256")
        facts["mask_sha256"] = (
            # A new list: the run's other layers hold it too.
            [*before[:frame], found, *before[frame + 1 :]]
            if isinstance(before, list)
            else found
        )

    def apply_to_others(self, rules: MaskRules, frame: int) -> Iterator[int]:
        """Re-make every frame but one, a step each; yields how many are done.

        What somebody painted meanwhile stays.
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
            self._maker = (frame, MaskMaker(self.case.probabilities(frame)))
        return self._maker[1](rules)
