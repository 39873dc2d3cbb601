"""A JPEG of several pictures: the first is used, and others that differ are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets.check import check
from attnseg_training.datasets.masks import UnclearMaskError, read
from napari_attnseg.batch import Note, segment_images
from napari_attnseg.commands.console import Wording, image_sentences
from napari_attnseg.io.images import read_upright
from napari_attnseg.io.other_pictures import OTHER_PICTURES, other_pictures
from napari_attnseg.io.results import load_results

Y, X = np.mgrid[:48, :64]
FIRST = np.dstack([3 * X, 4 * Y, 60 + 0 * X]).astype(np.uint8)
PREVIEW = FIRST[::2, ::2]
DEPTH = np.full((48, 64, 3), 200, np.uint8)


def save(path: Path, *others: np.ndarray) -> Path:
    more = [Image.fromarray(one) for one in others]
    options = {"format": "MPO", "save_all": True, "append_images": more}
    Image.fromarray(FIRST).save(path, quality=95, **(options if others else {}))
    return path


@pytest.mark.parametrize(
    ("others", "count"),
    [((), 0), ((PREVIEW,), 0), ((DEPTH,), 1), ((PREVIEW, DEPTH), 1)],
)
def test_other_pictures_are_counted(
    tmp_path: Path, others: tuple[np.ndarray, ...], count: int
) -> None:
    path = save(tmp_path / "a.jpg", *others)
    assert other_pictures(path) == read_upright(path).others == count
    np.testing.assert_allclose(read_upright(path).pixels, FIRST, atol=25)
    assert other_pictures(tmp_path / "none.jpg") == 0


def test_the_commands_say_so(tmp_path: Path, tiny_weights: Path) -> None:
    path = save(tmp_path / "a'b.jpg", DEPTH)
    (outcome,) = segment_images([path], tmp_path / "out", tiny_weights, "cpu")
    assert Note.OTHER_PICTURES in outcome.notes
    words = Wording("segmenting", "segmented", "mask")
    said = " ".join(image_sentences(outcome, words))
    assert "a'b.jpg holds another picture beside the first one" in said
    (result,) = load_results(tmp_path / "out" / "a'b.json").segmentations
    assert result.provenance[OTHER_PICTURES] == 1


def test_check_says_so_and_a_mask_is_refused(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for i in range(3):
        mask = (Y - 20) ** 2 + (X - 20 - 5 * i) ** 2 < 80
        save(tmp_path / "images" / f"a{i}.jpg", *([DEPTH] if i == 1 else []))
        Image.fromarray(mask).save(tmp_path / "masks" / f"a{i}.png")
    (hint,) = (one for one in check(tmp_path).questions if "picture" in str(one))
    assert hint.rule == "other-pictures" and hint.names == ("a1",)
    with pytest.raises(UnclearMaskError, match="Expected one picture in the mask"):
        read(tmp_path / "images" / "a1.jpg")
