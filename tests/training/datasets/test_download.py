"""Downloading a data set: asked for, verified, whole or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import sys
import zipfile
from pathlib import Path

import forked
import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets import DATASETS, download, load_dataset
from attnseg_training.datasets.spec import Archive
from napari_attnseg.errors import InputError

NAME = "hyperkvasir"


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A zip file as the provider's, in the place of it."""
    pixels = np.zeros((8, 10), np.uint8)
    pixels[2:5] = 255
    Image.fromarray(pixels).save(tmp_path / "one.jpg")
    file = tmp_path / "there.zip"
    with zipfile.ZipFile(file, "w") as packed:
        for i in range(3):
            for part in ("images", "masks"):
                packed.write(tmp_path / "one.jpg", f"segmented-images/{part}/{i}.jpg")
    place(file, monkeypatch)
    return file


def place(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    given = Archive(file.as_uri(), sha256, 1, "segmented-images")
    spec = dataclasses.replace(DATASETS[NAME], archive=given)
    monkeypatch.setitem(DATASETS, NAME, spec)


def test_it_is_a_data_folder_at_once(archive: Path, tmp_path: Path) -> None:
    out = download(NAME, tmp_path / "new" / "data", progress=False)
    data = load_dataset(out)
    assert data.name == NAME and data.classes == ("polyp",)
    assert len(data.split("all")) == 3
    assert [path.name for path in out.parent.iterdir()] == ["data"]  # no remains


def test_another_file_than_expected_is_refused(archive: Path, tmp_path: Path) -> None:
    archive.write_bytes(archive.read_bytes() + b"more")
    with pytest.raises(InputError, match="SHA-256"):
        download(NAME, tmp_path / "new" / "data", progress=False)
    assert not list((tmp_path / "new").iterdir())


def test_a_file_that_is_no_archive_is_refused(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.write_text("Service unavailable")
    place(archive, monkeypatch)
    with pytest.raises(InputError, match="nothing was kept"):
        download(NAME, tmp_path / "new" / "data", progress=False)
    assert not list((tmp_path / "new").iterdir())


def test_without_a_network_it_says_what_to_do(archive: Path, tmp_path: Path) -> None:
    archive.unlink()
    with pytest.raises(InputError, match=r"could not be downloaded.*browser"):
        download(NAME, tmp_path / "new" / "data", progress=False)
    assert not list((tmp_path / "new").iterdir())


def test_a_folder_in_use_stays_as_it_is(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="in use"):
        download(NAME, tmp_path, progress=False)
    assert archive.is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--download", "busi", "--out", "x"], "busi is not downloaded"),
        (["--download", "hyperkvazir", "--out", "x"], "Did you mean hyperkvasir"),
        (["--download", NAME], "needs both"),
    ],
)
def test_the_command_refuses_in_a_sentence(
    options: list[str], said: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "attnseg_training.cli", "datasets", *options]
    done = forked.run(command, cwd=tmp_path)
    assert done.returncode == 2 and said in " ".join(done.stderr.split())
    assert not list(tmp_path.iterdir())
