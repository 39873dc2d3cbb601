"""Three channels that ImageJ shows in red, green and blue are an RGB image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_attnseg.io.images import read_image

PLANES = np.random.default_rng(0).integers(0, 256, (3, 30, 40), np.uint8)
RAMPS = [
    np.array([np.arange(256) * (shown == one) for one in range(3)], np.uint8)
    for shown in range(3)
]


@pytest.mark.parametrize("bits", ["uint8", "uint16"])
@pytest.mark.parametrize("mode", ["composite", "color"])
def test_channels_in_red_green_and_blue_are_rgb(
    tmp_path: Path, bits: str, mode: str
) -> None:
    facts = {"axes": "CYX", "mode": mode, "LUTs": RAMPS}
    planes = PLANES.astype(bits) * (9 if bits == "uint16" else 1)
    tifffile.imwrite(tmp_path / "x.tif", planes, imagej=True, metadata=facts)
    read = read_image(tmp_path / "x.tif")
    np.testing.assert_array_equal(read, planes.transpose(1, 2, 0))


@pytest.mark.parametrize(
    ("axes", "tables"),
    [("CYX", None), ("CYX", [*RAMPS[1:], RAMPS[0]]), ("ZYX", RAMPS), ("TYX", RAMPS)],
)
def test_other_channels_and_slices_are_not(
    tmp_path: Path, axes: str, tables: list[np.ndarray] | None
) -> None:
    facts = {"axes": axes, "mode": "composite", **({"LUTs": tables} if tables else {})}
    tifffile.imwrite(tmp_path / "x.tif", PLANES, imagej=True, metadata=facts)
    assert read_image(tmp_path / "x.tif").shape == PLANES.shape
