"""Masks as DICOM SEG, and their areas as DICOM SR (TID 1500), by highdicom.

Both refer to the images that were segmented. Who the patient is, is written only where
somebody asks for it.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg import __version__
from napari_attnseg.errors import InputError
from napari_attnseg.exports.dicom_codes import Property, property_of
from napari_attnseg.exports.dicom_source import (
    Sources,
    refer_to_frame,
    single,
    sources_of,
)
from napari_attnseg.exports.masks import MaskSeries
from napari_attnseg.io.readers.dicom_header import of_frame
from napari_attnseg.masks import MEDSAM, rules_of
from napari_attnseg.objects.physical import millimetres

_MAKER = "napari-attnseg"
#: Series numbers that scanners do not give.
_SEG_SERIES, _SR_SERIES = 9001, 9002


@dataclass(frozen=True, slots=True, eq=False)
class _Seg:
    """A SEG, the images it is of, and their index, or number of frame → mask."""

    data: Any
    headers: list[Any]
    by_source: Mapping[int, int]


def dicom_files(
    one: MaskSeries,
    source: Sequence[Path] = (),
    codes: Mapping[str, Property] | None = None,
    keep_identifiers: bool = False,
) -> dict[str, bytes]:
    """Name → DICOM file: ``<stem>_seg.dcm`` and ``<stem>_sr.dcm``.

    Where images have no place in the body, as of endoscopes, a SEG holds one image:
    then there is ``<stem>_000012_seg.dcm`` for each frame in which something was found.

    Parameters
    ----------
    one : MaskSeries
    source : sequence of Path
        DICOM files that were segmented, or folders of them; empty: the image that the
        results name.
    codes : mapping of str to Property, optional
        What classes are, by lower-case name; of `dicom_codes.parse_codes`.
    keep_identifiers : bool
        Whether patient and study are told; else their attributes are empty.

    Returns
    -------
    dict of str to bytes
        Without the report if no mask holds anything: there is nothing to measure.

    Raises
    ------
    InputError
        If highdicom is missing, a class has no code, or the images are not those that
        were segmented.
    """
    _expect_highdicom(one.stem)
    sources = sources_of(one, source, keep_identifiers)
    kinds = [property_of(name, codes or {}) for name in one.classes]
    with _quiet():
        segs = _segmentations(one, sources, kinds, keep_identifiers)
        report = _report(one, sources, kinds, segs, keep_identifiers)
    found = {}
    for seg in segs:
        frame = ""
        if one.frames is not None and not sources.placed:
            (index,) = seg.by_source.values()
            frame = f"_{one.frames[index]:06d}"
        found[f"{one.stem}{frame}_seg.dcm"] = _bytes(seg.data)
    if report is not None:
        found[f"{one.stem}_sr.dcm"] = _bytes(report)
    return found


def _segmentations(
    one: MaskSeries, sources: Sources, kinds: Sequence[Property], keep: bool
) -> list[_Seg]:
    """SEGs of some masks, in one series.

    One for all where images have a place in the body; else one for each image or frame
    in which something was found, for a SEG without places holds one image.

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
        found = [_Seg(made, sources.headers, by_source)]
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
                found.append(_Seg(made, [header], {numbers[i]: i}))
            else:
                made = _segmentation(one, [header], mask, kinds, series, instance)
                found.append(_Seg(made, [header], {0: i}))
    for each in found:
        _mark(each.data, keep)
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
        name=_model(facts),
        version=_version(facts),
        family=_code(("123110", "DCM", "Artificial Intelligence")),
        source=f"{_MAKER} {__version__}",
        parameters={"threshold": f"{rules_of(facts).threshold:g}"},
    )
    segments = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=name[:64],
            segmented_property_category=_code(kind.category),
            segmented_property_type=_code(kind.kind),
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
        series_number=_SEG_SERIES,
        sop_instance_uid=hd.UID(),
        instance_number=instance,
        manufacturer=_MAKER,
        manufacturer_model_name=_model(facts),
        software_versions=__version__,
        device_serial_number=_version(facts)[:16],
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


def _report(
    one: MaskSeries,
    sources: Sources,
    kinds: Sequence[Property],
    segs: Sequence[_Seg],
    keep: bool,
) -> Any:
    """Area of each class in each frame, as TID 1500; None where every mask is empty."""
    import highdicom as hd
    from highdicom import sr

    facts = one.provenance
    observer = sr.DeviceObserverIdentifyingAttributes(
        uid=hd.UID(), name=_MAKER, model_name=_model(facts)
    )
    context = sr.ObservationContext(
        observer_device_context=sr.ObserverContext(
            observer_type=_code(("121007", "DCM", "Device")),
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
        procedure_reported=_code(("363679005", "SCT", "Imaging procedure")),
        imaging_measurements=groups,
    )
    report = sr.ComprehensiveSR(
        evidence=[*(seg.data for seg in segs), *sources.headers],
        content=content[0],
        series_instance_uid=hd.UID(),
        series_number=_SR_SERIES,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer=_MAKER,
        is_complete=True,
        is_final=False,
        is_verified=False,
        manufacturer_model_name=_model(facts),
        software_versions=__version__,
        series_description="Areas of a segmentation; research use",
    )
    _mark(report, keep)
    return report


def _groups(
    one: MaskSeries, sources: Sources, kinds: Sequence[Property], seg: _Seg
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
            finding_type=_code(kind.kind),
            finding_category=_code(kind.category),
            algorithm_id=sr.AlgorithmIdentification(
                name=_model(one.provenance), version=_version(one.provenance)
            ),
            measurements=[
                sr.Measurement(
                    name=_code(("42798000", "SCT", "Area")),
                    value=area if size is None else area * size[0] * size[1],
                    unit=_code(unit),
                )
            ],
        )


def _mark(data: Any, keep: bool) -> None:
    """Say where patient and study were left out."""
    if not keep:
        data.PatientIdentityRemoved = "YES"
        data.DeidentificationMethod = "patient and study left empty by napari-attnseg"


def _model(facts: Mapping[str, Any]) -> str:
    name = f"{_MAKER} {facts.get('model') or facts.get('weights') or 'model'}"
    return f"{name}, refined by MedSAM"[:64] if MEDSAM in facts else name[:64]


def _version(facts: Mapping[str, Any]) -> str:
    """Hash of the weights; 64 characters are what DICOM has room for."""
    return str(facts.get("weights_sha256") or "unknown")[:64]


def _code(code: Any) -> Any:
    from pydicom.sr.coding import Code

    if isinstance(code, tuple):
        return Code(*code)
    return Code(code.value, code.scheme, code.meaning)


def _bytes(data: Any) -> bytes:
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep warnings on a source's attributes to ourselves: they may name the patient.

    Raises
    ------
    InputError
        If the source cannot be referred to.
    """
    from napari_attnseg.io.readers.dicom_file import silent

    with silent(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise InputError(
                "These DICOM images cannot be referred to by a segmentation "
                f"({type(error).__name__}): expected whole images of one series; take "
                "them from the archive again."
            ) from error


def _expect_highdicom(stem: str) -> None:
    try:
        import highdicom  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"Writing {stem} as DICOM needs highdicom, which is not installed; run "
            'pip install "napari-attnseg[dicom]", or choose another format.'
        ) from error
