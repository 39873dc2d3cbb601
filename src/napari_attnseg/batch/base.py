"""One outcome per image, and what all batches have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_attnseg.canvas import mostly_canvas
from napari_attnseg.errors import InputError
from napari_attnseg.false_colours import COLOUR_MAP, colour_map_of
from napari_attnseg.intensity import IntensityWarning
from napari_attnseg.intensity_warnings import mostly_clipped, warnings_of
from napari_attnseg.io.folders import left_out, name_key
from napari_attnseg.io.readers.formats import file_format
from napari_attnseg.mask_like import looks_like_mask
from napari_attnseg.reliability.estimate import EstimateState, ExpectedDice
from napari_attnseg.several_pictures import PICTURES

if TYPE_CHECKING:
    from napari_attnseg.inference import Segmenter
    from napari_attnseg.io.readers.facts import FileFacts


class Note(StrEnum):
    """Notes for readers of the results, although nothing failed.

    Attributes
    ----------
    NO_GPU
        No GPU was found, so the CPU is used.
    NO_GATES
        The model has no gates.
    EXIF_ORIENTATION
        The file asks to be shown rotated or flipped (EXIF, XMP, TIFF). It was
        turned upright, and the results belong to the upright image.
    OTHER_PICTURES
        The file holds further pictures that differ from the first, which was used.
    TRANSPARENCY
        The file holds a transparency mask beside its picture, which was left out.
    REGION_UPRIGHT
        The image of the file was turned upright, and the region to be explained was
        laid over the upright image. This is right for a mask of `segment_images`. It is
        wrong for a mask that was drawn on the stored pixels, which napari's own reader
        shows.
    NO_BOX
        The model's own mask is empty, so MedSAM had no box as a prompt.
    DECORATIVE
        The maps show a gate whose pattern was measured not to matter for the mask in
        this model.
    NARROW_RANGE
        Less than three tenths of the image's range of intensities hold 99 % of its
        pixels.
    NARROW_IN_WINDOW
        The same of the window that was given.
    CLIPPED
        The window that was given makes nearly all pixels black or white; see
        `intensity_warnings.CLIPPED`.
    CALIBRATED
        The window that was given was taken in the values that ImageJ shows.
    UNLIKE
        The image is unlike those that the expected Dice was measured on, so it has no
        expected Dice.
    GREY
        The image is grey, and the expected Dice was measured on colour images only, so
        it has no expected Dice.
    NOTHING_FOUND
        The mask is empty.
    WHOLE_IMAGE
        The mask covers the whole image.
    CANVAS
        More than half of the image is one colour around a smaller picture.
    PAGE
        The image is a page of several pictures. Then it has no `CANVAS`.
    COLOUR_MAP
        The image has the colours of a colour map, as a grey image that was saved so.
    LIKE_MASK
        The image has a few values only, which fill regions, as a mask has. Then it has
        no `PAGE` or `CANVAS`, and nothing is said of its `NARROW_RANGE`.
    BURNED_IN
        The file says that its pixels show who the patient is.
    PROFILE_LEFT
        The colours have an embedded profile other than sRGB, and more than 8 bits, so
        that they were not converted.
    INTERLACED
        Each frame of the film holds the rows of two moments.
    PLANES
        Colours of a DICOM file look as if its header named a wrong order of them.
    NO_OVERLAY
        PyAV is not installed, so that no video of the masks is written.
    DONE_BEFORE
        The results were made by an earlier run, which this run resumes.
    """

    NO_GPU = "no_gpu"
    NO_GATES = "no_gates"
    EXIF_ORIENTATION = "exif_orientation"
    OTHER_PICTURES = "other_pictures"
    TRANSPARENCY = "transparency"
    REGION_UPRIGHT = "region_upright"
    NO_BOX = "no_box"
    DECORATIVE = "decorative"
    NARROW_RANGE = "narrow_range"
    NARROW_IN_WINDOW = "narrow_in_window"
    CLIPPED = "clipped"
    CALIBRATED = "calibrated"
    UNLIKE = "unlike"
    GREY = "grey"
    NOTHING_FOUND = "nothing_found"
    WHOLE_IMAGE = "whole_image"
    CANVAS = "canvas"
    PAGE = "page"
    COLOUR_MAP = "colour_map"
    LIKE_MASK = "like_mask"
    BURNED_IN = "burned_in"
    PROFILE_LEFT = "profile_left"
    INTERLACED = "interlaced"
    PLANES = "planes"
    NO_OVERLAY = "no_overlay"
    DONE_BEFORE = "done_before"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of one image.

    Attributes
    ----------
    path : Path
        File of the image.
    stem : str
        Beginning of the names of its results.
    files : tuple of Path
        Files that were written; the last one names the others. Empty after an error.
    error : str or None
        One sentence on why there are no results.
    notes : tuple of Note
        Notes on this image.
    expected_dice : ExpectedDice or None
        Expected Dice of the mask, if it is known.
    frame : int or None
        Number of the frame in the file; None: the file holds one image.
    facts : FileFacts or None
        Facts of the file, with the first outcome of each; None for pictures.
    """

    path: Path
    stem: str
    files: tuple[Path, ...] = ()
    error: str | None = None
    notes: tuple[Note, ...] = ()
    expected_dice: ExpectedDice | None = None
    frame: int | None = None
    facts: FileFacts | None = None

    @property
    def name(self) -> str:
        """Name of the file and the frame, for messages."""
        frame = "" if self.frame is None else f" frame {self.frame}"
        return f"{self.path.name}{frame}"


