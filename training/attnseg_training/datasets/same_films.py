"""Frames of one film, volume or series in two splits, of `attnseg-train frames`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.rules import Rule
from napari_attnseg.io.training_set import RECORDS


def film_of(image: Path, name: str) -> str:
    """Film, volume or series that an image was taken from; empty if it is not known.

    The record beside the image says which frame it is, and its name of what.
    """
    record = image.parent.parent / RECORDS / f"{name}.json"
    with suppress(OSError, ValueError, TypeError, KeyError):
        frame = json.loads(record.read_text(encoding="utf-8"))["frame"]
        film, _, number = name.rpartition("_")
        if number == f"{frame:06d}":
            return film
    return ""


def same_films(
    splits: Mapping[str, Iterable[str]], films: Mapping[str, str]
) -> list[Hint]:
    """Hint at films with frames in two splits, by one frame of each split.

    Parameters
    ----------
    splits : mapping
        Split → names of its images.
    films : mapping
        Name → `film_of`, where it is known.
    """
    first: dict[str, dict[str, str]] = {}
    for split, names in splits.items():
        for name in names:
            if film := films.get(name, ""):
                first.setdefault(film, {}).setdefault(split, name)
    groups = tuple(tuple(of.values()) for of in first.values() if len(of) > 1)
    names = tuple(name for group in groups for name in group)
    return [Hint(Rule.SAME_FILM, names, groups)] if groups else []


def without_films(
    splits: Mapping[str, Iterable[str]], films: Mapping[str, str]
) -> dict[str, list[str]]:
    """Split → names of images of no known film, whose names may tell something."""
    return {
        split: [name for name in names if not films.get(name)]
        for split, names in splits.items()
    }
