"""Masks of results that were circled, written on or turned are told; right ones not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from edited_results import film, saved
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_dilation, binary_erosion
from typer.testing import CliRunner

from napari_attnseg.cli import app
from napari_attnseg.errors import InputError
from napari_attnseg.exports import load_masks
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.edited_masks import result_doubts
from napari_attnseg.io.results import Results, load_results, save_results
from napari_attnseg.results import Segmentation

Y, X = np.mgrid[:160, :160]
FOUND = (((Y - 50) / 22) ** 2 + ((X - 90) / 34) ** 2 < 1).astype(np.uint8)
DISC = (Y - 120) ** 2 + (X - 40) ** 2 < 24**2


def ring(disc: np.ndarray, width: int) -> np.ndarray:
    return disc & ~binary_erosion(disc, iterations=width)


def written(text: str) -> np.ndarray:
    picture = Image.fromarray(FOUND * 255)
    font = ImageFont.load_default(14)
    ImageDraw.Draw(picture).text((8, 120), text, fill=255, font=font)
    return (np.asarray(picture) > 127).astype(np.uint8)


def stored(folder: Path, kind: str, now: np.ndarray, found: np.ndarray = FOUND) -> Path:
    story = (saved if kind == "image" else film)(folder, found)
    name = "x_mask.png" if kind == "image" else "x/frame_000004_mask.png"
    Image.fromarray(now.astype(np.uint8) * 255).save(folder / name)
    return story


@pytest.mark.parametrize("kind", ["image", "film"])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_a_circled_lesion_is_told(tmp_path: Path, kind: str, width: int) -> None:
    story = stored(tmp_path, kind, (FOUND > 0) | ring(DISC, width))
    assert "circled and not filled" in load_masks(story).assumed
    words = ["export", str(story), "--format", "labels-png"]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out")])
    assert "thin line around an area that is not mask" in done.output


@pytest.mark.parametrize("kind", ["image", "film"])
def test_a_mask_that_became_its_outline_is_told(tmp_path: Path, kind: str) -> None:
    story = stored(tmp_path, kind, ring(FOUND > 0, 3))
    assert "circled and not filled" in load_masks(story).assumed


@pytest.mark.parametrize("kind", ["image", "film"])
@pytest.mark.parametrize("width", [2, 3, 4])
@pytest.mark.parametrize("lines", [1, 2])
def test_a_lesion_that_was_crossed_out_is_told(
    tmp_path: Path, kind: str, width: int, lines: int
) -> None:
    picture = Image.fromarray(FOUND * 255)
    for line in ((40, 10, 140, 95), (140, 8, 45, 90))[:lines]:
        ImageDraw.Draw(picture).line(line, fill=255, width=width)
    story = stored(tmp_path, kind, np.asarray(picture) > 127)
    assert "a lesion was crossed out" in load_masks(story).assumed


@pytest.mark.parametrize("kind", ["image", "film"])
@pytest.mark.parametrize("text", ["ok? check", "polyp 2 mm"])
def test_a_note_in_a_mask_is_told(tmp_path: Path, kind: str, text: str) -> None:
    story = stored(tmp_path, kind, written(text))
    assert "a note was typed into the mask" in load_masks(story).assumed


@pytest.mark.parametrize("kind", ["image", "film"])
@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (np.transpose, "transposed"),
        (np.flipud, "mirrored top to bottom"),
        (np.rot90, "turned by"),
        (lambda mask: np.rot90(mask, 2), "turned by 180 degrees"),
    ],
)
def test_a_mask_that_was_turned_is_refused(
    tmp_path: Path, kind: str, turn: object, words: str
) -> None:
    assert callable(turn)
    story = stored(tmp_path, kind, turn(FOUND))
    with pytest.raises(InputError, match=f"would if it were .*{words}"):
        load_masks(story)


@pytest.mark.parametrize("kind", ["image", "film"])
@pytest.mark.parametrize(
    "now",
    [
        FOUND,
        (FOUND > 0) | DISC,  # another lesion
        DISC,  # in place of it
        (FOUND > 0) & (X < 90),
        ((FOUND > 0) & ~((Y - 50) ** 2 + (X - 90) ** 2 < 36)),  # a small hole
        FOUND[::-1] | FOUND,
        0 * FOUND,
        (FOUND > 0) | ((Y % 12 < 4) & (X % 12 < 4) & (Y > 100)),  # small objects
        (FOUND > 0) | ((abs(X - 90) < 2) & (Y < 60)),  # one thin part
        (Y % 40 < 3) & (Y > 20),  # vessels
    ],
)
def test_right_corrections_are_not_told(
    tmp_path: Path, kind: str, now: np.ndarray
) -> None:
    assert load_masks(stored(tmp_path, kind, now)).assumed == ""


def test_a_mirrored_mask_that_overlaps_itself_is_refused(tmp_path: Path) -> None:
    found = FOUND | np.roll(FOUND, (60, -10), (0, 1))
    story = stored(tmp_path, "image", found[::-1], found)
    with pytest.raises(InputError, match="mirrored top to bottom"):
        load_masks(story)


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (np.transpose, "transposed"),
        (np.flipud, "mirrored top to bottom"),
        (lambda mask: np.rot90(mask, 2), "turned by 180 degrees"),
    ],
)
def test_a_corrected_mask_that_was_turned_is_refused_or_told(
    tmp_path: Path, turn: object, words: str
) -> None:
    """Of frames only area and centre are known, so that these are told."""
    assert callable(turn)
    for kind, steps in (("image", 1), ("image", 4), ("film", 1), ("film", 4)):
        now = turn(binary_dilation(FOUND, iterations=steps))
        folder = tmp_path / f"{kind}{steps}"
        folder.mkdir()
        story = stored(folder, kind, now)
        if (kind, steps) == ("image", 1):
            with pytest.raises(InputError, match=f"would if it were .*{words}"):
                load_masks(story)
        else:
            said = load_masks(story).assumed
            assert f"much better if it is taken as {words}" in said


@pytest.mark.parametrize("kind", ["image", "film"])
def test_a_corrected_mask_that_is_nearly_symmetric_is_not_told(
    tmp_path: Path, kind: str
) -> None:
    found = (((Y - 80) / 40) ** 2 + ((X - 77) / 28) ** 2 < 1).astype(np.uint8)
    now = binary_dilation(found, iterations=3)[::-1, ::-1]
    assert load_masks(stored(tmp_path, kind, now, found)).assumed == ""


def test_a_ring_that_attnseg_found_is_not_told(tmp_path: Path) -> None:
    found = ring(DISC, 3).astype(np.uint8)
    story = stored(tmp_path, "image", found | np.roll(FOUND, 40, 1), found)
    assert load_masks(story).assumed == ""


def test_remarks_on_the_frames_of_a_stack_are_joined_each_said_once(
    tmp_path: Path,
) -> None:
    facts = {"source": "x", "classes": ["lesion"], "image_sha256": "a"}
    facts["mask_sha256"] = array_sha256(FOUND)
    run = Segmentation(FOUND, FOUND[None].astype(np.float32), (), facts)
    stack = Results("x", "x", [run] * 4, 4)
    story = save_results(stack, tmp_path, "x")[-1]
    assert load_masks(story).assumed == load_results(story).assumed == ""
    circled = ((FOUND > 0) | ring(DISC, 2)).astype(np.uint8)
    now = np.stack([FOUND, circled, written("ok? check"), circled])
    grey = {"photometric": "minisblack"}
    tifffile.imwrite(tmp_path / "x_mask.tif", now * 255, **grey)
    said = load_results(story).assumed
    first, second = "circled and not filled", "a note was typed into the mask"
    assert said.count(first) == said.count(second) == 1
    assert said.index(first) < said.index(second)
    turned = np.stack([FOUND, FOUND, FOUND[::-1], FOUND])
    tifffile.imwrite(tmp_path / "x_mask.tif", turned * 255, **grey)
    with pytest.raises(InputError, match="mirrored top to bottom"):
        load_results(story)


def test_a_symmetric_lesion_that_was_moved_a_little_is_not_refused() -> None:
    y, x = np.mgrid[:256, :256]
    found = ((y - 100) / 40) ** 2 + ((x - 133) / 26) ** 2 < 1
    moved = np.roll(found, -12, 1) * np.uint8(255)
    facts = {"threshold": 0.5, "mask_sha256": "of another"}
    said = result_doubts(moved, found.astype(np.float32), facts, "a_mask.png")
    assert "mirrored" in said  # told, and read as it lies