@dataclass(frozen=True, slots=True)
class Batch:
    """Images that are ready to be processed; iterating over it does the work.

    ``len(batch)`` is the number of images. It yields an `Outcome` per image, and ends
    early only if the results folder or the disk cannot be written.

    Attributes
    ----------
    stems : mapping of Path to str
        File of each image and the beginning of the names of its results.
    process : callable
        Does the work and yields the outcomes.
    notes : tuple of Note
        Notes on all images.
    left_out : mapping of str to int
        Other files in the given folders, counted by suffix or kind; see
        `napari_attnseg.io.folders.left_out`.
    """

    stems: Mapping[Path, str]
    process: Callable[[], Iterator[Outcome]]
    notes: tuple[Note, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.stems)

    def __iter__(self) -> Iterator[Outcome]:
        return self.process()


def result_stems(paths: Sequence[Path]) -> dict[Path, str]:
    """First part of the file names of each image's results.

    It is the stem of the file, with the suffix where two images have the same stem.
    Names that differ only in case or in the form of accents count as equal, as they do
    on many file systems.

    Raises
    ------
    InputError
        If the results of two images would still have the same names.
    """
    times = Counter(name_key(path.stem) for path in paths)
    named: dict[str, Path] = {}
    stems: dict[Path, str] = {}
    for path in paths:
        alone = times[name_key(path.stem)] == 1
        stem = path.stem if alone else path.name.replace(".", "_")
        first = named.setdefault(name_key(stem), path)
        if first is not path:
            raise InputError(
                f"Results of {first} and {path} would have the same name, {stem}, "
                "up to capital letters and the form of accents: give them in two "
                "runs with two --out folders."
            )
        stems[path] = stem
    return stems


def not_images(inputs: Sequence[Path], paths: Collection[Path]) -> dict[str, int]:
    """Count the files and folders in the folders of `inputs` that are not images."""
    folders = [one for one in inputs if one.is_dir() and file_format(one) is None]
    return left_out(folders, paths)


def check_not_inputs(out: Path, inputs: Sequence[Path]) -> None:
    """Raise `InputError` if the results folder is also a folder of images."""
    if out.resolve() in {path.resolve() for path in inputs if path.is_dir()}:
        raise InputError(
            f"{out} is the folder of the images, so that the next run would take "
            f"masks for images; choose another --out, such as {out / 'results'}."
        )


def would_replace(other: Path, path: Path) -> InputError:
    """Make the error for a file that is not a result of the image, to be replaced."""
    return InputError(
        f"{other} would be replaced, but it is not an earlier result of {path}; "
        "choose another --out."
    )


def model_notes(segmenter: Segmenter, device: str) -> tuple[Note, ...]:
    """Notes on a model and its device."""
    on_cpu = segmenter.device == "cpu" and device == "auto"
    gateless = not segmenter.engine.gates
    return (Note.NO_GPU,) * on_cpu + (Note.NO_GATES,) * gateless


def intensity_notes(provenance: Mapping[str, Any], given: bool = False) -> list[Note]:
    """Notes on how intensities were mapped, from the provenance.

    `given` says whether the user gave a window, not the file.
    """
    if given and mostly_clipped(provenance):
        return [Note.CLIPPED]
    notes = [_OF_WARNING[warning] for warning in warnings_of(provenance)]
    return [Note.NARROW_IN_WINDOW for _ in notes] if given else notes


def found_notes(
    image: NDArray[Any], mask: NDArray[Any], provenance: Mapping[str, Any]
) -> list[Note]:
    """Notes on a mask (H, W) or (classes, H, W), on its image, and from its run."""
    notes = []
    if not mask.any():
        notes.append(Note.NOTHING_FOUND)
    elif mask.all():
        notes.append(Note.WHOLE_IMAGE)
    if looks_like_mask(image):
        notes.append(Note.LIKE_MASK)
    elif PICTURES in provenance:
        notes.append(Note.PAGE)
    elif mostly_canvas(image):
        notes.append(Note.CANVAS)
    if Note.LIKE_MASK not in notes and colour_map_of(image):
        notes.append(Note.COLOUR_MAP)
    return notes


def found_facts(image: NDArray[Any], notes: Sequence[Note]) -> dict[str, Any]:
    """Provenance of what `found_notes` found in an image."""
    facts: dict[str, Any] = {}
    if Note.COLOUR_MAP in notes:
        facts[COLOUR_MAP] = colour_map_of(image)
    return facts


def estimate_notes(expected: ExpectedDice) -> list[Note]:
    """Notes on why an image has no expected Dice, if it has none."""
    note = _OF_STATE.get(expected.state)
    return [] if note is None else [note]


_OF_STATE = {EstimateState.UNLIKE: Note.UNLIKE, EstimateState.GREY: Note.GREY}
_OF_WARNING = {IntensityWarning.NARROW_RANGE: Note.NARROW_RANGE}
