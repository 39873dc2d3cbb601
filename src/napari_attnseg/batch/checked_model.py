"""A loaded model, and options of a batch that were checked with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_attnseg.batch.options import SegmentOptions
from napari_attnseg.errors import InputError
from napari_attnseg.intensity import Intensity, parse_intensity
from napari_attnseg.masks import MaskRules
from napari_attnseg.tiles import check_tiled
from napari_attnseg.two_readers import expect_two_readers

if TYPE_CHECKING:
    from napari_attnseg.forced_gates import Forced
    from napari_attnseg.inference import Segmenter
    from napari_attnseg.results import GateKey


@dataclass(frozen=True, slots=True, eq=False)
class CheckedModel:
    """A model, and what the options mean for it.

    Attributes
    ----------
    segmenter : Segmenter
    gates : mapping
        Forced gates, with names replaced by numbers.
    rule : Percentiles or Window
        How intensities are mapped, unless a file says otherwise.
    rules : MaskRules
        How the mask is made of the probability.
    """

    segmenter: Segmenter
    gates: Mapping[GateKey, Forced]
    rule: Intensity
    rules: MaskRules

    @classmethod
    def load(
        cls, weights: str | Path, device: str, how: SegmentOptions
    ) -> CheckedModel:
        """Load a model, and refuse options that do not go with it or each other.

        Parameters
        ----------
        weights, device
            As for `segment_images`.
        how : SegmentOptions

        Raises
        ------
        UnknownNameError, CheckpointError, DeviceError, InputError
            As `segment_images`.
        """
        from napari_attnseg.inference import Segmenter

        segmenter = Segmenter.from_checkpoint(weights, device, how.precision)
        gates, limit = segmenter.check(how.gates, how.threshold)
        if how.readers:
            expect_two_readers(segmenter.engine)
            if how.medsam is not None:
                raise InputError(
                    "The masks by one encoder alone are not available for masks of "
                    "MedSAM; leave out the readers or MedSAM."
                )
        if how.box is not None and how.medsam is not None:
            raise InputError(
                "MedSAM needs the whole image, but only a box is to be segmented; "
                "leave out the box or MedSAM."
            )
        if how.tile:
            check_tiled(gates, how.readers)
        own = segmenter.card.preprocessing.intensity
        rule = parse_intensity(how.intensity, own)
        return cls(segmenter, gates, rule, how.rules(limit))
