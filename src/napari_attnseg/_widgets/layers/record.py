"""The record of a layer: which run made it, and what it shows. No Qt, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.boxes import Box, box_of
from napari_attnseg.io.run_facts import share_of_frame
from napari_attnseg.results import AttentionMap, GateKey, PatternValue, gate_parts
from napari_attnseg.run_files import BEST_WEIGHTS


class Part(StrEnum):
    """Part of a run's output."""

    PROBABILITY = "probability"
    GATE = "gate"
    MASK = "mask"


class Derivation(StrEnum):
    """Derivation of a layer from a run's output, if it is not the output itself."""

    #: Mask, probability or painted gate map of a what-if that was kept.
    WHAT_IF = "what if"
    #: Pixels gained and lost while gates are forced.
    CHANGE = "gates"
    #: Where psi is forced by a brush.
    PAINT = "paint"
    #: The point whose reading is held.
    READING = "reading"
    #: Points where a mask is corrected by clicks.
    CLICKS = "clicks"
    #: The rectangle that is to be segmented, and nothing else.
    BOX = "box"
    #: Mask by one encoder alone, by both, or where these disagree.
    READER = "reader"
    #: Copy of a mask that was edited by hand.
    EDITED = "edited"
    #: Mask and probability of a stack that was smoothed over time.
    SMOOTHED = "smoothed over time"
    #: Separated and numbered objects of a mask.
    OBJECTS = "objects"


class RunId(NamedTuple):
    """Identity of a run: date, source and weights."""

    date: str
    source: str
    weights_sha256: str


