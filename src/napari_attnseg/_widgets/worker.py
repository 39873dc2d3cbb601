"""A run off the GUI thread, cancelled between frames. No Qt."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_attnseg._widgets.layers import Source
from napari_attnseg.errors import AttnSegError, InputError

if TYPE_CHECKING:
    from napari_attnseg.inference import Segmenter
    from napari_attnseg.results import Segmentation


@dataclass(frozen=True, slots=True)
class Loaded:
    """A segmenter and what it was loaded from, kept for the next run."""

    weights: Path
    modified: int
    device: str
    segmenter: Segmenter

    def serves(self, weights: Path, device: str) -> bool:
        """Whether the same file, unchanged, on the same device is asked for."""
        return (self.weights, self.modified, self.device) == (
            weights,
            weights.stat().st_mtime_ns if weights.is_file() else -1,
            device,
        )


@dataclass(frozen=True, slots=True)
class Finished:
    """A run's results, one per frame."""

    source: Source
    results: list[Segmentation]
    loaded: Loaded


@dataclass(frozen=True, slots=True)
class Failed:
    """Why a run could not be done, in one sentence for the user."""

    message: str


def run(
    source: Source, weights: Path, device: str, loaded: Loaded | None
) -> Generator[tuple[int, str], None, Finished | Failed]:
    """Load if needed, then segment frame by frame.

    An input's fault is returned, not raised: napari shows what a worker raises with its
    traceback, as a bug, which this is not.

    Yields
    ------
    (int, str)
        Frames done, and what comes next. A cancel takes effect here.
    """
    try:
        return (yield from _run(source, weights, device, loaded))
    except AttnSegError as error:
        return Failed(str(error))


def _run(
    source: Source, weights: Path, device: str, loaded: Loaded | None
) -> Generator[tuple[int, str], None, Finished]:
    yield 0, "loading weights"
    if loaded is None or not loaded.serves(weights, device):
        from napari_attnseg.inference import Segmenter

        segmenter = Segmenter.from_checkpoint(weights, device)
        loaded = Loaded(weights, weights.stat().st_mtime_ns, device, segmenter)
    results = []
    total = source.frames or 1
    for index in range(total):
        yield index, "segmenting" if total == 1 else f"frame {index + 1} of {total}"
        results.append(_frame(source, index, loaded.segmenter))
    yield total, "adding layers"
    return Finished(source, results, loaded)


def _frame(source: Source, index: int, segmenter: Segmenter) -> Segmentation:
    try:
        return segmenter(source.frame(index), rgb=source.rgb)
    except InputError as error:
        if source.frames is None:
            raise
        raise InputError(f"Frame {index + 1}: {error}") from error
