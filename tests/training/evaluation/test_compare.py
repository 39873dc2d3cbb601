"""Paired differences of two evaluations."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import wilcoxon

from attnseg_training.evaluation.compare import Paired, differences_png
from napari_attnseg.errors import InputError
from napari_attnseg.metrics import METRICS

RNG = np.random.default_rng(0)
DICE = RNG.uniform(0.3, 0.95, 40)


def write(path: Path, values: np.ndarray, names: list[str] | None = None) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", *METRICS])
        for i, value in enumerate(values):
            writer.writerow([names[i] if names else f"i{i}", *[value] * len(METRICS)])
    return path


def test_a_small_steady_gain_is_found_though_images_differ(tmp_path: Path) -> None:
    better = DICE + RNG.normal(0.01, 0.01, 40)
    paired = Paired.read(write(tmp_path / "a", DICE), write(tmp_path / "b", better))
    found = paired.summary()["dice"]
    assert found["difference"]["mean"] == pytest.approx((better - DICE).mean())
    assert found["difference"]["low"] > 0
    assert found["second"]["low"] < found["first"]["high"]  # unpaired it would be lost
    assert found["wilcoxon_p"] == pytest.approx(wilcoxon(better - DICE).pvalue)
    assert found["verdict"] == "second_higher"
    assert found["better"] + found["worse"] == 40
    few = Paired.read(
        write(tmp_path / "c", DICE[:19]), write(tmp_path / "d", better[:19])
    )
    assert few.summary()["dice"]["difference"]["low"] > 0
    assert few.summary()["dice"]["verdict"] == "too_few"
    assert differences_png(paired, "a", "b")[:4] == b"\x89PNG"


def test_images_are_matched_by_name_and_undefined_ones_left_out(tmp_path: Path) -> None:
    names = [f"i{i}" for i in range(40)]
    order = RNG.permutation(40)
    second = DICE.copy()
    second[3] = np.nan
    shuffled = write(tmp_path / "b", second[order], [names[i] for i in order])
    found = Paired.read(write(tmp_path / "a", DICE, names), shuffled).summary()
    assert found["dice"]["difference"]["mean"] == 0
    assert found["dice"]["wilcoxon_p"] == 1
    assert found["n"] == 40


def test_other_images_and_other_files_are_refused(tmp_path: Path) -> None:
    a = write(tmp_path / "a", DICE)
    with pytest.raises(InputError, match=r"40, .* 30, and 30 are in both"):
        Paired.read(a, write(tmp_path / "b", DICE[:30]))
    (tmp_path / "c").write_text("name,dice\nx,0.5\n")
    with pytest.raises(InputError, match="evaluate --csv"):
        Paired.read(a, tmp_path / "c")
    with pytest.raises(InputError, match="No such file"):
        Paired.read(a, tmp_path / "none")
