"""Two readers: the mask by the CNN alone and by the transformer alone. No torch.

A reader is the same network with psi forced to one encoder at every level. Where the
masks of both readers differ, the choice of the gates matters for the mask.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.hashing import array_sha256
from napari_attnseg.reader_record import Reader, ReaderRecord

#: Objects of a mask, and regions of disagreement, are 8-connected.
_CORNERS = np.ones((3, 3), bool)


class Disagreement(StrEnum):
    """Which of the two readers' masks have a pixel."""

    #: The same: both background, or both the same class.
    NONE = "none"
    ONLY_CNN = "only_cnn"
    ONLY_TRANSFORMER = "only_transformer"
    #: Two classes; only of a model of several.
    OTHER_CLASS = "other_class"


#: Number of each kind in `Readers.disagreement`.
KINDS = tuple(Disagreement)


@dataclass(frozen=True, slots=True, eq=False)
class ReaderMask:
    """Mask of one reader, of shape (H, W).

    Attributes
    ----------
    mask : ndarray of uint8, shape (H, W)
        0 is background, c + 1 is class c.
    probability : ndarray of float32, shape (classes, H, W), in [0, 1]
    """

    mask: NDArray[np.uint8]
    probability: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Readers:
    """Masks of both readers of one image, and what was measured of them in this model.

    Attributes
    ----------
    cnn, transformer : ReaderMask
        Masks by the CNN alone and by the transformer alone.
    record : ReaderRecord
        Measurements of both readers, from the model card.
    """

    cnn: ReaderMask
    transformer: ReaderMask
    record: ReaderRecord = field(default_factory=ReaderRecord)

    def __getitem__(self, reader: Reader) -> ReaderMask:
        """One of both."""
        return self.cnn if reader is Reader.CNN else self.transformer

    @property
    def facts(self) -> dict[str, str]:
        """Facts for provenance: the hash of each mask."""
        return {
            f"{reader.key}_mask_sha256": array_sha256(self[reader].mask)
            for reader in Reader
        }

    @property
    def disagreement(self) -> NDArray[np.uint8]:
        """Indices into `KINDS`, (H, W): how the masks differ; 0 where they agree."""
        return disagreement(self.cnn.mask, self.transformer.mask)

    @property
    def dice(self) -> float:
        """Dice between the masks of both readers; 1 if both are empty."""
        return mask_agreement(self.cnn.mask, self.transformer.mask)


def disagreement(
    cnn: NDArray[np.integer[Any]], transformer: NDArray[np.integer[Any]]
) -> NDArray[np.uint8]:
    """Map (H, W) of indices into `KINDS`: how two masks differ; 0 where they agree."""
    found = np.zeros(cnn.shape, np.uint8)
    found[(cnn > 0) & (transformer == 0)] = KINDS.index(Disagreement.ONLY_CNN)
    found[(cnn == 0) & (transformer > 0)] = KINDS.index(Disagreement.ONLY_TRANSFORMER)
    other = (cnn > 0) & (transformer > 0) & (cnn != transformer)
    found[other] = KINDS.index(Disagreement.OTHER_CLASS)
    return found


def regions(kinds: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Number the connected regions of disagreement, each of one kind, from 1.

    Parameters
    ----------
    kinds : ndarray of uint8, shape (H, W)
        From `disagreement`.

    Returns
    -------
    ndarray of int32, shape (H, W)
        0 where the readers agree.
    """
    from scipy import ndimage

    found, count = np.zeros(kinds.shape, np.int32), 0
    for kind in range(1, len(KINDS)):
        own, n = ndimage.label(kinds == kind, _CORNERS)
        found[own > 0] = own[own > 0] + count
        count += n
    return found


def mask_agreement(
    one: NDArray[np.integer[Any]], other: NDArray[np.integer[Any]]
) -> float:
    """Dice of two masks (H, W); pixels of different classes do not overlap."""
    total = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    same = int(np.count_nonzero((one == other) & (one > 0)))
    return 2 * same / total if total else 1.0


def mean_psi(
    weights: Iterable[NDArray[np.floating[Any]]], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Mean over the levels of the CNN's weight, at each pixel of an image.

    Parameters
    ----------
    weights : iterable of ndarray, shape (h, w), in [0, 1]
        Psi as weight of the CNN, one map per level, each covering the whole image.
    shape : (int, int)
        (H, W) of the image.
    """
    maps = np.stack([_nearest(one, shape) for one in weights])
    found: NDArray[np.float64] = maps.mean(axis=0, dtype=float)
    return found


def _nearest(
    values: NDArray[np.floating[Any]], shape: tuple[int, int]
) -> NDArray[np.floating[Any]]:
    rows, columns = (
        ((np.arange(n) + 0.5) * have / n).astype(int)
        for n, have in zip(shape, values.shape, strict=True)
    )
    found: NDArray[np.floating[Any]] = values[rows[:, None], columns]
    return found
