"""Interpret the header of a DICOM file: values, window, pixel size, times, patient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.io.readers.facts import Assumed, FrameAxis, NotUsed

#: Attributes that tell who the patient is, or lead to it.
IDENTIFYING = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientAddress"),
    *("OtherPatientNames", "OtherPatientIDs", "PatientMotherBirthName"),
    *("PatientTelephoneNumbers", "AccessionNumber", "StudyID", "StudyDate"),
    *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
    *("InstitutionName", "InstitutionAddress", "ReferringPhysicianName"),
    *("PerformingPhysicianName", "OperatorsName"),
)
#: Millimetres per unit of an ultrasound region; 3 is cm.
_REGION_MM = {3: 10.0}
#: Spatial format of an ultrasound region that shows a plane.
_PLANE = 1


@dataclass(frozen=True, slots=True)
class Size:
    """Size of a pixel: spacing of rows and columns, its unit, and its origin."""

    spacing: tuple[float, float] | None = None
    unit: str = "pixel"
    source: str = ""
    assumed: tuple[Assumed, ...] = ()
    not_used: tuple[NotUsed, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """Window of an image, and facts of the file that were not used."""

    window: tuple[float, float] | None = None
    not_used: tuple[NotUsed, ...] = ()


def profile_of(header: Any) -> bytes | None:
    """ICC profile of the colours of a file; None if it has none, or they are grey."""
    profile = header.get("ICCProfile")
    kind = str(header.get("PhotometricInterpretation") or "")
    if not isinstance(profile, bytes) or not profile or kind.startswith("MONO"):
        return None
    return profile


def groups(header: Any, frame: int) -> Iterator[Any]:
    """Data sets of the header that describe a frame, the most special one first."""
    for name, at in (
        ("PerFrameFunctionalGroupsSequence", frame),
        ("SharedFunctionalGroupsSequence", 0),
    ):
        sequence = header.get(name) or []
        if at < len(sequence):
            for element in sequence[at]:
                if element.VR == "SQ" and len(element.value):
                    yield element.value[0]
    yield header


def of_frame(header: Any, frame: int, keyword: str) -> Any:
    """Value of an attribute for a frame; None if it is missing or empty."""
    for one in groups(header, frame):
        value = one.get(keyword)
        if value is not None and value != "":
            return value
    return None


def numbers(value: Any) -> list[float]:
    """Numbers of an attribute with one or several values; empty if not numeric."""
    if value is None or value == "":
        return []
    each = [value] if isinstance(value, (int, float, str)) else list(value)
    try:
        found = [float(one) for one in each]
    except (TypeError, ValueError):
        return []
    return found if np.isfinite(found).all() else []


def window_of(header: Any, frame: int) -> Shown:
    """The first window that the file gives for a frame, in values after rescaling."""
    left: list[NotUsed] = []
    centres = numbers(of_frame(header, frame, "WindowCenter"))
    widths = numbers(of_frame(header, frame, "WindowWidth"))
    if not centres or not widths:
        table = of_frame(header, frame, "VOILUTSequence")
        return Shown(None, (NotUsed.VOI_TABLE,) if table else ())
    if len(centres) > 1:
        left.append(NotUsed.OTHER_WINDOWS)
    centre, width = centres[0], widths[0]
    function = str(of_frame(header, frame, "VOILUTFunction") or "LINEAR")
    if function == "SIGMOID":
        left.append(NotUsed.SIGMOID)
    if function == "LINEAR" and width > 1:
        # PS3.3 C.11.2.1.2.1: of whole numbers, both ends are counted.
        centre, width = centre - 0.5, width - 1
    low, high = centre - width / 2, centre + width / 2
    if low >= high:
        left.append(NotUsed.IMPOSSIBLE)
    return Shown((low, high) if low < high else None, tuple(left))


#: Where the size of a pixel is, first the one of the body.
_SPACINGS: tuple[tuple[str, tuple[Assumed, ...]], ...] = (
    ("PixelSpacing", ()),
    ("ImagerPixelSpacing", (Assumed.DETECTOR_SPACING,)),
    ("NominalScannedPixelSpacing", ()),
)


def has_impossible_size(header: Any) -> bool:
    """Whether a size of a pixel is zero or negative, so that it is not used."""
    found = [numbers(of_frame(header, 0, keyword)) for keyword, _ in _SPACINGS]
    return any(one and min(one) <= 0 for one in found)


def size_of(header: Any, frame: int = 0) -> Size:
    """Size of a pixel, from spacing in the patient, at the detector or in a region."""
    for keyword, assumed in _SPACINGS:
        found = numbers(of_frame(header, frame, keyword))
        if len(found) == 2 and min(found) > 0:
            return Size((found[0], found[1]), "mm", keyword, assumed)
    regions = [one for one in regions_of(header) if one["mm"] is not None]
    sizes = {tuple(one["mm"]) for one in regions}
    if len(sizes) > 1:
        return Size(not_used=(NotUsed.REGIONS_DIFFER,))
    if sizes:
        ((rows, columns),) = sizes
        source = "SequenceOfUltrasoundRegions"
        return Size((rows, columns), "mm", source, (Assumed.ULTRASOUND_REGION,))
    ratio = numbers(header.get("PixelAspectRatio"))
    if len(ratio) == 2 and min(ratio) > 0 and ratio[0] != ratio[1]:
        return Size((ratio[0] / ratio[1], 1.0), "pixel", "PixelAspectRatio")
    return Size()


def regions_of(header: Any) -> list[dict[str, Any]]:
    """Ultrasound regions: ``box`` (row0, column0, row1, column1) and ``mm`` per pixel.

    ``mm`` is (rows, columns), or None for a region that is not an image plane, such as
    a Doppler spectrum.
    """
    found = []
    for region in header.get("SequenceOfUltrasoundRegions") or []:
        edges = [
            region.get(f"RegionLocation{name}")
            for name in ("MinY0", "MinX0", "MaxY1", "MaxX1")
        ]
        deltas = numbers(
            [region.get("PhysicalDeltaY", ""), region.get("PhysicalDeltaX", "")]
        )
        unit = _REGION_MM.get(region.get("PhysicalUnitsXDirection"))
        same = region.get("PhysicalUnitsYDirection") == region.get(
            "PhysicalUnitsXDirection"
        )
        plane = region.get("RegionSpatialFormat") == _PLANE
        known = unit and same and plane and len(deltas) == 2 and all(deltas)
        mm = [abs(delta) * unit for delta in deltas] if known and unit else None
        box = None if None in edges else [int(edge) for edge in edges]
        found.append({"box": box, "mm": mm})
    return found


def times_of(header: Any, count: int) -> tuple[tuple[float, ...] | None, list[Assumed]]:
    """Time of each frame, in seconds from the first, and what was assumed for it."""
    vector = numbers(header.get("FrameTimeVector"))
    if len(vector) == count > 1:
        return tuple((np.cumsum(vector) - vector[0]).tolist() / np.float64(1e3)), []
    step = numbers(header.get("FrameTime"))
    if count > 1 and step and step[0] > 0:
        return tuple(i * step[0] / 1e3 for i in range(count)), []
    for keyword in ("CineRate", "RecommendedDisplayFrameRate"):
        rate = numbers(header.get(keyword))
        if count > 1 and rate and rate[0] > 0:
            times = tuple(i / rate[0] for i in range(count))
            return times, [Assumed.NOMINAL_FRAME_RATE]
    return None, []


def axis_of(header: Any, times: object, positions: object) -> FrameAxis:
    """Axis along which the frames of a file are ordered."""
    if times is not None:
        return FrameAxis.TIME
    return FrameAxis.DEPTH if positions is not None else FrameAxis.UNKNOWN


def position_of(header: Any, frame: int) -> float | None:
    """Place of a slice along the normal of its plane, in mm."""
    place = numbers(of_frame(header, frame, "ImagePositionPatient"))
    along = numbers(of_frame(header, frame, "ImageOrientationPatient"))
    if len(place) != 3 or len(along) != 6:
        return None
    normal = np.cross(along[:3], along[3:])
    return float(np.dot(normal, place))


def identifiers_of(header: Any) -> dict[str, str]:
    """Attributes that identify the patient, by their DICOM names."""
    found = {name: str(header.get(name) or "").strip() for name in IDENTIFYING}
    return {name: value for name, value in found.items() if value}


def rescaled(values: NDArray[Any], header: Any, frame: int) -> NDArray[Any]:
    """Convert stored values to measured ones, by slope and intercept or a table."""
    from pydicom.pixels import apply_modality_lut

    if header.get("ModalityLUTSequence"):
        return np.asarray(apply_modality_lut(values, header))
    slope, intercept = slope_of(header, frame)
    if (slope, intercept) == (1, 0):
        return values
    if slope.is_integer() and intercept.is_integer():
        return values.astype(np.int32) * int(slope) + int(intercept)
    return values.astype(np.float32) * np.float32(slope) + np.float32(intercept)


def slope_of(header: Any, frame: int) -> tuple[float, float]:
    """RescaleSlope and RescaleIntercept; (1, 0) without them."""
    slope = numbers(of_frame(header, frame, "RescaleSlope"))
    intercept = numbers(of_frame(header, frame, "RescaleIntercept"))
    return (slope[0] if slope else 1.0), (intercept[0] if intercept else 0.0)


def padding_of(header: Any) -> tuple[float, float] | None:
    """Lowest and highest stored value of the padding; None without padding."""
    value = numbers(header.get("PixelPaddingValue"))
    if not value:
        return None
    limit = numbers(header.get("PixelPaddingRangeLimit")) or value
    return min(value[0], limit[0]), max(value[0], limit[0])


def is_padded(stored: NDArray[Any], header: Any) -> NDArray[np.bool_]:
    """Which stored values are padding; −2000 and 63536 are the same 16 bits."""
    ends = padding_of(header)
    if ends is None:
        return np.zeros(stored.shape, bool)
    numbers_of_type = 2 ** max(8 * stored.dtype.itemsize, 16)
    above = (stored.astype(np.int64) - int(ends[0])) % numbers_of_type
    return np.asarray(above <= int(ends[1] - ends[0]))


def filled(values: NDArray[Any], stored: NDArray[Any], header: Any) -> NDArray[Any]:
    """Set the padding to the smallest value inside the image (MONOCHROME1: largest).

    Padding, such as -2000 around a CT, would stretch the range of the image.
    """
    padded = is_padded(stored, header)
    if not padded.any() or padded.all():
        return values
    inside = values[~padded]
    inverted = header.get("PhotometricInterpretation") == "MONOCHROME1"
    return np.where(padded, inside.max() if inverted else inside.min(), values)
