"""Frames of a film, series or volume and their masks as a training set of pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets.drawn_masks import DrawnMasks
from attnseg_training.datasets.frame_masks import (
    FrameRule,
    Inversion,
    Mask,
    frame_rule,
)
from attnseg_training.datasets.frame_numbers import by_frame, expect_up_to_the_end
from attnseg_training.datasets.grids import on_grid
from attnseg_training.datasets.nifti import whole_numbers
from attnseg_training.datasets.numbered_masks import numbered_masks, pictures_of
from attnseg_training.datasets.seg_masks import seg_masks
from attnseg_training.datasets.series_masks import expect_one_order, masks_by_name
from attnseg_training.datasets.stack_masks import open_masks
from attnseg_training.datasets.turned_films import turn_of_film
from attnseg_training.datasets.turned_volumes import axes_words, turn_of_slices
from attnseg_training.datasets.two_places import expect_one_place
from attnseg_training.datasets.uneven_times import expect_own_frames
from attnseg_training.datasets.unmarked_frames import unmarked_words
from napari_attnseg.errors import InputError
from napari_attnseg.exports.record import changed_words
from napari_attnseg.hashing import array_sha256
from napari_attnseg.intensity import Window
from napari_attnseg.io.dataset_toml import read_descriptor
from napari_attnseg.io.edited_masks import frame_doubts
from napari_attnseg.io.exchanged_masks import own_frame_words
from napari_attnseg.io.files import read_facts
from napari_attnseg.io.frame_table import whole_rows
from napari_attnseg.io.readers import FileSet, Frames, open_frames
from napari_attnseg.io.readers.dicom_seg import is_segmentation
from napari_attnseg.io.readers.facts import NotUsed
from napari_attnseg.io.readers.facts_words import facts_sentences
from napari_attnseg.io.readers.film_kinds import INTERLACED_WORDS
from napari_attnseg.io.readers.formats import FileFormat, file_format
from napari_attnseg.io.readers.grids import grid_of
from napari_attnseg.io.readers.sets import set_of
from napari_attnseg.io.stack_results import FORMAT, StackNames
from napari_attnseg.io.training_set import Correction, addition
from napari_attnseg.io.unread_masks import told_once, unread_words
from napari_attnseg.preprocessing import to_rgb

Rows = Mapping[int, Mapping[str, str]]


def frames_to_training_set(
    images: Path,
    masks: Path,
    out: Path,
    every: int = 1,
    tell: Callable[[str], None] = lambda _: None,
    first_number: int | None = None,
    own_frames: bool = False,
    skip_empty: bool | None = None,
) -> Iterator[str]:
    """Write frames that have masks into a training set; yields the name of each.

    Pixels are read as ``attnseg segment`` reads them. If the file gives a window, they
    become 8-bit by this window. Masks are read as those of a data set, by one rule for
    all of them (`frame_masks`). They are brought on the grid of the images if both
    files say where they lie.

    Parameters
    ----------
    images : Path
        A film, a volume, or a DICOM file or folder of one series.
    masks : Path
        A volume, DICOM file or stack of ImageJ with a mask per frame, a DICOM SEG, or a
        folder of ``frame_000120_mask.png`` as ``attnseg segment`` writes it, or of
        pictures whose names differ only in such a number, or are those of the files of
        a series.
    out : Path
        A training set, or a new folder. If it has a ``dataset.toml``, that says what
        the numbers of the masks mean, and whether those of a film with a display
        matrix, or pictures for a volume whose affine asks for another view, were drawn
        on frames as they are shown or as they are stored (``orientation``).
    every : int
        Step between frames: every Nth frame is taken.
    tell : callable
        Called with a sentence about each assumption that the user should know.
    first_number : int or None
        Number of the first frame in the names of a folder of masks, such as 1; None: 0,
        unless the names seem to count from 1, which is refused.
    own_frames : bool
        Whether masks count the own frames of the film, or slices by their position. If
        not stated, masks are refused beyond a place where its times are uneven, if they
        are numbered without gaps, but end before the film does, and if a series has
        another order by position than by its files.
    skip_empty : bool, optional
        Whether frames whose mask is empty are left out, or taken as frames without a
        lesion. If not stated, they are taken; where they take turns with lesions at one
        place, that is refused.

    Raises
    ------
    InputError
        If a file cannot be read, it is not clear what is lesion, or frames and masks do
        not belong together.
    """
    if every < 1:
        raise InputError(f"Expected --every of at least 1, but got {every}.")
    files = set_of(images)
    with open_frames(files) as frames:
        if NotUsed.INTERLACED in frames.facts.not_used:
            tell(INTERLACED_WORDS.format(frames.name))
        for sentence in facts_sentences([(frames.name, frames.facts.to_provenance())]):
            tell(sentence)
        rows = _rows(masks)
        found = _masks(masks, rows, files, frames, tell, first_number, own_frames)
        beyond = [one for one in found if not 0 <= one < len(frames)]
        if beyond or not found:
            what = f"mask {beyond[0]}" if beyond else "no mask"
            raise InputError(
                f"Expected masks of the {len(frames)} frames of {frames.name}, but got "
                f"{what}; choose the masks of this file."
            )
        given = read_descriptor(out)
        rule = frame_rule(found, given, masks.name, out, _are_results(masks))
        if rule.told:
            tell(rule.told)
        turned = None
        if not rows:  # results lie as frames are read
            named = given.orientation, masks.name, out.name
            drawn = DrawnMasks(next(iter(found.values())), *named, tell)
            turned = turn_of_film(frames, drawn) or turn_of_slices(files, frames, drawn)
        else:  # all of them, before the first one is written
            taken = [one for one in sorted(found) if one % every == 0]
            places = ((rule.labels(found[one]), one) for one in taken)
            own = (own_frame_words(*one, _table(masks)) for one in places)
            for told in (told_once(own), changed_words(masks.parent)):
                if told:
                    tell(told)
        inversion = Inversion()
        table = _table(masks)
        unread = []
        taken = [number for number in sorted(found) if number % every == 0]
        if skip_empty is None and not rows:  # a model marks every frame
            labelled = ((number, rule.labels(found[number])) for number in taken)
            is_film = frames.facts.kind is FileFormat.VIDEO
            if words := unmarked_words(labelled, masks.name, is_film):
                tell(words)
        for number in taken:
            _expect_same(frames, number, rows, masks.name)
            stored = rule.labels(found[number])
            if skip_empty and not stored.any():
                continue
            if isinstance(one := found[number], Path):
                unread.append(unread_words(one, stored))
            labels = turned(stored) if turned else stored
            inversion.add(labels)
            if rule.classes is None:
                name = f"frame {number} of {masks.name}"
                doubt = frame_doubts(labels, number, table, name)
                if doubt:
                    tell(doubt)
            yield _add(frames, files.name, number, labels, rule, out)
        for told in (*inversion.told(masks.name), told_once(unread)):
            if told:
                tell(told)


def _are_results(masks: Path) -> bool:
    """Whether ``attnseg segment`` wrote a folder of masks, as 0 and 255."""
    story = read_facts(StackNames(masks.parent, masks.name).story, FORMAT)
    return story is not None and story.get("mask_value") == 255


def _table(masks: Path) -> Path:
    """Path of the table that ``attnseg segment`` writes beside a folder of masks."""
    return StackNames(masks.parent, masks.name).table


def _rows(masks: Path) -> Rows:
    """Frame → its row in the table of ``attnseg segment``; empty without a table."""
    table = _table(masks)
    if not table.exists():
        return {}
    return whole_rows(table, "move it elsewhere to take every mask")


def _expect_same(frames: Frames, number: int, rows: Rows, name: str) -> None:
    known = rows.get(number, {}).get("image_sha256")
    if known and array_sha256(np.array(frames[number])) != known:
        raise InputError(
            f"Expected the file that was segmented for the masks {name}, but frame "
            f"{number} of {frames.name} holds other pixels; choose the file of these "
            "masks, or segment this one."
        )


def _add(
    frames: Frames,
    stem: str,
    number: int,
    labels: NDArray[np.uint8],
    rule: FrameRule,
    out: Path,
) -> str:
    pixels, facts = frames[number], frames.facts
    record = dict[str, Any](frame=number, mask_read=str(rule.how))
    if facts.window is not None:
        rgb, _ = to_rgb(pixels, intensity=Window(*facts.window))
        pixels = (rgb[..., 0] * 255).round().astype(np.uint8)
        record |= {"window": list(facts.window)}
    correction = Correction(pixels, labels, rule.names, record)
    new = addition(out, correction, f"{stem}_{number:06d}")
    new.write()
    return new.name


def _masks(
    path: Path,
    rows: Rows,
    images: FileSet,
    shown: Frames,
    tell: Callable[[str], None],
    first: int | None,
    own: bool,
) -> Mapping[int, Mask]:
    """Frame → its mask, or the file of it."""
    inside = sorted(path.iterdir()) if path.is_dir() else [path]
    loose = path.is_dir() and not rows and not own and first is None
    if loose and (by_name := masks_by_name(pictures_of(inside), images)):
        tell(
            f"Masks in {path.name} have the names of the files of {shown.name}, and "
            "each was taken for the slice of its file."
        )
        return by_name
    named = numbered_masks(inside, first is not None) if path.is_dir() else {}
    if first and (rows or not named):
        raise InputError(
            f"Expected no --first-number for {path.name}: it is only for a folder of "
            "pictures numbered by another program; leave it out."
        )
    if named:
        # A run that was killed may leave a mask that is not whole, and has no row.
        if rows:
            return {i: one for i, one in named.items() if i in rows}
        if not own:
            expect_one_order(images, path.name)
        dicom = images.kind is FileFormat.DICOM
        by_number = by_frame(named, len(shown), first, path.name, dicom)
        if not own:
            expect_up_to_the_end(by_number, len(shown), path.name)
            expect_own_frames(shown, by_number, path.name)
        return by_number
    scans = [one for one in inside if file_format(one) is FileFormat.DICOM]
    segs = [one for one in scans if is_segmentation(one)]
    if segs:
        return seg_masks(segs, images)
    files = set_of(path)
    with open_masks(files) as frames:
        if frames.facts.kind is FileFormat.VIDEO or frames.facts.channels > 1:
            raise InputError(
                f"Expected masks of grey numbers in {frames.name}, but it is in "
                "colour, or a film, whose numbers are not exact; save it as NIfTI."
            )
        unplaced = None in (grid_of(files), grid_of(images))
        if unplaced and not own and len(files.paths) == 1:
            expect_one_order(images, path.name)
        return _placed(files, frames, images, shown, tell)


def _placed(
    files: FileSet,
    masks: Frames,
    images: FileSet,
    shown: Frames,
    tell: Callable[[str], None],
) -> dict[int, Mask]:
    """Masks of a volume or a series, on the grid of the images if both have one."""
    count, here, there = len(shown), grid_of(files), grid_of(images)
    names = masks.name, shown.name
    if here is None or there is None:
        _expect_count(masks, count)
        if files.kind is not images.kind:  # two NIfTI files are written in one way
            for words in (axes_words(files, masks), axes_words(images, shown)):
                if words:
                    tell(words)
        for one, other in ((masks, shown), (shown, masks)):
            if NotUsed.ORIENTATION in one.facts.not_used:
                tell(
                    f"The affine of {one.name} asks for another view than its slices "
                    f"have as they are stored, and {other.name} does not say where it "
                    "lies, so both were taken as they are stored: look at images and "
                    "masks together."
                )
            if NotUsed.QFORM in one.facts.not_used:
                tell(
                    f"The qform and the sform of {one.name} contradict each other; "
                    f"{other.name} does not say where it lies, so both were taken as "
                    "they are stored."
                )
        return dict(enumerate(whole_numbers(np.stack([*_each(masks)]))))
    size = shown.facts.width, shown.facts.height
    # Frames, rows and columns → columns, rows and frames, as an affine counts them.
    values = whole_numbers(np.stack([*_each(masks)])).transpose(2, 1, 0)
    both = (here.affine, here.qform), (there.affine, there.qform)
    expect_one_place(*both, values.shape, *names)
    if here.slices and there.slices:
        shape = (*size, count)
        turned = on_grid(values, here.affine, shape, there.affine, *names)
        return dict(enumerate(turned.transpose(2, 1, 0)))
    _expect_count(masks, count)
    shape, found = (*size, 1), dict[int, Mask]()
    for at in range(count):
        plane = values[..., at : at + 1]
        turned = on_grid(plane, here.affine, shape, there.affine, *names)
        found[at] = turned[..., 0].T
    return found


def _each(frames: Frames) -> Iterator[NDArray[Any]]:
    return (frames[i] for i in range(len(frames)))


def _expect_count(masks: Frames, count: int) -> None:
    if len(masks) != count:
        raise InputError(
            f"Expected a mask for each of {count} frames, but {masks.name} has "
            f"{len(masks)}; choose the masks of this file."
        )
