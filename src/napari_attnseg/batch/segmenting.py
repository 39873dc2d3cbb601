"""Segment the images of a batch, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_attnseg.batch.base import (
    Note,
    estimate_notes,
    found_facts,
    found_notes,
    intensity_notes,
)
from napari_attnseg.batch.by_hand import expect_not_by_hand
from napari_attnseg.batch.checked_model import CheckedModel
from napari_attnseg.batch.done import SETTINGS, done_before, settings_hash
from napari_attnseg.batch.file_notes import picture_notes
from napari_attnseg.batch.here import Kept, Steps, Write
from napari_attnseg.batch.options import SegmentOptions
from napari_attnseg.devices import OPENVINO
from napari_attnseg.errors import InputError
from napari_attnseg.intensity import Intensity, Window
from napari_attnseg.io.atomic import remove, remove_leftovers, write_text
from napari_attnseg.io.images import UprightImage, read_upright
from napari_attnseg.io.readers.window import rule_of_picture
from napari_attnseg.io.results import Results, save_results
from napari_attnseg.masks import MEDSAM, MaskRules, remake
from napari_attnseg.reliability.estimate import (
    ExpectedDice,
    estimate_of,
)
from napari_attnseg.results import Segmentation
from napari_attnseg.tiles import segment_tiles

if TYPE_CHECKING:
    from napari_attnseg.encoded_image import EncodedImage
    from napari_attnseg.medsam import Medsam
    from napari_attnseg.prepared_image import PreparedImage

#: Views of images that a GPU computes at once, at most. On a CPU one at a time is
#: faster: 1.29 s per image, and 1.60 s in batches of 8, with the headline model.
AT_ONCE_ON_GPU = 8


@dataclass(slots=True, eq=False)
class _Read:
    """An image on its way through the network."""

    upright: UprightImage
    rule: Intensity
    prepared: PreparedImage | None
    converted: Mapping[str, Any]
    encoded: EncodedImage | None = None


class Segmenting:
    """Loaded weights and checked options: how `segment_images` treats each image.

    Parameters
    ----------
    out, weights, device
        As for `segment_images`.
    how : SegmentOptions

    Attributes
    ----------
    segmenter : Segmenter

    Raises
    ------
    UnknownNameError, CheckpointError, DeviceError, InputError
        As `segment_images`.
    """

    def __init__(
        self, out: Path, weights: str | Path, device: str, how: SegmentOptions
    ) -> None:
        model = CheckedModel.load(weights, device, how)
        self.segmenter = model.segmenter
        self._out, self._how = out, how
        self._intensity, self._rules = model.rule, model.rules
        self._sam = _load_medsam(how, "cpu" if device == OPENVINO else device)
        self.settings = settings_hash(how, self._rules, self._intensity, model.gates)
        self._estimates: dict[Path, ExpectedDice] = {}
        remove_leftovers(out)

    def steps(self) -> Steps[_Read]:
        """Steps for each image."""
        views = 4 if self._how.flip else 1
        on_gpu = self.segmenter.device.startswith("cuda") and not self._how.tile
        at_once = max(1, AT_ONCE_ON_GPU // views) if on_gpu else 1
        return Steps(self._read, self._compute, self._encode, at_once, self._estimates)

    def _read(self, path: Path, stem: str, notes: list[Note]) -> _Read | Kept:
        found = read_upright(path)
        notes += picture_notes(found)
        if self._how.resume:
            made_by = self.segmenter.sha256, self.settings, self._how.objects
            earlier = done_before(self._out, stem, found.pixels, *made_by)
            if earlier is not None:
                notes.append(Note.DONE_BEFORE)
                expected = estimate_of(earlier.provenance)
                if expected is not None:
                    self._estimates[path] = expected
                return Kept(earlier.files)
        if not self._how.replace_edited:
            expect_not_by_hand(self._out, stem)
        rule, converted = rule_of_picture(found, self._intensity, path.name)
        notes += [Note.CALIBRATED] * bool(converted)
        if self._how.tile:
            return _Read(found, rule, None, converted)
        prepared = self.segmenter.prepare(found.pixels, None, rule, self._how.box)
        return _Read(found, rule, prepared, converted)

    def _encode(self, some: list[_Read]) -> None:
        prepared = [one.prepared for one in some if one.prepared is not None]
        if prepared:
            encoded = self.segmenter.encode_prepared(prepared, self._how.flip)
            for one, its in zip(some, encoded, strict=True):
                one.encoded, one.prepared = its, None

    def _compute(self, path: Path, stem: str, notes: list[Note], read: _Read) -> Write:
        how, image = self._how, read.upright.pixels
        result = self._segment(read)
        given = isinstance(how.intensity, Window)
        notes += intensity_notes(result.provenance, given)
        if self._rules != MaskRules(self._rules.threshold):
            result = remake(result, self._rules)
        if self._sam is not None:
            seen = self._sam.encode(image, intensity=read.rule)
            result = self._sam.refine(result, seen)
            if not result.provenance[MEDSAM]["boxes"]:
                notes.append(Note.NO_BOX)
        if how.box is None:
            notes += found_notes(image, result.mask, result.provenance)
        expected = estimate_of(result.provenance)
        if expected is not None:
            self._estimates[path] = expected
            notes += estimate_notes(expected)
        turn: dict[str, Any] = {
            "orientation": read.upright.orientation,
            SETTINGS: self.settings,
            **read.upright.noted,
            **read.converted,
            **found_facts(image, notes),
        }
        result = replace(result, provenance={**result.provenance, **turn})
        table = ""
        if how.objects:
            from napari_attnseg.objects.descriptors import (
                csv_text,
                origin_of_numbers,
            )
            from napari_attnseg.objects.measure import measure_segmentation

            table = csv_text(
                measure_segmentation(result, image),
                origin_of_numbers(path.stem, str(path), result.provenance),
            )
        results = Results(path.stem, str(path), [result], image=path)
        return partial(self._write, results, stem, table)

    def _segment(self, read: _Read) -> Segmentation:
        how = self._how
        if read.encoded is not None:
            encoded, read.encoded = read.encoded, None
            return self.segmenter.decode(encoded, how.gates, how.threshold, how.readers)
        return segment_tiles(
            self.segmenter,
            read.upright.pixels,
            None,
            how.flip,
            read.rule,
            how.box,
            how.gates,
            how.threshold,
        )

    def _write(self, results: Results, stem: str, table: str) -> list[Path]:
        csv = self._out / f"{stem}_objects.csv"
        remove(csv)  # that of an earlier run describes another mask
        files = save_results(results, self._out, stem)
        if not self._how.objects:
            return files
        write_text(csv, table)
        return [csv, *files]


def _load_medsam(how: SegmentOptions, device: str) -> Medsam | None:
    folder, margin = how.medsam, how.medsam_margin
    if folder is None:
        if margin is not None:
            raise InputError("A margin is for --medsam FOLDER; give both, or neither.")
        return None
    from napari_attnseg.medsam import MARGIN, Medsam

    return Medsam.from_folder(folder, device, MARGIN if margin is None else margin)
