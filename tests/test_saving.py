"""Files are written whole or not at all."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.results import Segmentation
from napari_attnseg.saving import save_segmentation, write_bytes


def test_full_disk_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kept"
    write_bytes(path, b"old")

    def full_disk(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(InputError, match="No space left"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permission bits")
def test_written_files_have_usual_permissions(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    write_bytes(tmp_path / "ours", b"x")
    assert (tmp_path / "ours").stat().st_mode == usual.stat().st_mode


def test_several_classes_keep_their_numbers(tmp_path: Path) -> None:
    mask = np.array([[0, 1], [2, 2]], np.uint8)
    probability = np.zeros((2, 2, 2), np.float32)
    save_segmentation(Segmentation(mask, probability), tmp_path, "x")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x_mask.png")), mask)
