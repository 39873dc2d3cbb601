"""Interpret the named axes of an OME image: frames, channels, rows and columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers.facts import FrameAxis

#: Units of OME as napari and pint name them.
UNITS = {
    "nm": "nanometer",
    "nanometer": "nanometer",
    "µm": "micrometer",
    "um": "micrometer",
    "micrometer": "micrometer",
    "micron": "micrometer",
    "mm": "mm",
    "millimeter": "mm",
    "cm": "centimeter",
    "centimeter": "centimeter",
    "m": "meter",
    "meter": "meter",
}
#: Seconds per unit of time of OME.
SECONDS = {
    "s": 1.0,
    "second": 1.0,
    "ms": 1e-3,
    "millisecond": 1e-3,
    "µs": 1e-6,
    "microsecond": 1e-6,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
}
_RGB = ("red", "green", "blue")
#: Labels that programs give to channels without names.
_NO_NAME = re.compile(r"(channel|ch|c)?[ _:\d]*")
_PURE = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


#: Red, green and blue from 0 to 255.
Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """Position of frames in an array of named axes.

    Attributes
    ----------
    names : str
        Names of the axes, in lower case: ``tczyx``, ``yxs``.
    shape : tuple of int
    along : str
        Name of the axis of the frames, ``t`` or ``z``; empty: there is only one frame.
    colour : str
        Name of the axis of red, green, blue and alpha, ``c`` or ``s``; empty: grey.
    order : tuple of int
        Numbers of the red, green and blue channel if they come in another order.
    """

    names: str
    shape: tuple[int, ...]
    along: str
    colour: str
    order: tuple[int, ...] = ()

    def length(self, name: str) -> int:
        """Length of an axis; 1 if it is missing."""
        return dict(zip(self.names, self.shape, strict=True)).get(name, 1)

    @property
    def axis(self) -> FrameAxis:
        """Axis along which the frames are ordered."""
        kinds = {"t": FrameAxis.TIME, "z": FrameAxis.DEPTH}
        return kinds.get(self.along, FrameAxis.UNKNOWN)

    @property
    def channels(self) -> int:
        """Number of channels: 1 for grey, 3 or 4."""
        return self.length(self.colour) if self.colour else 1

    def place(self, frame: int) -> tuple[Any, ...]:
        """Index of a frame: numbers, and slices for rows, columns and colours."""
        kept = ("y", "x", self.colour)
        whole: Any = slice(None)
        return tuple(
            whole if name in kept else frame if name == self.along else 0
            for name in self.names
        )

    def picture(self, values: NDArray[Any]) -> NDArray[Any]:
        """Picture at `place`, as (H, W) or (H, W, channels)."""
        left = [name for name in self.names if name in ("y", "x", self.colour)]
        wanted = ["y", "x", *([self.colour] if self.colour else [])]
        found = np.transpose(values, [left.index(name) for name in wanted])
        return found[..., list(self.order)] if self.order else found

    @property
    def said(self) -> dict[str, Any]:
        """JSON-ready facts about the channels, for provenance."""
        return {"channel_order": list(self.order)} if self.order else {}


def plan_of(
    names: Sequence[str],
    shape: Sequence[int],
    channels: Sequence[str],
    file: str,
    shown: Sequence[Colour | None] = (),
) -> Plan:
    """Find out what each axis is.

    Three or four channels are read as red, green, blue and alpha if they are samples of
    one pixel or have these names. Three channels without names are read so, too, in the
    order of the colours in which they are shown if these are pure red, green and blue;
    shown in others, such as cyan and magenta, they are stains.

    Parameters
    ----------
    names : sequence of str
        Names of the axes, one letter each.
    shape : sequence of int
    channels : sequence of str
        Names of the channels by the file; empty if they have none.
    file : str
        Name of the file, for messages.
    shown : sequence of (int, int, int) or None, optional
        Red, green and blue, 0 to 255, in which each channel is shown.

    Raises
    ------
    InputError
        If there is more than one stack of frames, or if channels are not colours.
    """
    letters = "".join(name.lower()[:1] for name in names)
    lengths = {name: int(n) for name, n in zip(letters, shape, strict=True)}
    said = f"{file} has the axes " + ", ".join(f"{k} {n}" for k, n in lengths.items())
    if len(set(letters)) < len(letters) or not {"y", "x"} <= set(letters):
        raise InputError(f"Expected an image of rows and columns, but {said}.")
    long = [k for k, n in lengths.items() if n > 1 and k not in "yx"]
    colour = ""
    order: tuple[int, ...] = ()
    for name in ("s", "c"):
        if name not in long:
            continue
        called = [one.lower() for one in channels]
        rgb = lengths[name] in (3, 4) and (name == "s" or called[:3] == list(_RGB))
        if name == "c" and all(_NO_NAME.fullmatch(one) for one in called):
            order = _order(shown) if lengths[name] == 3 else ()
            rgb |= bool(order)
        rgb |= lengths[name] == 3 and not any(channels) and not _are_others(shown)
        if not rgb or colour:
            those = f" ({', '.join(channels)})" if any(channels) else ""
            if not those and _are_others(shown):
                those = f", shown in {', '.join(map(_hex, shown))}"
            raise InputError(
                f"Expected grey or RGB, but {said}: {lengths[name]} channels{those}; "
                "save one of them as an image."
            )
        colour = name
    frames = [name for name in long if name != colour]
    if len(frames) > 1 or not set(frames) <= {"t", "z"}:
        raise InputError(
            f"Expected frames along one axis, t or z, but {said}; save one stack of it."
        )
    along = frames[0] if frames else ""
    order = () if order == (0, 1, 2) else order
    return Plan(letters, tuple(shape), along, colour, order)


def _are_others(shown: Sequence[Colour | None]) -> bool:
    """Whether channels are shown in other colours than red, green and blue.

    White, which OME has where a program sets no colour, and grey do not tell.
    """
    told = [one for one in shown if one is not None and len({*one}) > 1]
    return bool(told) and not _order(shown)


def _hex(colour: Colour | None) -> str:
    return "no colour" if colour is None else "#" + bytes(colour).hex()


def _order(shown: Sequence[Colour | None]) -> tuple[int, ...]:
    """Numbers of the channels shown in pure red, green and blue; empty if not these."""
    found = list(shown)
    if len(found) != len(_PURE) or {*found} != {*_PURE}:
        return ()
    return tuple(found.index(one) for one in _PURE)
