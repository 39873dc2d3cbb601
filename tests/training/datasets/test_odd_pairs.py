"""Images that do not go with their masks, or give them away, as told of whole sets."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2lab

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.check import check
from attnseg_training.datasets.colour_spaces import other_space, sampled
from attnseg_training.datasets.cut_outs import shows_image
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.near_duplicates import difference_hashes, near_duplicates
from attnseg_training.datasets.rules import Rule, UnclearMaskError
from attnseg_training.evaluation.evaluate import evaluate

H, W = 80, 96
Y, X = np.mgrid[:H, :W]
#: A function of picture and mask, which gives them back as they are stored.
Draw = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@cache
def scene(i: int, height: int = H, width: int = W) -> tuple[np.ndarray, np.ndarray]:
    """Reddish picture of soft texture, and a disc in it that is softly brighter."""
    rng = np.random.default_rng(i)
    y, x = np.mgrid[:height, :width]
    across, down, radius = rng.integers(22, 58), rng.integers(22, 58), 12 + i % 6
    disc = (y - down * height / H) ** 2 + (x - across * width / W) ** 2 < radius**2
    texture = gaussian_filter(rng.normal(size=(height, width)), 5)
    grey = 110 + 30 * texture / texture.std() + 15 * gaussian_filter(disc * 1.0, 5)
    picture = grey[..., None] * np.array([1.3, 0.9, 0.7])
    return picture.clip(0, 255).astype(np.uint8), disc


def jpeg(picture: np.ndarray, quality: int = 90) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def rules(draw: Callable[[int], tuple[np.ndarray, np.ndarray]], count: int) -> set[str]:
    """Rules of the hints on a set, with the same names in both halves of it."""
    seen, parts = MasksSeen(), (MasksSeen(), MasksSeen())
    for i in range(count):
        picture, lesion = draw(i)
        planes = lesion[None].astype(np.uint8)
        seen.add(f"a{i}", planes, rgb=picture)
        parts[i % 2].add(f"a{i}", planes, rgb=picture)
    joined = parts[0].joined(parts[1])
    told = {str(hint.rule) for hint in seen.hints()}
    assert told == {str(hint.rule) for hint in joined.hints()}
    return told


def test_scenes_are_told_nothing_of() -> None:
    assert rules(scene, 24) == set()


def tinted(colour: tuple[int, ...], opacity: float, outside: bool = False) -> Draw:
    def draw(picture: np.ndarray, lesion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        where = (lesion != outside)[..., None]
        mixed = (1 - opacity) * picture + opacity * np.array(colour)
        return np.where(where, mixed, picture).astype(np.uint8), lesion

    return draw


@pytest.mark.parametrize(
    ("draw", "saved", "of", "told"),
    [
        (tinted((0, 255, 0), 0.4), np.array, 8, True),
        (tinted((255, 0, 0), 0.2), np.array, 8, True),
        (tinted((255, 255, 255), 0.2), jpeg, 8, True),
        (tinted((0, 0, 255), 0.4), jpeg, 8, True),
        (tinted((0, 0, 0), 0.5, outside=True), np.array, 8, True),
        (tinted((255, 255, 255), 0.3, outside=True), jpeg, 8, True),
        (tinted((0, 255, 0), 0.4), np.array, 4, False),  # they may be chance
    ],
)
def test_tints_along_outlines_are_told(
    draw: Draw, saved: Callable[[np.ndarray], np.ndarray], of: int, told: bool
) -> None:
    def one(i: int) -> tuple[np.ndarray, np.ndarray]:
        picture, lesion = draw(*scene(i)) if i < of else scene(i)
        return saved(picture), lesion

    assert (Rule.TINTED in rules(one, 12)) == told


@pytest.mark.parametrize("blur", [0.6, 1.5, 2.5])
def test_objects_that_shine_on_black_are_no_tints(blur: float) -> None:
    def one(i: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(i)
        grey, lesion = np.zeros((H, W)), np.zeros((H, W), bool)
        for y, x in rng.integers(14, 66, (6, 2)):
            disc = ((y - Y) ** 2 + (x - X) ** 2 < 81) & ~lesion
            grey[disc] = rng.integers(60, 200)
            lesion |= disc
        grey = gaussian_filter(grey, blur) + 20 + rng.normal(0, 3, (H, W))
        return grey.clip(0, 255).astype(np.uint8)[..., None].repeat(3, 2), lesion

    assert Rule.TINTED not in rules(one, 8)


@pytest.mark.parametrize("grey", [0, 114, 255])
@pytest.mark.parametrize("turned", [False, True])
def test_lesions_on_padding_are_told(grey: int, turned: bool) -> None:
    def one(i: int, stretched: bool) -> tuple[np.ndarray, np.ndarray]:
        picture, lesion = scene(i)
        board, mask = np.full((140, W, 3), grey, np.uint8), np.zeros((140, W), bool)
        board[30:110] = picture
        mask[30:110] = lesion
        if stretched:
            whole = Image.fromarray(lesion).resize((W, 140), Image.Resampling.NEAREST)
            mask = np.asarray(whole)
        if turned:
            board, mask = board.swapaxes(0, 1), mask.T
        return jpeg(board, 75), mask

    assert rules(lambda i: one(i, stretched=True), 12) == {"on-padding"}
    assert rules(lambda i: one(i, stretched=False), 12) == set()
    assert rules(lambda i: one(i, stretched=i == 2), 12) == set()


@pytest.mark.parametrize("every", [2, 3, 5])
def test_images_with_red_and_blue_exchanged_are_told(every: int) -> None:
    def one(i: int) -> tuple[np.ndarray, np.ndarray]:
        picture, lesion = scene(i)
        return picture[..., :: 1 if i % every else -1].copy(), lesion

    assert rules(one, 12) == {"exchanged-colours"}


def test_other_colours_are_not_exchanged() -> None:
    def one(i: int, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        picture, lesion = scene(i)
        return (picture * share).astype(np.uint8) if i % 2 else picture, lesion

    for share in np.array([(0.2, 0.6, 1.4), (0.6, 0.9, 1.0), (0.55, 0.8, 1.1)]):
        assert rules(partial(one, share=share), 12) == set()


def in_hsv(picture: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).convert("HSV"))


def in_lab(picture: np.ndarray) -> np.ndarray:
    """CIE L*a*b* in 8 bits, as OpenCV has it."""
    lab = rgb2lab(picture) * (2.55, 1, 1) + (0, 128, 128)
    return lab.round().clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("every", [2, 4])
@pytest.mark.parametrize(
    ("convert", "space"),
    [
        (in_hsv, "HSV"),
        (lambda picture: in_hsv(picture)[..., ::-1], "HSV"),
        (in_lab, "LAB"),
        (lambda p: np.asarray(Image.fromarray(p).convert("YCbCr")), "YCbCr"),
    ],
)
def test_images_of_another_colour_space_are_told(
    every: int, convert: Callable[[np.ndarray], np.ndarray], space: str
) -> None:
    samples = {}
    for i in range(16):
        picture = scene(i)[0]
        samples[f"a{i}"] = sampled(picture if i % every else convert(picture))
    names, found = other_space(samples)
    assert found == space
    assert len(names) == 16 // every
    assert rules(
        lambda i: (scene(i)[0] if i % 2 else in_hsv(scene(i)[0]), scene(i)[1]), 12
    ) == {"colour-space"}


def test_grey_images_among_others_are_of_no_colour_space() -> None:
    def grey(i: int) -> tuple[np.ndarray, np.ndarray]:
        picture, lesion = scene(i)
        mean = picture.mean(-1, keepdims=True).astype(np.uint8)
        return (picture if i % 3 else np.repeat(mean, 3, -1)), lesion

    assert rules(grey, 15) == set()


@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize(("every", "told"), [(2, True), (3, True), (12, False)])
def test_negatives_are_told(every: int, told: bool, grey: bool) -> None:
    def one(i: int) -> tuple[np.ndarray, np.ndarray]:
        picture, lesion = scene(i)
        field = np.hypot(Y - H / 2, X - W / 2) < H / 2
        if grey:
            picture = np.repeat(picture.mean(-1, keepdims=True), 3, -1)
        shown = (picture * field[..., None]).astype(np.uint8)
        return (shown if i % every else 255 - shown), lesion

    assert rules(one, 12) == ({"negatives"} if told else set())


@pytest.mark.parametrize(("scale", "told"), [(0.5, True), (0.3, True), (0.8, False)])
def test_masks_of_the_size_of_a_preview_are_told(scale: float, told: bool) -> None:
    def one(i: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(i)
        y, x = rng.integers(5, H - 5), rng.integers(5, W - 5)
        small = (Y - scale * y) ** 2 + (X - scale * x) ** 2 < (7 * scale) ** 2
        return scene(i)[0], small

    assert ("drawn-small" in rules(one, 24)) == told
    assert "drawn-small" not in rules(one, 12)
    # Objects of one place are no scaled masks.
    place = (Y - 30) ** 2 + (X - 36) ** 2

    def fixed(i: int) -> tuple[np.ndarray, np.ndarray]:
        return scene(i)[0], place < 20 + i

    assert "drawn-small" not in rules(fixed, 24)


@pytest.mark.parametrize("quality", [60, 95])
def test_copies_with_another_mask_are_told_with_both_names(quality: int) -> None:
    seen = MasksSeen()
    for i in range(6):
        picture, lesion = scene(i)
        small = Image.fromarray(picture).resize((W - 20, H - 12))
        shifted = np.asarray(Image.fromarray(lesion).resize(small.size))
        moved = np.roll(shifted, 14, 1) if i < 2 else shifted
        seen.add(f"a{i}", lesion[None].astype(np.uint8), rgb=picture)
        if i < 3:
            copy = jpeg(np.asarray(small), quality)
            seen.add(f"copy{i}", moved[None].astype(np.uint8), rgb=copy)
    (hint,) = (one for one in seen.hints() if one.rule == Rule.SIMILAR_IMAGE)
    assert hint.groups == (("a0", "copy0"), ("a1", "copy1"))
    assert "'a0' and 'copy0'" in str(hint)


def test_a_frame_that_all_images_share_makes_no_near_duplicates() -> None:
    def framed(i: int) -> np.ndarray:
        board = np.full((H, W, 3), 255, np.uint8)
        board[20:60, 24:72] = scene(i, 40, 48)[0]
        return difference_hashes(board)

    hashes = {f"a{i}": framed(i) for i in range(24)} | {"copy": framed(3)}
    splits = {"train": tuple(f"a{i}" for i in range(24)), "val": ("copy",)}
    (pair,) = near_duplicates(hashes, splits)
    assert (pair.first, pair.second) == ("a3", "copy")


def write(root: Path, mask: Callable[[np.ndarray, np.ndarray], Image.Image]) -> Path:
    for i in range(6):
        for part in ("images", "masks"):
            (root / part).mkdir(parents=True, exist_ok=True)
        picture, lesion = scene(i)
        Image.fromarray(picture).save(root / "images" / f"a{i}.png")
        mask(picture, lesion).save(root / "masks" / f"a{i}.png")
    return root


def cut_out(picture: np.ndarray, lesion: np.ndarray) -> Image.Image:
    grey = np.asarray(Image.fromarray(picture).convert("L"))
    return Image.fromarray(np.where(lesion, grey, 0).astype(np.uint8))


@pytest.mark.parametrize(
    "mask",
    [
        cut_out,
        lambda picture, lesion: Image.fromarray(picture),
        lambda picture, lesion: Image.fromarray(
            np.where(lesion[..., None], picture, 0).astype(np.uint8)
        ),
    ],
)
def test_a_mask_that_shows_the_image_is_refused_in_one_sentence(
    tmp_path: Path, mask: Callable[[np.ndarray, np.ndarray], Image.Image]
) -> None:
    root = write(tmp_path, mask)
    with pytest.raises(UnclearMaskError, match="looks like the image itself, ") as e:
        for one in load_dataset(root).splits["all"]:
            one.read()
    assert e.value.rule is Rule.SHOWS_IMAGE
    texts = {
        text.replace(name, "")
        for kind, name, text in check(root).found
        if kind == "values" and "image itself" in text
    }
    assert len(texts) == 1 and len(check(root).found) == 6


def test_other_masks_do_not_show_the_image() -> None:
    picture, lesion = scene(1)
    other = np.where(lesion, scene(2)[0][..., 0], 0)
    for mask in (lesion * 255, other, np.zeros((H, W)), gaussian_filter(other, 2)):
        assert not shows_image(mask.astype(np.uint8), picture)
    assert not shows_image(picture[:-1], picture)


def test_findings_on_pairs_are_told_and_stop_nothing(
    tmp_path: Path, tiny_weights: Path
) -> None:
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    for i in range(8):
        picture, lesion = tinted((0, 255, 0), 0.4)(*scene(i))
        Image.fromarray(picture).save(tmp_path / "images" / f"a{i}.png")
        Image.fromarray(lesion).save(tmp_path / "masks" / f"a{i}.png")
    report = check(tmp_path).to_json()
    (told,) = report["warnings"]
    assert told["kind"] == "tinted" and told["names"] == [f"a{i}" for i in range(8)]
    assert "sharp step of one colour along the outline" in told["text"]
    assert report["stops_training"] == []
    summary = evaluate(tiny_weights, load_dataset(tmp_path), "all", "cpu").summary()
    assert {"rule": "tinted", "text": told["text"]} in summary["findings"]
