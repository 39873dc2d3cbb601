"""Messages that name the cause: what is ignored, zeros, quotes, encodings, readable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from attnseg_training.cli import app
from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.all_masks import look_at_masks
from attnseg_training.datasets.check import check
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.rules import Rule
from napari_attnseg.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight images 0000 to 0007, each with a disc."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:40, :48]
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    for i in range(8):
        image = rng.integers(0, 256, (40, 48, 3)).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / "images" / f"{i:04d}.png")
        disc = np.hypot(y - 20, x - 20 - i) < 8 + i / 2
        Image.fromarray(255 * disc.astype(np.uint8)).save(
            tmp_path / "masks" / f"{i:04d}.png"
        )
    return tmp_path


def test_masks_of_nothing_but_void_are_told(folder: Path) -> None:
    for path in sorted((folder / "masks").iterdir())[:5]:
        mask = np.asarray(Image.open(path)) // 255
        mask = np.where(np.roll(mask, 2, 0) > mask, 255, mask).astype(np.uint8)
        Image.fromarray(mask).save(path)
    (folder / "dataset.toml").write_text("ignore = 255")
    report = check(folder)
    (hint,) = (one for one in report.questions if one.rule == Rule.ALL_IGNORED)
    assert hint.names == ("0005", "0006", "0007")
    assert "nothing but 0 and 255, which dataset.toml says to ignore" in str(hint)
    trained = look_at_masks(load_dataset(folder).split("train")).hints()
    assert any("nothing but 0 and 255, which" in str(one) for one in trained)
    assert report.found[0][2] == "The mask of 0005 is empty, as 255 in it is ignored."


def test_an_ignored_frame_around_nothing_is_no_finding() -> None:
    frame = np.ones((40, 48), bool)
    frame[4:-4, 4:-4] = False
    seen = MasksSeen()
    seen.add("a", np.zeros((1, 40, 48), np.uint8), frame)
    assert seen.looks.empty == ["a"] and seen.hints() == []


def test_leading_zeros_that_a_spreadsheet_drops_are_named(folder: Path) -> None:
    (folder / "splits").mkdir()
    (folder / "splits" / "train.txt").write_text("1\n2\n3")
    (folder / "splits" / "val.txt").write_text("0004\nother")
    with pytest.raises(InputError, match=r"\(0001 is there: a spreadsheet"):
        load_dataset(folder)
    found = {name: text for _, name, text in check(folder).found}
    assert "(0001 is there: a spreadsheet drops zeros)" in found["1"]
    assert "zeros" not in found["other"]


def test_lists_of_another_encoding_are_to_be_saved_as_utf_8(folder: Path) -> None:
    (folder / "splits").mkdir()
    (folder / "splits" / "train.txt").write_bytes("Gr\u00fcn".encode("cp1252"))
    with pytest.raises(InputError, match="save it as UTF-8"):
        load_dataset(folder)


def test_typographic_quotes_are_named(folder: Path) -> None:
    toml = folder / "dataset.toml"
    toml.write_text("name = \u201chearts\u201d", encoding="utf-8")
    with pytest.raises(InputError, match="\u201c there is a typographic quote"):
        load_dataset(folder)
    toml.write_text('name = "\u201chearts\u201d"\nignore = ', encoding="utf-8")
    with pytest.raises(InputError) as refused:
        load_dataset(folder)
    assert "typographic quote" not in str(refused.value)


def test_images_of_a_class_are_counted_among_those_that_were_read(
    folder: Path,
) -> None:
    for name in ("ma", "ex"):
        (folder / "masks" / name).mkdir()
    for path in (folder / "masks").glob("*.png"):
        number = int(path.stem)
        for name, left_out in (("ma", 0), ("ex", 1)):
            if number % 4 != left_out:
                mask = Image.open(path)
                mask.save(folder / "masks" / name / path.name)
        path.unlink()
    (folder / "dataset.toml").write_text('classes = ["ma", "ex"]')
    done = CliRunner().invoke(app, ["check", str(folder)], env={"COLUMNS": "300"})
    assert "class ma: in 4 of 4 readable images" in done.output
