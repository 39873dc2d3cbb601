"""Masks of results that other programs saved: all read the same, or refuse them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from attnseg_training.datasets.masks import read
from napari_attnseg.cli import app
from napari_attnseg.errors import InputError
from napari_attnseg.exports import load_masks
from napari_attnseg.io.images import read_image
from napari_attnseg.io.mask_values import labels_of
from napari_attnseg.io.results import Results, load_results, save_results
from napari_attnseg.results import Segmentation
from napari_attnseg.review.mask_file import read_mask

LESION = np.zeros((120, 160), bool)
LESION[30:80, 40:110], LESION[60:100, 90:130] = True, True
GREY = Image.fromarray(LESION.astype(np.uint8) * 255)


def shrunk(times: int) -> Image.Image:
    small = GREY.resize((160 // times, 120 // times), Image.Resampling.BILINEAR)
    return small.resize((160, 120), Image.Resampling.BILINEAR)


def transparent(red: int) -> Image.Image:
    sheet = Image.new("RGBA", GREY.size, (red, red, red, 255))
    sheet.putalpha(GREY)
    return sheet


#: Kind → the mask as an editor saved it, and whether something has to be assumed.
READ: dict[str, tuple[Callable[[], Image.Image], bool]] = {
    "as it was": (lambda: GREY, False),
    "RGB": (lambda: GREY.convert("RGB"), False),
    "RGBA": (lambda: GREY.convert("RGBA"), False),
    "grey and alpha": (lambda: GREY.convert("LA"), False),
    "one bit": (lambda: GREY.convert("1"), True),
    "palette": (lambda: GREY.convert("P"), False),
    "0 and 1": (lambda: GREY.point(lambda v: v // 255), True),
    "0 and 128": (lambda: GREY.point(lambda v: v and 128), True),
    "0 and 254 in RGB": (lambda: GREY.point(lambda v: v and 254).convert("RGB"), True),
    "white on nothing": (lambda: transparent(255), False),
    "half the size": (lambda: shrunk(2), True),
    "a quarter of the size": (lambda: shrunk(4), True),
    "an eighth in RGB": (lambda: shrunk(8).convert("RGB"), True),
    "soft and faint": (lambda: shrunk(4).point(lambda v: v * 0.6), True),
}
UNCLEAR: dict[str, Callable[[], Image.Image]] = {
    "regions of two greys": lambda: Image.fromarray(
        np.where(LESION, 255, np.where(LESION[:, ::-1], 128, 0)).astype(np.uint8)
    ),
    "1 and 2": lambda: Image.fromarray(np.where(LESION, 2, 1).astype(np.uint8)),
    "noise": lambda: Image.fromarray(
        np.random.default_rng(0).integers(0, 255, LESION.shape).astype(np.uint8)
    ),
    "a ramp": lambda: Image.linear_gradient("L").resize(GREY.size),
}


@pytest.fixture
def story(tmp_path: Path) -> Path:
    mask = LESION.astype(np.uint8)
    facts = {"source": "x", "classes": ["lesion"], "image_sha256": "a"}
    run = Segmentation(mask, mask[None].astype(np.float32), (), facts)
    return save_results(Results("x", "x", [run]), tmp_path, "x")[-1]


@pytest.mark.parametrize("kind", READ)
def test_every_part_reads_the_same_mask(story: Path, kind: str) -> None:
    make, is_assumed = READ[kind]
    file = story.with_name("x_mask.png")
    make().save(file)
    expected = np.asarray(make().convert("RGBA").split()[3 if "white" in kind else 0])
    top = expected.max()
    expected = expected > (127 if top >= 200 else top / 2)
    trained = read(file).planes[0]
    results, exported = load_results(story), load_masks(story)
    reviewed = read_mask(file, 255)
    found = (
        *(trained, results.segmentations[0].mask, exported.masks[0]),
        reviewed.labels,
    )
    for one in found:
        np.testing.assert_array_equal(one, expected)
    for said in (results.assumed, exported.assumed, reviewed.assumed):
        assert bool(said) is is_assumed and (not said or "x_mask.png" in said)


@pytest.mark.parametrize("kind", [*UNCLEAR, "colours"])
def test_what_is_unclear_is_refused_by_all(story: Path, kind: str) -> None:
    file = story.with_name("x_mask.png")
    if kind == "colours":  # by the trainer they are read
        Image.merge("RGB", (GREY, GREY, Image.new("L", GREY.size))).save(file)
    else:
        UNCLEAR[kind]().save(file)
        with pytest.raises(InputError):
            read(file)
    for reader in (
        lambda: load_results(story),
        lambda: load_masks(story),
        lambda: read_mask(file, 255),
    ):
        with pytest.raises(InputError, match=r"in x_mask\.png, but it holds.*; save"):
            reader()


def test_export_and_report_say_what_was_assumed(story: Path, tmp_path: Path) -> None:
    shrunk(4).save(story.with_name("x_mask.png"))
    words = ["export", str(story), "--format", "labels-png", "--out", str(tmp_path)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0 and "soft edges" in done.stderr
    made = read_image(tmp_path / "x_labels.png")
    np.testing.assert_array_equal(made, np.asarray(shrunk(4)) > 127)
    words = ["report", str(story), "--out", str(tmp_path / "page.html")]
    assert "soft edges" in CliRunner().invoke(app, words).stderr


def test_numbers_of_classes_stay_and_others_are_refused(story: Path) -> None:
    facts = json.loads(story.read_text())
    story.write_text(json.dumps(facts | {"mask_value": 1}))
    file = story.with_name("x_mask.png")
    numbers = Image.fromarray(np.where(LESION, 2, LESION[:, ::-1]).astype(np.uint8))
    numbers.convert("RGB").save(file)
    (run,) = load_results(story).segmentations
    np.testing.assert_array_equal(run.mask, np.asarray(numbers))
    shrunk(8).save(file)
    with pytest.raises(InputError, match="number of a class"):
        load_results(story)
    GREY.save(file)
    with pytest.raises(InputError, match="number of a class in each pixel of x_mask"):
        load_results(story)


def test_masks_of_a_stack_are_read_by_the_same_rule() -> None:
    frames = np.stack([np.asarray(shrunk(4)), np.asarray(GREY)])
    found = labels_of(frames, 255, "x_mask.tif", stack=True)
    np.testing.assert_array_equal(found.labels, frames > 127)
    narrow = np.full((5, 7, 3), 255, np.uint8)
    assert labels_of(narrow, 255, "x_mask.tif", stack=True).labels.shape == (5, 7, 3)


PAINTED = np.zeros(LESION.shape, bool)
PAINTED[2:20, 2:30] = True


def with_label(*numbers: int, where: np.ndarray = PAINTED) -> Image.Image:
    pixels = np.asarray(GREY).copy()
    for number, rows in zip(numbers, np.array_split(np.argwhere(where), len(numbers))):
        pixels[tuple(rows.T)] = number
    return Image.fromarray(pixels)


@pytest.mark.parametrize("numbers", [(1,), (2,), (3,), (1, 2), (1, 2, 3)])
def test_labels_painted_into_a_mask_belong_to_it(
    story: Path, numbers: tuple[int, ...]
) -> None:
    file = story.with_name("x_mask.png")
    with_label(*numbers).save(file)
    results, exported = load_results(story), load_masks(story)
    reviewed = read_mask(file, 255)
    for one in (results.segmentations[0].mask, exported.masks[0], reviewed.labels):
        np.testing.assert_array_equal(one, LESION | PAINTED)
    for said in (results.assumed, exported.assumed, reviewed.assumed):
        assert "all that is not 0 was taken" in said and "soft" not in said
    with pytest.raises(InputError):  # for a data set, 255 may be what is not labelled
        read(file)


def test_other_painted_numbers_are_refused(story: Path) -> None:
    file = story.with_name("x_mask.png")
    soft = np.asarray(shrunk(4)).copy()
    soft[PAINTED] = 1
    without_0 = np.where(LESION, 255, 1).astype(np.uint8)
    made = (with_label(5), Image.fromarray(soft), Image.fromarray(without_0))
    for picture in made:
        picture.save(file)
        with pytest.raises(InputError, match=r"of which [15] may be painted labels; s"):
            load_results(story)


def test_numbers_near_255_are_not_called_soft_edges(story: Path) -> None:
    with_label(254).save(story.with_name("x_mask.png"))
    results = load_results(story)
    np.testing.assert_array_equal(results.segmentations[0].mask, LESION | PAINTED)
    assert "the values 0, 254, 255; what is above 127 was" in results.assumed
