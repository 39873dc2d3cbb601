"""Masks of one data set are read by one rule, and what may be wrong is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from drawn_masks import H, W, disc, folder, found, nested, photo, save
from PIL import Image

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.all_masks import look_at_masks
from attnseg_training.datasets.check import check
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.kept_masks import KeptMasks
from attnseg_training.datasets.mask_traits import MaskTraits
from attnseg_training.datasets.masks import MaskKind, MaskReading, read
from attnseg_training.datasets.rules import Rule, RuleError
from attnseg_training.evaluation.evaluate import evaluate
from attnseg_training.gates.faithfulness import faithfulness


def two_levels(low: float, high: float, dtype: type = np.uint8) -> Callable:
    """A disc of a low level in each mask, one of a high level in all but the first."""

    def draw(i: int) -> np.ndarray:
        mask = np.where(disc(20, 20 + 8 * i, 12), low, 0).astype(dtype)
        mask[disc(45, 60, 9)] = high if i else 0
        return mask

    return draw


def test_a_level_means_the_same_in_all_masks(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", two_levels(30, 255), suffix=".jpg")
    (text,) = [text for kind, _, text in check(root).found if kind == "values"]
    assert "background in the mask of 'a1'" in text
    assert "is lesion in that of 'a0'" in text
    with pytest.raises(RuleError) as stopped:
        look_at_masks(load_dataset(root).split("all"))
    assert str(stopped.value) == text and stopped.value.rule == Rule.UNCLEAR_VALUES


@pytest.mark.parametrize(
    "mask",
    [
        two_levels(20, 255),
        two_levels(3000, 60000, np.uint16),
        two_levels(0.33, 1, np.float32),
    ],
)
def test_a_level_beside_a_larger_one_is_refused_in_its_own_mask(
    tmp_path: Path, mask: Callable
) -> None:
    suffix = ".tif" if mask(0).dtype.kind == "f" else ".png"
    root = folder(tmp_path / "d", mask, suffix=suffix)
    assert any(kind == "values" for kind, _, _ in check(root).found)
    with pytest.raises(RuleError, match="may be objects, classes") as stopped:
        look_at_masks(load_dataset(root).split("all"))
    assert stopped.value.rule == Rule.UNCLEAR_VALUES


def test_a_smaller_lesion_level_than_a_background_level_is_refused() -> None:
    one, other = MasksSeen(), MasksSeen()
    planes = two_levels(0, 1)(1)[None]
    for seen, traits in (
        (one, MaskTraits(lesion_level=1, background_level=0.33)),
        (other, MaskTraits(lesion_level=0.25)),
    ):
        reading = MaskReading(planes, None, MaskKind.PROBABILITIES, traits=(traits,))
        seen.add("m", reading.planes, readings=[reading])
    assert not one.contradictions() and not other.contradictions()
    (error,) = one.joined(other).contradictions()
    assert "0.33 is background" in str(error) and "0.25 is lesion" in str(error)
    with pytest.raises(RuleError, match=r"0\.33 is background"):
        other.joined(one).expect(allow=("mostly-empty",))


def test_ordinary_levels_agree(tmp_path: Path) -> None:
    """Masks of 0 and 1, of 0 and 255, soft ones and numbered objects in one set."""

    def draw(i: int) -> np.ndarray:
        shape = disc(30, 40 + i, 12)
        soft = Image.fromarray(shape.astype(np.uint8) * 255)
        soft = soft.resize((W // 2, H // 2), Image.Resampling.BILINEAR)
        objects = shape.astype(np.uint8) + 2 * disc(10, 10, 5)
        masks = (
            shape.astype(np.uint8),
            shape.astype(np.uint8) * 255,
            np.asarray(soft.resize((W, H), Image.Resampling.BICUBIC)),
            objects.astype(np.uint8),
        )
        return masks[i]

    assert found(folder(tmp_path / "d", draw, count=4)) == {}


def test_a_colour_is_background_in_all_masks_or_in_none(tmp_path: Path) -> None:
    dark, bright = np.array([68, 1, 84], np.uint8), np.array([253, 231, 36], np.uint8)

    def draw(i: int) -> np.ndarray:
        lesion = disc(30, 30 + 5 * i, 14) if i else ~disc(30, 40, 14)
        return np.where(lesion[..., None], bright, dark)

    root = folder(tmp_path / "d", draw)
    (text,) = [text for kind, _, text in check(root).found if kind == "values"]
    assert "colour (253, 231, 36) is along the border of the mask of 'a0'" in text
    assert "inside that of 'a1'" in text
    with pytest.raises(RuleError, match="one colour as the background") as stopped:
        look_at_masks(load_dataset(root).split("all"))
    assert stopped.value.rule == Rule.UNCLEAR_COLOURS
    # Without the large one nothing contradicts.
    (root / "images" / "a0.png").unlink()
    (root / "masks" / "a0.png").unlink()
    assert found(root) == {}


def test_a_mask_of_one_colour_is_empty_if_it_is_that_of_other_backgrounds(
    tmp_path: Path,
) -> None:
    dark, bright = np.array([68, 1, 84], np.uint8), np.array([253, 231, 36], np.uint8)
    alone = {"empty": dark, "full": bright}
    for name, colour in alone.items():

        def draw(i: int, colour: np.ndarray = colour) -> np.ndarray:
            lesion = disc(30, 30 + i, 14)[..., None]
            return np.where(lesion, bright, dark) if i else colour + 0 * photo(0)

        root = folder(tmp_path / name, draw)
        samples = load_dataset(root).split("all")
        with pytest.raises(RuleError, match="one colour alone, not black"):
            samples[0].read()  # which sees no other mask
        if name == "empty":
            assert found(root) == {"empty mask": ["a0"]}
            assert look_at_masks(samples).looks.empty == ["a0"]
            continue
        assert found(root)["values"] == [name]
        with pytest.raises(RuleError, match=r"mask a0\.png, found one colour alone"):
            look_at_masks(samples)


def test_a_lesion_that_is_nearly_black_is_no_contradiction(tmp_path: Path) -> None:
    def draw(i: int) -> np.ndarray:
        return (disc(30, 30 + 5 * i, 14)[..., None] * np.array([2, 0, 1])).astype(
            np.uint8
        )

    root = folder(tmp_path / "d", draw)
    assert found(root) == {}
    assert (load_dataset(root).split("all")[0].read()[1] == (draw(0)[..., 0] > 0)).all()


def test_one_inverted_mask_is_named_and_stops_nothing(tmp_path: Path) -> None:
    def draw(i: int) -> np.ndarray:
        lesion = disc(30, 30 + 5 * i, 14)
        return np.where(lesion ^ (i == 2), np.uint8(255), np.uint8(0))

    report = check(folder(tmp_path / "d", draw, count=4))
    assert [(kind, name) for kind, name, _ in report.found] == [("inverted-mask", "a2")]
    assert "may be inverted" in report.found[0][2]
    assert report.to_json()["stops_training"] == []


def in_pieces(i: int) -> np.ndarray:
    mask = np.zeros((H, W), np.uint8)
    for number, (y, x) in ((1, (12, 12)), (1, (45, 12)), (2, (12, 60))):
        mask[disc(y, x + i, 8)] = number
    return mask


def painted(draw: Callable) -> Callable:
    """The same numbers in colours."""
    colours = np.array([(0, 0, 0), (255, 0, 0), (0, 0, 255)], np.uint8)
    return lambda i: colours[draw(i)]


def objects(i: int) -> np.ndarray:
    """Three objects, two of which touch."""
    mask = np.zeros((H, W), np.uint8)
    for number, (y, x) in enumerate([(20, 20 + i), (20, 35 + i), (45, 60 - i)], 1):
        mask[disc(y, x, 9) & (mask == 0)] = number
    return mask


@pytest.mark.parametrize("mask", [nested, in_pieces, painted(nested)])
def test_numbers_that_may_be_classes_are_asked_about(
    tmp_path: Path, mask: Callable
) -> None:
    root = folder(tmp_path / "d", mask)
    report = check(root)
    assert not report.found
    (hint,) = report.questions
    assert hint.rule == "maybe-classes" and 'classes = ["lesion"]' in str(hint)
    told = report.to_json()
    assert told["stops_training"] == []
    assert told["warnings"] == [
        {"kind": "maybe-classes", "names": list(hint.names), "text": str(hint)}
    ]
    (root / "dataset.toml").write_text('classes = ["lesion"]')
    assert found(root) == {}


def in_other_colours(i: int) -> np.ndarray:
    """As a part of a picture that was cut out has its own colours."""
    colours = np.array([(0, 0, 0), (250 - 70 * i, 90, 9), (9, 90, 70 * i)])
    return colours[np.roll(nested(i), i, 1)]


@pytest.mark.parametrize(
    "mask",
    [
        objects,
        painted(lambda i: np.roll(objects(i) % 3, i, 1)),
        lambda i: in_other_colours(i).astype(np.uint8),
    ],
)
def test_objects_are_not_asked_about(tmp_path: Path, mask: Callable) -> None:
    assert found(folder(tmp_path / "d", mask)) == {}


def test_drawings_that_overlap_are_asked_about(tmp_path: Path) -> None:
    def draw(i: int) -> np.ndarray:
        first, second = disc(30, 30 + 5 * i, 14), disc(30, 36 + 5 * i, 14)
        both = np.dstack([first, second, np.zeros_like(first)])
        return both.astype(np.uint8) * 255

    root = folder(tmp_path / "d", draw)
    assert found(root) == {"overlapping-colours": ["a0", "a1", "a2"]}
    (root / "dataset.toml").write_text('classes = ["lesion"]')
    assert found(root) == {}


def test_drawings_that_are_blended_are_asked_about(tmp_path: Path) -> None:
    def draw(i: int) -> np.ndarray:
        first, second = disc(30, 30 + 5 * i, 14), disc(30, 36 + 5 * i, 14)
        both = np.zeros((H, W, 3), np.uint8)
        both[first], both[second] = (255, 0, 0), (0, 0, 255)
        both[first & second] = (128, 0, 128)
        return both

    assert found(folder(tmp_path / "d", draw)) == {
        "overlapping-colours": ["a0", "a1", "a2"]
    }


def test_evaluate_tells_the_same(
    tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw(i: int) -> np.ndarray:
        return np.where(disc(20, 30 + i, 9) ^ (i == 1), np.uint8(255), np.uint8(0))

    root = folder(tmp_path / "d", draw, orientation=3)
    data = load_dataset(root)
    decoded: list[str] = []

    def decode(path: Path, *said: object) -> MaskReading:
        decoded.append(path.stem)
        return read(path, *said)

    with monkeypatch.context() as patch:
        patch.setattr("attnseg_training.datasets.sample.read", decode)
        summary = evaluate(tiny_weights, data, "all", "cpu").summary()
    assert sorted(decoded) == ["a0", "a1", "a2"]  # each mask once
    told = {one["rule"]: one["text"] for one in summary["findings"]}
    assert set(told) == {"inverted-mask", "unclear-orientation"}
    texts = [text for _, _, text in check(root).found]
    assert told["inverted-mask"] in texts
    assert "'a0' (and of 2 more)" in told["unclear-orientation"]
    gates, _ = faithfulness(tiny_weights, data, "all", device="cpu")
    assert gates["findings"] == summary["findings"]


def test_masks_that_are_kept_are_as_they_were_read(tmp_path: Path) -> None:
    mask = disc(20, 30, 9).astype(np.uint8)
    mask[disc(45, 60, 9)] = 255
    save(tmp_path / "m.png", mask)
    whole, part = (
        read(tmp_path / "m.png", (1,), 255),
        read(tmp_path / "m.png", (1, 255)),
    )
    kept = KeptMasks()
    kept.keep("m", [whole, part])
    for one, was in zip(kept.take("m"), (whole, part), strict=True):
        np.testing.assert_array_equal(one.planes, was.planes)
        assert one.planes.dtype == np.uint8 and one.values == was.values
        assert (one.ignored is None) == (was.ignored is None)
        assert one.ignored is None or (one.ignored == was.ignored).all()
