"""What makes numbers too good, or masks no masks, without any file being wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

from attnseg_training.datasets.check import check
from attnseg_training.datasets.drawn_lines import has_line
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.rules import Rule
from attnseg_training.datasets.same_cases import same_cases
from attnseg_training.datasets.shown_masks import shapes_of

H, W = 60, 80
Y, X = np.mgrid[:H, :W]
GREEN = (20, 230, 30)


def disc(y: int, x: int, r: int) -> np.ndarray:
    return (Y - y) ** 2 + (X - x) ** 2 < r * r


def picture(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(60, 160, (H, W, 1)).repeat(3, 2).astype(np.uint8)


def outlined(lesion: np.ndarray, width: int = 1) -> np.ndarray:
    image = picture()
    image[binary_dilation(lesion, iterations=width) & ~lesion] = GREEN
    return image


@pytest.mark.parametrize("width", [1, 2, 3])
def test_a_line_along_the_outline_is_seen(width: int) -> None:
    lesion = disc(30, 40, 12) | disc(10, 10, 6)
    assert has_line(outlined(lesion, width), lesion)


def test_vivid_lesions_and_pictures_are_no_outlines() -> None:
    lesion = disc(30, 40, 12)
    red, all_red = picture(), picture()
    red[lesion], all_red[:] = (230, 20, 30), (230, 20, 30)
    for image in (picture(), red, all_red, outlined(disc(30, 40, 25))):
        assert not has_line(image, lesion)
    assert not has_line(picture(), np.zeros((H, W), bool))


BOX = (np.abs(Y - 20) < 9) & (np.abs(X - 30) < 12)
OTHER = (np.abs(Y - 50) < 5) & (np.abs(X - 60) < 8)
CROSS = ((np.abs(Y - 50) < 3) & (X == 60)) | ((np.abs(X - 60) < 3) & (Y == 50))
POINTS = (Y % 9 == 4) & (X % 9 == 4)


@pytest.mark.parametrize(
    ("lesion", "rules"),
    [
        (BOX, [Rule.BOXES]),
        (BOX | OTHER, [Rule.BOXES]),
        (CROSS, [Rule.MARKERS]),
        (POINTS, [Rule.SPECKS, Rule.MARKERS]),
        (disc(30, 40, 12) | POINTS, [Rule.SPECKS]),
        (disc(30, 40, 12), []),
        (BOX | disc(45, 60, 9), []),
        (BOX & ~binary_erosion(BOX), []),
        (disc(30, 40, 12) | disc(10, 10, 2), []),
        (disc(30, 40, 2) | disc(10, 10, 3), []),
        (np.zeros((H, W), bool), []),
    ],
)
def test_what_a_mask_may_be_instead_of_outlines(
    lesion: np.ndarray, rules: list[Rule]
) -> None:
    assert shapes_of(lesion) == rules


@pytest.mark.parametrize(
    ("rule", "draw"),
    [
        (
            Rule.DRAWN_ON,
            lambda i: (outlined(disc(30, 30 + i, 12)), disc(30, 30 + i, 12)),
        ),
        (Rule.BOXES, lambda i: (picture(i), (np.abs(Y - 20) < 9) & (i + 1 == X // 9))),
    ],
)
def test_it_is_asked_about_where_most_images_are_so(rule: Rule, draw) -> None:
    for odd, told in ((6, True), (3, False)):
        seen = MasksSeen()
        for i in range(8):
            lesion = disc(20 + 2 * i, 40, 10 + i % 3)
            image, mask = draw(i % 7) if i < odd else (picture(i), lesion)
            seen.add(f"a{i}", mask[None].astype(np.uint8), rgb=image)
        assert (rule in {hint.rule for hint in seen.hints()}) == told


def test_marks_of_one_brush_are_asked_about_where_most_masks_hold_them() -> None:
    brush = np.hypot(*np.mgrid[-6:7, -6:7]) < 6
    for odd, told in ((6, True), (3, False)):
        seen, other = MasksSeen(), MasksSeen()
        for i in range(8):
            mask = np.zeros((200, 240), np.uint8)
            mask[40 + 9 * i : 53 + 9 * i, 30:43] = brush
            if i % 2:
                mask[100:113, 90 + i : 103 + i] |= brush
            if i >= odd:
                mask[60 + i : 90 + 2 * i, 150 - i : 190 + i] = 1
            (seen if i % 2 else other).add(f"a{i}", mask[None])
        (*hints,) = seen.joined(other).hints()
        assert [hint.rule for hint in hints] == [Rule.MARKERS] * told
        assert not told or set(hints[0].names) == {f"a{i}" for i in range(6)}


def test_images_of_one_patient_in_two_splits_are_asked_about(tmp_path: Path) -> None:
    names = [f"patient{p}_frame{k}" for p in (1, 2) for k in range(3)]
    for part in ("images", "masks", "splits"):
        (tmp_path / part).mkdir()
    for i, name in enumerate(names):
        Image.fromarray(picture(i)).save(tmp_path / "images" / f"{name}.png")
        mask = disc(20 + 3 * i, 40, 9).astype(np.uint8) * 255
        Image.fromarray(mask).save(tmp_path / "masks" / f"{name}.png")

    def asked(**splits: list[str]) -> list[tuple[tuple[str, ...], ...]]:
        for split, of in splits.items():
            (tmp_path / "splits" / f"{split}.txt").write_text("\n".join(of))
        questions = check(tmp_path).questions
        return [hint.groups for hint in questions if hint.rule == Rule.SAME_CASE]

    mixed = asked(train=names[:2] + names[3:4], val=names[2:3], test=names[4:])
    assert mixed == [((names[0], names[2]), (names[3], names[4]))]
    assert asked(train=names[:3], val=names[3:], test=names[3:]) == []


@pytest.mark.parametrize(
    "names",
    [
        ["img_1", "img_2", "img_3", "img_4"],  # no number of a case
        ["cju0qkwl3", "cju1dhfok4", "cju2k0z", "cju9"],
        ["case1", "case2", "case3", "case4"],
        ["2018_1", "2018_2", "2018_3", "2018_4"],  # one case alone
        ["001_crop1", "002_crop1", "003_crop2", "004_crop2"],  # no word of a case
        ["img1_p1", "img2_p1", "img3_p1", "img4_p1"],
    ],
)
def test_other_names_are_no_cases(names: list[str]) -> None:
    assert same_cases({"train": names[::2], "val": names[1::2]}) == []


@pytest.mark.parametrize("word", ["_P0{}", "_patient0{}", "-case_{}", "_Patient-{}"])
def test_patients_at_the_end_of_names_are_asked_about(word: str) -> None:
    names = [f"img_{i:04d}{word.format(i % 3)}" for i in range(9)]
    (hint,) = same_cases({"train": names[:5], "val": names[5:]})
    assert set(hint.groups) == {
        (names[i], names[i + 6 - 3 * (i == 2)]) for i in range(3)
    }
    by_case = [f"patient{i // 3}_img_p{i % 3}" for i in range(9)]
    assert same_cases({"train": by_case[:6], "val": by_case[6:]}) == []


@pytest.mark.parametrize(
    "place",
    [
        " [x={x},y={y},w=256,h=256]",
        " [d=2.5,x={x},y={y},w=640,h=640,z=0,t=0]",
        "_x{x}_y{y}",
        "_y{y}_x{x}_w256_h256",
        "_r{y}_c{x}",
        "-row-{y}-col-{x}",
        "-tile-{x}{y}",
        "_patch_{x}{y}",
    ],
)
def test_tiles_of_one_slide_are_asked_about(place: str) -> None:
    slides = [
        [f"Case {i} HE{place.format(x=x, y=y)}" for x in (0, 256) for y in (0, 256)]
        for i in range(3)
    ]
    apart = {"train": [*slides[0], *slides[1]], "val": slides[2]}
    assert same_cases(apart) == []
    # Each tile of another row and column, so that only the slide is the same.
    train = [*slides[0][:1], *slides[1]]
    (hint,) = same_cases({"train": train, "val": [slides[0][3], *slides[2]]})
    assert hint.groups == ((slides[0][0], slides[0][3]),)


def test_labels_of_whole_images_are_no_masks() -> None:
    seen = MasksSeen()
    for i in range(8):
        seen.add(f"a{i}", np.full((1, H, W), i % 2, np.uint8))
    assert [error.rule for error in seen.broken()] == [Rule.MOSTLY_FULL]


def test_versions_of_one_picture_in_two_splits_are_asked_about() -> None:
    versions = [f"polyp{i}_png.rf.{c * 32}" for i in range(2) for c in "ab"]
    others = ["one", "two", "three", "four"]
    (hint,) = same_cases({"train": [versions[0], *others], "val": versions[1:]})
    assert hint.groups == ((versions[0], versions[1]),)
    assert same_cases({"train": [*versions, *others], "val": ["five"]}) == []
