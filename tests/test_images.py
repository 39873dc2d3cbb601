"""Image files as arrays, each kind with its own dtype and channels."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.images import find_images, read_image


@pytest.mark.parametrize(
    ("name", "dtype", "shape"),
    [
        ("grey.png", np.uint8, (5, 7)),
        ("rgb.png", np.uint8, (5, 7, 3)),
        ("rgba.png", np.uint8, (5, 7, 4)),
        ("deep.png", np.uint16, (5, 7)),
        ("deep.tif", np.uint16, (5, 7)),
        ("float.tif", np.float32, (5, 7)),
        ("rgb.tif", np.uint8, (5, 7, 3)),
    ],
)
def test_lossless_kinds_come_back(
    tmp_path: Path, name: str, dtype: type, shape: tuple[int, ...]
) -> None:
    values = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    path = tmp_path / name
    if path.suffix == ".tif":
        tifffile.imwrite(path, values)
    else:
        Image.fromarray(values).save(path)
    found = read_image(path)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, values)


def test_palette_becomes_rgb(tmp_path: Path) -> None:
    rgb = np.zeros((4, 4, 3), np.uint8)
    rgb[1:3] = (200, 30, 90)
    Image.fromarray(rgb).convert("P", palette=Image.Palette.ADAPTIVE).save(
        tmp_path / "p.png"
    )
    np.testing.assert_array_equal(read_image(tmp_path / "p.png"), rgb)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_cut_files_are_refused(tmp_path: Path, suffix: str) -> None:
    values = np.random.default_rng(0).integers(0, 255, (80, 80, 3), dtype=np.uint8)
    path = tmp_path / f"whole{suffix}"
    tifffile.imwrite(path, values) if suffix == ".tif" else Image.fromarray(
        values
    ).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"whole.*cannot be read"):
        read_image(path)


def test_folders_are_searched_and_order_is_kept(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "c.txt", ".hidden.png"):
        (tmp_path / name).touch()
    found = find_images([tmp_path / "b.png", tmp_path])
    assert [p.name for p in found] == ["b.png", "a.JPG"]
    with pytest.raises(InputError, match="no file"):
        find_images([tmp_path / "none"])
