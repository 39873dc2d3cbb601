"""What `check` knows, `fit`, `evaluate` and `faithfulness` know too."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from attnseg_training.cli import app
from attnseg_training.config import ALLOWABLE, TrainConfig
from attnseg_training.datasets import findings, load_dataset
from attnseg_training.datasets.finding_kinds import FINDINGS, STOPS
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.rules import RuleError
from attnseg_training.evaluation.evaluate import evaluate
from attnseg_training.fit.callbacks import FitCallbacks
from attnseg_training.fit.fit import fit
from attnseg_training.gates.faithfulness import faithfulness
from attnseg_training.release.calibration import calibrate
from napari_attnseg.cards import read_card
from napari_attnseg.errors import InputError

SIZE = (40, 48)
INVERTED = np.full(SIZE, 255, np.uint8)
INVERTED[10:20, 10:20] = 0
OUTLINED = np.zeros(SIZE, np.uint8)
OUTLINED[10:30, 10:30] = 255
OUTLINED[12:28, 12:28] = 0
#: A brush stroke, as through a lesion.
LINES = np.zeros(SIZE, np.uint8)
LINES[10:12, 8:34] = LINES[10:28, 32:34] = 255
PADDED = np.zeros(SIZE, np.uint8)
PADDED[:5] = PADDED[20:30, 10:20] = 255
LESION = np.where(np.arange(SIZE[0])[:, None] // 12 == 1, 255, 0).astype(np.uint8)
LESION = LESION * (np.arange(SIZE[1]) // 10 == 1)
PATTERNED = np.zeros(SIZE, np.uint8)
PATTERNED[8:32, 10:36] = (np.indices((24, 26)).sum(0) % 4 < 2) * 255
#: Distances to the edge, as a share of the largest.
SLOPED = np.zeros(SIZE, np.uint8)
SLOPED[8:32, 10:36] = np.minimum(
    12 - abs(np.arange(24) - 11.5)[:, None], 13 - abs(np.arange(26) - 12.5)
) * (255 / 11.5)
#: A lesion whose pixels were numbered column by column, and read row by row.
OUT_OF_ORDER = np.zeros(SIZE, np.uint8)
OUT_OF_ORDER[10:30, 10:30] = 255
OUT_OF_ORDER = OUT_OF_ORDER.ravel("F").reshape(SIZE)
#: At the same pixels of each mask, whatever else is in it.
BURNT_IN = np.zeros(SIZE, bool)
BURNT_IN[34:37, 30:44] = True
#: A seven in a lesion.
WRITTEN = LESION.copy()
WRITTEN[14, 12:16] = WRITTEN[15:20, 15] = WRITTEN[16, 14] = 0
WRITTEN[17:20, 14] = 0
#: A rim of 1, which is background, around a lesion of 2, and 1 elsewhere.
INTERPOLATED = np.zeros(SIZE, np.uint8)
INTERPOLATED[9:25, 9:21] = INTERPOLATED[26:38, 30:42] = 1
INTERPOLATED[10:24, 10:20] = 2
FILLS = {
    "mostly-empty": 0,
    "mostly-full": 255,
    "mostly-inverted": INVERTED,
    "mostly-outlines": OUTLINED,
    "mostly-lines": LINES,
    "mostly-padded": PADDED,
    "mostly-patterned": PATTERNED,
    "mostly-out-of-order": OUT_OF_ORDER,
    "mostly-sloped": SLOPED,
    "mostly-interpolated": INTERPOLATED,
    "burnt-in": LESION,
    "burnt-in-text": WRITTEN,
}
WORDS = {
    "mostly-empty": "empty",
    "mostly-full": "full",
    "mostly-inverted": "lesion along most of the border or around the background, as "
    "those that were inverted, or moved by half of their size (fftshift)",
    "mostly-outlines": "nothing but outlines",
    "mostly-lines": "thin lines, as brush strokes in lesions, diameters and centre "
    "lines are",
    "mostly-padded": "lesion along a whole edge or in a wedge, up to a straight line",
    "mostly-patterned": "made of single pixels, dots or stripes, as those that were "
    "dithered or hatched, or of small cells side by side with thin gaps, which may be "
    "right",
    "mostly-out-of-order": "stripes that become whole if columns are read for rows, or "
    "rows for columns, as where runs (RLE, COCO) were decoded in the wrong order",
    "mostly-sloped": "slopes from the edge to the middle, as maps of distances, spots "
    "and gradient fills are, of which only the upper half was read as lesion",
    "mostly-interpolated": "edged with thin rims of a smaller number (1) around most "
    "of what has a larger one, as where their numbers were interpolated",
    "burnt-in": "lesion at the same pixels (rows 34 to 36, columns 30 to 43)",
    "burnt-in-text": "marked, inside lesions or beside them, with small shapes of "
    "strokes that recur pixel for pixel",
}


def fill(folder: Path, value: int | NDArray[np.uint8], names: list[str]) -> None:
    for i, name in enumerate(names):  # no two of one shape at one place
        mask = np.zeros(SIZE, np.uint8) + np.asarray(value, np.uint8)
        mask = np.roll(mask, i, 1)
        if value is LESION:
            mask[BURNT_IN] = 255
        Image.fromarray(mask).save(folder / "masks" / f"{name}.png")


def number(folder: Path) -> None:
    """State numbers of a class and of background; 255 becomes 2."""
    (folder / "dataset.toml").write_text("classes = {background = 1, lesion = 2}")
    for path in (folder / "masks").iterdir():
        mask = np.asarray(Image.open(path).convert("L")) > 127
        Image.fromarray(2 * mask.astype(np.uint8)).save(path)


def checked(folder: Path, tmp_path: Path) -> dict[str, list[str]]:
    """Kind → sentences of `check`, and which of them it says stop training."""
    file = tmp_path / "check.json"
    CliRunner().invoke(app, ["check", str(folder), "--json", str(file)])
    report = json.loads(file.read_text())
    found: dict[str, list[str]] = {"stops": report["stops_training"]}
    for one in report["findings"]:
        found.setdefault(one["kind"], []).append(one["text"])
    return found


def test_what_can_be_allowed_is_what_the_setting_offers() -> None:
    assert ALLOWABLE == findings.ALLOWABLE
    assert set(ALLOWABLE) < set(STOPS) < set(FINDINGS)
    with pytest.raises(InputError, match="mostly-inverted"):
        TrainConfig("d", allow=("near-duplicate",))


@pytest.mark.parametrize("rule", ALLOWABLE)
def test_every_command_says_it_in_one_sentence(
    data_folder: Path, tmp_path: Path, tiny_weights: Path, rule: str
) -> None:
    names = [path.stem for path in sorted((data_folder / "masks").iterdir())]
    if rule == "mostly-interpolated":
        number(data_folder)
    fill(data_folder, FILLS[rule], names[:5] + names[9:])
    found = checked(data_folder, tmp_path)
    assert found["stops"] == [rule]
    (sentence,) = found[rule]
    word = WORDS[rule]
    assert f"8 of 12 masks are {word}, first that of 'disc00'" in sentence
    assert f"--allow {rule}" in sentence

    config = TrainConfig(str(data_folder), "tiny", epochs=1, batch=4, device="cpu")
    said = re.escape(f"5 of 9 masks are {word}")
    with pytest.raises(RuleError, match=said) as stopped:
        fit(config, tmp_path / "run")
    assert stopped.value.rule == rule
    assert not (tmp_path / "run" / "last.safetensors").exists()
    data = load_dataset(data_folder)
    with pytest.raises(RuleError, match=re.escape(f"3 of 3 masks are {word}")):
        faithfulness(tiny_weights, data, "test", device="cpu")
    again = tmp_path / "again.safetensors"
    with pytest.raises(RuleError, match=re.escape(f"3 of 3 masks are {word}")):
        calibrate(tiny_weights, again, data, "test", "cpu")
    assert not again.exists()
    words = ["calibrate", str(tiny_weights), str(again), "--data", str(data_folder)]
    words += ["--split", "test", "--device", "cpu", "--allow", rule]
    done = CliRunner().invoke(app, words)
    assert f"3 of 3 masks are {word}" in " ".join(done.stderr.split()), done.exception
    assert read_card(again).training["temperature_from"]["allowed"] == [rule]
    # Frames without a lesion may be evaluated, but not unsaid.
    summary = evaluate(tiny_weights, data, "test", "cpu").summary()
    (told,) = summary["findings"]
    assert told["rule"] == rule and f"3 of 3 masks are {word}" in told["text"]
    summary = evaluate(tiny_weights, data, "test", "cpu", allow=(rule,)).summary()
    assert summary["allowed"] == [rule] and "findings" not in summary


def test_what_is_allowed_is_said_and_recorded(
    data_folder: Path, tmp_path: Path
) -> None:
    names = [path.stem for path in sorted((data_folder / "masks").iterdir())]
    fill(data_folder, 0, names[:6])
    run = tmp_path / "run"
    arguments = ["fit", "--data", data_folder, "--out", run, "--model", "tiny"]
    words = [*map(str, arguments), "--epochs", "1", "--device", "cpu"]
    done = CliRunner().invoke(app, words)
    assert "6 of 9 masks are empty" in str(done.exception)
    done = CliRunner().invoke(app, [*words, "--allow", "mostly-empty"])
    assert done.exit_code == 0, done.exception
    flat = " ".join(done.stderr.split())
    assert "6 of 9 masks are empty" in flat and "empty mask (6)" in flat
    training = read_card(run / "last.safetensors").training
    assert training["allowed"] == ["mostly-empty"]
    assert training["findings"] == {"empty mask": 6}
    (session,) = json.loads((run / "run.json").read_text())["sessions"]
    assert session["allowed"] == ["mostly-empty"]
    assert 'allow = [\n    "mostly-empty",\n]' in (run / "config.toml").read_text()


def test_fit_says_what_it_does_not_stop_at(data_folder: Path, tmp_path: Path) -> None:
    train, val = (load_dataset(data_folder).split(s) for s in ("train", "val"))
    shutil.copy(train[0].image, val[0].image)
    fill(data_folder, 255, [train[1].name])
    fill(data_folder, 0, [train[2].name])
    fill(data_folder, INVERTED, [train[3].name, train[4].name])
    said: list[str] = []
    config = TrainConfig(str(data_folder), "tiny", epochs=1, batch=4, device="cpu")
    fit(config, tmp_path / "run", callbacks=FitCallbacks(warn=said.append))
    assert said == [
        "Found in the data: empty mask (1), full mask (1), inverted-mask (2), "
        "same-image (2), near-duplicate (1); `attnseg-train check` names each.",
        f"In the mask of {train[3].name!r} (and of 1 more) the lesion covers most of "
        "the border or lies around the background, so that it may be inverted, or "
        "moved by half of its size (fftshift): look at it, and save it again as 0 "
        "and 255, with the lesion in its place, if it is.",
        "Images that are the same, pixel for pixel, have different masks: "
        f"{train[0].name!r} and {val[0].name!r}; look at their masks, and remove the "
        "copies that have a wrong one.",
    ]
    found = checked(data_folder, tmp_path)
    assert found.pop("stops") == []
    assert {k: len(v) for k, v in found.items()} == {
        "empty mask": 1,
        "full mask": 1,
        "inverted-mask": 2,
        "near-duplicate": 1,
    }


def test_one_mask_of_which_nothing_is_clear_stops_all(
    data_folder: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    data = load_dataset(data_folder)
    ramp = np.tile(np.arange(48, dtype=np.uint8) * 5, (40, 1))
    for split in ("train", "test"):
        Image.fromarray(ramp).save(data.split(split)[-1].masks[0])
    found = checked(data_folder, tmp_path)
    assert found["stops"] == ["values"]
    config = TrainConfig(str(data_folder), "tiny", epochs=1, batch=4, device="cpu")
    with pytest.raises(RuleError) as stopped:
        fit(config, tmp_path / "run")
    assert str(stopped.value) in found["values"]
    for work in (evaluate, faithfulness):
        with pytest.raises(RuleError) as stopped:
            work(tiny_weights, data, "test", device="cpu")
        assert str(stopped.value) in found["values"]


def test_ignored_pixels_make_no_mask_full() -> None:
    planes, ignored = np.zeros((1, 4, 4), np.uint8), np.zeros((4, 4), bool)
    planes[:, :2], ignored[2:] = 1, True
    seen = MasksSeen()
    seen.add("a", planes, ignored)
    seen.add("b", planes)
    seen.add("c", np.zeros((1, 4, 4), np.uint8), ignored)
    assert (seen.looks.full, seen.looks.empty, seen.present) == (["a"], ["c"], [2])
