"""The cases of a folder: images, their masks, and which most need a look."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from napari_attnseg.errors import InputError
from napari_attnseg.exports.record import changed_words
from napari_attnseg.io.files import image_of, read_facts
from napari_attnseg.io.folders import entries, left_out, left_out_words, name_key
from napari_attnseg.io.frame_results import find_frame_results
from napari_attnseg.io.images import SUFFIXES, find_images
from napari_attnseg.io.results import FORMAT
from napari_attnseg.io.results_below import sorted_words
from napari_attnseg.io.saved_results import find_results
from napari_attnseg.review.case import Case
from napari_attnseg.review.frame_cases import FrameCases
from napari_attnseg.review.own_mask import expected_of

IMAGES, MASKS = "images", "masks"
#: Folders beside the cases: a study and a review never share a file.
REVIEW, STUDY = "review", "reader_study"
#: End of the name of a mask that lies beside its image, as `attnseg segment` writes it.
_MASK_END = "_mask"


class Order(StrEnum):
    """Criterion by which cases are sorted.

    Attributes
    ----------
    EXPECTED_DICE
        Masks without an expected Dice come first, then those with the lowest one.
    DOUBT
        Empty masks, which have no doubt, come first, then those with the highest one.
    NAME
        By name, because nothing was measured.
    SHUFFLED
        In random order, for a reader study.
    """

    EXPECTED_DICE = "expected_dice"
    DOUBT = "doubt"
    NAME = "name"
    SHUFFLED = "shuffled"


@dataclass(frozen=True, slots=True)
class Series:
    """The cases of a folder in the order of review.

    Attributes
    ----------
    folder : Path
    cases : tuple of Case
    order : Order
    unreadable : tuple of str
        Files, and results of stacks, that cannot be read.
    without_image : tuple of str
        Results whose image is no longer at its recorded path.
    unused_masks : tuple of str
        Masks that belong to no image.
    others : mapping of str to int
        Other files of the folder, counted by kind.
    changed_exports : str
        Sentence on exported masks that were changed, which are not read.
    """

    folder: Path
    cases: tuple[Case, ...]
    order: Order
    unreadable: tuple[str, ...] = ()
    without_image: tuple[str, ...] = ()
    unused_masks: tuple[str, ...] = ()
    others: Mapping[str, int] = field(default_factory=dict)
    changed_exports: str = ""

    @property
    def left_out_words(self) -> str:
        """One sentence on files that are not reviewed; empty if there are none."""
        named = (
            ("file that is not read", "files that are not read", self.unreadable),
            (
                "result whose image is gone",
                "results whose image is gone",
                self.without_image,
            ),
            ("mask without an image", "masks without an image", self.unused_masks),
        )
        said = [
            f"1 {one} ({names[0]})"
            if len(names) == 1
            else f"{len(names)} {several} (such as {names[0]})"
            for one, several, names in named
            if names
        ]
        words = f"Left out: {', '.join(said)}." if said else ""
        others = left_out_words(self.others)
        others = f"{others}." if others else ""
        return " ".join(filter(None, (words, others, self.changed_exports)))


def find_cases(folder: Path, masks: Path | None = None) -> Series:
    """List the cases of a folder; those that most need a look come first.

    Parameters
    ----------
    folder : Path
        Folder with results of ``attnseg segment``, or with images, or with ``images/``
        and ``masks/``.
    masks : Path, optional
        Folder of masks with the names of the images, perhaps followed by ``_mask``.
        Without it, masks are looked for beside the images.

    Raises
    ------
    InputError
        If there is nothing to review.
    """
    if not folder.is_dir():
        raise InputError(
            f"Expected a folder of images or of results, but {folder} is not a "
            "folder; check the path."
        )
    results = find_results(folder) if masks is None else []
    films = find_frame_results(folder) if masks is None else []
    if results or films:
        series = _of_results(folder, results, films)
    else:
        try:
            series = _of_files(folder, masks)
        except InputError as error:
            if below := sorted_words(folder):
                raise InputError(f"{error} {below}") from error
            raise
    if not series.cases:
        raise InputError(
            f"Expected images to review in {folder}, but there are none; "
            f"{series.left_out_words or 'choose another folder.'}"
        )
    return series


def in_order(cases: Iterable[Case]) -> tuple[tuple[Case, ...], Order]:
    """Sort cases by how much they need a look; also return the criterion."""
    found = sorted(cases, key=lambda case: name_key(case.name))
    if any(c.expected is not None and c.expected.mean is not None for c in found):
        return tuple(sorted(found, key=_expected)), Order.EXPECTED_DICE
    if any(c.doubt is not None for c in found):
        return tuple(sorted(found, key=_doubt)), Order.DOUBT
    return tuple(found), Order.NAME


def _expected(case: Case) -> float:
    mean = None if case.expected is None else case.expected.mean
    return -1.0 if mean is None else mean


def _doubt(case: Case) -> float:
    return -math.inf if case.doubt is None else -case.doubt


def _of_results(folder: Path, files: list[Path], films: list[Path]) -> Series:
    found = FrameCases()
    cases, without = [], []
    for path in files:
        facts = read_facts(path, FORMAT)
        if facts is None:
            continue
        image = image_of(path, facts)
        if image is None:
            without.append(path.stem)
        elif facts["layer"]["frames"] is not None:
            found.add_stack(path, facts, image)
        else:
            cases.append(_of_facts(path, facts, image))
    for path in films:
        if not found.add_film(path):
            without.append(path.stem)
    ordered, order = in_order([*cases, *found.cases])
    unread, told = tuple(found.unreadable), changed_words(folder)
    return Series(folder, ordered, order, unread, tuple(without), changed_exports=told)


def _of_facts(path: Path, facts: Mapping[str, Any], image: Path) -> Case:
    own = facts["provenance"]
    classes = tuple(str(name) for name in own.get("classes", ()))
    return Case(
        path.stem,
        image,
        path.parent / facts["files"]["mask"],
        path,
        int(facts["mask_value"]),
        classes if len(classes) > 1 else (),
        expected_of(facts),
        facts.get("doubt_bits"),
    )


def _of_files(folder: Path, masks: Path | None) -> Series:
    """Cases of pictures, and of the frames of other files."""
    inside = folder / IMAGES
    images = inside if inside.is_dir() else folder
    found = FrameCases()
    found.add_folder(images, masks)
    if found.cases and not _files(images):
        ordered, order = in_order(found.cases)
        return Series(folder, ordered, order, tuple(found.unreadable))
    return _of_images(folder, images, masks, found)


def _of_images(
    folder: Path, images: Path, masks: Path | None, frames: FrameCases
) -> Series:
    inside = folder / IMAGES
    places = [masks] if masks is not None else _mask_places(folder, images)
    # The first place counts, so it comes last here.
    beside = {name_key(p.stem): p for x in reversed(places) for p in _files(x)}
    found = find_images([images])
    stems = {name_key(path.stem) for path in found}
    # In a folder of both, NAME_mask is the mask of NAME and no case of its own.
    own = [p for p in found if name_key(p.stem).removesuffix(_MASK_END) not in stems]
    plain = [p for p in found if not name_key(p.stem).endswith(_MASK_END)]
    chosen = [p for p in found if p in plain or p in own]
    from napari_attnseg.batch.base import result_stems

    used: set[Path] = set()
    cases = []
    for path, name in result_stems(chosen).items():
        keys = (name_key(path.stem + _MASK_END), name_key(path.stem))
        mask = next((beside[k] for k in keys if beside.get(k, path) != path), None)
        cases.append(Case(name, path, mask))
        used |= {path} if mask is None else {path, mask}
    unused: tuple[str, ...] = ()
    if masks is not None or images == inside:
        unused = tuple(p.name for p in beside.values() if p not in used | set(found))
    ordered, order = in_order([*cases, *frames.cases])
    not_others = (images / REVIEW, images / STUDY, *frames.used)
    others = left_out([images], [*used, *found, *not_others])
    unread = tuple(frames.unreadable)
    return Series(folder, ordered, order, unread, (), unused, others)


def _mask_places(folder: Path, images: Path) -> list[Path]:
    if images != folder:
        return [folder / MASKS]
    sibling = folder.parent / MASKS
    return [sibling, folder] if folder.name == IMAGES else [folder]


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = (p for p in entries(folder) if p.suffix.lower() in SUFFIXES)
    return [path for path in found if path.is_file()]
