"""Common interface of files with images, which are read one frame at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers.facts import (
    FRAME_STEP,
    FRAME_STEP_UNIT,
    FileFacts,
    FrameAxis,
)

#: Bytes of decoded frames that one open file keeps, at most.
CACHE = 32 * 1024 * 1024


class Frames(ABC):
    """The images of an open file; use it in a ``with`` statement.

    Attributes
    ----------
    facts : FileFacts
        Facts of the file.
    name : str
        Name of the file, for messages.
    """

    def __init__(self, name: str, facts: FileFacts) -> None:
        self.name, self.facts = name, facts
        self._kept: OrderedDict[int, NDArray[Any]] = OrderedDict()

    def __len__(self) -> int:
        return self.facts.frames

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape (frames, H, W), or (frames, H, W, 3 or 4) in colour."""
        facts = self.facts
        colour = (facts.channels,) if facts.channels > 1 else ()
        return (facts.frames, facts.height, facts.width, *colour)

    def __getitem__(self, index: int) -> NDArray[Any]:
        """A frame: (H, W), (H, W, 3) or (H, W, 4), as it is to be shown.

        Raises
        ------
        IndexError
            If there is no such frame.
        InputError
            If it cannot be decoded.
        """
        at = int(index) + (len(self) if index < 0 else 0)
        if not 0 <= at < len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        kept = self._kept.get(at)
        if kept is not None:
            self._kept.move_to_end(at)
            return kept
        found = self._frame(at)
        expected = self.shape[1:]
        if found.shape != expected:
            raise InputError(
                f"Frame {at} of {self.name} has shape {found.shape}, and its header "
                f"says {expected}; expected frames of one size: save it again."
            )
        self._keep(at, found)
        return found

    def _keep(self, index: int, frame: NDArray[Any]) -> None:
        frame.setflags(write=False)  # callers share it
        self._kept[index] = frame
        self._kept.move_to_end(index)
        most = max(2, CACHE // max(frame.nbytes, 1))
        while len(self._kept) > most:
            self._kept.popitem(last=False)

    def place_of(self, index: int) -> float | None:
        """Seconds from the first frame, or position in `FileFacts.unit`; or None."""
        facts = self.facts
        places = facts.times if facts.axis is FrameAxis.TIME else facts.positions
        return None if places is None else places[index]

    @property
    def step(self) -> float | None:
        """Mean distance of neighbouring frames, in seconds or `FileFacts.unit`."""
        return self.facts.step

    def to_provenance(self, keep_identifiers: bool = False) -> dict[str, Any]:
        """Return `FileFacts.to_provenance`; for a stack with the distance of frames."""
        facts = self.facts.to_provenance(keep_identifiers)
        if len(self) > 1:
            timed, step = self.facts.axis is FrameAxis.TIME, self.step
            unit = "second" if timed else self.facts.unit
            facts |= {FRAME_STEP: step, FRAME_STEP_UNIT: unit if step else "pixel"}
        return facts

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the frames' values; decodes the first one."""
        return self[0].dtype

    @abstractmethod
    def _frame(self, index: int) -> NDArray[Any]:
        """Decode one frame; 0 ≤ index < `len`."""

    def close(self) -> None:  # noqa: B027 (most files are not kept open)
        """Close the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
