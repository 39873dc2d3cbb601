"""OME-Zarr: planes by their named axes, of versions 0.4 and 0.5, through zarr."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers.facts import IMAGES, FileFacts, NotUsed
from napari_attnseg.io.readers.formats import FileFormat
from napari_attnseg.io.readers.frames import Frames
from napari_attnseg.io.readers.named_axes import SECONDS, UNITS, Colour, plan_of

#: Number of folders that a message lists.
_TOLD = 3


class OmeZarrFrames(Frames):
    """Frames of the first image of an OME-Zarr folder, at its full size.

    Raises
    ------
    InputError
        If zarr is missing, or the folder is not an image or a single stack of images.
    """

    def __init__(self, path: Path, name: str) -> None:
        try:
            import zarr
        except ImportError as error:
            raise InputError(
                f"Reading {path.name} needs zarr, which is not installed; run "
                'pip install "napari-attnseg[ome]", or save its planes as TIFF.'
            ) from error
        try:
            group = zarr.open_group(str(path), mode="r")
            attributes: dict[str, Any] = dict(group.attrs)
            attributes = attributes.get("ome", attributes)
            _expect_image(path, attributes)
            images = attributes["multiscales"]
            image, first = images[0], images[0]["datasets"][0]
            self._array: Any = group[first["path"]]
            axes = [
                one if isinstance(one, str) else one["name"] for one in image["axes"]
            ]
            units = [
                "" if isinstance(one, str) else one.get("unit", "")
                for one in image["axes"]
            ]
        except InputError:
            raise
        except Exception as error:  # of many kinds, for a damaged folder
            raise InputError(
                f"{path.name} cannot be read as OME-Zarr ({error}); expected the "
                "folder of one image, with its axes (version 0.4 or 0.5)."
            ) from error
        scale = [1.0] * len(axes)
        for steps in (
            first.get("coordinateTransformations", []),
            image.get("coordinateTransformations", []),
        ):
            for step in steps:
                if step.get("type") == "scale":
                    scale = [a * b for a, b in zip(scale, step["scale"], strict=True)]
        shown = attributes.get("omero", {}).get("channels", [])
        channels = [str(one.get("label", "")) for one in shown]
        colours = [_colour(one.get("color")) for one in shown]
        self._plan = plan = plan_of(
            axes, self._array.shape, channels, path.name, colours
        )
        sizes = dict(zip(plan.names, scale, strict=True))
        named = dict(zip(plan.names, units, strict=True))
        unit = UNITS.get(named["x"], "pixel")
        known = unit != "pixel" and UNITS.get(named["y"]) == unit
        count = plan.length(plan.along)
        times = positions = None
        if plan.along == "t" and named["t"] in SECONDS:
            second = SECONDS[named["t"]]
            times = tuple(i * sizes["t"] * second for i in range(count))
        if plan.along == "z" and known and UNITS.get(named["z"]) == unit:
            positions = tuple(i * sizes["z"] for i in range(count))
        super().__init__(
            name,
            FileFacts(
                FileFormat.OME_ZARR,
                count,
                plan.length("y"),
                plan.length("x"),
                plan.channels,
                plan.axis,
                times,
                positions,
                (sizes["y"], sizes["x"]) if known else None,
                unit if known else "pixel",
                window=_window(shown) if plan.channels == 1 else None,
                said={"axes": plan.names, IMAGES: len(images), **plan.said},
                not_used=(NotUsed.OTHER_IMAGES,) if len(images) > 1 else (),
            ),
        )

    def _frame(self, index: int) -> NDArray[Any]:
        try:
            values = np.asarray(self._array[self._plan.place(index)])
        except Exception as error:
            raise InputError(
                f"Frame {index} of {self.name} cannot be read ({error}); expected a "
                "whole OME-Zarr folder: replace it."
            ) from error
        return np.array(self._plan.picture(values))


def _expect_image(path: Path, attributes: Mapping[str, Any]) -> None:
    """Refuse a folder of images, as bioformats2raw writes it, even of one alone."""
    if "multiscales" in attributes or "bioformats2raw.layout" not in attributes:
        return
    inside = sorted(p.name for p in path.iterdir() if p.is_dir() and p.name != "OME")
    found = ", ".join(inside[:_TOLD]) + " …" * (len(inside) > _TOLD)
    raise InputError(
        f"Expected the folder of one image, but {path.name} holds folders of images "
        f"({found}), as bioformats2raw writes them: give one of these, such as "
        f"{path.name}/{inside[0] if inside else '0'}."
    )


def _colour(text: Any) -> Colour | None:
    """Colour of a channel: OMERO writes it as six hexadecimal digits."""
    try:
        red, green, blue = bytes.fromhex(str(text))
    except ValueError:
        return None
    return red, green, blue


def _window(channels: list[dict[str, Any]]) -> tuple[float, float] | None:
    """Values that OMERO shows black and white."""
    window = channels[0].get("window", {}) if channels else {}
    if "start" not in window or "end" not in window:
        return None
    low, high = float(window["start"]), float(window["end"])
    return (low, high) if low < high else None
