"""Read the results of a film or a stack, as `stack_results` writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_attnseg.errors import InputError
from napari_attnseg.io.beside_masks import expect_mask, names_in
from napari_attnseg.io.edited_masks import frame_doubts
from napari_attnseg.io.exchanged_masks import own_frame_words
from napari_attnseg.io.files import read_facts
from napari_attnseg.io.frame_table import whole_rows
from napari_attnseg.io.images import is_file, read_numbers
from napari_attnseg.io.mask_values import ReadMask, labels_of
from napari_attnseg.io.readers.formats import FileFormat, file_format
from napari_attnseg.io.stack_results import FORMAT, StackNames
from napari_attnseg.io.unread_masks import unread_words

_OF_FRAME = re.compile(r"frame_\d{6,}_mask(_(cnn|transformer|disagree))?\.png")


@dataclass(frozen=True, slots=True, eq=False)
class FrameResults:
    """Content of a JSON file and its table; masks are read one by one.

    Attributes
    ----------
    names : StackNames
    frames : tuple of int
        Numbers of the frames that were segmented, in the file or series.
    unit : int
        Value of the first class in the masks' files.
    provenance : mapping
        Provenance of the run and of the file.
    complete : bool
        Whether all frames were done.
    image : str or None
        Path of the segmented file, relative to the results; None: not recorded.
    in_folder : tuple of str
        Names in the folder of masks that are no masks of frames by their names.
    """

    names: StackNames
    frames: tuple[int, ...]
    unit: int
    provenance: Mapping[str, Any]
    complete: bool
    image: str | None = None
    in_folder: tuple[str, ...] = ()

    def mask(self, frame: int) -> ReadMask:
        """Mask (H, W) of a frame.

        Raises as `read_numbers`, `labels_of` and `frame_doubts` do.
        """
        file = self.names.mask(frame)
        expect_mask(file)
        read = labels_of(read_numbers(file), self.unit, file.name)
        table = self.names.table
        said = [read.assumed, own_frame_words(read.labels, frame, table)]
        if self.unit == 255:
            said.append(frame_doubts(read.labels, frame, table, file.name))
        said.append(unread_words(file, read.labels, among=self.in_folder))
        return read._replace(assumed=" ".join(filter(None, said)))

    @property
    def source(self) -> Path | None:
        """Find the segmented file at its recorded path or beside the results, or None.

        For DICOM files the path is not recorded, because it may name the patient.
        """
        given = Path(str(self.provenance.get("source", "")))
        folder = self.names.folder
        seen = () if self.image is None else (folder / self.image,)
        beside = (folder / given.name, folder.parent / given.name)
        places = (*seen, given, *beside) if given.name else ()
        return next((path for path in places if _is_image(path)), None)

    def rows(self) -> dict[int, dict[str, str]]:
        """Read the table: frame → row (`whole_rows`).

        Raises
        ------
        InputError
            If it cannot be read, or has no row of a frame.
        """
        rows = whole_rows(self.names.table, "segment the file again")
        missing = next((one for one in self.frames if one not in rows), None)
        if missing is not None:
            raise InputError(
                f"The table of {self.names.stem} has no row of frame {missing}, of "
                "which there is a mask; segment the file again."
            )
        return rows


def _is_image(path: Path) -> bool:
    """Whether an image is there: a file, or the folder of an OME-Zarr."""
    return is_file(path) or file_format(path) is FileFormat.OME_ZARR


def find_frame_results(path: Path) -> list[Path]:
    """Find JSON files of films and stacks: the path itself, or those in a folder."""
    found = sorted(path.glob("*.json")) if path.is_dir() else [path]
    return [file for file in found if read_facts(file, FORMAT) is not None]


def load_frame_results(path: Path) -> FrameResults:
    """Read the JSON file of a film or a stack.

    Raises
    ------
    InputError
        If it is not such a file, is damaged, or holds no frame.
    """
    facts = read_facts(path, FORMAT)
    if facts is None:
        raise InputError(
            "Expected the JSON file of a film, written by attnseg segment "
            f"({FORMAT}), but {path.name} is another kind of file: choose NAME.json."
        )
    try:
        frames = tuple(int(frame) for frame in facts["frames"])
        image = facts["files"].get("image")
        unit, own = int(facts["mask_value"]), dict(facts["provenance"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path.name} is damaged ({error}); segment the file again."
        ) from error
    if not frames:
        raise InputError(
            f"{path.name} holds no frames: the run was stopped before the first; "
            "segment the file again."
        )
    names = StackNames(path.parent, path.stem)
    complete = bool(facts.get("complete", True))
    return FrameResults(names, frames, unit, own, complete, image, _others(names))


def _others(names: StackNames) -> tuple[str, ...]:
    """Names in the folder of masks that are no masks of frames."""
    return tuple(one for one in names_in(names.masks) if not _OF_FRAME.fullmatch(one))
