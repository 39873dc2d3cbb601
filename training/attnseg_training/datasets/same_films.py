"""Find frames of one film, volume or series in two splits (`attnseg-train frames`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from attnseg_training.datasets.across_splits import Splits, across_splits
from attnseg_training.datasets.hints import Hint, grouped
from attnseg_training.datasets.rules import Rule
from napari_attnseg.io.training_set import RECORDS


def film_of(image: Path, name: str) -> str:
    """Name of the film, volume or series of an image; empty if it is not known.

    The record beside the image holds the number of the frame; the image's name is that
    of the film and this number.
    """
    record = image.parent.parent / RECORDS / f"{name}.json"
    with suppress(OSError, ValueError, TypeError, KeyError):
        frame = json.loads(record.read_text(encoding="utf-8"))["frame"]
        film, _, number = name.rpartition("_")
        if number == f"{frame:06d}":
            return film
    return ""


def same_films(splits: Splits, films: Mapping[str, str]) -> list[Hint]:
    """Give a hint at films with frames in two splits; it names one frame of each split.

    Parameters
    ----------
    splits : mapping
        Split → names of its images.
    films : mapping
        Name of an image → its film (`film_of`), if it is known.
    """
    return grouped(Rule.SAME_FILM, across_splits(splits, films))


def without_films(splits: Splits, films: Mapping[str, str]) -> dict[str, list[str]]:
    """Split → names of images of no known film; their names may tell the patient."""
    return {
        split: [name for name in names if not films.get(name)]
        for split, names in splits.items()
    }
