"""Read image files; a damaged one is refused, never read in part."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.byte_order import is_swapped
from napari_attnseg.io.colour_profiles import (
    COLOUR_PROFILE,
    PROFILE_LEFT,
    in_srgb,
    is_colour,
    is_converted,
    profile_name,
)
from napari_attnseg.io.decoding import Decoded, decode
from napari_attnseg.io.folders import entries, left_out, left_out_words, other_folder
from napari_attnseg.io.imagej_calibration import Calibration
from napari_attnseg.io.other_formats import other_file_words
from napari_attnseg.io.other_pictures import OTHER_PICTURES
from napari_attnseg.io.tiff_bits import RemedyError
from napari_attnseg.io.tiff_pages import THUMBNAILS, TRANSPARENCY

if TYPE_CHECKING:
    from napari_attnseg.io.readers.facts import FileFacts

#: Of pictures; some browsers save JPEG as ``.jfif``.
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jfif", ".tif", ".tiff", ".bmp", ".gif", ".webp"),
)
_TIFF = (".tif", ".tiff")


@dataclass(frozen=True, slots=True, eq=False)
class UprightImage:
    """An image as it is to be shown.

    Attributes
    ----------
    pixels : ndarray, shape (H, W), (H, W, 3) or (H, W, 4)
    orientation : int
        Orientation in which it was stored, 1 to 8 as in EXIF and TIFF; 1: upright.
    others : int
        Number of further pictures in the file that differ; see `other_pictures`.
    facts : FileFacts or None
        Facts of the file, for DICOM, films and volumes; None for pictures.
    thumbnails : int
        Number of further pages of a TIFF that are smaller copies.
    transparency : int
        Number of further pages that say which pixels are transparent.
    profile : str or None
        Name of the embedded colour profile from which colours were converted to sRGB.
    profile_left : str or None
        The same of one that was not used, as the colours have more than 8 bits.
    calibration : Calibration or None
        How ImageJ shows the numbers, in which a window is meant; it was not applied.
    """

    pixels: NDArray[np.generic]
    orientation: int
    others: int = 0
    facts: FileFacts | None = None
    thumbnails: int = 0
    transparency: int = 0
    profile: str | None = None
    profile_left: str | None = None
    calibration: Calibration | None = None

    @property
    def left_out(self) -> dict[str, int]:
        """Further pictures of the file, counted by kind, as provenance has them."""
        counts = {OTHER_PICTURES: self.others, THUMBNAILS: self.thumbnails}
        counts[TRANSPARENCY] = self.transparency
        return {kind: n for kind, n in counts.items() if n}

    @property
    def holds_others(self) -> bool:
        """Whether the file holds other pictures, of which none is a mere preview."""
        from napari_attnseg.io.readers.facts import NotUsed  # which reads by this

        left = () if self.facts is None else self.facts.not_used
        return self.others > 0 or NotUsed.OTHER_IMAGES in left

    @property
    def has_more_bits(self) -> bool:
        """Whether its pixels have more bits than a DICOM header says."""
        from napari_attnseg.io.readers.facts import Assumed  # which reads by this

        return self.facts is not None and Assumed.ALL_BITS in self.facts.assumed

    @property
    def noted(self) -> dict[str, int | str]:
        """What provenance says of the file: `left_out`, and the colour profile."""
        profiles = {COLOUR_PROFILE: self.profile, PROFILE_LEFT: self.profile_left}
        named = {key: name for key, name in profiles.items() if name is not None}
        return {**self.left_out, **named}


def read_image(path: Path, upright: bool = True) -> NDArray[np.generic]:
    """Read an image file as an array: (H, W), (H, W, 3) or (H, W, 4), dtype kept.

    TIFF goes through tifffile (16 bit, float), everything else through Pillow; a
    palette, CMYK or YCbCr becomes RGB. Colours of 8 bits with an embedded profile other
    than sRGB become sRGB.

    Parameters
    ----------
    path : Path
    upright : bool
        Whether to turn the picture as its EXIF, XMP or TIFF orientation asks, and to
        convert its colours. False: pixels as they are stored, which is how napari's own
        reader shows them.

    Raises
    ------
    InputError
        If the file is missing, is not an image, is cut short, or could only be read in
        part. That is so for several pages that are not those of a plain TIFF, and for
        16-bit colours in a compressed TIFF that Pillow would cut to 8 bits.
    """
    decoded = decode_file(path)
    if not upright:
        return _pixels(path, decoded.stored())
    return in_srgb(_pixels(path, decoded), decoded.profile)


def read_numbers(path: Path) -> NDArray[np.generic]:
    """Read a mask or a map upright, with its numbers as they are; else `read_image`.

    Alpha is kept, also beside grey and of a palette: it may be the mask, or erase it.
    Both become (H, W, 4).
    """
    return _pixels(path, decode_file(path), alpha=True)


def read_upright(path: Path) -> UprightImage:
    """Read an image file as `read_image`, with the orientation that was applied."""
    decoded = decode_file(path)
    pixels, profile = _pixels(path, decoded), decoded.profile
    name = profile_name(profile) if is_colour(pixels) else None
    converted = is_converted(pixels, profile)
    return UprightImage(
        *(in_srgb(pixels, profile), decoded.orientation, decoded.others),
        thumbnails=decoded.thumbnails,
        transparency=decoded.transparency,
        profile=name if converted else None,
        profile_left=None if converted else name,
        calibration=decoded.calibration,
    )


def decode_file(path: Path) -> Decoded:
    """Decode all pages of an image file.

    Raises
    ------
    InputError
        If it is missing or cannot be decoded, or the bytes of its numbers were
        exchanged.
    """
    if not is_file(path):
        raise InputError(f"There is no file {path}; check the path.")
    try:
        decoded = decode(path)
        if any(is_swapped(page) for one in decoded.series for page in one.pages[:1]):
            raise ValueError(
                "its numbers of 16 bits jump from pixel to pixel, as where both bytes "
                "of each were exchanged; save it in the byte order that its header says"
            )
        return decoded
    except RemedyError as error:
        raise InputError(f"{path.name} cannot be read: {error}.") from error
    # The decoders raise many kinds for a damaged file; each means the same to a user.
    except Exception as error:
        reason = str(error).replace(str(path), path.name) or type(error).__name__
        raise _unreadable(path, reason) from error


def _unreadable(path: Path, reason: str) -> InputError:
    if words := other_file_words(path):
        return InputError(f"{path.name} cannot be read: {words}.")
    if path.suffix.lower() not in SUFFIXES:
        return InputError(
            f"{path.name} cannot be read as an image ({reason}); expected a picture "
            "(PNG, JPEG, TIFF, BMP, GIF or WebP), DICOM, NIfTI, OME-TIFF, OME-Zarr or "
            "a film such as MP4: convert it to one of them."
        )
    return InputError(
        f"{path.name} cannot be read as an image ({reason}); expected a whole PNG, "
        "JPEG, TIFF, BMP, GIF or WebP file: replace it."
    )


def _pixels(path: Path, decoded: Decoded, alpha: bool = False) -> NDArray[np.generic]:
    """The one picture of a file; white is made the largest number."""
    pages = sum(len(one.pages) for one in decoded.series)
    (series, *others) = decoded.series
    if others or (pages > 1 and not decoded.stack):
        clip = "" if path.suffix.lower() in _TIFF else ", or convert a clip to MP4"
        words = other_file_words(path) or (
            f"it holds {pages} images: save one of them as PNG{clip}"
        )
        raise InputError(f"{path.name} cannot be read: {words}.")
    array = series.array
    white = decoded.white_is_zero and array.dtype.kind in "bu"
    if series.colour and array.shape[-1] == 2:
        grey = ~array[..., :1] if white else array[..., :1]
        rest = [array[..., 1:]] if alpha else []
        return np.concatenate([grey] * 3 + rest, axis=-1)
    if white:
        array = ~array
    return array if series.indices is None or alpha else array[..., :3]


def is_file(path: Path) -> bool:
    """Return whether a file exists; False for an impossible name."""
    return os.path.isfile(path)  # noqa: PTH113 (Path's raises for too long a name)


def turned(path: Path) -> bool:
    """Whether `read_image` would turn the picture of a file upright."""
    try:
        return decode(path).orientation != 1
    except Exception:  # as in `decode_file`
        return False


def find_images(inputs: list[Path]) -> list[Path]:
    """List the given files and the images of each given folder, sorted by name.

    A file that has several names is listed once. `folders.left_out` counts the other
    files in the folders.

    Raises
    ------
    InputError
        If an input does not exist, or a folder holds no image.
    """
    found: list[Path] = []
    for path in inputs:
        if os.path.isdir(path):  # noqa: PTH112 (as `is_file`)
            inside = [
                p for p in entries(path) if p.suffix.lower() in SUFFIXES and p.is_file()
            ]
            if not inside:
                others = left_out_words(left_out([path], []))
                raise InputError(
                    f"Expected images in {path}, found none with the suffixes "
                    f"{', '.join(SUFFIXES)}{f' ({others})' if others else ''}; "
                    f"{other_folder(path)}."
                )
            files = {p.resolve() for p in inside if not p.is_symlink()}
            found += [
                p for p in inside if not (p.is_symlink() and p.resolve() in files)
            ]
        elif is_file(path):
            found.append(path)
        else:
            raise InputError(f"There is no file or folder {path}; check the path.")
    once: dict[Path, Path] = {}
    for path in found:
        once.setdefault(path.resolve(), path)
    return list(once.values())
