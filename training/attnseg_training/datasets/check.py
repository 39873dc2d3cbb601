"""Check a data folder before training: ``check``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.dataset import (
    file_hints,
    mask_suffix,
    masks_of,
    missing_masks,
    sample,
)
from attnseg_training.datasets.finding_kinds import FINDINGS, STOPS
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.further_masks import several_words
from attnseg_training.datasets.hints import QUESTIONS, Hint
from attnseg_training.datasets.layouts import Files, find_files
from attnseg_training.datasets.lesion_kinds import Kind
from attnseg_training.datasets.missing_names import dropped_zeros
from attnseg_training.datasets.near_duplicates import near_duplicates
from attnseg_training.datasets.numbered_names import unlike_in_numbers
from attnseg_training.datasets.rules import Rule, RuleError
from attnseg_training.datasets.same_cases import same_cases
from attnseg_training.datasets.same_films import same_films, without_films
from attnseg_training.datasets.split_lists import USED
from attnseg_training.datasets.splits import split_names
from napari_attnseg.errors import InputError
from napari_attnseg.intensity import (
    DEFAULT_PERCENTILES,
    IntensityWarning,
    Percentiles,
)
from napari_attnseg.intensity_warnings import counted_warning
from napari_attnseg.protocols import rule_sentence

#: Images are read as weights that are trained now will read them.
READING = Percentiles(*DEFAULT_PERCENTILES, without_border=True)
#: Findings that rules of one file belong to; the others are "values".
_FINDING = {
    Rule.UNREADABLE: "unreadable",
    Rule.SIZE: "size",
    Rule.ORIENTATION: "size",
    Rule.GRID: "size",
}


@dataclass(slots=True)
class DataReport:
    """Findings in a data folder.

    Attributes
    ----------
    files : Files
        Recognised files of the folder.
    splits : dict
        Split → number of images.
    protocol : str
        Where each split comes from.
    sizes, images, masks : Counter
        Rows × columns; kinds of image (``uint8 RGB, 0 to 255``); values of masks.
    found : list of (kind, name, words)
        Findings, of the kinds `FINDINGS`.
    read : int
        Number of images whose masks could be read.
    empty : int
        Number of images whose masks are all empty; a finding, unless the data set is
        known to have such images.
    with_class, pixels : dict
        Class → number of images that have it, and its share of all pixels.
    narrow : list of str
        Names of images with a narrow range of intensities, as training reads them.
    questions : list of Hint
        Findings that may be correct data; only somebody who knows the data can tell.
    lesions : list of (tuple of float, int)
        Number, or red, green and blue, that was read as lesion, with the number of
        masks that hold it. Empty if the classes have names, or if there are too many
        values for classes.
    """

    files: Files
    splits: dict[str, int]
    protocol: str
    sizes: Counter[str] = field(default_factory=Counter)
    images: Counter[str] = field(default_factory=Counter)
    masks: Counter[str] = field(default_factory=Counter)
    found: list[tuple[str, str, str]] = field(default_factory=list)
    empty: int = 0
    read: int = 0
    with_class: dict[str, int] = field(default_factory=dict)
    pixels: dict[str, float] = field(default_factory=dict)
    narrow: list[str] = field(default_factory=list)
    questions: list[Hint] = field(default_factory=list)
    lesions: list[tuple[Kind, int]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the whole report, with the findings by kind; JSON-ready."""
        counts = Counter(kind for kind, _, _ in self.found)
        return {
            "dataset": self.files.name,
            "layout": self.files.layout.title,
            "images": len(self.files.images),
            "splits": self.splits,
            "protocol": self.protocol,
            "sizes": dict(self.sizes.most_common()),
            "image_values": dict(self.images.most_common()),
            "mask_values": dict(self.masks.most_common()),
            "classes": {
                name: {"images": n, "pixels": self.pixels[name]}
                for name, n in self.with_class.items()
            },
            "lesion_values": [
                {"value": list(kind), "masks": masks} for kind, masks in self.lesions
            ],
            "empty_masks": self.empty,
            "masks_read": self.read,
            "left_out": self.files.left_out,
            "further_masks": self.files.further_masks,
            "warnings": self._warnings(),
            "counts": {kind: counts[kind] for kind in FINDINGS if counts[kind]},
            "stops_training": [kind for kind in STOPS if counts[kind]],
            "findings": [
                {"kind": kind, "name": name, "text": text}
                for kind, name, text in self.found
            ],
        }

    def _warnings(self) -> list[dict[str, Any]]:
        """Findings to look at, which may not be mistakes."""
        told = [hint.warning() for hint in self.questions]
        if self.narrow:
            text = counted_warning(
                IntensityWarning.NARROW_RANGE, len(self.narrow), len(self.files.images)
            )
            kind = str(Rule.NARROW_RANGE)
            told.append({"kind": kind, "names": self.narrow, "text": text})
        return told


