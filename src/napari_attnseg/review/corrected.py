"""Corrected masks of one reviewer: every painted mask, and a training set of them.

Every painted mask is kept, each visit to a case in a file of its own. The training set
holds the masks of cases that count as corrected. If a process was killed before it had
updated the training set, the set is updated from the painted masks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import AttnSegError
from napari_attnseg.io.atomic import remove, write_bytes
from napari_attnseg.io.files import png_bytes, tiff_bytes
from napari_attnseg.io.folders import entries
from napari_attnseg.io.results import PNG_PIXELS
from napari_attnseg.io.training_set import (
    IMAGES,
    MASKS,
    RECORDS,
    Correction,
    addition,
    image_name,
)
from napari_attnseg.review.case import Case
from napari_attnseg.review.mask_file import ReadMask, read_mask
from napari_attnseg.review.state import CaseState, Decided, Decision, labels_sha256


class CorrectedMasks:
    """Files of the masks that one reviewer painted.

    Parameters
    ----------
    journal : Path
        File with the reviewer's events; the folders lie beside it.
    states : mapping of str to CaseState
        States of the review, in the order in which cases were first opened.

    Attributes
    ----------
    training_set : Path
        Folder with images/ and masks/, which ``attnseg-train`` can read.
    painted : Path
        Folder of all painted masks, including those whose decision was taken back.
    """

    def __init__(self, journal: Path, states: Mapping[str, CaseState]) -> None:
        self._beside, self._states = journal.parent, states
        self.training_set = journal.with_name(journal.stem)
        self.painted = journal.with_name(f"{journal.stem}.masks")

    def name(self, case: str) -> str | None:
        """Name of a case's files, from its image; None if it was never opened.

        A number distinguishes cases with equal images.
        """
        sha256 = self._states[case].image_sha256 if case in self._states else None
        if sha256 is None:
            return None
        same = [c for c, s in self._states.items() if s.image_sha256 == sha256]
        number = same.index(case)
        return image_name(sha256) + (f"-copy{number}" if number else "")

    def new_file(self, case: str, labels: NDArray[Any]) -> Path:
        """File for the next painted mask of a case."""
        name, number = self.name(case), len(self._states[case].masks) + 1
        small = labels.max(initial=0) < 256 and labels.size <= PNG_PIXELS
        return self.painted / f"{name}_{number}.{'png' if small else 'tif'}"

    def write(self, file: Path, labels: NDArray[Any]) -> Decided:
        """Write a painted mask; returns the decision on it, not yet recorded."""
        png = file.suffix == ".png"
        if png and labels.max(initial=0) > 255:  # painted since the first stroke
            png, file = False, file.with_suffix(".tif")
        kept = labels.astype(np.uint8 if labels.max(initial=0) < 256 else np.int32)
        write_bytes(file, png_bytes(kept) if png else tiff_bytes(kept))
        where = file.relative_to(self._beside).as_posix()
        return Decided(Decision.CORRECTED, where, labels_sha256(labels), 1)

    def read(self, decided: Decided) -> ReadMask:
        """Read the mask of a decision from its file."""
        assert decided.mask is not None
        return read_mask(self._beside / decided.mask, decided.mask_value)

    def unrecorded(self) -> list[tuple[str, Path]]:
        """Painted masks that no event names, because the process was killed."""
        if not self.painted.is_dir():
            return []
        known = {Path(m).name for s in self._states.values() for m in s.masks}
        cases = {self.name(case): case for case in self._states}
        found = []
        for file in entries(self.painted):
            case = cases.get(file.stem.rpartition("_")[0])
            if file.name not in known and case is not None:
                found.append((case, file))
        return found

    def update(self, case: Case, pixels: Callable[[], NDArray[np.generic]]) -> str:
        """Bring the training set in line with a case.

        Parameters
        ----------
        case : Case
        pixels : callable
            Returns the pixels of the image; called only if they are needed.

        Returns
        -------
        str
            Why a corrected mask is not in the training set; empty if it is.
        """
        name = self.name(case.name)
        if name is None:
            return ""
        state = self._states[case.name]
        last = state.last
        if last is None or last.decision is not Decision.CORRECTED:
            self._remove(name)
            return ""
        if self._holds(name) == last.mask_sha256:
            return ""
        about = {
            "corrected_by_hand": True,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "labels_sha256": last.mask_sha256,
        }
        try:
            labels = self.read(last).labels
            correction = Correction(pixels(), labels, case.classes, about)
            new = addition(self.training_set, correction, name)
            new.write()
        except AttnSegError as error:
            self._remove(name)
            return f"The painted mask is kept, but in no training set: {error}"
        if labels.max(initial=0) > 1 and not case.classes:
            return (
                f"The painted mask has {len(np.unique(labels)) - 1} labels; in the "
                "training set they are one region."
            )
        return ""

    def update_all(
        self, cases: Mapping[str, Case], pixels: Callable[[Case], NDArray[np.generic]]
    ) -> list[str]:
        """Bring the training set in line with every case; see `update`."""
        said = []
        for name in self._states:
            case = cases.get(name)
            if case is not None and self._states[name].masks:
                said.append(self.update(case, lambda case=case: pixels(case)))  # type: ignore[misc]
        return [sentence for sentence in said if sentence]

    def _holds(self, name: str) -> str | None:
        """Hash of the labels that the training set has of a name."""
        record = self.training_set / RECORDS / f"{name}.json"
        try:
            facts = json.loads(record.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        whole = (self.training_set / MASKS / f"{name}.png").is_file()
        return facts.get("labels_sha256") if whole else None

    def _remove(self, name: str) -> None:
        for folder in (MASKS, RECORDS, IMAGES):  # no mask without its image
            place = self.training_set / folder
            if place.is_dir():
                for path in place.glob(f"{name}.*"):
                    remove(path)


def relative(path: Path, folder: Path) -> str:
    """Make a path relative to a folder, so that both may be moved together."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # on another drive
        return str(path.resolve())
