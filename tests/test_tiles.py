"""Overlapping tiles: what they are stitched to, what it costs, what they cannot do."""

from pathlib import Path

import numpy as np
import pytest

from napari_attnseg.boxes import BOX, Box
from napari_attnseg.errors import CancelledError, InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.intensity import MAPPING
from napari_attnseg.io.results import Results, load_results, save_results
from napari_attnseg.tiles import TILES, segment_tiles
from napari_attnseg.tiling import OVERLAP, Axis, Stitched


@pytest.fixture(scope="module")
def segmenter(tiny_weights: Path) -> Segmenter:
    return Segmenter.from_checkpoint(tiny_weights, "cpu")


def pixels(rows: int, columns: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 255, (rows, columns, 3), np.uint8)


@pytest.mark.parametrize("length", [5, 64, 65, 100, 112, 113, 1000])
def test_tiles_overlap_and_reach_the_end(length: int) -> None:
    axis = Axis(length, 64)
    starts = axis.starts
    assert starts[0] == 0 and starts[-1] == max(0, length - 64)
    assert max(np.diff(starts), default=0) <= 64 * (1 - OVERLAP) + 1
    # No more of them than that takes.
    assert len(starts) <= max(1, np.ceil((length - 64) / (64 * (1 - OVERLAP))) + 1)


@pytest.mark.parametrize("cells", [64, 16, 5, 2])
@pytest.mark.parametrize("shape", [(64, 64), (70, 301), (30, 40), (333, 64)])
def test_a_constant_stays_one_and_a_ramp_a_ramp(
    cells: int, shape: tuple[int, int]
) -> None:
    rows, columns = (Axis(length, 64) for length in shape)
    constant = Stitched(rows, columns, (2, cells, cells))
    ramp = Stitched(rows, columns, (cells, cells))
    centres = (np.arange(cells) + 0.5) * 64 / cells
    for i, top in enumerate(rows.starts):
        for j, left in enumerate(columns.starts):
            constant.add(i, j, np.full((2, cells, cells), 0.7))
            ramp.add(i, j, (top + centres)[:, None] + 3 * (left + centres))
    assert constant.values.dtype == np.float32
    np.testing.assert_allclose(constant.values, 0.7, atol=2e-7)
    height, width = ramp.values.shape
    at_row = (np.arange(height) + 0.5) * shape[0] / height
    at_column = (np.arange(width) + 0.5) * shape[1] / width
    wanted = at_row[:, None] + 3 * at_column
    inner = np.ones(wanted.shape, bool)
    # Bilinear: nothing is known beyond the outermost centres of an image's own cells.
    edge = 32 / cells
    inner &= ((at_row >= edge) & (at_row <= shape[0] - edge))[:, None]
    inner &= (at_column >= edge) & (at_column <= shape[1] - edge)
    if min(shape) >= 64 and cells == 64:
        assert inner.all()
    if cells >= 16:
        np.testing.assert_allclose(ramp.values[inner], wanted[inner], rtol=1e-4)


def test_one_tile_is_one_pass(segmenter: Segmenter) -> None:
    image = pixels(64, 64)
    whole, tiled = segmenter(image), segmenter(image, tile=True)
    np.testing.assert_allclose(tiled.probability, whole.probability, atol=1e-6)
    for one, other in zip(tiled.attention, whole.attention):
        np.testing.assert_allclose(one.values, other.values, atol=1e-6)
        assert (one.key, one.stride) == (other.key, other.stride)
        share, wanted = one.effective_share, other.effective_share
        assert share.mean == pytest.approx(wanted.mean, abs=1e-5)
    story = tiled.provenance[TILES]
    assert (story["size"], story["rows"], story["columns"]) == (64, 1, 1)
    assert tiled.provenance["image_sha256"] == whole.provenance["image_sha256"]
    assert TILES not in whole.provenance


def test_tiles_see_the_image_at_its_own_resolution(
    segmenter: Segmenter, tmp_path: Path
) -> None:
    image = pixels(100, 150).astype(np.float32) * 3 - 100
    steps: list[tuple[int, int]] = []
    found = segment_tiles(
        segmenter, image, watch=lambda *step: steps.append(step), threshold=0.4
    )
    assert steps == [(i, 6) for i in range(7)]
    assert found.probability.shape == (1, 100, 150)
    assert found.mask.dtype == np.uint8 and found.provenance["threshold"] == 0.4
    # Intensities as of the whole image: a tile's own would differ.
    whole = segmenter(image)
    assert found.provenance[MAPPING] == whole.provenance[MAPPING]
    rgb = (image - image.min()) / (image.max() - image.min())
    # Where only one tile is, it is what that tile finds.
    corner = segmenter(rgb[:64, :64].astype(np.float32))
    np.testing.assert_allclose(
        found.probability[:, :30, :30], corner.probability[:, :30, :30], atol=1e-4
    )
    assert [gate.level for gate in found.attention] == [4, 8, 16, 32]
    for gate in found.attention:
        rows, columns = gate.values.shape
        assert (rows, columns) == (round(100 / gate.level), round(150 / gate.level))
        # They cover the image exactly.
        assert gate.stride == (100 / rows, 150 / columns)
        assert 0 <= gate.values.min() <= gate.values.max() <= 1
    save_results(Results("a", "a.png", [found]), tmp_path, "a")
    (again,) = load_results(tmp_path / "a.json").segmentations
    np.testing.assert_array_equal(again.attention[0].values, found.attention[0].values)
    assert again.provenance[TILES] == found.provenance[TILES]


def test_a_small_image_is_continued_and_that_is_told(segmenter: Segmenter) -> None:
    found = segmenter(pixels(20, 90), tile=True)
    assert found.probability.shape == (1, 20, 90)
    assert found.provenance[TILES]["continued"] == [44, 0]


def test_a_box_is_tiled_as_its_crop(segmenter: Segmenter) -> None:
    image, box = pixels(120, 140), Box(10, 20, 90, 130)
    boxed = segmenter(image, tile=True, box=box)
    crop = segmenter(image[10:90, 20:130], tile=True)
    np.testing.assert_array_equal(box.crop(boxed.probability), crop.probability)
    assert boxed.mask.shape == (120, 140) and boxed.provenance[BOX] == [10, 20, 90, 130]
    assert boxed.attention[0].origin == (10, 20)


def test_gates_are_forced_to_numbers_only(segmenter: Segmenter) -> None:
    image = pixels(64, 100)
    found = segment_tiles(segmenter, image, gates={32: "CNN", 4: 0.25})
    by_level = {gate.level: gate.values for gate in found.attention}
    np.testing.assert_allclose(by_level[32], 1.0, atol=1e-6)
    np.testing.assert_allclose(by_level[4], 0.25, atol=1e-6)
    for psi in ("mean", np.zeros((2, 2))):
        with pytest.raises(InputError, match="number or an encoder"):
            segment_tiles(segmenter, image, gates={32: psi})
    with pytest.raises(InputError, match="readers or the tiles"):
        segmenter(image, tile=True, readers=True)


def test_it_can_be_cancelled_between_tiles(segmenter: Segmenter) -> None:
    def watch(done: int, total: int) -> None:
        if done == 2:
            raise CancelledError

    with pytest.raises(CancelledError):
        segment_tiles(segmenter, pixels(100, 150), watch=watch)
