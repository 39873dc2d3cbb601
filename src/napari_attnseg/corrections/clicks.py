"""Clicks that correct a mask, as data. No torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from napari_attnseg.errors import InputError
from napari_attnseg.how_many import how_many

#: Key, in the provenance of a run, of the clicks that its mask was corrected by.
CLICKS = "clicks"


class ClickKind(StrEnum):
    """What a click may be."""

    CLICK = "click"
    LINE = "line"
    BOX = "box"


#: Where it is not the singular with an s.
_PLURALS = {ClickKind.BOX: "boxes"}


@dataclass(frozen=True, slots=True)
class Click:
    """One click, which says whether a pixel belongs to the object.

    A scribble is a click with a line, which says the same about every pixel of the
    line. A click with a box changes nothing outside the box; see `click_in_box`.

    Attributes
    ----------
    row, column : int
        Pixel of the image, counted from 0.
    positive : bool
        Whether the pixel belongs to the class.
    class_number : int
        Value of the class in the mask, counted from 1.
    line : tuple of (int, int)
        Vertices (row, column) of a scribble after its first pixel, joined by straight
        lines; empty for a click.
    box : (int, int, int, int), optional
        Top, left, bottom and right; bottom and right are exclusive.
    """

    row: int
    column: int
    positive: bool
    class_number: int = 1
    line: tuple[tuple[int, int], ...] = ()
    box: tuple[int, int, int, int] | None = None

    @property
    def points(self) -> tuple[tuple[int, int], ...]:
        """The pixel of a click, or the corners of a scribble's line."""
        return ((self.row, self.column), *self.line)

    @property
    def empties(self) -> bool:
        """Whether the click removes everything inside its box."""
        return self.box is not None and not self.positive


def click_in_box(
    top: int,
    left: int,
    bottom: int,
    right: int,
    positive: bool,
    class_number: int = 1,
) -> Click:
    """Convert a drawn box to a scribble through its middle, along its longer axis.

    If `positive` is true, the model adds what it finds in the box. If it is false,
    everything that the box encloses is removed. Nothing outside the box changes.

    Parameters
    ----------
    top, left, bottom, right : int
        Edges of the box of at least one pixel; bottom and right are exclusive.
    positive : bool
        True: the object in the box belongs to the class. False: nothing in the box
        does.
    class_number : int
    """
    height, width = bottom - top, right - left
    ends = [[(top + bottom - 1) // 2, (left + right - 1) // 2] for _ in range(2)]
    axis, half = (0, height // 4) if height >= width else (1, width // 4)
    ends[0][axis] -= half
    ends[1][axis] += half
    (row, column), last = ends
    line = ((last[0], last[1]),) if last != [row, column] else ()
    box = top, left, bottom, right
    return Click(row, column, positive, class_number, line, box)


def kind_of(click: Click) -> ClickKind:
    """Whether a click is a box, a line or neither; a box has a line, too."""
    if click.box is not None:
        return ClickKind.BOX
    return ClickKind.LINE if click.line else ClickKind.CLICK


def counted(clicks: Iterable[Click]) -> str:
    """Numbers of clicks, lines and boxes in words; empty for none."""
    kinds = Counter(map(kind_of, clicks))
    return " and ".join(
        how_many(kinds[kind], kind, _PLURALS.get(kind, ""))
        for kind in ClickKind
        if kinds[kind]
    )


def clicks_to_json(clicks: Iterable[Click]) -> list[dict[str, Any]]:
    """JSON-ready list of clicks, in their order."""
    return [
        {k: v for k, v in asdict(click).items() if k not in ("line", "box")}
        | ({"line": [list(point) for point in click.line]} if click.line else {})
        | ({"box": list(click.box)} if click.box else {})
        for click in clicks
    ]


def clicks_from_json(values: Iterable[Mapping[str, Any]]) -> tuple[Click, ...]:
    """Inverse of `clicks_to_json`.

    Raises
    ------
    InputError
        If it is not such a list.
    """
    try:
        return tuple(
            Click(
                int(value["row"]),
                int(value["column"]),
                bool(value["positive"]),
                int(value.get("class_number", 1)),
                tuple((int(row), int(column)) for row, column in value.get("line", ())),
                _box_of(value.get("box")),
            )
            for value in values
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            "Expected clicks with row, column and positive, got other content "
            f"({error}); remove them from the file."
        ) from error


def _box_of(value: Any) -> tuple[int, int, int, int] | None:
    if value is None:
        return None
    top, left, bottom, right = (int(one) for one in value)
    return top, left, bottom, right


def expect_clicks(
    clicks: Sequence[Click], shape: tuple[int, int], classes: int = 1
) -> None:
    """Refuse clicks outside the image, or on a class that the model does not have.

    Raises
    ------
    InputError
    """
    for click in clicks:
        for row, column in click.points:
            inside = 0 <= row < shape[0] and 0 <= column < shape[1]
            if not inside or not 1 <= click.class_number <= classes:
                raise InputError(
                    f"Expected clicks inside the image of {shape[0]}×{shape[1]} pixels "
                    f"on a class from 1 to {classes}, got row {row}, column {column}, "
                    f"class {click.class_number}."
                )
