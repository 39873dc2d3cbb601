"""Results of a stack in arrays of all frames, for layers. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.layers.stack_array import StackArray
from napari_attnseg.io.run_facts import IMAGE, PER_FRAME, effective_share, provenance
from napari_attnseg.results import Segmentation


class StackResults(Sequence[Segmentation]):
    """Results of a stack, written into arrays of all frames to save memory.

    Maps are float16, which halves the memory, and `new_layers` uses the arrays without
    copying. A frame that is not segmented is 0 in all of them, and has no hash of its
    image. For each frame, only data that differ between frames are kept; its result is
    put together when it is asked for.

    Parameters
    ----------
    frames : int
        Number of frames of the stack.
    """

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._whole: dict[tuple[str, int], StackArray] = {}
        self._facts: dict[int, dict[str, Any]] = {}
        self._shares: dict[int, tuple[float | None, ...]] = {}
        self._first: Segmentation | None = None

    def __len__(self) -> int:
        return self._frames

    @property
    def done(self) -> int:
        """Number of frames that are segmented."""
        return len(self._facts)

    def image_sha256(self, frame: int) -> str | None:
        """Hash of the image of a frame; None if the frame is not segmented."""
        found: str | None = self._facts.get(frame, {}).get(IMAGE)
        return found

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
            values = self.share(i)
            if values is not None:
                share = replace(share, mean=mean, values=values[frame])
            attention.append(
                replace(gate, values=self.psi(i)[frame], effective_share=share)
            )
        nothing = {key: None for key in PER_FRAME if key in first.provenance}
        own = self._facts.get(frame, nothing)
        return replace(
            first,
            mask=self.mask()[frame],
            probability=self._whole["probability", 0].values[frame],
            attention=tuple(attention),
            provenance={**first.provenance, **own},
        )

    def mask(self) -> NDArray[Any]:
        """Masks of all frames, shape (T, H, W)."""
        return self._whole["mask", 0].values

    def probability(self, number: int) -> NDArray[Any]:
        """Probability of one class of all frames, shape (T, H, W), in [0, 1]."""
        return self._whole["probability", 0].values[:, number]

    def psi(self, gate: int) -> NDArray[Any]:
        """Gate maps of all frames, shape (T, h, w), in [0, 1]."""
        return self._whole["psi", gate].values

    def share(self, gate: int) -> NDArray[Any] | None:
        """Effective shares of all frames, shape (T, h, w), if they are known."""
        found = self._whole.get(("share", gate))
        return None if found is None else found.values

    def provenance(self, source: str) -> dict[str, Any]:
        """Return what `io.run_facts.provenance` does; it makes one result only."""
        facts = provenance(self[:1], source)
        for key in PER_FRAME:
            if key in facts:
                own = self._facts
                facts[key] = [own.get(i, {}).get(key) for i in range(self._frames)]
        return facts

    def effective_share(self, gate: int) -> dict[str, Any]:
        """Return what `io.run_facts.effective_share` does; it makes one result only."""
        facts = effective_share(self[:1], gate)
        if "mean" in facts:
            none = (None,) * (gate + 1)
            own = self._shares
            facts["mean"] = [own.get(i, none)[gate] for i in range(self._frames)]
        return facts

    def keep(self, frame: int, result: Segmentation) -> Segmentation:
        """Store a result, and return it as views of the arrays.

        Errors are those of `StackArray.put`. A mask that somebody painted before its
        frame was segmented stays.
        """
        shares = []
        for i, gate in enumerate(result.attention):
            self._put("psi", i, frame, gate.values)
            share = gate.effective_share
            if share.values is not None:
                self._put("share", i, frame, share.values)
            shares.append(share.mean)
        masks = self._whole.get(("mask", 0))
        new = frame not in self._facts
        if masks is None or not (new and masks.read(frame).any()):
            self._put("mask", 0, frame, result.mask)
        self._put("probability", 0, frame, result.probability)
        own = result.provenance
        self._facts[frame] = {key: own[key] for key in PER_FRAME if key in own}
        self._shares[frame] = tuple(shares)
        self._first = self._first or result
        return self[frame]

    def _put(self, name: str, i: int, frame: int, values: NDArray[Any]) -> None:
        whole = self._whole.get((name, i))
        if whole is None:
            kind = np.float16 if values.dtype.kind == "f" else values.dtype
            whole = StackArray(self._frames, values.shape, kind)
            self._whole[name, i] = whole
        whole.put(frame, values)
