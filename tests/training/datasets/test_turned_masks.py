"""Masks of photos that ask to be turned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_masks import H, disc, folder, found, nested, photo, save

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.check import check
from napari_attnseg.errors import InputError
from napari_attnseg.io.images import read_upright


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_mask_that_fits_turned_or_not(tmp_path: Path, orientation: int) -> None:
    def draw(i: int) -> np.ndarray:
        square = disc(20, 30 + 5 * i, 9)[:, :H].copy()
        return square.astype(np.uint8) * 255

    root = folder(tmp_path / "d", draw, orientation=orientation)
    for i in range(3):  # a square fits also by a quarter turn
        save(root / "images" / f"a{i}.png", photo(i)[:, :H], orientation)
    assert found(root) == {"unclear-orientation": ["a0", "a1", "a2"]}
    (sample, *_) = load_dataset(root).split("all")
    assert (sample.read()[1] * 255 == draw(0)).all()

    (root / "dataset.toml").write_text('orientation = "shown"')
    assert found(root) == {}
    (sample, *_) = load_dataset(root).split("all")
    assert (sample.read()[1] * 255 == draw(0)).all()

    (root / "dataset.toml").write_text('orientation = "stored"')
    assert found(root) == {}
    (sample, *_) = load_dataset(root).split("all")
    file = tmp_path / "mask.png"  # as a viewer shows it with the image's orientation
    save(file, draw(0), orientation)
    shown = read_upright(file).pixels
    assert not np.array_equal(shown, draw(0))
    assert (sample.read()[1] * 255 == shown).all()


def test_a_mask_alone_that_asks_to_be_turned(tmp_path: Path) -> None:
    drawn = disc(20, 30, 9).astype(np.uint8) * 255
    root = folder(tmp_path / "d", lambda i: np.roll(drawn, i, 0))
    save(root / "masks" / "a0.png", drawn, 3)
    assert found(root) == {"unclear-orientation": ["a0"]}
    (sample, *_) = load_dataset(root).split("all")
    assert (sample.read()[1] * 255 == drawn[::-1, ::-1]).all()
    (root / "dataset.toml").write_text('orientation = "stored"')
    assert found(root) == {}
    (sample, *_) = load_dataset(root).split("all")
    assert (sample.read()[1] * 255 == drawn).all()


def test_ignored_pixels_are_turned_with_the_mask(tmp_path: Path) -> None:
    def draw(i: int) -> np.ndarray:
        mask = disc(20, 30 + 5 * i, 9).astype(np.uint8)
        mask[:4] = 255
        return mask

    toml = 'ignore = 255\norientation = "stored"'
    root = folder(tmp_path / "d", draw, orientation=6, toml=toml)
    _, planes, ignored = load_dataset(root).split("all")[0].read_all()
    assert ignored is not None
    assert (ignored == np.rot90(draw(0) == 255, -1)).all()
    assert (planes[0] == np.rot90(draw(0) == 1, -1)).all()


def test_stored_masks_of_a_quarter_turn_fit(tmp_path: Path) -> None:
    def draw(i: int) -> np.ndarray:
        return disc(20, 30 + 5 * i, 9).astype(np.uint8) * 255

    root = folder(tmp_path / "d", draw, orientation=6)
    (text, *_) = [text for kind, _, text in check(root).found if kind == "size"]
    assert 'orientation = "stored"' in text
    (root / "dataset.toml").write_text('orientation = "stored"')
    (sample, *_) = load_dataset(root).split("all")
    assert (sample.read()[1] * 255 == np.rot90(draw(0), -1)).all()


def test_an_unknown_orientation_is_refused(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", nested, toml="orientation = 3")
    with pytest.raises(InputError, match='"shown" or "stored", got 3'):
        load_dataset(root)
