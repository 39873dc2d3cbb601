"""Areas of masks as a DICOM structured report, TID 1500."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from napari_attnseg import __version__
from napari_attnseg.exports.dicom_codes import Property
from napari_attnseg.exports.dicom_common import (
    MAKER,
    coded,
    mark_identity,
    model_name,
    weights_version,
)
from napari_attnseg.exports.dicom_seg import Seg
from napari_attnseg.exports.dicom_source import Sources
from napari_attnseg.exports.masks import MaskSeries
from napari_attnseg.io.readers.dicom_header import of_frame
from napari_attnseg.objects.physical import millimetres

#: Number of a series that scanners do not give.
_SERIES = 9002


def area_report(
    one: MaskSeries,
    sources: Sources,
    kinds: Sequence[Property],
    segs: Sequence[Seg],
    keep: bool,
) -> Any:
    """Report the area of each class in each frame; None if all masks are empty."""
    import highdicom as hd
    from highdicom import sr

    facts = one.provenance
    observer = sr.DeviceObserverIdentifyingAttributes(
        uid=hd.UID(), name=MAKER, model_name=model_name(facts)
    )
    context = sr.ObservationContext(
        observer_device_context=sr.ObserverContext(
            observer_type=coded(("121007", "DCM", "Device")),
            observer_identifying_attributes=observer,
        )
    )
    groups = [
        group for seg in segs for group in _groups(one, sources, kinds, seg) if group
    ]
    if not groups:
        return None
    content = sr.MeasurementReport(
        observation_context=context,
        procedure_reported=coded(("363679005", "SCT", "Imaging procedure")),
        imaging_measurements=groups,
    )
    report = sr.ComprehensiveSR(
        evidence=[*(seg.data for seg in segs), *sources.headers],
        content=content[0],
        series_instance_uid=hd.UID(),
        series_number=_SERIES,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer=MAKER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        manufacturer_model_name=model_name(facts),
        software_versions=__version__,
        series_description="Areas of a segmentation; research use",
    )
    mark_identity(report, keep)
    return report


def _groups(
    one: MaskSeries, sources: Sources, kinds: Sequence[Property], seg: Seg
) -> Iterator[Any]:
    """A group of measurements (TID 1410) for each frame of a SEG that is not empty."""
    import highdicom as hd
    from highdicom import sr

    size = millimetres(one.pixel)
    unit = ("{pixels}", "UCUM", "pixels")
    if size is not None:
        unit = ("mm2", "UCUM", "square millimeter")
    known = {str(h.SOPInstanceUID): i for i, h in enumerate(seg.headers)}
    for i in range(int(seg.data.NumberOfFrames)):
        # What all frames have in common is said once.
        number = int(of_frame(seg.data, i, "ReferencedSegmentNumber"))
        derived = of_frame(seg.data, i, "SourceImageSequence")[0]
        instance = known[str(derived.ReferencedSOPInstanceUID)]
        frame = derived.get("ReferencedFrameNumber")
        at = seg.by_source[instance if frame is None else int(frame) - 1]
        area = float(np.count_nonzero(one.masks[at] == number))
        if not area:
            continue
        header, kind, name = seg.headers[instance], kinds[number - 1], one.classes
        image = sr.SourceImageForSegmentation(
            header.SOPClassUID,
            header.SOPInstanceUID,
            None if frame is None else [int(frame)],
        )
        segment = sr.ReferencedSegmentationFrame(
            seg.data.SOPClassUID, seg.data.SOPInstanceUID, i + 1, number, image
        )
        # PS3.3, table 10-3: a frame of a SEG is of one segment already.
        del segment[0].ReferencedSOPSequence[0].ReferencedSegmentNumber
        place = "" if one.frames is None else f", frame {one.frames[at]}"
        yield sr.PlanarROIMeasurementsAndQualitativeEvaluations(
            tracking_identifier=sr.TrackingIdentifier(
                uid=hd.UID(), identifier=f"{name[number - 1]}{place}"
            ),
            referenced_segment=segment,
            finding_type=coded(kind.kind),
            finding_category=coded(kind.category),
            algorithm_id=sr.AlgorithmIdentification(
                name=model_name(one.provenance), version=weights_version(one.provenance)
            ),
            measurements=[
                sr.Measurement(
                    name=coded(("42798000", "SCT", "Area")),
                    value=area if size is None else area * size[0] * size[1],
                    unit=coded(unit),
                )
            ],
        )
