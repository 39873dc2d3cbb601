"""Corrected masks that the viewer wrote are checked and trained on."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_attnseg.io.training_set import Correction, addition


@pytest.mark.usefixtures("plain_curves")
def test_corrections_are_trained_on(
    shared_data_folder: Path,
    tmp_path: Path,
    in_process: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    folder = tmp_path / "set"
    for path in sorted((shared_data_folder / "images").iterdir()):
        mask = np.asarray(Image.open(shared_data_folder / "masks" / path.name)) > 0
        pixels = np.asarray(Image.open(path))
        addition(folder, Correction(pixels, mask.astype(np.uint8), file=path)).write()
    done = in_process("check", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    done = in_process(
        *("fit", "--data", folder, "--out", tmp_path / "run", "--model", "tiny"),
        *("--epochs", "1", "--device", "cpu", "--batch", "4"),
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "best.safetensors").is_file()
