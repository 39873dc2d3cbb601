"""What messages advise is what the next run takes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from drawn_masks import disc, folder, found, save
from PIL import Image

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.masks import read_mask
from attnseg_training.datasets.rules import Rule, RuleError
from napari_attnseg.errors import InputError


def lesion(i: int) -> np.ndarray:
    return disc(30, 30 + 4 * i, 14)


def test_classes_in_folders_are_told_without_the_background(tmp_path: Path) -> None:
    root = folder(tmp_path, lambda i: lesion(i) * np.uint8(255))
    (root / "masks").rename(root / "polyp")
    (root / "masks" / "background").mkdir(parents=True)
    for i in range(3):
        area = ~lesion(i) * np.uint8(255)
        save(root / "masks" / "background" / f"a{i}.png", area)
    (root / "polyp").rename(root / "masks" / "polyp")
    with pytest.raises(InputError) as told:
        load_dataset(root)
    (line,) = re.findall(r"write (classes = \[.*?\]) into", str(told.value))
    assert line == 'classes = ["polyp"]'
    assert "without background" in str(told.value)
    (root / "dataset.toml").write_text(line)
    for i, sample in enumerate(load_dataset(root).split("all")):
        np.testing.assert_array_equal(sample.read()[1], lesion(i))


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("case{0}_json/img.png", "case{0}_json/label.png"),  # LabelMe
        ("IMD{0}/IMD{0}_Image/IMD{0}.bmp", "IMD{0}/IMD{0}_lesion/IMD{0}_lesion.bmp"),
        ("train_{0}.bmp", "train_{0}_anno.bmp"),  # GlaS
    ],
)
def test_other_folders_say_where_files_belong(
    image: str, mask: str, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    for i in range(3):
        for name, values in ((image, pixels), (mask, lesion(i) * np.uint8(255))):
            path = tmp_path / "a" / name.format(i)
            path.parent.mkdir(parents=True, exist_ok=True)
            save(path, values)
    with pytest.raises(InputError) as told:
        load_dataset(tmp_path / "a")
    assert str(told.value).endswith(
        "; put the images into images/ and the masks into masks/, each mask under its "
        "image's name."
    )
    for i in range(3):
        for part, name in (("images", image), ("masks", mask)):
            (tmp_path / "b" / part).mkdir(parents=True, exist_ok=True)
            path = tmp_path / "a" / name.format(i)
            path.rename(tmp_path / "b" / part / f"{i}{path.suffix}")
    for i, sample in enumerate(load_dataset(tmp_path / "b").split("all")):
        np.testing.assert_array_equal(sample.read()[1], lesion(i))


def test_a_dithered_palette_is_named(tmp_path: Path) -> None:
    colours = np.zeros((60, 80, 3), np.uint8)
    colours[disc(30, 40, 14)] = (250, 50, 83)
    Image.fromarray(colours).convert("P").save(tmp_path / "a.png")
    with pytest.raises(RuleError, match="dithered it"):
        read_mask(tmp_path / "a.png")
    line = np.zeros((60, 80, 3), np.uint8)
    line[30, 20:60] = (250, 50, 83)
    Image.fromarray(line).save(tmp_path / "b.png")
    try:
        read_mask(tmp_path / "b.png")
    except RuleError as error:
        assert "dither" not in str(error)


def test_faint_levels_among_soft_masks_are_no_votes(tmp_path: Path) -> None:
    from scipy.ndimage import gaussian_filter

    def draw(i: int) -> np.ndarray:
        soft = gaussian_filter(lesion(i).astype(float), 4)
        top = 99 if i % 2 else 4.4
        return np.round(soft / soft.max() * top).astype(np.uint8)

    kinds = found(folder(tmp_path / "soft", draw, count=8))
    assert str(Rule.READER_VOTES) not in kinds

    def votes(i: int) -> np.ndarray:
        soft = gaussian_filter(lesion(i).astype(float), 4)
        return np.round(soft / soft.max() * 4.4).astype(np.uint8)

    kinds = found(folder(tmp_path / "votes", votes, count=8))
    assert str(Rule.READER_VOTES) in kinds
    # One soft mask among them says nothing of the others.
    mixed = folder(tmp_path / "mixed", lambda i: votes(i) if i else draw(1), count=8)
    assert str(Rule.READER_VOTES) in found(mixed)
