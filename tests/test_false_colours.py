"""Grey images that were saved in the colours of a colour map are told from colours."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image
from scipy.ndimage import gaussian_filter
from typer.testing import CliRunner

from napari_attnseg.batch import Note
from napari_attnseg.batch.base import found_notes
from napari_attnseg.cli import app
from napari_attnseg.false_colours import colour_map_of

RNG = np.random.default_rng(0)


def smooth(shape: tuple[int, ...] = (120, 160)) -> np.ndarray:
    """Levels of 0 to 1 as those of a picture, with its noise."""
    values = gaussian_filter(RNG.normal(size=shape), (9, 9, 0)[: len(shape)])
    values = (values - values.min()) / np.ptp(values)
    return np.clip(values + RNG.normal(0, 0.01, shape), 0, 1)


GREY = smooth()


def as_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, "JPEG", quality=quality)
    return np.asarray(Image.open(stored))


@pytest.mark.parametrize(
    "name", ["viridis", "jet", "hot", "magma", "turbo", "coolwarm", "Spectral"]
)
def test_a_grey_image_in_the_colours_of_a_map_is_known(name: str) -> None:
    pixels = (colormaps[name](GREY) * 255).astype(np.uint8)
    assert colour_map_of(pixels) == name  # with alpha, as imsave writes it
    assert colour_map_of(as_jpeg(pixels[..., :3], 75)) == name


def test_grey_and_other_colours_are_not() -> None:
    grey = (GREY * 255).astype(np.uint8)
    assert colour_map_of(grey) == ""
    assert colour_map_of(np.dstack([grey] * 3)) == ""
    assert colour_map_of(as_jpeg(np.dstack([grey] * 3), 75)) == ""
    assert colour_map_of((smooth((120, 160, 3)) * 255).astype(np.uint8)) == ""
    for one in ([1, 0, 0], [0, 1, 0], [0, 0, 1]):  # a stain in fluorescence
        assert colour_map_of(grey[..., None] * np.array(one, np.uint8)) == ""
    eosin = (255 - grey[..., None] * np.array([0.2, 0.6, 0.3])).astype(np.uint8)
    assert colour_map_of(eosin) == ""


def test_a_note_says_so() -> None:
    pixels = (colormaps["viridis"](GREY)[..., :3] * 255).astype(np.uint8)
    assert Note.COLOUR_MAP in found_notes(pixels, np.eye(2), {})
    flat = (colormaps["viridis"]((GREY > 0.5) * 0.8) * 255).astype(np.uint8)
    assert found_notes(flat, np.eye(2), {}) == [Note.LIKE_MASK]


def test_the_command_and_the_results_say_so(tmp_path: Path) -> None:
    pixels = (colormaps["viridis"](GREY)[..., :3] * 255).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    out = tmp_path / "out"
    words = ["segment", str(tmp_path / "x.png"), "--out", str(out)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0
    said = " ".join(done.stderr.split())
    assert (
        "x.png: this image seems to be a grey image shown in the colour map viridis"
        in said
    )
    assert json.loads((out / "x.json").read_text())["provenance"]["colour_map"] == (
        "viridis"
    )
    CliRunner().invoke(app, ["report", str(out), "--out", str(tmp_path / "r.html")])
    assert "in the colour map viridis" in (tmp_path / "r.html").read_text()
