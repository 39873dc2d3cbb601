"""Cases of a report: one image each, with its result."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from napari_attnseg.errors import AttnSegError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.files import read_facts
from napari_attnseg.io.results import Results, load_results
from napari_attnseg.io.run_facts import IMAGE
from napari_attnseg.io.segmented_pixels import (
    NoImage,
    Picture,
    pixels_of,
    segmented_pixels,
    turned_since,
)
from napari_attnseg.io.stack_results import FORMAT as FRAMES_FORMAT
from napari_attnseg.objects.descriptors import PixelSize
from napari_attnseg.objects.physical import pixel_size
from napari_attnseg.reports.order import worst_frames
from napari_attnseg.results import Segmentation


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One image and its result.

    Attributes
    ----------
    name : str
        Name of the case for a reader.
    result : Segmentation
    image : ndarray, shape (H, W) or (H, W, 3 or 4), or NoImage
        The pixels that were segmented, or why they are not shown.
    source : str
        The image's file as it was given, or the name of its layer.
    file : str
        JSON file of the results, if there is one.
    frame : int or None
        Frame of a stack.
    pixel : PixelSize
    doubt : float or None
        Doubt in bits, if it is known but the probability is not kept, as for films.
        None: it is computed from the probability.
    left_out : int
        Number of frames of the stack that are not in the report, because other frames
        are more urgent to look at.
    assumed : str
        How the numbers of the mask's file were read, if that is not obvious; else
        empty.
    """

    name: str
    result: Segmentation
    image: Picture
    source: str = ""
    file: str = ""
    frame: int | None = None
    pixel: PixelSize = field(default_factory=PixelSize)
    doubt: float | None = None
    left_out: int = 0
    assumed: str = ""

    @property
    def edited(self) -> bool:
        """Whether the mask was edited by hand after it was made."""
        made = self.result.provenance.get("mask_sha256")
        return array_sha256(self.result.mask) != made


def cases_of(
    results: Results, picture: Callable[[int | None], Picture], file: str = ""
) -> list[Case]:
    """Cases of an image, or of the frames of a stack that most need a look.

    Parameters
    ----------
    results : Results
    picture : callable
        Called with the number of the frame, or None for a single image. It returns the
        pixels, or the reason why there are none.
    file : str
        JSON file of the results, if there is one.
    """
    cases = []
    for i, result in enumerate(results.segmentations):
        if result.provenance.get(IMAGE, "") is None:
            continue  # a frame that was not segmented
        frame = None if results.frames is None else i
        name = results.name if frame is None else f"{results.name}, frame {frame}"
        pixel = pixel_size(results.placement)
        source, none = results.source, NoImage.MISSING
        case = Case(name, result, none, source, file, frame, pixel)
        cases.append(replace(case, assumed=results.assumed))
    return [replace(case, image=picture(case.frame)) for case in worst_frames(cases)]


def load_cases(path: Path) -> list[Case]:
    """Cases of a JSON file of ``attnseg segment`` or of the viewer.

    For a film, a volume or a stack, these are the frames that most need a look.

    Raises
    ------
    InputError
        If it is not such a file, or a file that it names cannot be read.
    """
    if read_facts(path, FRAMES_FORMAT) is not None:
        from napari_attnseg.reports.films import film_cases

        return film_cases(path)
    results = load_results(path)
    file = results.image
    # One read serves all frames of a stack.
    kept: dict[bool, Any] = {}
    with ExitStack() as opened:

        def picture(frame: int | None) -> Picture:
            if file is None or not file.exists():
                return NoImage.MISSING
            facts = results.segmentations[frame or 0].provenance
            for upright in (True, False):
                try:
                    if upright not in kept:
                        kept[upright] = pixels_of(file, upright, opened)
                    found = segmented_pixels(kept[upright], facts, frame)
                except (AttnSegError, MemoryError):
                    return NoImage.UNREADABLE
                if not isinstance(found, NoImage):
                    since = not upright and turned_since(file, facts)
                    return NoImage.TURNED if since else found
            return NoImage.CHANGED

        return cases_of(results, picture, path.name)


def plain_source(source: str) -> str:
    """Name of a file without its folders, for POSIX and Windows paths."""
    return PurePath(source.replace("\\", "/")).name or source
