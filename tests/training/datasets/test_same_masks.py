"""Images that do not look the same do not have one mask, pixel for pixel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.check import check
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.evaluation.evaluate import evaluate

Y, X = np.mgrid[:48, :64]


def folder(root: Path, places: Sequence[int], pictures: Sequence[int]) -> Path:
    """Discs at places (0: none), under pictures of these numbers."""
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for i, (place, picture) in enumerate(zip(places, pictures, strict=True)):
        wave = 100 + 90 * np.sin(Y / (3 + 2 * picture)) * np.cos(X / (2 + 3 * picture))
        mask = ((Y - 20) ** 2 + (X - place) ** 2 < 64) & (place > 0)
        for part, pixels in (("images", wave), ("masks", mask * 255)):
            Image.fromarray(pixels.astype(np.uint8)).save(root / part / f"a{i}.png")
    return root


@pytest.mark.parametrize(
    ("places", "pictures", "kind", "groups"),
    [
        ((20, 30, 20, 40, 30), range(5), "same-mask", [["a0", "a2"], ["a1", "a4"]]),
        ((20, 20, 20), range(3), "mostly-same-mask", [["a0", "a1", "a2"]]),
        ((0, 0, 20), range(3), "", []),
        # One picture twice has one mask.
        ((20, 20, 30), (1, 1, 2), "", []),
        # One picture twice has different masks, or one has none.
        ((20, 30, 40, 20), (1, 1, 2, 1), "same-image", [["a0", "a1", "a3"]]),
        ((20, 0, 40), (1, 1, 2), "same-image", [["a0", "a1"]]),
    ],
)
def test_one_mask_of_several_images_is_asked_about(
    tmp_path: Path, places: Sequence[int], pictures: Sequence[int], kind: str, groups
) -> None:
    report = check(folder(tmp_path / "d", places, pictures)).to_json()
    asked = {one["kind"]: one["groups"] for one in report["warnings"]}
    assert asked == ({} if kind in ("", "mostly-same-mask") else {kind: groups})
    told = [one["text"] for one in report["findings"] if "same" in one["kind"]]
    assert len(told) == (kind == "mostly-same-mask")
    assert all("'a0' and 'a1' and 'a2'" in text for text in told)
    assert not report["stops_training"] or not kind


def test_what_is_ignored_alike_in_all_masks_is_no_mask() -> None:
    seen, frame = MasksSeen(), np.ones((9, 9), bool)
    frame[2:7, 2:7] = False
    for i, value in enumerate((0, 0, 0, 1, 1, 1)):  # empty, and full but for the frame
        planes = (~frame & bool(value))[None].astype(np.uint8)
        seen.add(f"a{i}", planes, frame)
    assert len(seen.looks.empty) == len(seen.looks.full) == 3
    assert not [one for one in seen.hints() if "same" in one.rule]


def test_copies_in_two_splits_are_told_with_their_masks(tmp_path: Path) -> None:
    root = folder(tmp_path / "d", (20, 30, 40, 20), (1, 1, 2, 1))
    (root / "splits").mkdir()
    for split, names in (("train", "a0"), ("val", "a1\na3"), ("test", "a2")):
        (root / "splits" / f"{split}.txt").write_text(names)
    found = check(root).found
    other, same = (text for kind, _, text in found if kind == "near-duplicate")
    assert "a0 (train) and a1 (val)" in other
    assert other.endswith("same, pixel for pixel, but their masks differ.")
    assert "a0 (train) and a3 (val)" in same and same.endswith("hashes differ.")


def test_copies_are_told_by_evaluate(tmp_path: Path, tiny_weights: Path) -> None:
    data = load_dataset(folder(tmp_path / "d", (20, 30, 40), (1, 1, 2)))
    (told,) = evaluate(tiny_weights, data, "all", "cpu").summary()["findings"]
    assert told["rule"] == "same-image" and "'a0' and 'a1'" in told["text"]
