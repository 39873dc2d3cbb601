"""A run off the GUI thread, cancelled between frames. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.base.session_weights import _USED, weights_of
from napari_attnseg._widgets.layers.source import Source
from napari_attnseg.errors import (
    AttnSegError,
    CancelledError,
    DeviceError,
    InputError,
)
from napari_attnseg.hashing import array_sha256
from napari_attnseg.masks import MEDSAM

if TYPE_CHECKING:
    from napari_attnseg.inference import Segmenter
    from napari_attnseg.results import Explanation, Segmentation
    from napari_attnseg.whatif import WhatIf


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
    loaded = _load(weights, device, loaded)
    results = []
    total = source.frames or 1
    for index in range(total):
        yield index, "segmenting" if total == 1 else f"frame {index + 1} of {total}"
        results.append(_frame(source, index, loaded.segmenter))
    yield total, "adding layers"
    return Finished(source, results, loaded)


def explain(
    source: Source,
    frame: int,
    weights: Path,
    device: str,
    loaded: Loaded | None,
    method: str,
    level: int,
    target: NDArray[np.bool_] | None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Generator[tuple[int, str], None, tuple[Explanation, Loaded] | Failed]:
    """Load if needed, then explain one frame; yields and fails as `run`."""
    from napari_attnseg import explanations

    try:
        yield 0, "loading weights"
        loaded = _load(weights, device, loaded)
        yield 0, f"{method}…"
        try:
            found = explanations.explain(
                loaded.segmenter,
                source.frame(frame),
                method,
                level,
                target,
                source.rgb,
                cancelled,
            )
        except CancelledError:
            yield 0, "cancelled"  # the worker ends here
            raise
        # A cancel that came while it was computed takes effect here.
        yield 0, "adding the layer"
    except AttnSegError as error:
        return Failed(str(error))
    return found, loaded


def encode(
    source: Source, frame: int, facts: Mapping[str, Any], loaded: Loaded | None
) -> Generator[tuple[int, str], None, tuple[WhatIf, Loaded] | Failed]:
    """Encode one frame with the weights that `facts` name; fails as `run`."""
    from napari_attnseg.whatif import WhatIf

    try:
        if MEDSAM in facts:
            raise InputError(
                "This mask is MedSAM's, which sees no gates; segment the image without "
                "it to try other gates."
            )
        if facts.get("gates_forced") or facts.get("flip_augmented"):
            raise InputError(
                "This result was made with forced gates or flips; segment the image "
                "without them to try other gates."
            )
        pixels = source.frame(frame)
        of_frames = facts["image_sha256"]
        wanted = of_frames[frame] if isinstance(of_frames, list) else of_frames
        if array_sha256(pixels) != wanted:
            raise InputError(
                f"The image {source.name!r} does not hold the pixels that this result "
                "was made of; open the one that does, or segment this one."
            )
        yield 0, "loading weights"
        if loaded is None or loaded.segmenter.sha256 != facts["weights_sha256"]:
            path = weights_of(facts)
            try:
                loaded = _load(path, str(facts["device"]), None)
            except DeviceError:  # results of another machine
                loaded = _load(path, "auto", None)
        yield 0, "encoding"
        # At the threshold of the run, which need not be that of the card.
        own = loaded.segmenter
        card = replace(own.card, threshold=float(facts["threshold"]))
        what_if = WhatIf(replace(own, card=card), pixels, source.rgb)
        yield 1, "done"
    except AttnSegError as error:
        return Failed(str(error))
    return what_if, loaded


def _load(weights: Path, device: str, loaded: Loaded | None) -> Loaded:
    if loaded is not None and loaded.serves(weights, device):
        return loaded
    from napari_attnseg.inference import Segmenter

    segmenter = Segmenter.from_checkpoint(weights, device)
    _USED[segmenter.sha256] = weights
    return Loaded(weights, weights.stat().st_mtime_ns, device, segmenter)


def _frame(source: Source, index: int, segmenter: Segmenter) -> Segmentation:
    try:
        return segmenter(source.frame(index), rgb=source.rgb)
    except InputError as error:
        if source.frames is None:
            raise
        raise InputError(f"Frame {index + 1}: {error}") from error
