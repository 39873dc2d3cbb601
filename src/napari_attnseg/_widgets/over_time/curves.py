"""Curves of measured frames, and the positions of frames in the world. No Qt."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from napari_attnseg._widgets.layers.metadata import FRAME_TIMES
from napari_attnseg._widgets.over_time.measuring import Measured
from napari_attnseg.objects.physical import millimetres, pixel_size

_SECONDS = frozenset({"second", "s"})
_LENGTHS = frozenset({"millimeter", "mm", "micrometer", "um", "µm", "meter", "m"})


class Curve(NamedTuple):
    """One curve: its label, and a value for each frame, NaN where there is none."""

    label: str
    values: Sequence[float]


class Panel(NamedTuple):
    """Curves that share axes, and the limits of the vertical axis, if fixed."""

    name: str
    curves: Sequence[Curve]
    ends: tuple[float, float] | None = None


def panels_of(known: Measured, in_mm: bool) -> tuple[list[int], list[Panel]]:
    """Frames and curves of the measurements; NaN after which frames are missing.

    Parameters
    ----------
    known : Measured
    in_mm : bool
        Whether areas in mm² are known.
    """
    frames: list[int] = []
    for frame in sorted(known.rows):
        if frames and frame - frames[-1] > 1:
            frames.append(frames[-1] + 1)  # what is between is not known: no line
        frames.append(frame)

    def curve(label: str, column: str) -> Curve:
        values = (_number(known, frame, column) for frame in frames)
        return Curve(label, list(values))

    unit, area = ("mm²", "area_mm2") if in_mm else ("pixels", "area_px")
    fixed = (-0.02, 1.02)
    return frames, [
        Panel(f"area ({unit})", [curve("area", area)]),
        Panel(
            "mean probability in the mask", [curve("probability", "probability")], fixed
        ),
        Panel("doubt (bits)", [curve("doubt", "doubt_bits")], fixed),
        Panel(
            "centre (pixels)",
            [curve("row", "centre_row"), curve("column", "centre_column")],
        ),
    ]


def _number(known: Measured, frame: int, column: str) -> float:
    row = known.rows.get(frame)
    value = None if row is None else row.numbers.get(column)
    return math.nan if value is None else float(value)


def square_mm(placement: Mapping[str, Any]) -> float | None:
    """Area of a pixel in mm²; None if the layer does not give it."""
    size = millimetres(pixel_size({**placement, "scale": list(placement["scale"])}))
    return None if size is None else size[0] * size[1]


def place_of(layer: Any, film: Any = None) -> Callable[[int], dict[str, Any]]:
    """Time or position of a frame, by scale and unit of the layer's leading axis.

    The film's own times are used if it has them and the layer's scale along the slider
    still agrees with them.
    """
    unit, step = str(layer.units[0]), float(layer.scale[0])
    if unit in _SECONDS:
        times = None if film is None else film.metadata.get(FRAME_TIMES)
        if times and math.isclose(times[-1], step * (len(times) - 1), rel_tol=1e-6):
            return lambda frame: {"seconds": round(times[frame], 6)}
        return lambda frame: {"seconds": round(frame * step, 6)}
    if unit in _LENGTHS:
        return lambda frame: {"position": round(frame * step, 6)}
    return lambda frame: {}
