"""Runs of stacks that were cancelled or failed, and can be continued."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.new_result import NewResult
from napari_attnseg._widgets.base.segmenting import Looking
from napari_attnseg._widgets.layers.source import Source


class Settings(NamedTuple):
    """Settings that two runs must share for one to continue the other.

    Attributes
    ----------
    weights : Path
        Weights file.
    modified : int
        Modification time of the weights, in nanoseconds.
    device : str
        Name of the chosen device.
    how : Looking
        How images are read and segmented.
    """

    weights: Path
    modified: int
    device: str
    how: Looking


class Unfinished:
    """The runs of one dock whose mask is in the viewer.

    Parameters
    ----------
    viewer : napari.Viewer
        A run is forgotten when its mask is removed.
    life : Lifetime
        Ends the connection to the viewer.
    """

    def __init__(self, viewer: Any, life: Lifetime) -> None:
        self._runs: list[tuple[NewResult, Settings]] = []
        removed = viewer.layers.events.removed
        removed.connect(self._forget)
        life.at_end.append(partial(removed.disconnect, self._forget))

    def add(self, new: NewResult, settings: Settings) -> None:
        """Remember a run of a stack that begins; forget runs that are complete."""
        self._runs = [one for one in self._runs if _left_frames(*one)]
        self._runs.append((new, settings))

    def find(self, source: Source, settings: Settings) -> NewResult | None:
        """Find the latest unfinished run of an image with these settings."""
        for new, its in reversed(self._runs):
            if its == settings and _left_frames(new, its) and new.can_go_on(source):
                return new
        return None

    def _forget(self, event: Any) -> None:
        self._runs = [(new, its) for new, its in self._runs if not new.removed]


def _left_frames(new: NewResult, settings: Settings) -> bool:
    return 0 < new.done < len(settings.how.frames(new.total))
