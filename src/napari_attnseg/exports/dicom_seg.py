"""Masks as DICOM SEG, which refers to the images that were segmented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg import __version__
from napari_attnseg.errors import InputError
from napari_attnseg.exports.dicom_codes import Property
from napari_attnseg.exports.dicom_common import (
    MAKER,
    coded,
    mark_identity,
    model_name,
    weights_version,
)
from napari_attnseg.exports.dicom_source import Sources, refer_to_frame, single
from napari_attnseg.exports.masks import MaskSeries
from napari_attnseg.masks import rules_of

#: Number of a series that scanners do not give.
_SERIES = 9001


@dataclass(frozen=True, slots=True, eq=False)
class Seg:
    """A SEG, the images that it refers to, and the indices of their masks."""

    data: Any
    headers: list[Any]
    by_source: Mapping[int, int]


def segmentations(
    one: MaskSeries, sources: Sources, kinds: Sequence[Property], keep: bool
) -> list[Seg]:
    """Make the SEGs of some masks, in one series.

    If the images have a position in the patient, one SEG holds all masks. Otherwise
    there is one for each image or frame in which something was found, because a SEG
    without positions can hold only one image.

    Raises
    ------
    InputError
        If nothing was found in any of several frames.
    """
    import highdicom as hd

    masks, series = one.masks.astype(np.uint8), hd.UID()
    numbers = one.frames or (0,)
    if sources.placed:
        rows = list(range(len(masks)))
        if sources.multiframe:
            whole = np.zeros((sources.count, *masks.shape[1:]), np.uint8)
            whole[list(numbers)] = masks
            masks, rows = whole, list(numbers)
        made = _segmentation(one, sources.headers, masks, kinds, series, 1)
        if len(rows) < len(masks):
            # Else a frame that was not segmented would look like one without a find.
            made.ContentDescription = (
                f"Research use; {len(rows)} of {len(masks)} frames were segmented"
            )
        by_source = dict(zip(rows, range(len(rows)), strict=True))
        found = [Seg(made, sources.headers, by_source)]
    else:
        used = [i for i, mask in enumerate(masks) if mask.any() or len(masks) == 1]
        if not used:
            raise InputError(
                f"Nothing was found in any of the {len(masks)} frames of {one.stem}, "
                "so there is no segmentation to write; leave it out."
            )
        found = []
        for instance, i in enumerate(used, start=1):
            header = sources.headers[0 if sources.multiframe else i]
            mask = masks[i : i + 1]
            if sources.multiframe:
                part = [single(header)]
                made = _segmentation(one, part, mask, kinds, series, instance)
                refer_to_frame(made, header, numbers[i] + 1)
                found.append(Seg(made, [header], {numbers[i]: i}))
            else:
                made = _segmentation(one, [header], mask, kinds, series, instance)
                found.append(Seg(made, [header], {0: i}))
    for each in found:
        mark_identity(each.data, keep)
    return found


def _segmentation(
    one: MaskSeries,
    headers: list[Any],
    masks: NDArray[np.uint8],
    kinds: Sequence[Property],
    series: str,
    instance: int,
) -> Any:
    """A binary DICOM SEG: a segment per class, empty frames left out."""
    import highdicom as hd

    facts = one.provenance
    identification = hd.AlgorithmIdentificationSequence(
        name=model_name(facts),
        version=weights_version(facts),
        family=coded(("123110", "DCM", "Artificial Intelligence")),
        source=f"{MAKER} {__version__}",
        parameters={"threshold": f"{rules_of(facts).threshold:g}"},
    )
    segments = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=name[:64],
            segmented_property_category=coded(kind.category),
            segmented_property_type=coded(kind.kind),
            algorithm_type="SEMIAUTOMATIC" if one.edited else "AUTOMATIC",
            algorithm_identification=identification,
        )
        for number, (name, kind) in enumerate(
            zip(one.classes, kinds, strict=True), start=1
        )
    ]
    seg = hd.seg.Segmentation(
        headers,
        masks,
        "BINARY",
        segments,
        series_instance_uid=series,
        series_number=_SERIES,
        sop_instance_uid=hd.UID(),
        instance_number=instance,
        manufacturer=MAKER,
        manufacturer_model_name=model_name(facts),
        software_versions=__version__,
        device_serial_number=weights_version(facts)[:16],
        content_label="SEGMENTATION",
        content_description="Research use; not a diagnostic device",
        omit_empty_frames=bool(masks.any()),
    )
    seg.SeriesDescription = "Segmentation; research use"
    seg.ContentCreatorName = None  # type 2: a program made it
    if "FrameOfReferenceUID" not in headers[0]:
        # Type 2C: without a place in the body, even if it is not known.
        seg.PatientOrientation = None
    return seg
