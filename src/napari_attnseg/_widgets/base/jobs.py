"""Jobs that run in a worker thread and can be cancelled between frames. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.base.correction_way import Way
from napari_attnseg._widgets.base.model_cache import LoadedModel, ModelCache
from napari_attnseg._widgets.base.segmenting import Looking, Step, segment_frames
from napari_attnseg._widgets.layers.source import Source
from napari_attnseg._widgets.layers.stack_results import StackResults
from napari_attnseg.boxes import BOX
from napari_attnseg.devices import segmenting_devices
from napari_attnseg.errors import (
    AttnSegError,
    CancelledError,
    DeviceError,
    InputError,
)
from napari_attnseg.hashing import array_sha256
from napari_attnseg.intensity import Intensity, rule_of
from napari_attnseg.masks import MEDSAM
from napari_attnseg.tiles import NEEDS_ONE_PASS, TILES

if TYPE_CHECKING:
    from napari_attnseg.corrections import Corrector
    from napari_attnseg.results import Explanation, Segmentation
    from napari_attnseg.whatif import WhatIf


@dataclass(frozen=True, slots=True)
class Finished:
    """The results of a run, one per frame, and the model that made them."""

    source: Source
    results: Sequence[Segmentation]
    model: LoadedModel


@dataclass(frozen=True, slots=True)
class Failed:
    """Reason why a run could not be done, as a sentence for the user."""

    message: str


def run(
    source: Source,
    weights: Path,
    device: str,
    models: ModelCache,
    how: Looking | None = None,
    near: Callable[[], int] = lambda: 0,
    begun: StackResults | None = None,
    first_is_shown: Callable[[], object] = lambda: None,
) -> Generator[tuple[int, str] | Step, None, Finished | Failed]:
    """Segment frame by frame; the model is loaded if it is not loaded yet.

    Parameters are those of `segment_frames`. If the input cannot be used, `Failed` is
    returned instead of raising the error, because napari shows an error in a worker as
    a bug, with its traceback.

    Yields
    ------
    (int, str) or Step
        Number of frames done, and the name of the next step. Cancelling takes effect
        here.
    """
    try:
        yield 0, "loading weights"
        model = models.load(weights, device)
        how = how or Looking()
        results = yield from segment_frames(
            source, model.segmenter, how, near, begun, first_is_shown
        )
        yield how.steps(source.frames) or 1, "adding layers"
        return Finished(source, results, model)
    except AttnSegError as error:
        return Failed(str(error))


def explain(
    source: Source,
    frame: int,
    weights: Path,
    device: str,
    models: ModelCache,
    method: str,
    level: int,
    target: NDArray[np.bool_] | None,
    cancelled: Callable[[], bool] = lambda: False,
    intensity: Intensity | str | None = None,
) -> Generator[tuple[int, str], None, tuple[Explanation, LoadedModel] | Failed]:
    """Explain one frame; yields steps and returns errors as `run` does."""
    from napari_attnseg import explanations

    try:
        yield 0, "loading weights"
        model = models.load(weights, device)
        yield 0, f"{method}…"
        try:
            found = explanations.explain(
                model.segmenter,
                source.frame(frame),
                method,
                level,
                target,
                source.rgb,
                cancelled,
                intensity,
            )
        except CancelledError:
            yield 0, "cancelled"  # the worker ends here
            raise
        # A cancel that came while it was computed takes effect here.
        yield 0, "adding the layer"
    except AttnSegError as error:
        return Failed(str(error))
    return found, model


def encode(
    source: Source, frame: int, provenance: Mapping[str, Any], models: ModelCache
) -> Generator[tuple[int, str], None, WhatIf | Failed]:
    """Encode one frame with the weights of a run; returns errors as `run` does.

    Parameters
    ----------
    source : Source
    frame : int
        Index of the frame; 0 for a single image.
    provenance : mapping
        Provenance of the run: weights, device, threshold and the hash of its image.
    models : ModelCache
    """
    from napari_attnseg.whatif import WhatIf

    try:
        if MEDSAM in provenance:
            raise InputError(
                "This mask is MedSAM's, which sees no gates; segment the image without "
                "it to try other gates."
            )
        if provenance.get("gates_forced") or provenance.get("flip_augmented"):
            raise InputError(
                "This result was made with forced gates or flips; segment the image "
                "without them to try other gates."
            )
        _expect_whole(provenance)
        pixels = _pixels_of(source, frame, provenance)
        yield 0, "loading weights"
        own = _model_of(provenance, models).segmenter
        yield 0, "encoding"
        # At the threshold of the run, which need not be that of the card.
        card = replace(own.card, threshold=float(provenance["threshold"]))
        rule = rule_of(provenance)
        what_if = WhatIf(replace(own, card=card), pixels, source.rgb, rule)
        yield 1, "done"
    except AttnSegError as error:
        return Failed(str(error))
    return what_if


def prepare_clicks(
    source: Source,
    frame: int,
    provenance: Mapping[str, Any],
    probability: NDArray[np.floating[Any]],
    models: ModelCache,
    way: Way | None = None,
) -> Generator[tuple[int, str], None, Corrector | Failed]:
    """Prepare the corrector of one frame's mask; returns errors as `run` does.

    Parameters
    ----------
    source : Source
    frame : int
        Index of the frame; 0 for a single image.
    provenance : mapping
        Provenance of the run.
    probability : ndarray, shape (classes, H, W), in [0, 1]
        Probability of the frame.
    models : ModelCache
    way : Way, optional
        Corrector to use; by default the one that the weights allow.
    """
    from napari_attnseg.corrections.of_model import corrector_of

    try:
        _expect_whole(provenance)
        pixels = _pixels_of(source, frame, provenance)
        yield 0, "loading weights"
        if way is not None and way.folder is not None:
            found = way.by_medsam(
                pixels,
                source.rgb,
                rule_of(provenance),
                str(provenance["device"]),
                len(probability),
            )
            yield 1, "done"
            return found
        own = _model_of(provenance, models).segmenter
        yield 0, "encoding"
        encoded = own.encode(pixels, source.rgb, intensity=rule_of(provenance))
        threshold = float(provenance["threshold"])
        similarity = way is not None and way.similarity
        corrector = corrector_of(own, encoded, probability, threshold, similarity)
        yield 1, "done"
    except AttnSegError as error:
        return Failed(str(error))
    return corrector


def _expect_whole(provenance: Mapping[str, Any]) -> None:
    """Check that a run was of a whole image, in one pass.

    Raises
    ------
    InputError
    """
    if BOX in provenance:
        raise InputError(
            "This result covers a box only, but this needs the whole image; segment "
            "the image without the box."
        )
    if TILES in provenance:
        raise InputError(NEEDS_ONE_PASS)


def _pixels_of(
    source: Source, frame: int, provenance: Mapping[str, Any]
) -> NDArray[Any]:
    """Pixels of a frame, which have to be those that the run was of.

    Raises
    ------
    InputError
    """
    pixels = source.frame(frame)
    of_frames = provenance["image_sha256"]
    wanted = of_frames[frame] if isinstance(of_frames, list) else of_frames
    if wanted is None:
        raise InputError(
            f"Slice {frame} is not segmented: the run was cancelled before it, or "
            "skipped it; segment the image again."
        )
    if array_sha256(pixels) != wanted:
        raise InputError(
            f"The image {source.name!r} does not hold the pixels that were segmented; "
            "open the image that does, or segment this one."
        )
    return pixels


def _model_of(provenance: Mapping[str, Any], models: ModelCache) -> LoadedModel:
    """The model of a run, on the device of the run if that is there."""
    wanted, device = str(provenance["weights_sha256"]), str(provenance["device"])
    kept = models.find(wanted, device)
    if kept is not None:
        return kept
    path = models.weights_of(provenance)
    if device in segmenting_devices():
        with suppress(DeviceError):
            return models.load(path, device)
    # Results of another machine, or the device is full.
    return models.find(wanted) or models.load(path, "auto")
