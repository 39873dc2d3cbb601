"""Make masks with one model and one set of options."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_attnseg.batch.base import (
    Note,
    estimate_notes,
    found_facts,
    found_notes,
    intensity_notes,
)
from napari_attnseg.batch.checked_model import CheckedModel
from napari_attnseg.batch.done import settings_hash
from napari_attnseg.batch.options import SegmentOptions
from napari_attnseg.errors import InputError
from napari_attnseg.intensity import Window
from napari_attnseg.io.readers.facts import FileFacts
from napari_attnseg.io.readers.window import rule_for
from napari_attnseg.masks import MaskRules, remake
from napari_attnseg.reliability.estimate import estimate_of
from napari_attnseg.tiles import segment_tiles

if TYPE_CHECKING:
    from napari_attnseg.results import Segmentation


class MaskMaker:
    """A loaded model and checked options.

    Parameters
    ----------
    weights, device
        As for `segment_images`.
    how : SegmentOptions

    Attributes
    ----------
    segmenter : Segmenter

    Raises
    ------
    UnknownNameError, CheckpointError, DeviceError, InputError
        As `segment_images`.
    """

    def __init__(self, weights: str | Path, device: str, how: SegmentOptions) -> None:
        if how.medsam is not None:
            raise InputError(
                "Expected PNG, JPEG or TIFF images with --medsam, which is not made "
                "for films, DICOM and volumes; leave it out."
            )
        self._how = how
        model = CheckedModel.load(weights, device, how)
        self.segmenter, self._gates = model.segmenter, model.gates
        self._rule, self._rules = model.rule, model.rules

    def make(
        self, image: NDArray[Any], facts: FileFacts
    ) -> tuple[Segmentation, list[Note]]:
        """Segment one image of a file.

        The window of the file is used unless another rule was asked for.

        Raises
        ------
        InputError, DeviceError
            As `Segmenter.segment`.
        """
        how = self._how
        rule = rule_for(facts, self._rule, asked=how.intensity is not None)
        segmenter = self.segmenter
        if how.tile:
            seen = None, how.flip, rule, how.box
            forced = how.gates, how.threshold
            result = segment_tiles(segmenter, image, *seen, *forced)
        else:
            encoded = segmenter.encode(
                image, flip=how.flip, intensity=rule, box=how.box
            )
            result = segmenter.decode(encoded, how.gates, how.threshold, how.readers)
        given = isinstance(how.intensity, Window)
        notes = intensity_notes(result.provenance, given)
        if self._rules != MaskRules(self._rules.threshold):
            result = remake(result, self._rules)
        if how.box is None:
            notes += found_notes(image, result.mask, result.provenance)
        expected = estimate_of(result.provenance)
        if expected is not None:
            notes += estimate_notes(expected)
        orientation = int(facts.said.get("orientation", 1))
        turn = {**result.provenance, "orientation": orientation}
        turn |= found_facts(image, notes)
        return replace(result, provenance=turn), notes

    def settings(self, facts: FileFacts) -> str:
        """Return the `settings_hash` for a file; it depends on the file's window."""
        how = self._how
        rule = rule_for(facts, self._rule, asked=how.intensity is not None)
        return settings_hash(how, self._rules, rule, self._gates)
