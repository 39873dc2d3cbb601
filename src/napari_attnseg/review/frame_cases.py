"""Frames of films, series, volumes and stacks as cases of a review."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_attnseg.errors import AttnSegError
from napari_attnseg.frame_rows import estimate_of_row, number_in
from napari_attnseg.io.files import read_facts
from napari_attnseg.io.frame_results import FrameResults, load_frame_results
from napari_attnseg.io.readers import FileSet, find_sets, open_frames
from napari_attnseg.io.readers.formats import FileFormat
from napari_attnseg.io.results import FORMAT
from napari_attnseg.io.run_facts import IMAGE
from napari_attnseg.io.stack_results import FORMAT as FRAMES_FORMAT
from napari_attnseg.io.stack_results import StackNames
from napari_attnseg.reliability.estimate import ESTIMATE, estimate_of
from napari_attnseg.review.case import Case
from napari_attnseg.review.own_mask import expected_of

#: End of the JSON of results, and of the mask of a single image.
_STORY, _MASK = ".json", "_mask.png"


class FrameCases:
    """Collector of the cases of a review.

    Attributes
    ----------
    cases : list of Case
    unreadable : list of str
        Names of files and of results that cannot be read.
    used : list of Path
        Files of the cases.
    """

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.unreadable: list[str] = []
        self.used: list[Path] = []

    def add_film(self, story: Path, files: FileSet | None = None) -> bool:
        """Add frames of results of ``attnseg segment``; False if their file is gone.

        Parameters
        ----------
        story : Path
            JSON file of the results.
        files : FileSet, optional
            Files that the results belong to; by default the files that they name.
        """
        try:
            found = load_frame_results(story)
            if files is None:
                if found.source is None:
                    return False
                (files,) = find_sets([found.source])
            self.cases += _of_film(found, files)
        except (AttnSegError, ValueError):
            self.unreadable.append(story.stem)
        return True

    def add_stack(self, path: Path, facts: Mapping[str, Any], image: Path) -> None:
        """Add the slices of a stack whose results were saved in the viewer.

        Parameters
        ----------
        path : Path
            JSON file of its results.
        facts : mapping
            Content of that file.
        image : Path
            The image's file.
        """
        own = facts["provenance"]
        hashes = own.get(IMAGE)
        if not isinstance(hashes, list):  # a stack of one slice
            hashes = [hashes]
        try:
            (files,) = find_sets([image])
        except (AttnSegError, ValueError):
            self.unreadable.append(path.stem)
            return
        named = tuple(str(name) for name in own.get("classes", ()))
        for frame, sha256 in enumerate(hashes):
            if sha256 is None:
                continue  # it was not segmented
            self.cases.append(
                Case(
                    _name(path.stem, frame),
                    image,
                    path.parent / facts["files"]["mask"],
                    mask_value=int(facts["mask_value"]),
                    classes=named if len(named) > 1 else (),
                    expected=expected_of(facts, frame, stacked=len(hashes) > 1),
                    files=None if files.kind is FileFormat.RASTER else files,
                    frame=frame,
                    stack=path,
                )
            )

    def add_folder(self, folder: Path, masks: Path | None) -> None:
        """Add the frames of all files of a folder that are not pictures.

        Results in `masks`, or else in the same folder, say which frames have a mask.
        Without results, every frame is a case without a mask.
        """
        try:
            sets = [s for s in find_sets([folder]) if s.kind is not FileFormat.RASTER]
        except AttnSegError:
            return
        kept = _kept_names(folder, sets)
        for files in sets:
            self.used += files.paths
            place = folder if masks is None else masks
            names = _names_of(place, files, kept.get(files.paths[0], files.name))
            if read_facts(names.story, FRAMES_FORMAT) is not None:
                self.add_film(names.story, files)
                continue
            try:
                with open_frames(files) as frames:
                    count = len(frames)
            except AttnSegError:
                self.unreadable.append(files.name)
                continue
            if count == 1:
                self.cases.append(_of_image(files, names))
                continue
            self.cases += [
                Case(_name(files.name, i), files.label, files=files, frame=i)
                for i in range(count)
            ]


def _kept_names(folder: Path, sets: list[FileSet]) -> dict[Path, str]:
    """First file of a set → its name, as ``--keep-identifiers`` names results."""
    if all(one.kind is not FileFormat.DICOM for one in sets):
        return {}
    return {one.paths[0]: one.name for one in find_sets([folder], True)}


def _names_of(place: Path, files: FileSet, kept: str) -> StackNames:
    """Names of the results of files: by their own name, where it was asked for."""
    plain, own = StackNames(place, files.name), StackNames(place, kept)
    return plain if plain.story.is_file() or not own.story.is_file() else own


def _name(stem: str, frame: int) -> str:
    return f"{stem}_frame_{frame:06d}"


def _of_film(found: FrameResults, files: FileSet) -> list[Case]:
    rows, own = found.rows(), found.provenance
    named = tuple(str(name) for name in own.get("classes", ()))
    cases = []
    for frame in found.frames:
        row = rows[frame]
        estimate = estimate_of_row(row)
        known = {} if estimate is None else {ESTIMATE: estimate}
        cases.append(
            Case(
                _name(found.names.stem, frame),
                files.label,
                found.names.mask(frame),
                mask_value=found.unit,
                classes=named if len(named) > 1 else (),
                expected=estimate_of({**own, **known}),
                doubt=number_in(row, "doubt_bits"),
                files=files,
                frame=frame,
                table=found.names.table,
            )
        )
    return cases


def _of_image(files: FileSet, names: StackNames) -> Case:
    """Case of a file with one image, with the mask of its results, if there are any."""
    facts = read_facts(names.story, FORMAT)
    mask = names.folder / f"{names.stem}{_MASK}"
    if facts is None:
        there = mask if mask.is_file() else None
        return Case(names.stem, files.label, there, files=files, frame=0)
    own = facts["provenance"]
    named = tuple(str(name) for name in own.get("classes", ()))
    return Case(
        names.stem,
        files.label,
        names.folder / facts["files"]["mask"],
        names.story,
        int(facts["mask_value"]),
        named if len(named) > 1 else (),
        expected_of(facts),
        facts.get("doubt_bits"),
        files,
        0,
    )
