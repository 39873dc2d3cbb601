"""A small random model of the architecture of MedSAM."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_medsam import small_sam

from napari_attnseg.medsam import Medsam


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SAM of 0.1 M random parameters that tells boxes apart, as files."""
    path = tmp_path_factory.mktemp("weights") / "medsam-small"
    small_sam().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def medsam(folder: Path) -> Medsam:
    return Medsam.from_folder(folder, "cpu", margin=32)  # 2 pixels of 64


@pytest.fixture(scope="module")
def image() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(40, 200, (48, 80, 3), np.uint8)
