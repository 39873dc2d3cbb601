"""Segment many images: files and one outcome per image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_attnseg.batch.base import (
    Batch,
    Note,
    Write,
    check_not_inputs,
    found_notes,
    intensity_notes,
    model_notes,
    not_images,
    result_stems,
    would_replace,
)
from napari_attnseg.boxes import Box
from napari_attnseg.devices import OPENVINO
from napari_attnseg.errors import InputError
from napari_attnseg.intensity import Intensity, parse_intensity
from napari_attnseg.io.atomic import remove, write_text
from napari_attnseg.io.explanations import is_explanation
from napari_attnseg.io.images import find_images, read_upright
from napari_attnseg.io.reader_masks import reader_files
from napari_attnseg.io.results import Results, save_results
from napari_attnseg.io.saved_results import foreign
from napari_attnseg.masks import MEDSAM, MaskRules, remake
from napari_attnseg.reliability.estimate import (
    EstimateState,
    ExpectedDice,
    estimate_of,
)
from napari_attnseg.results import GateKey
from napari_attnseg.two_readers import expect_two_readers

if TYPE_CHECKING:
    from napari_attnseg.forced_gates import Forced
    from napari_attnseg.medsam import Medsam


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """How `segment_images` makes masks.

    Attributes
    ----------
    gates : mapping
        Forced gates, as for `Segmenter.decode`.
    threshold : float or None
        In [0, 1]; None: that of the model card.
    smoothing, min_size, fill_holes, largest
        As in `MaskRules`.
    flip : bool
        Whether to average over the mirror images.
    objects : bool
        Whether to write a table of the objects.
    medsam : Path or None
        Folder of MedSAM, which then refines the masks.
    medsam_margin : float or None
        Margin of MedSAM's boxes in pixels of 1024; None: `medsam.MARGIN`.
    intensity : Percentiles, Window, str or None
        How values become [0, 1], as for `Segmenter.segment`; None: by the model card.
    readers : bool
        Whether to write the masks by each encoder alone too.
    box : Box or None
        The only part of each image to segment, of the upright image; None: all of it.
    precision : str
        As for `Segmenter.from_checkpoint`.
    """

    gates: Mapping[GateKey, Forced] = field(default_factory=dict)
    threshold: float | None = None
    smoothing: float = 0.0
    min_size: int = 0
    fill_holes: bool = False
    largest: bool = False
    flip: bool = False
    objects: bool = False
    medsam: Path | None = None
    medsam_margin: float | None = None
    intensity: Intensity | str | None = None
    readers: bool = False
    box: Box | None = None
    precision: str = "fp32"


def segment_images(
    inputs: Sequence[Path],
    out: Path,
    weights: str | Path = "compact",
    device: str = "auto",
    options: SegmentOptions | None = None,
) -> Batch:
    """Segment images and write the results of each, as ``attnseg segment`` does.

    Everything that can be checked without an image is checked at once; images are read,
    segmented and written one by one while the returned batch is iterated over.

    Parameters
    ----------
    inputs : sequence of Path
        Images, or folders of them.
    out : Path
        Folder for the results.
    weights : str or Path
        Bundled name or ``.safetensors`` file.
    device : str
        As for `Segmenter.from_checkpoint`.
    options : SegmentOptions, optional

    Returns
    -------
    Batch

    Raises
    ------
    UnknownNameError, CheckpointError, DeviceError
        If the weights or the device cannot be used.
    InputError
        If there is no image, an option is out of its range, or a file in `out` would be
        replaced that is no earlier result of the same image.
    """
    from napari_attnseg.inference import Segmenter

    how = options or SegmentOptions()
    stems = result_stems(find_images(list(inputs)))
    _check_results_folder(out, inputs, stems, how.readers)
    segmenter = Segmenter.from_checkpoint(weights, device, how.precision)
    if how.readers:
        expect_two_readers(segmenter.engine)
        if how.medsam is not None:
            raise InputError(
                "The masks by one encoder alone are of the model, and MedSAM's are "
                "not; leave out the readers or MedSAM."
            )
    if how.box is not None and how.medsam is not None:
        raise InputError(
            "MedSAM looks at the whole image, and a box is all that is to be looked "
            "at; leave out the box or MedSAM."
        )
    _, limit = segmenter.check(how.gates, how.threshold)
    intensity = parse_intensity(how.intensity, segmenter.card.preprocessing.intensity)
    cleaning = (how.smoothing, how.min_size, how.fill_holes, how.largest)
    rules = MaskRules(limit, *cleaning)
    sam = _load_medsam(how, "cpu" if device == OPENVINO else device)
    estimates: dict[Path, ExpectedDice] = {}

    def compute(path: Path, stem: str, notes: list[Note]) -> Write:
        found = read_upright(path)
        image = found.pixels
        if found.orientation != 1:
            notes.append(Note.EXIF_ORIENTATION)
        encoded = segmenter.encode(
            image, flip=how.flip, intensity=intensity, box=how.box
        )
        result = segmenter.decode(encoded, how.gates, how.threshold, how.readers)
        notes += intensity_notes(result.provenance)
        if rules != MaskRules(limit):
            result = remake(result, rules)
        if sam is not None:
            result = sam.refine(result, sam.encode(image, intensity=intensity))
            if not result.provenance[MEDSAM]["boxes"]:
                notes.append(Note.NO_BOX)
        if how.box is None:
            notes += found_notes(image, result.mask)
        expected = estimate_of(result.provenance)
        if expected is not None:
            estimates[path] = expected
            if expected.state is EstimateState.UNLIKE:
                notes.append(Note.UNLIKE)
        facts = {**result.provenance, "orientation": found.orientation}
        result = replace(result, provenance=facts)
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

        def write() -> list[Path]:
            files = save_results(results, out, stem)
            csv = out / f"{stem}_objects.csv"
            if not how.objects:
                remove(csv)  # that of an earlier run describes another mask
                return files
            write_text(csv, table)
            return [csv, *files]

        return write

    others = not_images(inputs, stems)
    return Batch(stems, compute, model_notes(segmenter, device), others, estimates)


def _check_results_folder(
    out: Path, inputs: Sequence[Path], stems: Mapping[Path, str], readers: bool
) -> None:
    """Refuse, before any work, to replace files that are no results of these images."""
    check_not_inputs(out, inputs)
    given = {path.resolve() for path in stems}
    for path, stem in stems.items():
        other = foreign(out, stem, path)
        mask, story = out / f"{stem}_mask.png", out / f"{stem}_gate.json"
        masks = [mask, *(out / name for name in reader_files(stem) if readers)]
        if other is None:
            other = next((one for one in masks if one.resolve() in given), None)
        if other is None and is_explanation(story):
            other = story  # its maps have the names of gate maps
        if other is not None:
            raise would_replace(other, path)


def _load_medsam(how: SegmentOptions, device: str) -> Medsam | None:
    folder, margin = how.medsam, how.medsam_margin
    if folder is None:
        if margin is not None:
            raise InputError("A margin is for --medsam FOLDER; give both, or neither.")
        return None
    from napari_attnseg.medsam import MARGIN, Medsam

    return Medsam.from_folder(folder, device, MARGIN if margin is None else margin)
