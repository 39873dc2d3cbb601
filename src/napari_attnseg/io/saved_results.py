"""Find earlier results in a folder, and the images that they belong to."""

from __future__ import annotations

from pathlib import Path

from napari_attnseg.io.files import image_of, read_facts
from napari_attnseg.io.images import is_file
from napari_attnseg.io.reader_masks import reader_files
from napari_attnseg.io.results import FORMAT


def foreign(folder: Path, stem: str, image: Path | None = None) -> Path | None:
    """A file that would be replaced although it is not an earlier result of attnseg.

    Parameters
    ----------
    folder : Path
        Folder for the results.
    stem : str
        First part of their names.
    image : Path, optional
        Path of the image: results of another image are not to be replaced either.
    """
    story = folder / f"{stem}.json"
    facts = read_facts(story, FORMAT)
    if facts is not None:
        other = image_of(story, facts)
        if image is None or other is None or other.resolve() == image.resolve():
            return None
        return story
    if is_file(folder / f"{stem}_probability.tif"):
        return None
    return taken(folder, stem)


def taken(folder: Path, stem: str) -> Path | None:
    """Find an existing file that has a name of these results."""
    ends = (".json", "_mask.png", "_mask.tif", "_objects.csv")
    names = [f"{stem}{end}" for end in ends] + reader_files(stem)
    return next((p for name in names if is_file(p := folder / name)), None)


def find_results(path: Path) -> list[Path]:
    """JSON files of results at a path or in a folder, sorted by name."""
    found = sorted(path.glob("*.json")) if path.is_dir() else [path]
    return [file for file in found if read_facts(file, FORMAT) is not None]


def saved_gates(path: Path, date: str) -> dict[str, Path]:
    """Map each level to the file of its gate map; empty if another run is saved there.

    Parameters
    ----------
    path : Path
        JSON file that a run was saved as.
    date : str
        Date of the run, as in its provenance. It tells whether a later run has replaced
        the files.
    """
    facts = read_facts(path, FORMAT)
    if facts is None or facts["provenance"].get("date") != date:
        return {}
    return {gate["level"]: path.parent / gate["file"] for gate in facts["gates"]}


def saved_image(path: Path, date: str) -> Path | None:
    """Path of the image that the JSON file of a run names, if the file still exists.

    Parameters as of `saved_gates`.
    """
    facts = read_facts(path, FORMAT)
    if facts is None or facts["provenance"].get("date") != date:
        return None
    found = image_of(path, facts)
    return None if found is None else found.resolve()
