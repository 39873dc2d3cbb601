"""Options of `segment_images`: how the masks of many images are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from napari_attnseg.boxes import Box
from napari_attnseg.intensity import Intensity
from napari_attnseg.masks import MaskRules
from napari_attnseg.results import GateKey

if TYPE_CHECKING:
    from napari_attnseg.forced_gates import Forced


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """Options of how `segment_images` makes masks.

    Attributes
    ----------
    gates : mapping
        Forced gates, as for `Segmenter.decode`.
    threshold : float or None
        Threshold in [0, 1]; None: that of the model card.
    smoothing, min_size, fill_holes, largest
        As in `MaskRules`.
    flip : bool
        Whether to average over the mirror images.
    objects : bool
        Whether to write a table of the objects.
    medsam : Path or None
        Folder of MedSAM, which then refines the masks.
    medsam_margin : float or None
        Margin of MedSAM's boxes, in pixels of its 1024×1024 input; None:
        `medsam.MARGIN`.
    intensity : Percentiles, Window, str or None
        How values become [0, 1], as for `Segmenter.segment`; None: by the model card.
    readers : bool
        Whether to write also the masks by each encoder alone.
    box : Box or None
        The only part of each (upright) image to segment; None: all of it.
    tile : bool
        Whether to segment each image at its own resolution, in overlapping tiles.
    resume : bool
        Whether to skip images that have results already, made from the same pixels,
        weights and settings.
    replace_edited : bool
        Whether to replace also masks that were changed by hand since an earlier run;
        otherwise such images are left out, with an error.
    precision : str
        As for `Segmenter.from_checkpoint`.
    """

    gates: Mapping[GateKey, Forced] = field(default_factory=dict)
    threshold: float | None = None
    smoothing: float = 0.0
    min_size: int = 0
    fill_holes: bool = False
    largest: bool = False
    flip: bool = False
    objects: bool = False
    medsam: Path | None = None
    medsam_margin: float | None = None
    intensity: Intensity | str | None = None
    readers: bool = False
    box: Box | None = None
    tile: bool = False
    resume: bool = False
    replace_edited: bool = False
    precision: str = "fp32"

    def rules(self, limit: float) -> MaskRules:
        """Return the rules that make a mask; `limit` is their threshold."""
        return MaskRules(
            limit, self.smoothing, self.min_size, self.fill_holes, self.largest
        )
