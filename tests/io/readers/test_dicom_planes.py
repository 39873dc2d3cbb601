"""Colours of DICOM whose order the header may misstate are told; sound ones are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from medical_files import dicom_file
from scipy.ndimage import gaussian_filter

from napari_attnseg.batch import Note, Outcome
from napari_attnseg.io.readers import read_picture
from napari_attnseg.io.readers.facts import Assumed

NOISE = gaussian_filter(np.random.default_rng(3).normal(size=(96, 100)), 4)
GREY = 120 + 30 * NOISE / NOISE.std()
COLOURS = (GREY[..., None] * [1.2, 0.8, 0.6]).clip(0, 255).astype(np.uint8)
EVEN_ROWS = np.broadcast_to(np.arange(96, dtype=np.uint8)[:, None, None], (96, 100, 3))


@pytest.mark.parametrize(
    ("stored", "planar", "told"),
    [
        (COLOURS.transpose(2, 0, 1), 0, True),
        (COLOURS.transpose(2, 0, 1), 1, False),
        (COLOURS, 0, False),
        (COLOURS[..., [0, 0, 0]], 0, False),
        (EVEN_ROWS, 0, False),
        (0 * COLOURS, 0, False),
    ],
)
def test_planes_that_the_header_denies_are_told(
    tmp_path: Path, stored: np.ndarray, planar: int, told: bool
) -> None:
    data = np.ascontiguousarray(stored).tobytes()
    path = dicom_file(
        tmp_path / "a.dcm", COLOURS, "RGB", PlanarConfiguration=planar, PixelData=data
    )
    facts = read_picture(path).facts
    assert facts is not None
    assert (Assumed.COLOURS_BY_PIXEL in facts.assumed) is told


def test_the_note_has_a_sentence(tmp_path: Path) -> None:
    from napari_attnseg.commands.console import Wording, image_sentences

    outcome = Outcome(tmp_path / "a.dcm", "a", (), None, (Note.PLANES,), None, 0)
    (said,) = image_sentences(outcome, Wording("", "", ""))
    assert said.startswith("a.dcm says") and "PlanarConfiguration" in said
