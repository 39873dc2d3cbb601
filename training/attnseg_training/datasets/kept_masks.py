"""Keep masks that were read, in compressed form, until they are needed again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.mask_reading import MaskReading


@dataclass(frozen=True, slots=True, eq=False)
class _Packed:
    """Eight pixels of 0 and 1 in a byte."""

    bits: NDArray[np.uint8]
    shape: tuple[int, ...]

    def unpacked(self) -> NDArray[np.uint8]:
        count = int(np.prod(self.shape))
        return np.unpackbits(self.bits, count=count).reshape(self.shape)


def _packed(plane: NDArray[np.uint8] | NDArray[np.bool_]) -> _Packed:
    return _Packed(np.packbits(plane), plane.shape)


class KeptMasks:
    """Compressed masks, by the name of the image."""

    def __init__(self) -> None:
        self._kept: dict[str, list[tuple[MaskReading, _Packed, _Packed | None]]] = {}

    def keep(self, name: str, readings: Sequence[MaskReading]) -> None:
        """Keep the masks of an image."""
        nothing = np.zeros((0, 0, 0), np.uint8)
        self._kept[name] = [
            (
                replace(one, planes=nothing, ignored=None),
                _packed(one.planes),
                None if one.ignored is None else _packed(one.ignored),
            )
            for one in readings
        ]

    def take(self, name: str) -> list[MaskReading]:
        """Return the masks of an image as they were read, and forget them."""
        return [
            replace(
                one,
                planes=planes.unpacked(),
                ignored=None if void is None else void.unpacked() > 0,
            )
            for one, planes, void in self._kept.pop(name)
        ]
