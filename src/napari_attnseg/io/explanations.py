"""Explanations of one image as files, and back: what ``attnseg explain`` writes.

The files of an image and method are ``NAME_METHOD_1-32.tif`` for each level, or
``NAME_METHOD.tif``; ``NAME_METHOD.png``, a picture; and ``NAME_METHOD.json``, which
names the other files and holds the provenance.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.atomic import remove, write_together
from napari_attnseg.io.files import (
    expect_files_that_fit,
    image_of,
    read_facts,
    relative_source,
    tiff_bytes,
)
from napari_attnseg.io.images import is_file, read_image
from napari_attnseg.results import (
    EffectiveShare,
    Explanation,
    PatternValue,
    ShareState,
)

FORMAT = "attnseg-explanation-1"


@dataclass(frozen=True, slots=True, eq=False)
class SavedExplanation:
    """Maps of one method over one image, and where they came from.

    Attributes
    ----------
    name : str
        Name of the image.
    source : str
        Path of the image, as the user gave it.
    maps : sequence of Explanation
        One map per level, or a single one.
    image : Path or None
        Path of the image, if it comes from a file.
    region : mapping
        Region that was explained. Empty for the model's own mask, otherwise ``file``
        and ``sha256`` of the mask of the region; ``note`` is a `batch.Note` on how the
        region was placed.
    """

    name: str
    source: str
    maps: Sequence[Explanation]
    image: Path | None = None
    region: Mapping[str, str] = field(default_factory=dict)


def explanation_files(
    stem: str, method: str, levels: Sequence[int | None]
) -> list[str]:
    """Names of all files, the JSON last.

    Parameters
    ----------
    stem : str
        Beginning of the names.
    method : str
        Method in the form of file names, such as ``gate-recalibrated``.
    levels : sequence of int or None
        Strides; None for a map that belongs to no level.
    """
    ends = ["" if level is None else f"_1-{level}" for level in levels]
    begin = f"{stem}_{method}"
    return [*(f"{begin}{end}.tif" for end in ends), f"{begin}.png", f"{begin}.json"]


def save_explanation(
    saved: SavedExplanation, folder: Path, stem: str, method: str, overview: bytes
) -> list[Path]:
    """Write maps, overview and JSON together, and remove files of an earlier run.

    Ask `foreign_explanation` first whether existing files may be replaced.

    Parameters
    ----------
    saved : SavedExplanation
        Explanation to write.
    folder : Path
        Folder to write to.
    stem, method : str
        As for `explanation_files`.
    overview : bytes
        PNG of the maps.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    levels = [found.level for found in saved.maps]
    *maps, picture, story = explanation_files(stem, method, levels)
    first = saved.maps[0]
    files = {"overview": picture}
    if saved.image is not None:
        files["image"] = relative_source(saved.source, folder)
    facts = {
        "format": FORMAT,
        "provenance": {**first.provenance, "source": saved.source},
        "method": first.method,
        "scale": first.scale,
        "meaning": first.meaning,
        "low": first.low,
        "high": first.high,
        "target": first.target,
        "region": dict(saved.region),
        "files": files,
        "maps": [
            {
                "file": name,
                "level": None if found.level is None else f"1/{found.level}",
                "source_pixels_per_map_pixel": list(found.stride),
                "finding": found.finding,
                "decorative": found.decorative,
                **_pattern(found),
                **_share(found),
            }
            for name, found in zip(maps, saved.maps, strict=True)
        ],
        "layer": {"name": saved.name},
    }
    parts = {
        name: tiff_bytes(found.values.astype(np.float32))
        for name, found in zip(maps, saved.maps, strict=True)
    }
    parts[picture] = overview
    parts[story] = (json.dumps(facts, indent=2) + "\n").encode()
    earlier = _files_of(folder / story)
    write_together({folder / name: data for name, data in parts.items()})
    for path in earlier - {folder / name for name in parts}:
        remove(path)
    return [folder / name for name in parts]


def foreign_explanation(
    folder: Path,
    stem: str,
    method: str,
    levels: Sequence[int | None],
    image: Path | None = None,
) -> Path | None:
    """Find a file to be replaced that is not an earlier explanation of the same image.

    Parameters
    ----------
    folder : Path
        Folder for the explanations.
    stem, method, levels
        As for `explanation_files`.
    image : Path, optional
        File of the image: explanations of another image must not be replaced either.
    """
    *others, story = [folder / n for n in explanation_files(stem, method, levels)]
    facts = read_facts(story, FORMAT)
    if facts is None and is_file(story):
        return story
    if facts is not None and image is not None:
        other = image_of(story, facts)
        if other is not None and other.resolve() != image.resolve():
            return story
    ours = _files_of(story)
    return next((path for path in others if is_file(path) and path not in ours), None)


def is_explanation(path: Path) -> bool:
    """Whether a file is the JSON file of an explanation."""
    return read_facts(path, FORMAT) is not None


def load_explanation(path: Path) -> SavedExplanation:
    """Inverse of `save_explanation`, from its JSON file.

    Raises
    ------
    InputError
        If it is not such a file, or a file that it names cannot be read.
    """
    facts = read_facts(path, FORMAT)
    if facts is None:
        raise InputError(
            "Expected the JSON file of an explanation, written by attnseg explain "
            f"({FORMAT}), but {path.name} is another kind of file: choose "
            "NAME_METHOD.json."
        )
    with expect_files_that_fit(path, "explanation"):
        return SavedExplanation(
            facts["layer"]["name"],
            facts["provenance"]["source"],
            [_map(path, facts, entry) for entry in facts["maps"]],
            image_of(path, facts),
            facts["region"],
        )


def _map(path: Path, facts: dict[str, Any], entry: dict[str, Any]) -> Explanation:
    values: NDArray[Any] = read_image(path.parent / entry["file"])
    if values.ndim != 2:
        raise ValueError(f"map of shape {values.shape}")
    rows, columns = entry["source_pixels_per_map_pixel"]
    level = entry["level"]
    own = dict(facts["provenance"])
    own.pop("source")
    about_a_gate = "pattern" in entry or entry["decorative"]
    return Explanation(
        facts["method"],
        None if level is None else int(level.removeprefix("1/")),
        values.astype(np.float32),
        (rows, columns),
        facts["scale"],
        facts["meaning"],
        facts["target"],
        entry["finding"],
        own,
        low=facts["low"],
        high=facts["high"],
        pattern=PatternValue.of(entry) if about_a_gate else None,
        effective_share=EffectiveShare.from_json(entry.get("effective_share")),
    )


def _pattern(found: Explanation) -> dict[str, Any]:
    """Measured effect of the pattern of the map's gate; empty without a gate."""
    return {} if found.pattern is None else {"pattern": str(found.pattern)}


def _share(found: Explanation) -> dict[str, Any]:
    """Effective share of the map's gate; nothing for a map that is about none."""
    if found.effective_share.state is ShareState.UNKNOWN:
        return {}
    return {"effective_share": found.effective_share.to_json()}


def _files_of(story: Path) -> set[Path]:
    """Files that an explanation's JSON names, itself among them; none without it."""
    facts = read_facts(story, FORMAT)
    if facts is None:
        return set()
    try:
        names = [entry["file"] for entry in facts["maps"]]
        names.append(facts["files"]["overview"])
    except (KeyError, TypeError):
        return {story}
    # Only files beside it: a name with a folder in it is none of ours.
    return {story, *(story.parent / Path(name).name for name in names)}
