"""What the commands of ``attnseg`` share: options, messages, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_attnseg.errors import InputError
from napari_attnseg.exit_codes import SOME_FAILED, WRONG_USE
from napari_attnseg.how_many import how_many
from napari_attnseg.usage import output_folder

if TYPE_CHECKING:
    from napari_attnseg.batch import Batch, FilesBatch, Note, Outcome
    from napari_attnseg.intensity import Intensity

Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="IMAGE_OR_FOLDER…",
        help="Image files, or folders of them; grey, RGB or RGBA. attnseg segment "
        "also reads DICOM, films, NIfTI and OME-Zarr.",
    ),
]
Weights = Annotated[
    str,
    typer.Option(
        help="Name of bundled weights, or a .safetensors file from attnseg-train."
    ),
]
IntensityName = Annotated[
    str | None,
    typer.Option(
        "--intensity",
        metavar="RULE",
        help="Which values become black and white: whole_range, percentiles "
        "(without a constant border), percentiles=LOW,HIGH or "
        "percentiles=LOW,HIGH,without_border. Default: as in the training of "
        "the weights. It has no effect on 8-bit images and on floats in [0, "
        "1].",
    ),
]
IntensityWindow = Annotated[
    tuple[float, float] | None,
    typer.Option(
        "--window",
        metavar="LOW HIGH",
        help="Values that become black and white, such as -200 300 for a CT. This "
        "applies to every type of image.",
    ),
]
Device = Annotated[str, typer.Option(help="Compute device: auto, cpu, cuda:0, mps, …")]
Threads = Annotated[
    int,
    typer.Option(
        min=0,
        max=1024,
        help="Number of CPU threads; 0: one per core, but one core stays free if "
        "there are more than two.",
    ),
]
SegmentingDevice = Annotated[
    str,
    typer.Option(
        help="Compute device: auto, cpu, cuda:0, mps, … or openvino (the CPU with "
        "OpenVINO, if that is installed)."
    ),
]
ResultsFolder = Annotated[
    Path, typer.Option(help="Folder for the results.", callback=output_folder)
]


@dataclass(frozen=True, slots=True)
class Wording:
    """Words for the work on an image, which messages use.

    Attributes
    ----------
    activity : str
        Present participle, shown beside the progress bar.
    done : str
        Past participle.
    product : str
        Product for an image, such as ``mask``.
    """

    activity: str
    done: str
    product: str


def process(batch: Batch | FilesBatch, wording: Wording, out: Path) -> None:
    """Process a batch, and report progress and outcome on stderr.

    Parameters
    ----------
    batch : Batch or FilesBatch
        Batch that was not started yet.
    wording : Wording
        How messages name the work.
    out : Path
        Folder of the results.

    Raises
    ------
    typer.Exit
        With the exit code `SOME_FAILED` or `WRONG_USE`, if some or all images failed.
    """
    from napari_attnseg.batch import Note
    from napari_attnseg.commands.pace import paced
    from napari_attnseg.io.folders import left_out_words
    from napari_attnseg.io.readers.facts_words import facts_sentences

    for note in batch.notes:
        say(batch_sentence(note))
    succeeded = 0
    outcomes: list[Outcome] = []
    for outcome in paced(batch, len(batch), wording.activity, say):
        for sentence in image_sentences(outcome, wording):
            say(sentence)
        succeeded += outcome.error is None
        outcomes.append(outcome)
    say(f"{succeeded} of {len(batch)} images {wording.done}; results in {out}.")
    before = sum(Note.DONE_BEFORE in outcome.notes for outcome in outcomes)
    if before:
        say(f"{before} of them had been {wording.done} before, and were left alone.")
    known = [(one.path.name, one.facts) for one in outcomes if one.facts]
    for sentence in facts_sentences([(n, f.to_provenance()) for n, f in known]):
        say(sentence)
    for sentence in expected_dice_sentences(outcomes):
        say(sentence)
    if batch.left_out:
        say(f"{left_out_words(batch.left_out)}.")
    if succeeded < len(batch):
        raise typer.Exit(SOME_FAILED if succeeded else WRONG_USE)


def batch_sentence(note: Note) -> str:
    """Sentence on a note about all images."""
    from napari_attnseg.batch import Note
    from napari_attnseg.results import NO_GATES

    return {
        Note.NO_GPU: "No GPU found; running on the CPU.",
        Note.NO_GATES: NO_GATES,
        Note.DECORATIVE: "At least one gate that these maps are about was measured to "
        "be decorative in this model: its pattern makes no difference to the mask. The "
        "JSON says which.",
    }[note]


def image_sentences(outcome: Outcome, wording: Wording) -> list[str]:
    """Sentences on the notes and the error of one image."""
    from napari_attnseg.batch import Note
    from napari_attnseg.canvas import CANVAS_WORDS
    from napari_attnseg.false_colours import COLOUR_MAP_WORDS
    from napari_attnseg.intensity import IntensityWarning
    from napari_attnseg.intensity_warnings import (
        CLIPPED_WORDS,
        NARROW_IN_WINDOW_WORDS,
        warning_sentence,
    )
    from napari_attnseg.io.colour_profiles import PROFILE_LEFT_WORDS
    from napari_attnseg.io.imagej_calibration import CALIBRATED_WORDS
    from napari_attnseg.io.other_pictures import OTHER_PICTURES_WORDS
    from napari_attnseg.io.readers.dicom_planes import PLANES_WORDS
    from napari_attnseg.io.readers.film_kinds import INTERLACED_WORDS
    from napari_attnseg.io.tiff_pages import TRANSPARENCY_WORDS
    from napari_attnseg.mask_like import MASK_LIKE_WORDS
    from napari_attnseg.reliability.estimate import (
        GREY_WORDS,
        PAGE_WORDS,
        UNLIKE_WORDS,
        EstimateState,
    )
    from napari_attnseg.several_pictures import PICTURES_WORDS

    narrow = warning_sentence(IntensityWarning.NARROW_RANGE)
    page = PICTURES_WORDS.format("This image", "several", "segment only a box (--box)")
    dice = outcome.expected_dice
    if dice is not None and dice.state is EstimateState.PAGE:
        page += f" It has no expected Dice: {PAGE_WORDS}."
    false = COLOUR_MAP_WORDS.format(
        "This image", _colour_map(outcome) if Note.COLOUR_MAP in outcome.notes else ""
    )
    name, error = outcome.name, outcome.error
    file = outcome.path.name
    sentences = {
        Note.EXIF_ORIENTATION: f"{name} asks to be shown turned (EXIF, XMP or "
        f"TIFF orientation); it was turned upright, {wording.done}, and its "
        f"{wording.product} lies on the upright image.",
        Note.OTHER_PICTURES: OTHER_PICTURES_WORDS.format(name),
        Note.TRANSPARENCY: TRANSPARENCY_WORDS.format(name),
        Note.REGION_UPRIGHT: "The region was laid over the upright image too: right "
        "for a mask that attnseg segment wrote, wrong for one drawn in napari, which "
        "shows this file as it is stored; look at the outline in the picture.",
        Note.NO_BOX: f"{name}: the mask is empty; MedSAM had no box to look in.",
        Note.NARROW_RANGE: f"{name}: {_lower(narrow)}",
        Note.NARROW_IN_WINDOW: f"{name}: {_lower(NARROW_IN_WINDOW_WORDS)}",
        Note.CLIPPED: f"{name}: {_lower(CLIPPED_WORDS)}",
        Note.CALIBRATED: CALIBRATED_WORDS.format(name),
        # Of a film it is told at the end, if it holds for every frame.
        Note.NOTHING_FOUND: f"{file}: nothing was found.",
        Note.WHOLE_IMAGE: f"{name}: the mask covers the whole image: these weights do "
        "not fit this image.",
        Note.CANVAS: f"{name}: {CANVAS_WORDS[0].lower()}{CANVAS_WORDS[1:]}",
        Note.PAGE: f"{name}: {page[0].lower()}{page[1:]}",
        Note.COLOUR_MAP: f"{name}: {false[0].lower()}{false[1:]}",
        Note.LIKE_MASK: f"{name}: {MASK_LIKE_WORDS}",
        Note.UNLIKE: f"{name}: no expected Dice: {UNLIKE_WORDS}.",
        Note.GREY: f"{name}: no expected Dice: {GREY_WORDS}.",
        Note.BURNED_IN: f"{file} says that its pixels show who the patient is "
        "(BurnedInAnnotation); pictures and videos of the results show it too.",
        Note.PROFILE_LEFT: PROFILE_LEFT_WORDS.format(name),
        Note.INTERLACED: INTERLACED_WORDS.format(file),
        Note.PLANES: PLANES_WORDS.format(file),
        Note.NO_OVERLAY: f"{file}: no overlay video, as PyAV is not installed; run "
        'pip install "napari-attnseg[video]".',
    }
    if Note.LIKE_MASK in outcome.notes:
        del sentences[Note.NARROW_RANGE]  # a window would not help
    # How many were done before is said at the end.
    said = [sentences[note] for note in outcome.notes if note in sentences]
    if error is not None:
        said.append(error if name in error else f"{name}: {error}")
    return said


def _lower(sentence: str) -> str:
    return f"{sentence[0].lower()}{sentence[1:]}"


def _colour_map(outcome: Outcome) -> str:
    """The colour map of an image, in words, as its results name it; of a film any."""
    from napari_attnseg.false_colours import COLOUR_MAP
    from napari_attnseg.io.files import read_facts
    from napari_attnseg.io.results import FORMAT

    facts = read_facts(outcome.files[-1], FORMAT) if outcome.files else None
    name = ((facts or {}).get("provenance") or {}).get(COLOUR_MAP)
    return f"the colour map {name}" if name else "a colour map, such as viridis or jet"


def expected_dice_sentences(outcomes: Sequence[Outcome]) -> list[str]:
    """Sum up the expected Dice of all images; empty where there is none."""
    from statistics import median

    from napari_attnseg.reliability.estimate import BAD, LIMITS, images_words

    found = [
        (one.expected_dice.mean, one)
        for one in outcomes
        if one.expected_dice is not None and one.expected_dice.mean is not None
    ]
    if not found:
        known = (one.expected_dice for one in outcomes)
        words = {one.sentence for one in known if one and one.state.another_way}
        return [f"{one}." for one in sorted(words)]
    if len(found) == 1:
        (_, one) = found[0]
        assert one.expected_dice is not None
        return [f"{one.name}: {one.expected_dice.words}. {LIMITS}"]
    lowest, worst = min(found, key=lambda pair: pair[0])
    assert worst.expected_dice is not None
    low = sum(mean < BAD for mean, _ in found)
    return [
        f"Expected Dice of {how_many(len(found), 'mask')}: median "
        f"{median(mean for mean, _ in found):.2f}, lowest {lowest:.2f} "
        f"({worst.name}), {low} below {BAD:g}; by a rule measured on "
        f"{images_words(worst.expected_dice.measured)}. {LIMITS}"
    ]


def intensity_rule(
    name: str | None, window: tuple[float, float] | None
) -> Intensity | str | None:
    """The rule that ``--intensity`` or ``--window`` asks for.

    Raises
    ------
    InputError
        If both are given, or the window is invalid.
    """
    if window is None:
        return name
    if name is not None:
        raise InputError(
            f"Expected --window or --intensity, but got both (--intensity {name}); "
            "leave one of them out."
        )
    from napari_attnseg.intensity import Window

    return Window(*window)


def say(message: str) -> None:
    """Print a message on stderr, because stdout is for output that programs read."""
    print(message, file=sys.stderr)