@dataclass(frozen=True, slots=True)
class ImageReference:
    """Reference to the image from which a result was made.

    Attributes
    ----------
    name : str
        Name of the image layer at the time of the run. It is used for texts and file
        names, never to find the image.
    layer_id : str
        ``unique_id`` of the image layer; empty if the image was not open.
    file : str or None
        Path of the image's file.
    """

    name: str
    layer_id: str = ""
    file: str | None = None


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """Provenance of a layer, and what the layer shows.

    Attributes
    ----------
    provenance : mapping
        JSON-ready description of the run: ``model``, ``weights_sha256``, ``device``,
        ``threshold``, ``date``, ``source``, ``image_sha256`` and so on. What differs
        between the frames of a stack is a list.
    image : ImageReference
        The image that was segmented.
    part : Part or None
        Part of the run that the layer shows; None for an explanation, for paint and for
        a mark of a reading.
    class_number : int
        Class of the probability, counted from 1; 0 if there is only one class.
    gate : int or (int, str) or None
        `AttentionMap.key` of a gate map.
    low, high : str
        Names of the ends psi 0 and psi 1 of a gate map.
    shows : str
        One sentence on what the map is.
    finding : str
        One sentence on what was measured of the map in this model.
    explanation : str
        Method of an explanation; empty for any other layer.
    target : str
        Region whose logit an explanation explains.
    derivation : Derivation or None
        How the layer was made from an output; None for the run's own output and for an
        explanation.
    made_from_layer : str
        Name of the layer from which this one was made; only for texts.
    effective_share : mapping
        JSON-ready `results.EffectiveShare` of a gate map, with one mean per frame for a
        stack; empty if it is not known.
    pattern : PatternValue
        Measured effect of the pattern of a gate map on the mask.
    """

    provenance: Mapping[str, Any]
    image: ImageReference
    part: Part | None = None
    class_number: int = 0
    gate: GateKey | None = None
    low: str = ""
    high: str = ""
    shows: str = ""
    finding: str = ""
    explanation: str = ""
    target: str = ""
    derivation: Derivation | None = None
    made_from_layer: str = ""
    effective_share: Mapping[str, Any] = field(default_factory=dict)
    pattern: PatternValue = PatternValue.UNKNOWN

    # -- reading ---------------------------------------------------------------------

    @property
    def source(self) -> str:
        """Path of the image as it was given, or else the name of its layer."""
        return str(self.provenance.get("source"))

    @property
    def run_id(self) -> RunId:
        """Identity of the run, equal for all of its layers."""
        values = (str(self.provenance.get(key)) for key in RunId._fields)
        return RunId(*values)

    @property
    def model(self) -> str:
        """Name of the model; ``?`` if it is not known."""
        return str(self.provenance.get("model", "?"))

    @property
    def weights(self) -> str:
        """Name of the weights, as the list of weights has it where the record allows.

        Every training run writes its best weights under the same name: of these, and
        where no name is known, it is that of the model.
        """
        file = str(self.provenance.get("weights", ""))
        return self.model if file in ("", BEST_WEIGHTS) else Path(file).stem

    @property
    def threshold(self) -> float:
        """Lowest probability of a pixel in the mask."""
        return float(self.provenance.get("threshold", 0.5))

    @property
    def box(self) -> Box | None:
        """The box of the image that was segmented; None for all of it."""
        return box_of(self.provenance)

    @property
    def frame(self) -> int | None:
        """Frame that a what-if belongs to; None for a whole image or stack."""
        found = self.provenance.get("frame")
        return None if found is None else int(found)

    @property
    def image_sha256(self) -> tuple[str, ...]:
        """Hashes of the image, one per frame; empty if they are not known.

        For a frame of a stack that was not segmented, the hash is an empty text.
        """
        return _per_frame(self.provenance.get("image_sha256"))

    @property
    def mask_sha256(self) -> tuple[str, ...]:
        """Hashes of the mask as rules made it last, one per frame."""
        return _per_frame(self.provenance.get("mask_sha256"))

    def is_done(self, frame: int) -> bool:
        """Whether a frame of a stack was segmented; a cancelled run leaves some out."""
        hashes = self.image_sha256
        return frame >= len(hashes) or bool(hashes[frame])

    @property
    def done_frames(self) -> list[int]:
        """Frames that were segmented, if the run recorded them."""
        return [frame for frame, found in enumerate(self.image_sha256) if found]

    @property
    def missing_frames(self) -> list[int]:
        """The frames of a stack that were not segmented."""
        return [frame for frame, found in enumerate(self.image_sha256) if not found]

    @property
    def decorative(self) -> bool:
        """Whether a gate map was measured to be decorative."""
        return self.pattern is PatternValue.DECORATIVE

    @property
    def is_run_output(self) -> bool:
        """Whether the layer is an output of a run.

        Explanations, and layers that were derived from an output, are not.
        """
        return self.part is not None and self.derivation is None

    @property
    def is_kept_what_if(self) -> bool:
        """Whether the layer is part of a what-if that was kept."""
        return self.part is not None and self.derivation is Derivation.WHAT_IF

    @property
    def is_saved(self) -> bool:
        """Whether the layer is part of what a results folder holds."""
        derived = self.derivation in (Derivation.WHAT_IF, Derivation.SMOOTHED)
        return self.is_run_output or (self.part is not None and derived)

    def attention_map(
        self, values: NDArray[Any], image_shape: tuple[int, ...], frame: int = 0
    ) -> AttentionMap:
        """The gate map that this record describes.

        Parameters
        ----------
        values : ndarray, shape (h, w), in [0, 1]
            One frame of the layer's data.
        image_shape : (int, int)
            (H, W) of the whole image, of which the map covers all or a box.
        frame : int
            Frame of a stack.
        """
        assert self.gate is not None
        level, name = gate_parts(self.gate)
        box = self.box
        height, width = image_shape if box is None else box.shape
        return AttentionMap(
            values.astype(np.float32),
            level,
            (height / values.shape[0], width / values.shape[1]),
            self.low,
            self.high,
            self.finding,
            name,
            share_of_frame(self.effective_share or None, frame),
            self.pattern,
            (0.0, 0.0) if box is None else box.origin,
        )

    # -- changing --------------------------------------------------------------------

    def derived(self, derivation: Derivation, layer_name: str = "") -> LayerRecord:
        """Make the record of a layer that is derived from this layer.

        `layer_name` is the name of this layer.
        """
        return replace(self, derivation=derivation, made_from_layer=layer_name)

    def with_provenance(self, **changed: Any) -> LayerRecord:
        """Copy with other values in the provenance; None removes a value."""
        values = {**self.provenance, **changed}
        gone = {key for key, value in changed.items() if value is None}
        kept = {key: value for key, value in values.items() if key not in gone}
        return replace(self, provenance=kept)


def _per_frame(hashes: Any) -> tuple[str, ...]:
    if hashes is None:
        return ()
    return (hashes,) if isinstance(hashes, str) else tuple(x or "" for x in hashes)
