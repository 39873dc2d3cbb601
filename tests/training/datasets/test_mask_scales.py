"""All masks of a data set are compared against one limit, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy.ndimage import gaussian_filter

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.all_masks import look_at_masks
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.masks import MaskKind, read
from attnseg_training.datasets.rules import Rule, RuleError
from napari_attnseg.errors import InputError

Y, X = np.mgrid[:60, :80]
DISC = (Y - 30) ** 2 + (X - 40) ** 2 < 144.0
#: Probabilities of a lesion, up to 1.
SURE = gaussian_filter(DISC * 1.0, 2)


def of_8_bits(probability: np.ndarray) -> np.ndarray:
    return np.rint(probability * 255).astype(np.uint8)


def of_16_bits(probability: np.ndarray) -> np.ndarray:
    return np.rint(probability * 65535).astype(np.uint16)


def percent(probability: np.ndarray) -> np.ndarray:
    return (probability * 100).astype(np.float32)


def red(probability: np.ndarray) -> np.ndarray:
    return of_8_bits(probability)[..., None] * np.array([1, 0, 0], np.uint8)


def opaque(probability: np.ndarray) -> np.ndarray:
    return np.dstack([np.full((60, 80, 3), 90, np.uint8), of_8_bits(probability)])


def seen(folder: Path, suffix: str, *masks: np.ndarray) -> MasksSeen:
    """What is noticed of these masks, each read and noticed by itself, then joined."""
    parts = []
    for i, mask in enumerate(masks):
        file = folder / f"m{i}{suffix}"
        if mask.dtype.kind == "f":
            tifffile.imwrite(file, mask)
        else:
            Image.fromarray(mask).save(file)
        reading = read(file)
        parts.append(MasksSeen())
        parts[-1].add(file.stem, reading.planes, readings=[reading])
    both = parts[0]
    for part in parts[1:]:
        both = both.joined(part)
    return both


@pytest.mark.parametrize("faint", [0.15, 0.6])
@pytest.mark.parametrize(
    ("stored", "suffix"),
    [(of_8_bits, ".png"), (of_8_bits, ".jpg"), (of_16_bits, ".png"), (percent, ".tif")],
)
def test_faint_probabilities_among_sure_ones_are_refused(
    tmp_path: Path, stored: Callable, suffix: str, faint: float
) -> None:
    both = seen(tmp_path, suffix, stored(SURE), stored(SURE * faint))
    (error,) = both.contradictions()
    assert error.rule == Rule.UNCLEAR_VALUES
    assert "for that of 'm1'" in str(error) and "threshold = " in str(error)
    # Of one scale each is clear.
    assert not seen(tmp_path, suffix, *[stored(SURE * faint)] * 2).contradictions()


@pytest.mark.parametrize("stored", [of_8_bits, lambda p: of_8_bits(p).T[::-1]])
def test_probabilities_of_1_and_faint_ones_of_255_are_refused(
    tmp_path: Path, stored: Callable
) -> None:
    of_1 = SURE.astype(np.float32)
    (error,) = seen(tmp_path, ".tif", of_1, stored(SURE * 0.6)).contradictions()
    assert "0.5 for that of 'm0' and 0.3 of 255 for that of 'm1'" in str(error)
    assert "threshold" not in str(error)
    for other in (stored(SURE), stored(SURE * 0.9), of_8_bits(DISC * 0.3), of_1 * 0.7):
        assert not seen(tmp_path, ".tif", of_1, other).contradictions()
    # Half of 100 and of 255 are the same.
    assert not seen(tmp_path, ".tif", percent(SURE), stored(SURE)).contradictions()


@pytest.mark.parametrize("stored", [red, opaque])
def test_faint_colours_among_strong_ones_are_refused(
    tmp_path: Path, stored: Callable
) -> None:
    (error,) = seen(tmp_path, ".png", stored(SURE), stored(SURE * 0.3)).contradictions()
    assert "soft colours of each give 38 for that of 'm1'" in str(error)
    # Colours that somebody chose may be dark in one mask and bright in another.
    hard = seen(tmp_path, ".png", stored(DISC), stored(DISC * 0.3))
    assert not hard.contradictions()


def test_a_small_faint_spot_is_no_lesion_with_soft_edges(tmp_path: Path) -> None:
    spot = gaussian_filter(((Y == 20) & (X == 20)) * 1.0, 2)
    both = seen(tmp_path, ".png", of_8_bits(SURE), of_8_bits(spot / spot.max() * 0.3))
    (error,) = both.contradictions()
    assert "38 for that of 'm1'" in str(error)


def test_probabilities_of_less_than_one_percent_are_no_masks_of_0_and_1(
    tmp_path: Path,
) -> None:
    percents, parts = percent(SURE), percent(SURE * 0.009)
    (error,) = seen(tmp_path, ".tif", percents, parts).contradictions()
    assert "0.5 for that of 'm1' and 50 for that of 'm0'" in str(error)
    nearly_empty = of_8_bits(SURE * 0.004)
    assert set(np.unique(nearly_empty)) == {0, 1}
    (error,) = seen(tmp_path, ".png", of_8_bits(SURE), nearly_empty).contradictions()
    assert "0.5 for that of 'm1'" in str(error)


@pytest.mark.parametrize(
    "other",
    [
        DISC.astype(np.uint8),
        DISC.astype(np.uint8) * 255,
        # A small lesion with soft edges is not faint.
        of_8_bits(gaussian_filter(((abs(Y - 30) < 2) & (abs(X - 40) < 2)) * 1.0, 1.3)),
        # Ringing and noise change the largest number.
        of_8_bits(SURE * 0.85),
    ],
)
def test_ordinary_masks_of_other_levels_agree(
    tmp_path: Path, other: np.ndarray
) -> None:
    soft = of_8_bits(gaussian_filter(DISC * 1.0, 0.8))
    assert not seen(tmp_path, ".png", soft, other).contradictions()


def data(folder: Path, toml: str) -> Path:
    """Two images; the probabilities of one are faint."""
    for part in ("images", "masks"):
        (folder / part).mkdir(exist_ok=True)
    for i, top in enumerate((1, 0.4)):
        Image.fromarray(of_8_bits(SURE)).save(folder / "images" / f"m{i}.png")
        Image.fromarray(of_8_bits(SURE * top)).save(folder / "masks" / f"m{i}.png")
    (folder / "dataset.toml").write_text(toml)
    return folder


def test_a_threshold_is_one_limit_for_all(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="51 for that of 'm1'"):
        look_at_masks(load_dataset(data(tmp_path, "")).split("all"))
    samples = load_dataset(data(tmp_path, "threshold = 127.5")).split("all")
    assert look_at_masks(samples).looks.empty == ["m1"]
    assert samples[0].read_masks()[0].how == MaskKind.THRESHOLD
    np.testing.assert_array_equal(samples[0].read()[1], of_8_bits(SURE) > 127)


@pytest.mark.parametrize(
    ("toml", "text"),
    [
        ("threshold = -1", "from 0 to below"),
        ("threshold = true", "from 0 to below"),
        ("threshold = nan", "from 0 to below"),
        ("threshold = 5\nclasses = {a = 1, b = 2}", "beside the values of classes"),
    ],
)
def test_a_threshold_that_is_none_is_refused(
    tmp_path: Path, toml: str, text: str
) -> None:
    with pytest.raises(InputError, match=text):
        load_dataset(data(tmp_path, toml))


def test_colours_have_no_threshold(tmp_path: Path) -> None:
    Image.fromarray(DISC[..., None] * np.array([9, 99, 0], np.uint8)).save(
        tmp_path / "m.png"
    )
    with pytest.raises(RuleError, match="found colours") as refused:
        read(tmp_path / "m.png", threshold=50)
    assert refused.value.rule == Rule.UNCLEAR_COLOURS


EIGHT, SIXTEEN = of_8_bits(SURE), of_16_bits(SURE)
HARD = np.uint8(DISC * 255)


def spans(folder: Path, threshold: float, *masks: np.ndarray) -> MasksSeen:
    """What is noticed of these masks, read by a threshold."""
    both = MasksSeen()
    for i, mask in enumerate(masks):
        file = folder / f"m{i}.tif"
        tifffile.imwrite(file, mask)
        reading = read(file, threshold=threshold)
        both.add(file.stem, reading.planes, readings=[reading])
    return both


@pytest.mark.parametrize(
    ("threshold", "masks", "told"),
    [
        (127, (EIGHT, SIXTEEN), "uint16 from 0 to 65535"),
        (127, (HARD, np.uint8(DISC)), "uint8 from 0 to 1 and"),
        (127, (EIGHT, DISC), "bool from 0 to 1 and"),
        (127, (HARD, np.float32(SURE)), "float from 0 to 1 and"),
        (0.5, (np.float32(SURE), np.float32(SURE * 255)), "float from 0 to 25"),
        # Each is clear: faint, hard in any range, of a scale without one, or black.
        (127, (EIGHT, of_8_bits(SURE * 0.4)), ""),
        (127, (EIGHT, np.uint16(DISC * 65535)), ""),
        (0, (np.float32(SURE - 0.5), np.float32(SURE * 255 - 90), EIGHT), ""),
        (127, (EIGHT, SIXTEEN * 0), ""),
    ],
)
def test_one_threshold_is_for_masks_of_one_range(
    tmp_path: Path, threshold: float, masks: tuple[np.ndarray, ...], told: str
) -> None:
    found = spans(tmp_path, threshold, *masks).contradictions()
    assert [told in str(error) for error in found] == [True] * bool(told)
    assert all("'m0'" in str(e) and "'m1'" in str(e) for e in found)


def test_masks_resized_with_overshoot_are_told_alike(tmp_path: Path) -> None:
    file = tmp_path / "a.tif"
    for start in (20, 30):
        small = np.zeros((60, 80), np.float32)
        small[20:40, start:50] = 1
        ringing = np.array(Image.fromarray(small).resize((130, 100), 1))
        assert ringing.min() < -0.05 and ringing.max() > 1.05
        tifffile.imwrite(file, ringing)
        words = r"in the mask a.tif, found fractions .*; write threshold = 0\.5 into"
        with pytest.raises(RuleError, match=words):
            read(file)
    logits = np.linspace(-4, 4, 6000, dtype=np.float32).reshape(60, 100)
    tifffile.imwrite(file, logits)
    with pytest.raises(RuleError, match="threshold = 0 into"):
        read(file)
