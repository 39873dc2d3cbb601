"""Decide whether the extra axis of an array counts frames or channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from napari_attnseg.errors import InputError

#: Key, in provenance, of `AxisReading.to_dict`, where an axis had to be explained.
AXIS_READING = "axis_reading"
#: Names that OME, ImageJ and users give to an axis of channels; all are lower-case.
CHANNEL_NAMES = frozenset({"c", "s", "ch", "channel", "channels", "rgb", "colour"})
#: Names of an axis along which there are whole images.
FRAME_NAMES = frozenset(
    {"t", "z", "time", "frame", "frames", "depth", "plane", "slice"}
)
#: Names of the columns of an image.
COLUMN_NAMES = frozenset({"x", "column", "columns"})
#: Most channels that an image can have: red, green, blue and alpha.
MOST_CHANNELS = 4


class ReadAs(StrEnum):
    """Roles of an axis."""

    #: Along it there are images, which are segmented one by one.
    FRAMES = "frames"
    #: Red, green, blue and perhaps alpha of one image.
    COLOUR = "colour"
    #: The only channel of one image.
    GREY = "grey"
    #: Grey and alpha of one image.
    GREY_ALPHA = "grey_alpha"


@dataclass(frozen=True, slots=True)
class AxisReading:
    """Role of one axis in an array of three axes.

    Attributes
    ----------
    axis : int
        0 or 2.
    length : int
        Length of that axis.
    read_as : ReadAs
    """

    axis: int
    length: int
    read_as: ReadAs

    @property
    def is_one_image(self) -> bool:
        """Whether the array is one image, so that the axis does not count frames."""
        return self.read_as is not ReadAs.FRAMES

    def image(self, data: Any) -> Any:
        """Read as frames (T, H, W), or as one image: (H, W) or (H, W, 3 or 4)."""
        if self.read_as is ReadAs.FRAMES:
            return data
        last = np.moveaxis(data, self.axis, -1)
        return last if self.read_as is ReadAs.COLOUR else last[..., 0]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping, in the form that provenance stores."""
        return {
            "axis": self.axis,
            "length": self.length,
            "read_as": str(self.read_as),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> AxisReading:
        """Inverse of `to_dict`; raises ValueError or KeyError for anything else."""
        read_as = ReadAs(values["read_as"])
        return cls(int(values["axis"]), int(values["length"]), read_as)


def possible_readings(
    shape: Sequence[int], names: Sequence[str] = ("", "", "")
) -> tuple[AxisReading, ...]:
    """Possible readings of an array of three axes that is not declared to be colour.

    Parameters
    ----------
    shape : sequence of three int
    names : sequence of three str, optional
        Names of the axes by file or user; empty if they have none.

    Returns
    -------
    tuple of AxisReading
        Empty if the array is a stack of frames without doubt. A single reading that is
        not of frames holds without doubt. Otherwise the user has to choose: among
        several readings, or whether to accept a single reading of frames.
    """
    first, rows, last = (int(n) for n in shape)
    named = [name.lower() for name in names]
    frames = AxisReading(0, first, ReadAs.FRAMES)
    if last == 1:
        return (AxisReading(2, 1, ReadAs.GREY),)
    found = []
    few = 2 <= first <= MOST_CHANNELS
    if named[0] in CHANNEL_NAMES or (few and named[0] not in FRAME_NAMES):
        found += [frames, *_as_channels(0, first)]
    columns = named[0] in FRAME_NAMES or named[2] in COLUMN_NAMES
    narrow = last <= MOST_CHANNELS < rows and not columns
    if named[2] in CHANNEL_NAMES or narrow:
        found += [*([] if found else [frames]), *_as_channels(2, last)]
    return () if first == 1 and found == [frames] else tuple(found)


def _as_channels(axis: int, length: int) -> list[AxisReading]:
    kinds = {2: ReadAs.GREY_ALPHA, 3: ReadAs.COLOUR, 4: ReadAs.COLOUR}
    return [AxisReading(axis, length, kinds[length])] if length in kinds else []


def doubtful_axes(readings: Sequence[AxisReading]) -> tuple[AxisReading, ...]:
    """Choose one reading for each axis whose meaning is not clear."""
    channels = {one.axis: one for one in readings if one.is_one_image}
    return tuple(channels.values()) or tuple(readings[:1])


def describe_axes(readings: Sequence[AxisReading]) -> str:
    """Name each axis that is not clear, such as ``axis 0 (of length 3)``."""
    named = [f"axis {one.axis} (of length {one.length})" for one in readings]
    return " and ".join(named)


def read_array(data: Any, provenance: Mapping[str, Any]) -> Any:
    """Read the array of an image file as the run of this provenance did.

    Parameters
    ----------
    data : array
        Array as stored in the file. If it lacks the axis that was read, it is returned
        unchanged, because another reader may have put channels last already; compare
        the hash of the pixels.
    provenance : mapping
        Provenance with `AXIS_READING`, if the user had to say what an axis is.

    Raises
    ------
    InputError
        If the reading of the axis in provenance is invalid.
    """
    values = provenance.get(AXIS_READING)
    if values is None:
        return data
    try:
        reading = AxisReading.from_dict(values)
        shape = np.shape(data)
        fits = len(shape) == 3 and shape[reading.axis] == reading.length
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(
            f"Expected {AXIS_READING} with axis, length and read_as, but got "
            f"{values!r}; write the results again."
        ) from error
    return reading.image(data) if fits else data


def refusal(shape: Sequence[int]) -> str:
    """Say why an array of this shape is not one image, and what to do about it.

    Parameters
    ----------
    shape : sequence of int
        Neither (H, W) nor (H, W, 1, 3 or 4).
    """
    text = f"got shape {tuple(shape)}"
    if len(shape) == 4 and shape[-1] in (3, 4):
        return (
            f"{text}, which is {shape[0]} pages or frames in colour; save or choose "
            "one of them"
        )
    if len(shape) != 3:
        return f"{text}; choose one slice or up to three channels"
    first, rows, last = shape
    if last == 2 < rows:
        return (
            f"{text}, whose axis 2 has length 2; give one of the two channels, such as "
            "image[..., 0] of grey and alpha"
        )
    if 2 <= first <= MOST_CHANNELS:
        move = " or move channels last with numpy.moveaxis(image, 0, -1)"
        return (
            f"{text}, whose axis 0 of length {first} may be channels or frames; give "
            f"one of them{move if first > 2 else ''}"
        )
    if first == 1:
        return f"{text}, which is one frame; give that alone, image[0]"
    if last < first:
        return (
            f"{text}, whose axis 2 of length {last} may be channels, or axis 0 of "
            f"length {first} frames; choose one slice or up to three channels"
        )
    return (
        f"{text}, whose axis 0 of length {first} comes before rows and columns; choose "
        "one slice or up to three channels"
    )
