"""``attnseg-train check`` and ``datasets``: what is wrong with a folder, by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from attnseg_training.cli import app
from attnseg_training.datasets import DATASETS
from attnseg_training.datasets.finding_kinds import FINDINGS
from napari_attnseg.errors import InputError

run = CliRunner()


def checked(folder: Path, tmp_path: Path) -> tuple[int, dict[str, set[str]]]:
    """Exit code, and names by kind of finding."""
    file = tmp_path / "check.json"
    done = run.invoke(app, ["check", str(folder), "--json", str(file)])
    found: dict[str, set[str]] = {}
    report = json.loads(file.read_text())
    for one in report["findings"]:
        found.setdefault(one["kind"], set()).add(one["name"])
        assert one["kind"] in done.stdout
    assert {k: len(v) for k, v in found.items()} == report["counts"]
    return done.exit_code, found


def test_a_sound_folder(data_folder: Path, tmp_path: Path) -> None:
    assert checked(data_folder, tmp_path) == (0, {})
    report = json.loads((tmp_path / "check.json").read_text())
    assert report["splits"] == {"train": 8, "val": 1, "test": 3}
    assert report["sizes"] == {"40×48": 12}
    assert report["image_values"] == {"uint8 RGB": 12}
    assert report["mask_values"] == {"0, 255": 12}
    share = np.mean(
        [np.asarray(Image.open(p)).mean() / 255 for p in data_folder.glob("masks/*")]
    )
    assert report["classes"]["lesion"]["images"] == 12
    assert report["classes"]["lesion"]["pixels"] == pytest.approx(share)


def test_everything_wrong_is_named(data_folder: Path, tmp_path: Path) -> None:
    images, masks = data_folder / "images", data_folder / "masks"
    (masks / "disc00.png").unlink()
    (images / "disc01.png").write_bytes((images / "disc01.png").read_bytes()[:200])
    (masks / "disc02.png").write_text("no image")
    Image.fromarray(np.zeros((40, 47), np.uint8)).save(masks / "disc03.png")
    Image.fromarray(np.zeros((40, 48), np.uint8)).save(masks / "disc04.png")
    Image.fromarray(np.ones((40, 48), np.uint8)).save(masks / "disc05.png")
    ramp = np.tile(np.arange(48, dtype=np.uint8) * 5, (40, 1))
    Image.fromarray(ramp).save(masks / "disc06.png")
    # An image of the test set again, lighter and recompressed.
    again = np.asarray(Image.open(images / "disc09.png")).astype(float) * 0.9 + 20
    Image.fromarray(again.astype(np.uint8)).save(images / "disc07.jpg", quality=85)
    (images / "disc07.png").unlink()
    Image.fromarray(ramp).save(masks / "stray.png")
    splits = data_folder / "splits"
    train = (splits / "train.txt").read_text()
    (splits / "train.txt").write_text(train + "\ngone")
    (splits / "test.txt").write_text("disc08")
    code, found = checked(data_folder, tmp_path)
    assert code == 1
    assert found == {
        "missing image": {"gone"},
        "missing mask": {"disc00"},
        "mask without image": {"stray"},
        "unreadable": {"disc01", "disc02"},
        "size": {"disc03"},
        "empty mask": {"disc04"},
        "full mask": {"disc05"},
        "values": {"disc06"},
        "in two splits": {"disc08"},
        "near-duplicate": {"disc07"},
    }
    assert set(found) < set(FINDINGS)


def test_classes_are_counted(data_folder: Path, tmp_path: Path) -> None:
    toml = data_folder / "dataset.toml"
    toml.write_text("classes = {disc = 255, ring = 7}\n")
    assert checked(data_folder, tmp_path) == (1, {"absent class": {"ring"}})
    toml.write_text('classes = ["disc", "ring"]\n')
    _, found = checked(data_folder, tmp_path)
    assert len(found["values"]) == 12


def test_a_folder_of_something_else_is_wrong_use(tmp_path: Path) -> None:
    done = run.invoke(app, ["check", str(tmp_path)])
    assert isinstance(done.exception, InputError)


def test_known_data_sets_are_listed() -> None:
    done = run.invoke(app, ["datasets", "--json"])
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert list(rows) == list(DATASETS)
    assert all(row["licence"] and row["citation"] for row in rows.values())
    text = run.invoke(app, ["datasets"]).stdout
    for name, row in rows.items():
        assert name in text and row["layouts"][0]["expected"][:20] in text


def test_a_sentence_that_many_files_share_is_told_once(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    rng = np.random.default_rng(0)
    for i in range(14):
        noise = rng.integers(0, 255, (40, 48, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "images" / f"a{i}.png")
        Image.fromarray(noise[::-1]).save(tmp_path / "masks" / f"a{i}.png")
    told = CliRunner().invoke(app, ["check", str(tmp_path)]).output
    assert told.count("as many colours as in a picture") == 1
    assert "values (14)" in told
    assert "(The same is said of a1, a10, " in told and "and 3 more; --json" in told


def test_several_masks_are_told_once_whatever_they_are_called(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    plane = np.zeros((8, 10), np.uint8)
    for i in range(4):
        Image.fromarray(plane).save(tmp_path / "images" / f"a{i}.png")
        for kind in ("EX", "HE", "MA")[: 2 + i % 2]:
            Image.fromarray(plane).save(tmp_path / "masks" / f"a{i}_{kind}.png")
    told = CliRunner().invoke(app, ["check", str(tmp_path)]).output
    assert told.count("Expected one mask of the image") == 1
    assert "a0_EX, a0_HE, none" in told
    assert "(The same is said of a1, a2, a3.)" in told
