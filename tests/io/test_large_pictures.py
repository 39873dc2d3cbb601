"""Large pictures that are read are not called an attack on the way."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.io.file_kinds import header_size
from napari_attnseg.io.images import read_image
from napari_attnseg.io.other_pictures import other_pictures


@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "bmp"])
def test_a_large_picture_is_read_without_a_warning(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / f"x.{suffix}"
    Image.fromarray(np.zeros((30, 40), np.uint8)).save(file)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 700)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_image(file).shape[:2] == header_size(file) == (30, 40)
        other_pictures(file)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(InputError, match="too large for this format"):
        read_image(file)
