"""Process many images: each yields one outcome, and a failed one stops no other.

The command line prints the outcomes; a script can use them as they are::

    from napari_attnseg.batch import segment_images

    for outcome in segment_images([Path("photos")], Path("results")):
        print(outcome.path, outcome.error or outcome.files)
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from napari_attnseg.errors import DeviceError, InputError
from napari_attnseg.io.atomic import remove, write_text
from napari_attnseg.io.images import find_images, read_image, turned
from napari_attnseg.io.results import Results, foreign, save_results
from napari_attnseg.masks import MEDSAM, MaskRules, remake
from napari_attnseg.results import GateKey

if TYPE_CHECKING:
    from napari_attnseg.forced_gates import Forced
    from napari_attnseg.inference import Segmenter
    from napari_attnseg.medsam import Medsam


class Note(StrEnum):
    """What a reader of the results should know, although nothing failed.

    Attributes
    ----------
    NO_GPU
        No GPU was found, so the CPU is used.
    NO_GATES
        The model has no gates.
    EXIF_ORIENTATION
        The file asks to be shown rotated; it was read as it is stored.
    NO_BOX
        The model's own mask is empty, so MedSAM had no box as a prompt.
    """

    NO_GPU = "no_gpu"
    NO_GATES = "no_gates"
    EXIF_ORIENTATION = "exif_orientation"
    NO_BOX = "no_box"


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
        Files that were written, the one that names the others last; empty after an
        error.
    error : str or None
        One sentence on why there are no results.
    notes : tuple of Note
        What else there is to know about this image.
    """

    path: Path
    stem: str
    files: tuple[Path, ...] = ()
    error: str | None = None
    notes: tuple[Note, ...] = ()


#: Writes the results of one image and returns their files.
Write = Callable[[], Sequence[Path]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Images that are ready to be processed; iterating over it does the work.

    ``len(batch)`` is the number of images. It yields an `Outcome` per image, in order,
    and ends early only if the results folder or the disk cannot be written.

    Attributes
    ----------
    stems : mapping of Path to str
        File of each image and the beginning of the names of its results.
    compute : callable
        ``(path, stem, notes)`` → function that writes the results. It may append to
        the list of notes.
    notes : tuple of Note
        What there is to know about all images.
    """

    stems: Mapping[Path, str]
    compute: Callable[[Path, str, list[Note]], Write]
    notes: tuple[Note, ...] = ()

    def __len__(self) -> int:
        return len(self.stems)

    def __iter__(self) -> Iterator[Outcome]:
        for path, stem in self.stems.items():
            notes: list[Note] = []
            try:
                write = self.compute(path, stem, notes)
            except (DeviceError, InputError) as error:
                yield Outcome(path, stem, error=str(error), notes=tuple(notes))
                continue
            except MemoryError:
                message = "there is not enough memory for an image of this size."
                yield Outcome(path, stem, error=message, notes=tuple(notes))
                continue
            try:
                files = tuple(write())
            except InputError as error:
                yield Outcome(path, stem, error=str(error), notes=tuple(notes))
                if getattr(error.__cause__, "errno", None) == errno.ENAMETOOLONG:
                    continue
                return  # the folder or the disk is at fault, not the image
            yield Outcome(path, stem, files, notes=tuple(notes))


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
        ``auto``, ``cpu``, ``cuda:0``, ``mps`` …
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
    _check_results_folder(out, inputs, stems)
    segmenter = Segmenter.from_checkpoint(weights, device)
    _, limit = segmenter.check(how.gates, how.threshold)
    cleaning = (how.smoothing, how.min_size, how.fill_holes, how.largest)
    rules = MaskRules(limit, *cleaning)
    sam = _load_medsam(how, device)

    def compute(path: Path, stem: str, notes: list[Note]) -> Write:
        image = read_image(path)
        if turned(path):
            notes.append(Note.EXIF_ORIENTATION)
        encoded = segmenter.encode(image, flip=how.flip)
        result = segmenter.decode(encoded, how.gates, how.threshold)
        if rules != MaskRules(limit):
            result = remake(result, rules)
        if sam is not None:
            result = sam.refine(result, sam.encode(image))
            if not result.provenance[MEDSAM]["boxes"]:
                notes.append(Note.NO_BOX)
        table = ""
        if how.objects:
            from napari_attnseg.objects.descriptors import csv_text
            from napari_attnseg.objects.measure import measure_segmentation

            table = csv_text(measure_segmentation(result, image))
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

    return Batch(stems, compute, _model_notes(segmenter, device))


def result_stems(paths: Sequence[Path]) -> dict[Path, str]:
    """Beginning of the names of each image's results.

    It is the stem of the file, with the suffix where two images have the same stem.

    Raises
    ------
    InputError
        If the results of two images would still have the same names.
    """
    stems = [path.stem for path in paths]
    named: dict[Path, str] = {}
    for path, stem in zip(paths, stems, strict=True):
        name = stem if stems.count(stem) == 1 else path.name.replace(".", "_")
        if name in named.values():
            raise InputError(
                f"Results of two inputs would be called {name}, the second is {path}: "
                "give them in two runs with two --out folders."
            )
        named[path] = name
    return named


def check_not_inputs(out: Path, inputs: Sequence[Path]) -> None:
    """Raise `InputError` if the results folder is also a folder of images."""
    if out.resolve() in {path.resolve() for path in inputs if path.is_dir()}:
        raise InputError(
            f"{out} is the folder of the images, where masks would be taken for images "
            f"the next time; choose another --out, such as {out / 'results'}."
        )


def would_replace(other: Path, path: Path) -> InputError:
    """Error: a file that is no earlier result of the image would be replaced."""
    return InputError(
        f"{other} would be replaced, which is no earlier result of {path}; "
        "choose another --out."
    )


def _check_results_folder(
    out: Path, inputs: Sequence[Path], stems: Mapping[Path, str]
) -> None:
    """Refuse, before any work, to replace files that are no results of these images."""
    check_not_inputs(out, inputs)
    given = {path.resolve() for path in stems}
    for path, stem in stems.items():
        other = foreign(out, stem, path)
        mask = out / f"{stem}_mask.png"
        if other is None and mask.resolve() in given:
            other = mask
        if other is not None:
            raise would_replace(other, path)


def _model_notes(segmenter: Segmenter, device: str) -> tuple[Note, ...]:
    on_cpu = segmenter.device == "cpu" and device == "auto"
    gateless = not segmenter.network.gates
    return (Note.NO_GPU,) * on_cpu + (Note.NO_GATES,) * gateless


def _load_medsam(how: SegmentOptions, device: str) -> Medsam | None:
    folder, margin = how.medsam, how.medsam_margin
    if folder is None:
        if margin is not None:
            raise InputError("A margin is for --medsam FOLDER; give both, or neither.")
        return None
    from napari_attnseg.medsam import MARGIN, Medsam

    return Medsam.from_folder(folder, device, MARGIN if margin is None else margin)