def check(
    source: Path,
    seed: int = 0,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> DataReport:
    """Read every image and mask of a folder.

    Parameters
    ----------
    source, seed : Path, int
        As for `load_dataset`.
    watch : callable
        Called with (images done, images in all).

    Raises
    ------
    InputError
        If the folder is not recognised, a list of names is not text, or two files have
        the same name. All other faults become findings.
    """
    files = find_files(source)
    everything = tuple(sorted(files.images))
    try:
        parts, rule = split_names(
            files.named, everything, seed, files.lists, files.spec.group
        )
        protocol = rule_sentence(rule)
    except InputError:  # too few to carve validation from
        parts, protocol = files.named or {"all": everything}, "as listed"
    counts = {split: len(names) for split, names in parts.items()}
    report = DataReport(files, counts, protocol)
    # Other lists, such as "trainval", may hold the images of these again.
    disjoint = {split: parts[split] for split in USED if split in parts}
    _check_names(report, parts)
    report.questions += file_hints(files, parts)
    area = np.zeros(len(files.spec.classes))
    present, pixels = np.zeros(len(files.spec.classes), int), 0
    seen, among = MasksSeen(), masks_of(files)
    for done, name in enumerate(everything, start=1):
        rgb, planes = _look_at(report, name, seen, among)
        if rgb is not None and name not in seen.hashes:
            seen.add_image(name, rgb)
        if planes is not None:
            each = planes.sum((1, 2), dtype=np.int64)
            area, present = area + each, present + (each > 0)
            pixels += planes[0].size
        watch(done, len(everything))
    report.read = seen.total
    for c, name in enumerate(files.spec.classes):
        report.with_class[name] = int(present[c])
        report.pixels[name] = float(area[c] / pixels) if pixels else 0.0
        if pixels and not present[c]:
            unread = len(everything) - seen.total
            those = " that could be read" if unread else ""
            text = f"No mask{those} has {name!r}."
            report.found.append((str(Rule.ABSENT_CLASS), name, text))
    for conflict in seen.contradictions():
        report.found.append(("values", files.name, str(conflict)))
    for hint in seen.hints():
        if hint.rule in QUESTIONS:
            report.questions.append(hint)
            continue
        if hint.groups:
            report.found.append((str(hint.rule), files.name, str(hint)))
            continue
        for name in hint.names:
            text = str(Hint(hint.rule, (name,)))
            report.found.append((str(hint.rule), name, text))
    for hint in same_films(disjoint, seen.films):
        report.found.append((str(hint.rule), files.name, str(hint)))
    report.questions += same_cases(without_films(disjoint, seen.films))
    report.narrow = seen.narrow
    report.lesions = seen.spread.counts()
    for error in seen.broken():
        report.found.append((str(error.rule), files.name, str(error)))
    for pair in near_duplicates(seen.hashes, disjoint):
        text = f"{pair}."
        if seen.images.differ(pair.first, pair.second):
            text = (
                f"{pair}; they are the same, pixel for pixel, but their masks differ."
            )
        kind = Rule.TURNED_DUPLICATE if pair.turned else Rule.NEAR_DUPLICATE
        report.found.append((str(kind), pair.first, text))
    order = list(FINDINGS)
    report.found.sort(key=lambda one: (order.index(one[0]), one[1]))
    return report


def _check_names(report: DataReport, parts: dict[str, tuple[str, ...]]) -> None:
    """Findings that need no file to be opened."""
    files = report.files
    seen: dict[str, str] = {}
    for split, names in parts.items():
        for name in names:
            if name not in files.images:
                zeros = dropped_zeros(name, files.images)
                text = f"{name} is listed for {split}, but has no image{zeros}."
                report.found.append((str(Rule.MISSING_IMAGE), name, text))
            if split not in USED:
                continue
            if name in seen:
                text = f"{name} is in {seen[name]} and in {split}."
                report.found.append((str(Rule.IN_TWO_SPLITS), name, text))
            seen[name] = split
    if files.named and not set(USED) & set(files.named):
        text = (
            f"Expected lists of images called train.txt, val.txt and test.txt in "
            f"{files.root / files.lists}, found {', '.join(files.named)}, of which "
            "nothing is trained; rename those that are meant."
        )
        report.found.append(("splits", files.name, text))
    for name in files.several:
        text = several_words(name, files.several, name in files.masks)
        report.found.append(("several masks", name, text))
    told = {mask for further in files.several.values() for mask in further}
    end, numbers = mask_suffix(files), unlike_in_numbers(files.images, files.masks)
    for name in missing_masks(files, tuple(files.images)):
        if name in files.several:
            continue
        lacks = files.lacking.get(name)
        where = f", but {end}: rename them" if end else ""
        if lacks:
            where = f" in the folder of the class {lacks!r}: add one, black if empty"
        report.found.append(
            (str(Rule.MISSING_MASK), name, f"{name} has no mask{where}.")
        )
    for name in files.masks:
        if name not in files.images and name not in told:
            # So that nobody drops it, and each image gets the mask of the next.
            where = f", but {numbers}: rename them" if numbers else ""
            text = f"The mask of {name} belongs to no image{where}."
            report.found.append((str(Rule.MASK_WITHOUT_IMAGE), name, text))


def _look_at(
    report: DataReport, name: str, seen: MasksSeen, among: tuple[Path, ...]
) -> tuple[NDArray[np.uint8] | None, NDArray[np.uint8] | None]:
    """Open one image and its masks; None for what cannot be used."""
    one = sample(report.files, name, among)
    try:
        raw = one.read_raw()
        rgb, mapping = one.read_mapped(READING)
    except InputError as error:
        report.found.append(("unreadable", name, str(error)))
        return None, None
    seen.add_mapping(name, mapping)
    report.sizes[f"{rgb.shape[0]}×{rgb.shape[1]}"] += 1
    kind = {2: "grey", 3: "RGB"}.get(raw.ndim, "") + " with alpha" * (
        raw.shape[-1] == 4
    )
    report.images[f"{raw.dtype} {kind}"] += 1
    if name not in report.files.masks and name in missing_masks(report.files, (name,)):
        return rgb, None
    try:
        for reading in one.read_masks():
            shown = ", ".join(f"{v:g}" for v in reading.values) or str(reading.how)
            report.masks[shown] += 1
        read = one.read_with_traits(READING)
    except InputError as error:
        rule = error.rule if isinstance(error, RuleError) else Rule.UNREADABLE
        report.found.append((_FINDING.get(rule, "values"), name, str(error)))
        return rgb, None
    seen.add_read(one, read)
    report.empty = len(seen.looks.empty)
    files = report.files
    if name in seen.looks.empty[-1:] and not files.spec.empty_masks:
        only = f", as {files.ignore} in it is ignored" * (
            name in seen.looks.ignored[-1:]
        )
        text = f"The mask of {name} is empty{only}."
        report.found.append((str(Rule.EMPTY), name, text))
    if name in seen.looks.full[-1:]:
        text = f"The mask of {name} covers the whole image."
        report.found.append((str(Rule.FULL), name, text))
    return rgb, read.planes
