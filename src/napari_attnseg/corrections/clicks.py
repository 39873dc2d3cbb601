"""Clicks that correct a mask, as data. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from napari_attnseg.errors import InputError

#: Key, in the provenance of a run, of the clicks that its mask was corrected by.
CLICKS = "clicks"


@dataclass(frozen=True, slots=True)
class Click:
    """One click: this pixel belongs to the object, or it does not.

    A scribble is a click with a line: the same holds for every pixel of the line.

    Attributes
    ----------
    row, column : int
        Pixel of the image, counted from 0.
    positive : bool
        Whether the pixel belongs to the class.
    class_number : int
        Value of the class in the mask, counted from 1.
    line : tuple of (int, int)
        For a scribble: the pixels (row, column) that straight lines lead through, one
        after another, from the first pixel on. Empty: a click.
    """

    row: int
    column: int
    positive: bool
    class_number: int = 1
    line: tuple[tuple[int, int], ...] = ()

    @property
    def points(self) -> tuple[tuple[int, int], ...]:
        """The pixel of a click, or the corners of a scribble's line."""
        return ((self.row, self.column), *self.line)


def clicks_to_json(clicks: Iterable[Click]) -> list[dict[str, Any]]:
    """JSON-ready list of clicks, in their order."""
    return [
        {k: v for k, v in asdict(click).items() if k != "line"}
        | ({"line": [list(point) for point in click.line]} if click.line else {})
        for click in clicks
    ]


def clicks_from_json(values: Iterable[Mapping[str, Any]]) -> tuple[Click, ...]:
    """Inverse of `clicks_to_json`.

    Raises
    ------
    InputError
        If it is no such list.
    """
    try:
        return tuple(
            Click(
                int(value["row"]),
                int(value["column"]),
                bool(value["positive"]),
                int(value.get("class_number", 1)),
                tuple((int(row), int(column)) for row, column in value.get("line", ())),
            )
            for value in values
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            "Expected clicks with row, column and positive, got something else "
            f"({error}); remove them from the file."
        ) from error


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
