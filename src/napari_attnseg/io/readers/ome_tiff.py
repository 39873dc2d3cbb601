"""OME-TIFF: planes by their named axes, one at a time, through tifffile."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.orientation import TAG
from napari_attnseg.io.readers.facts import IMAGES, FileFacts, NotUsed
from napari_attnseg.io.readers.formats import FileFormat
from napari_attnseg.io.readers.frames import Frames
from napari_attnseg.io.readers.named_axes import SECONDS, UNITS, Colour, plan_of
from napari_attnseg.io.tiff_bits import (
    RemedyError,
    expect_package,
    is_exchanged,
    needs_package,
)


def is_ome(path: Path) -> bool:
    """Whether a TIFF has an OME description of its axes."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            return bool(file.is_ome)
    except Exception:  # of many kinds, for a damaged file
        return False


class OmeTiffFrames(Frames):
    """Frames of the first image of an OME-TIFF, at its full size.

    Raises
    ------
    InputError
        If it cannot be read, or is neither an image nor one stack of them.
    """

    def __init__(self, path: Path, name: str) -> None:
        import tifffile

        logging.getLogger("tifffile").addHandler(logging.NullHandler())
        try:
            self._file = tifffile.TiffFile(path)
        except Exception as error:  # of many kinds, for a damaged file
            raise _unreadable(path.name, error) from error
        try:
            super().__init__(name, self._described(path))
        except InputError:
            self._file.close()
            raise
        except Exception as error:
            self._file.close()
            raise _unreadable(path.name, error) from error

    def _described(self, path: Path) -> FileFacts:
        series = self._file.series[0]
        if not self._file.is_ome or any(page is None for page in series.pages):
            lack = ValueError("planes or OME's description of them are missing")
            raise _unreadable(path.name, lack)
        pixels = _pixels_of(self._file.ome_metadata)
        channels = [_name(one) for one in pixels.iterfind("{*}Channel")]
        shown = [_colour(one.get("Color")) for one in pixels.iterfind("{*}Channel")]
        self._plan = plan = plan_of(
            series.axes, series.shape, channels, path.name, shown
        )
        unit = UNITS.get(pixels.get("PhysicalSizeXUnit", "µm"), "pixel")
        sizes = {
            axis: float(pixels.get(f"PhysicalSize{axis.upper()}", 0)) for axis in "zyx"
        }
        known = sizes["x"] > 0 and sizes["y"] > 0 and unit != "pixel"
        count = plan.length(plan.along)
        step = float(pixels.get("TimeIncrement", 0))
        second = SECONDS.get(pixels.get("TimeIncrementUnit", "s"))
        times = positions = None
        if plan.along == "t" and step > 0 and second:
            times = tuple(i * step * second for i in range(count))
        same = pixels.get("PhysicalSizeZUnit", "µm") == pixels.get(
            "PhysicalSizeXUnit", "µm"
        )
        if plan.along == "z" and sizes["z"] > 0 and known and same:
            positions = tuple(i * sizes["z"] for i in range(count))
        images = len(self._file.series)
        return FileFacts(
            FileFormat.OME_TIFF,
            count,
            plan.length("y"),
            plan.length("x"),
            plan.channels,
            plan.axis,
            times,
            positions,
            (sizes["y"], sizes["x"]) if known else None,
            unit if known else "pixel",
            said={"axes": series.axes, IMAGES: images, **plan.said},
            not_used=(NotUsed.OTHER_IMAGES,) * (images > 1),
        )

    def _frame(self, index: int) -> NDArray[Any]:
        plan, series = self._plan, self._file.series[0]
        page = series.keyframe
        inner = len(page.shape)  # axes that one page holds
        outer, place = plan.shape[: len(plan.shape) - inner], plan.place(index)
        pages = np.arange(int(np.prod(outer))).reshape(outer)[place[: len(outer)]]
        try:
            planes = [_decoded(self._file, int(at)) for at in np.ravel(pages)]
            values = np.stack(planes).reshape(*np.shape(pages), *page.shape)
        except Exception as error:
            raise _unreadable(self.name, error) from error
        inside = (slice(None),) * np.ndim(pages)
        return np.array(plan.picture(values[inside + place[len(outer) :]]))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _decoded(file: Any, at: int) -> NDArray[Any]:
    """Pixels of a page of the first image; by Pillow what needs another package."""
    from PIL import Image, UnidentifiedImageError

    try:
        return np.asarray(file.asarray(key=at, series=0))
    except (ValueError, NotImplementedError, ImportError) as error:
        if not needs_package(error):
            raise
    series = file.series[0]
    page, kind = series.pages[at], series.keyframe
    try:
        with Image.open(page.parent.filehandle.path, formats=("TIFF",)) as shown:
            shown.seek(page.index)
            values = np.asarray(shown)
    except (OSError, SyntaxError, ValueError) as error:
        expect_package(kind, isinstance(error, UnidentifiedImageError))
        raise
    # Pillow may cut, spread, invert, exchange or turn what it decodes.
    same = values.shape == kind.shape and values.dtype.kind == kind.dtype.kind
    same &= values.dtype.itemsize == kind.dtype.itemsize and not is_exchanged(kind)
    same &= kind.tags.valueof(TAG, 1) == 1 and kind.bitspersample in (8, 16, 32)
    if not same or kind.photometric.name not in ("MINISBLACK", "RGB"):
        expect_package(kind, True)
    return values.astype(kind.dtype)


def _unreadable(name: str, error: Exception) -> InputError:
    if isinstance(error, RemedyError):
        return InputError(f"{name} cannot be read: {error}.")
    return InputError(
        f"{name} cannot be read as OME-TIFF ({error}); expected a whole file: "
        "replace it, or name it .tif if it is not an OME-TIFF."
    )


def _name(channel: ElementTree.Element) -> str:
    """Name of a channel, or else its dye or the wavelength of its light."""
    length = channel.get("EmissionWavelength")
    wave = f"{length} {channel.get('EmissionWavelengthUnit', 'nm')}" if length else ""
    return channel.get("Name") or channel.get("Fluor") or wave


def _colour(text: str | None) -> Colour | None:
    """Colour of a channel: OME writes red, green, blue and alpha as a signed number."""
    try:
        red, green, blue, _ = (int(text or "") & 0xFFFFFFFF).to_bytes(4, "big")
    except ValueError:
        return None
    return red, green, blue


def _pixels_of(text: str | None) -> ElementTree.Element:
    """The description of the first image; an empty one without any."""
    if not text:
        return ElementTree.Element("Pixels")
    found = ElementTree.fromstring(text).find("{*}Image/{*}Pixels")
    return ElementTree.Element("Pixels") if found is None else found
