"""Compute the mask for forced gate values; the encoders run once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.results import AttentionMap, GateKey, Segmentation, gate_label

if TYPE_CHECKING:
    from napari_attnseg.intensity import Intensity
from napari_attnseg.encoded_image import EncodedImage
from napari_attnseg.inference import Segmenter
from napari_attnseg.readers import Readers
from napari_attnseg.two_readers import read_alone


@dataclass(frozen=True, slots=True, eq=False)
class ForcedGates:
    """Values that replace psi.

    Attributes
    ----------
    values : mapping of int or (int, str) to float
        psi in [0, 1] for the whole map, by `AttentionMap.key`; other gates keep their
        own psi.
    painted : ndarray of float, shape (H, W), optional
        Painted psi in [0, 1] at each pixel of the image, NaN where nothing was painted.
    gates : tuple of int or (int, str)
        Gates that the paint is applied to.
    """

    values: Mapping[GateKey, float] = field(default_factory=dict)
    painted: NDArray[np.floating[Any]] | None = None
    gates: tuple[GateKey, ...] = ()

    def psi(
        self, own: Sequence[AttentionMap]
    ) -> dict[GateKey, float | NDArray[np.float32]]:
        """Argument `gates` of ``Segmenter.decode``, given the gates' own maps.

        If a pixel of a coarse map is painted only in part, its psi moves towards the
        paint by that part.
        """
        forced: dict[GateKey, float | NDArray[np.float32]] = dict(self.values)
        if self.painted is None or not self.gates:
            return forced
        there = np.isfinite(self.painted)
        if not there.any():
            return forced
        paint = np.where(there, self.painted, 0.0)
        for gate in own:
            if gate.key in self.gates:
                size = gate.values.shape
                base = self.values.get(gate.key)
                under = gate.values if base is None else np.full(size, base)
                share = block_mean(there.astype(float), size)
                psi = under * (1 - share) + block_mean(paint, size)
                forced[gate.key] = np.clip(psi, 0, 1).astype(np.float32)
        return forced


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """Change of one image's mask by forced gates.

    Attributes
    ----------
    result : Segmentation
        Result with the forced gates, which its provenance names.
    gained, lost : int
        Number of pixels that entered the mask or changed their class, and of pixels
        that left the mask.
    overlap : float, in [0, 1]
        Dice of the new mask with the model's own; 1 where both are empty.
    """

    result: Segmentation
    gained: int
    lost: int
    overlap: float


class WhatIf:
    """Image that is encoded once and decoded repeatedly with other gates.

    Parameters
    ----------
    segmenter : Segmenter
        The model.
    image : array
        As for `Segmenter.segment`; errors are the same.
    rgb : bool, optional
        Whether the last axis is colour.
    intensity : Percentiles, Window or str, optional
        How values become [0, 1]; as for `Segmenter.segment`.

    Attributes
    ----------
    own : Segmentation
        Result of the model with its own gates.
    """

    def __init__(
        self,
        segmenter: Segmenter,
        image: ArrayLike,
        rgb: bool | None = None,
        intensity: Intensity | str | None = None,
    ) -> None:
        self._segmenter = segmenter
        self._encoded: EncodedImage = segmenter.encode(image, rgb, intensity=intensity)
        self.own = segmenter.decode(self._encoded)

    def change(self, forced: ForcedGates) -> Change:
        """Decode with forced gates.

        Raises
        ------
        InputError
            If they name a gate that this model does not have, or a psi outside [0, 1].
        """
        self._check(forced)
        gates = forced.psi(self.own.attention)
        result = self._segmenter.decode(self._encoded, gates)
        before, after = self.own.mask, result.mask
        kept = int(np.count_nonzero((before == after) & (after > 0)))
        n_before, n_after = (int(np.count_nonzero(m)) for m in (before, after))
        total = n_before + n_after
        return Change(
            result,
            n_after - kept,
            int(np.count_nonzero((before > 0) & (after == 0))),
            2 * kept / total if total else 1.0,
        )

    def readers(self) -> Readers:
        """Masks by each encoder alone; errors as of `two_readers.read_alone`."""
        return read_alone(self._segmenter, self._encoded)

    def _check(self, forced: ForcedGates) -> None:
        """The paint; what is forced everywhere is `Segmenter.decode`'s to check."""
        unknown = set(forced.gates) - {gate.key for gate in self.own.attention}
        if unknown:
            raise InputError(
                f"This model has no gate at {', '.join(map(gate_label, unknown))}; "
                "paint another one."
            )
        if forced.painted is None:
            return
        values = forced.painted[np.isfinite(forced.painted)]
        shape, own = forced.painted.shape, self.own.mask.shape
        if shape != own or not ((values >= 0) & (values <= 1)).all():
            raise InputError(
                f"Expected paint of the image's shape {own} with psi in [0, 1], or NaN "
                f"where nothing is painted, got shape {shape} with values up to "
                f"{np.abs(values).max(initial=0):g}."
            )


def block_mean(
    image: NDArray[np.floating[Any]], size: tuple[int, ...]
) -> NDArray[np.float64]:
    """Mean of an image (H, W) over h×w equal blocks, where `size` is (h, w).

    The mean is exact even if blocks cut through pixels: a pixel counts by its part
    inside the block.
    """
    rows, columns = (
        _shares(n, parts) for n, parts in zip(image.shape, size, strict=True)
    )
    found: NDArray[np.float64] = rows @ image @ columns.T
    return found


def _shares(n: int, parts: int) -> NDArray[np.float64]:
    """(parts, n): how much of each block's mean each pixel makes up."""
    edges = np.arange(parts + 1) * n / parts
    pixel = np.arange(n)
    low = np.maximum(edges[:-1, None], pixel)
    high = np.minimum(edges[1:, None], pixel + 1)
    return np.asarray(np.clip(high - low, 0, None) * parts / n)
