"""Facts about the images of a file: axes, times, pixel size, assumptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from napari_attnseg.io.readers.formats import FileFormat

#: Key, in provenance, of `FileFacts.to_provenance`.
FILE_FACTS = "file_facts"
#: Key, among them, of the number of images in a file of which only one is used.
IMAGES = "images"
#: Key, among them, of the first frame of a film that may be damaged.
DAMAGED_FROM = "damaged_from"
#: Key, among them, of the number of frames at the start of a film that were left out.
LEFT_OUT_AT_START = "left_out_at_start"
#: Keys, among them, of the mean distance of neighbouring frames, and of its unit.
FRAME_STEP, FRAME_STEP_UNIT = "frame_step", "frame_step_unit"
#: Names of patients, and what else tells who they are; written only if asked for.
IDENTIFIERS = "identifiers"


class FrameAxis(StrEnum):
    """Axis along which the frames of a file are ordered."""

    TIME = "time"
    DEPTH = "depth"
    UNKNOWN = "unknown"


class Assumed(StrEnum):
    """Assumptions about what a file does not say.

    Attributes
    ----------
    ORDER_OF_NAMES
        Files of a series follow each other as their names do.
    DETECTOR_SPACING
        The size of a pixel is measured on the detector, where the body appears
        magnified.
    NOMINAL_FRAME_RATE
        Times of frames are computed from the rate at which they are meant to be shown.
    ULTRASOUND_REGION
        The size of a pixel is that of the ultrasound region; outside the region it is
        not known.
    COLOUR_MATRIX
        A video does not say how its colours are stored; this is guessed from its
        height, as video players do.
    TRANSFER_SYNTAX
        The file has no header that says how its data are encoded.
    YCBCR_STREAM
        The header says RGB, but the JPEG stream can only hold YCbCr and is decoded so.
    COPIES
        Files with one ``SOPInstanceUID`` and the same pixels are copies of one image,
        which is used once.
    COLOURS_BY_PIXEL
        The header says that colours are stored pixel by pixel, as they are read, but
        they look as if they were stored plane by plane.
    COLOURS_BY_DATA
        The header of a DICOM file says RGB or a kind of YBR, but its pixels are of
        another, as the JPEG 2000 stream says or the colours themselves show.
    ALL_BITS
        The header of a DICOM file says that a pixel has fewer bits than its pixels use,
        and all of these are read.
    """

    ORDER_OF_NAMES = "order_of_names"
    DETECTOR_SPACING = "detector_spacing"
    NOMINAL_FRAME_RATE = "nominal_frame_rate"
    ULTRASOUND_REGION = "ultrasound_region"
    COLOUR_MATRIX = "colour_matrix"
    TRANSFER_SYNTAX = "transfer_syntax"
    YCBCR_STREAM = "ycbcr_stream"
    COPIES = "copies"
    COLOURS_BY_PIXEL = "colours_by_pixel"
    COLOURS_BY_DATA = "colours_by_data"
    ALL_BITS = "all_bits"


class NotUsed(StrEnum):
    """Content of a file that a reader leaves out or changes.

    Attributes
    ----------
    OTHER_WINDOWS
        Windows besides the first one.
    VOI_TABLE
        A table that says how to show values, in place of a window.
    SIGMOID
        A sigmoid window, which is replaced by a linear one.
    OVERLAYS
        Drawings that the file stores over the image.
    REGIONS_DIFFER
        Ultrasound regions of different pixel sizes, so that none is used.
    UNEVEN_SLICES
        Slices at uneven distances, at the same place or at an unknown place; they are
        shown as if the distances were even.
    SPACINGS_DIFFER
        Pixels of different sizes in one series, so that none is used.
    IMPOSSIBLE
        A window without width, or pixels without size.
    PRESENTATION_INVERSE
        Request of a MONOCHROME2 image to be shown inverted.
    PADDING
        Pixels outside of the field of view; they have the smallest value inside.
    SOUND
        Sound of a video.
    OTHER_STREAMS
        Video streams besides the first one.
    BITS
        Bits of colour beyond eight.
    INTERLACED
        Interlaced frames: the rows of two moments in one frame, which are not
        separated.
    OTHER_IMAGES
        Further images in the same file.
    PROFILE
        A colour profile that is damaged or not of RGB; colours are taken as sRGB.
    ORIENTATION
        The affine of a slice that asks for another view than the stored one.
    QFORM
        The qform of a NIfTI file, which contradicts its sform.
    DAMAGED
        Frames of a film that is cut short, or damaged inside.
    START
        Frames at the start of a film that need others from before it.
    """

    OTHER_WINDOWS = "other_windows"
    VOI_TABLE = "voi_table"
    SIGMOID = "sigmoid"
    OVERLAYS = "overlays"
    REGIONS_DIFFER = "regions_differ"
    UNEVEN_SLICES = "uneven_slices"
    SPACINGS_DIFFER = "spacings_differ"
    IMPOSSIBLE = "impossible_values"
    PRESENTATION_INVERSE = "presentation_inverse"
    PADDING = "padding"
    SOUND = "sound"
    OTHER_STREAMS = "other_streams"
    BITS = "bits"
    INTERLACED = "interlaced"
    OTHER_IMAGES = "other_images"
    PROFILE = "icc_profile"
    ORIENTATION = "orientation"
    QFORM = "qform"
    DAMAGED = "damaged"
    START = "frames_at_start"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Facts about a file, known before any of its frames is decoded.

    Attributes
    ----------
    kind : FileFormat
    frames : int
        Number of images in it.
    height, width : int
        Size of each frame, in pixels, as it is shown.
    channels : int
        1 for grey, 3 for RGB, 4 for RGBA.
    axis : FrameAxis
        Axis along which the frames are ordered.
    times : tuple of float, or None
        Time of each frame, in seconds from the first; None: unknown.
    positions : tuple of float, or None
        Place of each slice along the axis of the stack, in `unit`; None: unknown.
    spacing : (float, float), or None
        Distance of neighbouring rows and of neighbouring columns, in `unit`.
    unit : str
        Unit by its name in napari and pint, such as ``mm`` or ``micrometer``. ``pixel``
        means that only the shape of a pixel is known.
    window : (float, float), or None
        Values that are to be shown black and white.
    said : mapping
        JSON-ready facts that are special to the format: transfer syntax, codec,
        modality.
    assumed, not_used : tuple
        Assumptions, and what was left out.
    identifiers : mapping of str to str
        Identity of the patient. Never written or shown unless asked for.
    """

    kind: FileFormat
    frames: int
    height: int
    width: int
    channels: int = 1
    axis: FrameAxis = FrameAxis.UNKNOWN
    times: tuple[float, ...] | None = None
    positions: tuple[float, ...] | None = None
    spacing: tuple[float, float] | None = None
    unit: str = "pixel"
    window: tuple[float, float] | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    assumed: tuple[Assumed, ...] = ()
    not_used: tuple[NotUsed, ...] = ()
    identifiers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def step(self) -> float | None:
        """Mean distance of neighbouring frames, in seconds or `unit`; None if unknown.

        For a film, whose times are not listed here, it follows from the frame rate in
        the header; `Frames.step` gives the measured mean.
        """
        rate = self.said.get("frame_rate")
        if rate and self.times is None:
            return float(1 / rate)
        places = self.times if self.axis is FrameAxis.TIME else self.positions
        if places is None or len(places) < 2:
            return None
        found = abs(places[-1] - places[0]) / (len(places) - 1)
        return found or None

    @property
    def pixel_mm2(self) -> float | None:
        """Area of a pixel in mm²; None where the file does not say it."""
        scale = {"mm": 1.0, "micrometer": 1e-3, "meter": 1e3}.get(self.unit)
        if self.spacing is None or scale is None:
            return None
        return self.spacing[0] * self.spacing[1] * scale**2

    @property
    def placement(self) -> dict[str, Any]:
        """Size of a pixel, as `io.results.Results` have it; empty if not known."""
        if self.spacing is None:
            return {}
        return {"scale": list(self.spacing), "units": [self.unit] * 2}

    def to_provenance(self, keep_identifiers: bool = False) -> dict[str, Any]:
        """JSON-ready facts; the patient's identity only if asked for."""
        facts: dict[str, Any] = {
            "format": str(self.kind),
            "frames": self.frames,
            "frame_axis": str(self.axis),
            "pixel_spacing": None if self.spacing is None else list(self.spacing),
            "unit": self.unit,
            "window": None if self.window is None else list(self.window),
            **self.said,
            "assumed": [str(one) for one in self.assumed],
            "not_used": [str(one) for one in self.not_used],
        }
        if keep_identifiers and self.identifiers:
            facts[IDENTIFIERS] = dict(self.identifiers)
        return facts
