"""NIfTI, OME-TIFF and OME-Zarr: slices by their axes, sizes, and what is refused."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.io.readers import find_sets, open_frames, read_picture
from napari_attnseg.io.readers.facts import FrameAxis, NotUsed
from napari_attnseg.io.readers.grids import grid_of

VOLUME = np.arange(4 * 9 * 12, dtype=np.int16).reshape(4, 9, 12)  # z, y, x


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_slices_of_a_nifti_volume(tmp_path: Path, name: str) -> None:
    image = nibabel.Nifti1Image(VOLUME.T, np.diag([-0.5, -0.25, 3, 1]))
    image.header.set_xyzt_units("mm")
    image.header["cal_min"], image.header["cal_max"] = -10, 300
    nibabel.save(image, tmp_path / name)
    (found,) = find_sets([tmp_path])
    assert found.name == "a"
    with open_frames(found) as frames:
        assert frames.shape == VOLUME.shape
        np.testing.assert_array_equal(frames[2], VOLUME[2])
        facts = frames.facts
    assert (facts.spacing, facts.unit, facts.step) == ((0.25, 0.5), "mm", 3)
    assert (facts.axis, facts.window, facts.not_used) == ("depth", (-10, 300), ())


def test_a_nifti_slice_and_its_affine(tmp_path: Path) -> None:
    turned = nibabel.Nifti1Image(VOLUME[0].T, np.diag([0.5, -0.25, 3, 1]))
    nibabel.save(turned, tmp_path / "a.nii")
    found = read_picture(tmp_path / "a.nii")
    np.testing.assert_array_equal(found.pixels, VOLUME[0])
    assert found.facts is not None and found.facts.not_used == (NotUsed.ORIENTATION,)
    many = nibabel.Nifti1Image(np.zeros((3, 3, 2, 2), np.int16), np.eye(4))
    nibabel.save(many, tmp_path / "b.nii")
    with pytest.raises(InputError, match=r"b\.nii, but it has shape \(3, 3, 2, 2\)"):
        open_frames(tmp_path / "b.nii")


RGB = np.random.default_rng(0).integers(0, 255, (9, 12, 3), np.uint8)


def test_vectors_of_colours_are_one_picture(tmp_path: Path) -> None:
    itk = nibabel.Nifti1Image(RGB.swapaxes(0, 1)[:, :, None, None], np.eye(4))
    itk.header.set_intent(1007)
    nibabel.save(itk, tmp_path / "a.nii.gz")
    with open_frames(tmp_path / "a.nii.gz") as frames:
        assert frames.shape == (1, 9, 12, 3) and frames.facts.channels == 3
        np.testing.assert_array_equal(frames[0], RGB)
    field = np.zeros((12, 9, 4, 1, 3), np.float32)
    moved = nibabel.Nifti1Image(field, np.eye(4))
    moved.header.set_intent(1007)
    nibabel.save(moved, tmp_path / "b.nii")
    with pytest.raises(InputError, match=r"b\.nii, but it holds vectors of 3 numbers"):
        open_frames(tmp_path / "b.nii")


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_three_slices_that_may_be_colours_are_refused(
    tmp_path: Path, axes: tuple[int, ...]
) -> None:
    values = RGB.transpose(axes)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(InputError, match=r"of length 3 may be frames or colours"):
        open_frames(tmp_path / "a.nii")


def test_three_slices_that_are_none_of_colours_are_read(tmp_path: Path) -> None:
    apart = nibabel.Nifti1Image(RGB, np.diag([1, 1, 3, 1]))
    deep = nibabel.Nifti1Image(RGB.astype(np.int16), np.eye(4))
    labels = nibabel.Nifti1Image(RGB // 128, np.eye(4))
    for image in (apart, deep, labels):
        nibabel.save(image, tmp_path / "a.nii")
        with open_frames(tmp_path / "a.nii") as frames:
            assert frames.shape == (3, 12, 9)


@pytest.mark.parametrize("single", [0, 1])
def test_a_slice_whose_axis_of_length_1_comes_first(
    tmp_path: Path, single: int
) -> None:
    values = np.expand_dims(VOLUME[0].T, single)
    sizes = [0.5, 0.25]
    sizes.insert(single, 3)
    image = nibabel.Nifti1Image(values, np.diag([*sizes, 1]))
    image.header.set_xyzt_units("mm")
    nibabel.save(image, tmp_path / "a.nii")
    with open_frames(tmp_path / "a.nii") as frames:
        assert frames.shape == (1, 9, 12)
        np.testing.assert_array_equal(frames[0], VOLUME[0])
        assert frames.facts.spacing == (0.25, 0.5)
        said = frames.facts.to_provenance()
    assert said["axis_of_length_1"] == single
    (files,) = find_sets([tmp_path / "a.nii"])
    grid = grid_of(files)
    assert grid is not None and grid.slices
    lies = grid.affine @ [2, 4, 0, 1]  # column, row, slice
    at = [2, 4]
    at.insert(single, 0)
    np.testing.assert_allclose(lies, image.affine @ [*at, 1])


def test_ome_tiff_planes(tmp_path: Path) -> None:
    stack = np.stack([VOLUME, VOLUME + 1000])[:, None].astype(np.uint16)
    metadata = {
        "axes": "TCZYX",
        "PhysicalSizeX": 0.5,
        "PhysicalSizeY": 0.25,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeYUnit": "µm",
        "TimeIncrement": 200,
        "TimeIncrementUnit": "ms",
    }
    for name in ("a.ome.tif", "b.tif"):
        tifffile.imwrite(tmp_path / name, stack[:, :, :1], metadata=metadata, ome=True)
        with open_frames(tmp_path / name) as frames:
            assert (frames.shape, frames.facts.axis) == ((2, 9, 12), FrameAxis.TIME)
            np.testing.assert_array_equal(frames[1], VOLUME[0] + 1000)
            assert frames.facts.spacing == (0.25, 0.5)
            assert (frames.facts.unit, frames.facts.step) == ("micrometer", 0.2)
    tifffile.imwrite(tmp_path / "c.ome.tif", stack, metadata=metadata, ome=True)
    with pytest.raises(InputError, match=r"one axis.*c\.ome\.tif has the axes t 2"):
        open_frames(tmp_path / "c.ome.tif")
    rgb = np.arange(3 * 9 * 12 * 3, dtype=np.uint8).reshape(3, 9, 12, 3)
    tifffile.imwrite(
        tmp_path / "d.ome.tif",
        rgb,
        photometric="rgb",
        metadata={"axes": "ZYXS"},
        ome=True,
    )
    with open_frames(tmp_path / "d.ome.tif") as frames:
        np.testing.assert_array_equal(frames[2], rgb[2])
    dyes = {"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP", "RFP"]}}
    tifffile.imwrite(tmp_path / "e.ome.tif", VOLUME[:3], metadata=dyes, ome=True)
    with pytest.raises(InputError, match="DAPI, GFP"):
        open_frames(tmp_path / "e.ome.tif")


def ome_zarr(path: Path, values: Any, axes: str, version: str = "0.5") -> Path:
    kinds = {"t": "time", "c": "channel"}
    units = {"t": "second", "z": "micrometer", "y": "micrometer", "x": "micrometer"}
    named = [
        {"name": one, "type": kinds.get(one, "space")}
        | ({"unit": units[one]} if one in units else {})
        for one in axes
    ]
    scale = [{"t": 0.5, "z": 2.0, "y": 0.25, "x": 0.5}.get(one, 1.0) for one in axes]
    step = [{"type": "scale", "scale": scale}]
    images = [
        {
            "axes": named,
            "datasets": [{"path": "0", "coordinateTransformations": step}],
        }
    ]
    group = zarr.open_group(path, mode="w", zarr_format=3 if version == "0.5" else 2)
    said = {"multiscales": images}
    group.attrs.update(
        {"ome": {"version": version} | said} if version == "0.5" else said
    )
    array = group.create_array("0", shape=values.shape, dtype=values.dtype)
    array[:] = values
    return path


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_planes(tmp_path: Path, version: str) -> None:
    path = ome_zarr(tmp_path / "a.ome.zarr", VOLUME[None], "czyx", version)
    (found,) = find_sets([tmp_path])
    assert (found.name, found.paths) == ("a", (path,))
    with open_frames(path) as frames:
        assert (frames.shape, frames.facts.axis) == ((4, 9, 12), FrameAxis.DEPTH)
        np.testing.assert_array_equal(frames[3], VOLUME[3])
        assert frames.facts.spacing == (0.25, 0.5) and frames.facts.step == 2
    rgb = np.arange(3 * 9 * 12, dtype=np.uint8).reshape(3, 9, 12)
    picture = read_picture(ome_zarr(tmp_path / "b.zarr", rgb, "cyx", version))
    np.testing.assert_array_equal(picture.pixels, np.moveaxis(rgb, 0, -1))
    (tmp_path / "c.zarr").mkdir()
    (tmp_path / "c.zarr" / "zarr.json").write_text("{}")
    with pytest.raises(InputError, match=r"c\.zarr cannot be read as OME-Zarr"):
        open_frames(tmp_path / "c.zarr")


#: Blue, green and red, as OMERO and OME-XML write them.
BGR, BGR_XML = ("0000FF", "00FF00", "FF0000"), [65535, 16711935, -16776961]


@pytest.mark.parametrize("label", ["", "Channel {}", "Channel:0:{}"])
def test_channels_without_names_are_in_the_order_of_their_colours(
    tmp_path: Path, label: str
) -> None:
    planes = np.moveaxis(RGB, -1, 0)[::-1].copy()
    path = ome_zarr(tmp_path / "a.zarr", planes, "cyx", "0.4")
    shown = [{"label": label.format(i), "color": one} for i, one in enumerate(BGR)]
    zarr.open_group(path).attrs["omero"] = {"channels": shown}
    said = {"Color": BGR_XML} | (
        {"Name": [label.format(i) for i in range(3)]} if label else {}
    )
    axes = {"axes": "CYX", "Channel": said}
    tifffile.imwrite(tmp_path / "b.ome.tif", planes, metadata=axes, ome=True)
    for file in (path, tmp_path / "b.ome.tif"):
        with open_frames(file) as frames:
            np.testing.assert_array_equal(frames[0], RGB)
            assert frames.facts.said["channel_order"] == [2, 1, 0]
    shown[0]["label"] = "DAPI"
    zarr.open_group(path).attrs["omero"] = {"channels": shown}
    with pytest.raises(InputError, match=r"3 channels \(DAPI"):
        open_frames(path)


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        # Cyan, magenta and yellow, with alpha 255.
        (
            {"Color": [16777215, -16711681, -65281]},
            "shown in #00ffff, #ff00ff, #ffff00",
        ),
        ({"Fluor": ["DAPI", "FITC", "Cy5"]}, r"\(DAPI, FITC, Cy5\)"),
        ({"EmissionWavelength": [461, 520, 600]}, r"\(461 nm, 520 nm, 600 nm\)"),
    ],
)
def test_stains_are_no_red_green_and_blue(
    tmp_path: Path, channel: dict[str, Any], words: str
) -> None:
    planes = np.moveaxis(RGB, -1, 0).copy()
    axes = {"axes": "CYX", "Channel": channel}
    tifffile.imwrite(tmp_path / "a.ome.tif", planes, metadata=axes, ome=True)
    with pytest.raises(InputError, match=words):
        open_frames(tmp_path / "a.ome.tif")
    # White is what OME has where nobody chose a colour.
    axes = {"axes": "CYX", "Channel": {"Color": [-1, -1, -1]}}
    tifffile.imwrite(tmp_path / "b.ome.tif", planes, metadata=axes, ome=True)
    with open_frames(tmp_path / "b.ome.tif") as frames:
        np.testing.assert_array_equal(frames[0], RGB)


def test_default_labels_of_red_green_and_blue_are_no_names(tmp_path: Path) -> None:
    path = ome_zarr(tmp_path / "a.zarr", np.moveaxis(RGB, -1, 0), "cyx", "0.4")
    shown = [{"label": f"Channel {i}", "color": one} for i, one in enumerate(BGR[::-1])]
    zarr.open_group(path).attrs["omero"] = {"channels": shown}
    with open_frames(path) as frames:
        np.testing.assert_array_equal(frames[0], RGB)


def test_pictures_come_through_the_same_door(tmp_path: Path) -> None:
    pixels = np.arange(9 * 12 * 3, dtype=np.uint8).reshape(9, 12, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with open_frames(tmp_path / "a.png") as frames:
        assert (frames.shape, frames.facts.kind) == ((1, 9, 12, 3), "raster")
        np.testing.assert_array_equal(frames[0], pixels)
    tifffile.imwrite(tmp_path / "b.tif", VOLUME, photometric="minisblack")
    with pytest.raises(InputError, match=r"b\.tif cannot be used: got shape \(4"):
        open_frames(tmp_path / "b.tif")
    with pytest.raises(InputError, match="holds 2; choose one"):
        open_frames(tmp_path)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_planes_of_a_compressed_ome_tiff(tmp_path: Path, kind: type) -> None:
    """LZW, as Bio-Formats and QuPath write it, needs another package in tifffile."""
    path = tmp_path / "a.ome.tif"
    values = np.random.default_rng(0).integers(0, 256, (3, 20, 30)).astype(kind)
    tifffile.imwrite(path, values, metadata={"axes": "TYX"}, ome=True)
    with tifffile.TiffFile(path) as file:
        described = {270: file.ome_metadata}
    first, *more = (Image.fromarray(one) for one in values)
    options = {"compression": "tiff_lzw", "save_all": True, "append_images": more}
    first.save(path, tiffinfo=described, **options)
    with open_frames(path) as frames:
        np.testing.assert_array_equal([frames[i] for i in range(3)], values)


def test_a_compressed_ome_tiff_that_needs_a_package_says_so(tmp_path: Path) -> None:
    if find_spec("imagecodecs") is not None:
        pytest.skip("it is installed")
    path = tmp_path / "a.ome.tif"
    values = np.zeros((3, 20, 30), np.uint8)
    tifffile.imwrite(path, values, metadata={"axes": "TYX"}, ome=True)
    with tifffile.TiffFile(path, mode="r+b") as file:
        for page in file.pages:
            page.tags["Compression"].overwrite(50002)
    words = "is compressed with JPEG XL, which needs the package imagecodecs"
    with open_frames(path) as frames, pytest.raises(InputError, match=words):
        _ = frames[1]


def test_half_an_ome_tiff_is_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.ome.tif"
    tifffile.imwrite(whole, VOLUME, metadata={"axes": "ZYX"}, ome=True)
    data = whole.read_bytes()
    for share in (0.5, 0.9):
        cut = tmp_path / "cut.ome.tif"
        cut.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(InputError, match="expected a whole file"):
            open_frames(cut)[3]


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_voxels_without_size_have_none(tmp_path: Path, value: float) -> None:
    """nibabel takes 1 mm for a size of 0, which would be an area out of thin air."""
    for at in range(1, 5):
        shape = (12, 9, 1, 4) if at == 4 else (12, 9, 4)
        image = nibabel.Nifti1Image(np.zeros(shape, np.uint8), None)
        image.header.set_xyzt_units("mm", "sec")
        image.header.set_zooms((0.5, 0.25, 3, 2)[: len(shape)])
        path = tmp_path / f"{at}.nii"
        nibabel.save(image, path)
        data = bytearray(path.read_bytes())
        data[76 + 4 * at : 80 + 4 * at] = np.array(value, "<f4").tobytes()
        path.write_bytes(data)
        with open_frames(path) as frames:
            facts = frames.facts
        assert NotUsed.IMPOSSIBLE in facts.not_used
        assert facts.spacing == (None if at < 3 else (0.25, 0.5))
        assert facts.step == (3 if at < 3 else None)
        assert facts.times is None


@pytest.mark.parametrize("shape", [(9, 12, 1, 3), (9, 12, 1, 1, 3), (9, 1, 12, 3)])
def test_three_moments_that_may_be_colours_are_refused(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    image = nibabel.Nifti1Image(RGB.reshape(shape), np.eye(4))
    nibabel.save(image, tmp_path / "a.nii")
    with pytest.raises(InputError, match=r"of length 3 may be frames or colours"):
        open_frames(tmp_path / "a.nii")
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, tmp_path / "a.nii")
    with open_frames(tmp_path / "a.nii") as frames:
        assert len(frames) == 3


def test_an_image_inside_a_folder_of_bioformats2raw_is_named(tmp_path: Path) -> None:
    rgb = np.arange(3 * 9 * 12, dtype=np.uint8).reshape(3, 9, 12)
    outer = tmp_path / "scan.zarr"
    for name in ("0", "1"):
        ome_zarr(tmp_path / "made.zarr", rgb, "cyx", "0.4")
        outer.mkdir(exist_ok=True)
        (tmp_path / "made.zarr").rename(outer / name)
    (outer / ".zgroup").write_text('{"zarr_format": 2}')
    (outer / ".zattrs").write_text('{"bioformats2raw.layout": 3}')
    with pytest.raises(InputError, match=r"images \(0, 1\).* such as scan\.zarr/0\."):
        open_frames(outer)
    picture = read_picture(outer / "0")
    np.testing.assert_array_equal(picture.pixels, np.moveaxis(rgb, 0, -1))
