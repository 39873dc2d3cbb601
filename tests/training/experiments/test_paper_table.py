"""The paper's rows are trained, measured once, and stand beside its numbers."""

import csv
import dataclasses
import io
import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from attnseg_training.config import TrainConfig
from attnseg_training.experiments import paper_table
from attnseg_training.experiments.paper_report import markdown
from attnseg_training.experiments.paper_rows import PAPER_TABLES, STAGE_1
from attnseg_training.experiments.paper_table import PaperTable
from attnseg_training.experiments.table import fill
from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.models.catalog import FAMILIES, model_spec

pytestmark = pytest.mark.usefixtures("plain_curves_of_module")

ROWS = ["No attention", "Double Attention, frozen", "Double Attention"]


class Filled(NamedTuple):
    """A table that was filled once, for tests that read or copy it."""

    folder: Path
    found: dict[str, Any]
    said: list[str]


@pytest.fixture(scope="module")
def base(shared_data_folder: Path) -> TrainConfig:
    data = str(shared_data_folder)
    return TrainConfig(data, epochs=1, batch=4, lr=5e-3, device="cpu")


@pytest.fixture(scope="module")
def filled(
    base: TrainConfig,
    tmp_path_factory: pytest.TempPathFactory,
    plain_curves_of_module: None,
) -> Filled:
    folder, said = tmp_path_factory.mktemp("filled") / "table", []
    found = fill(PaperTable("3", base, "tiny"), ROWS, 1, folder, said.append)
    return Filled(folder, found, said)


def test_every_row_can_be_built() -> None:
    for rows in PAPER_TABLES.values():
        for row in rows.values():
            spec = model_spec(row.model)
            assert (row.start == STAGE_1) == (spec.architecture == "dual")
            assert row.published[1] < row.published[0] < 1  # IoU below Dice
    assert {len(rows) for rows in PAPER_TABLES.values()} == {12, 6, 8}
    for family in FAMILIES.values():
        for ours in family.values():
            model_spec(ours)


def test_folders_of_runs_keep_their_names() -> None:
    """Folders of version 0.1.0 were named by the description of a row."""
    for rows in PAPER_TABLES.values():
        for row in rows.values():
            words = row.about.replace(row.model, "some-model", 1)
            assert row.folder("some-model") == words.replace(", ", "-").replace(
                " ", "-"
            )
    stage_2 = PAPER_TABLES["3"]["Double Attention, frozen"].folder("tiny")
    assert stage_2 == "tiny-encoders-from-stage-1-augmented-encoders-frozen"


def test_rows_beside_the_paper(
    base: TrainConfig, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = PaperTable("3", base, "tiny")
    tmp_path, found, said = filled.folder, filled.found, list(filled.said)
    assert said == [f"{row}, seed 0" for row in ROWS]
    assert list(found["rows"]) == ROWS and found["n"] == 3
    first, second, third = found["rows"].values()
    assert first["dice"]["paper"] == 0.902 and "minus_above" not in first["dice"]
    change = second["dice"]["mean"] - first["dice"]["mean"]
    assert second["dice"]["minus_above"]["mean"] == pytest.approx(change)
    assert 0 < second["dice"]["minus_above"]["p"] <= 1
    # Frozen: the encoders are those of the first stage, which all rows share.
    stage = tmp_path / "stage-1" / "seed-0"
    alone = load_file(stage / "transformer" / "best.safetensors")
    (frozen,) = tmp_path.glob("*frozen/seed-0/run/best.safetensors")
    (free,) = tmp_path.glob("tiny-double-attention*augmented/seed-0/run/best.*")
    weight = "transformer.backbone.patch_embed.proj.weight"
    assert np.array_equal(load_file(frozen)[weight], alone[weight])
    assert not np.array_equal(load_file(free)[weight], alone[weight])
    assert not list(tmp_path.rglob("state.pt"))

    text = (tmp_path / "table.md").read_text()
    assert "other encoders than the paper's" in text and "n = 3" in text
    assert text.count("\n| ") == 1 + len(ROWS)
    assert "1 epochs on 8 images, 1 validation images choose the epoch; " in text
    lines = list(csv.DictReader(io.StringIO((tmp_path / "table.csv").read_text())))
    assert len(lines) == 4 * len(ROWS) and lines[0]["paper"] == "0.902"
    with Image.open(tmp_path / "table.png") as picture:
        assert picture.size[0] > 600
    assert json.loads((tmp_path / "table.json").read_text())["table"] == "3"

    # Nothing is done twice, in this table or for a row that is the same run.
    monkeypatch.setattr(paper_table, "fit", None)
    again = fill(table, ROWS, 1, tmp_path, said.append)
    assert said == [f"{row}, seed 0" for row in ROWS]
    assert again["rows"]["No attention"]["dice"] == first["dice"]
    # Nothing chooses where validation images are trained on too.
    last = PaperTable("3", dataclasses.replace(base, protocol="all"), "tiny")
    found = last.tabulate([(row, 0) for row in ROWS], tmp_path)
    assert "1 epochs on 8 images, the last one is kept; " in markdown(found)
    (guided,) = fill(table, ["Double Attention"], 1, tmp_path)["rows"].values()
    assert guided["dice"]["mean"] == third["dice"]["mean"]


def test_results_of_other_settings_are_not_taken_for_these(
    base: TrainConfig, filled: Filled, tmp_path: Path
) -> None:
    shutil.copytree(filled.folder, tmp_path, dirs_exist_ok=True)
    for frozen_or_free in tmp_path.glob("tiny-double-attention*"):
        shutil.rmtree(frozen_or_free)  # as if only the first row was done
    before = (tmp_path / "table.json").read_text()
    longer = dataclasses.replace(base, epochs=2)
    with pytest.raises(InputError, match="epochs was 1, is 2"):
        fill(PaperTable("3", longer, "tiny"), ROWS[:1], 1, tmp_path)
    # The first stage of other rows, too.
    with pytest.raises(InputError, match="epochs was 1, is 2"):
        fill(PaperTable("3", longer, "tiny"), ROWS[2:], 1, tmp_path)
    # And what it started from, which the table says of its rows.
    other = dataclasses.replace(base, encoder_weights="pretrained")
    with pytest.raises(InputError, match="encoder_weights was 'scratch', is 'pre"):
        fill(PaperTable("3", other, "tiny"), ROWS[:1], 1, tmp_path)
    with pytest.raises(InputError, match="measured on split 'test', not on 'val'"):
        fill(PaperTable("3", base, "tiny", "val"), ROWS[:1], 1, tmp_path)
    assert (tmp_path / "table.json").read_text() == before


def test_two_names_of_one_run_say_so(
    base: TrainConfig, filled: Filled, tmp_path: Path
) -> None:
    shutil.copytree(filled.folder / "stage-1", tmp_path / "stage-1")
    rows = ["Double Weighted", "Weighted Double"]
    found = fill(PaperTable("3", base, "tiny"), rows, 1, tmp_path)["rows"]
    assert [row["same_run_as"] for row in found.values()] == [None, rows[0]]
    assert "| the same run as Double Weighted |" in (tmp_path / "table.md").read_text()
    assert len(list(tmp_path.glob("tiny-*"))) == 1


def test_what_cannot_be_run_is_said(base: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="no table called '5'"):
        PaperTable("5", base)
    with pytest.raises(UnknownNameError, match="no family called 'duel'"):
        PaperTable("3", base, "duel")
    with pytest.raises(InputError, match="nothing for 'vit-tiny'"):
        fill(PaperTable("1", base, "tiny"), ["ViT-Tiny, pretrained"], 1, tmp_path)
    with pytest.raises(InputError, match="starts from pretrained weights"):
        fill(PaperTable("2", base, "tiny"), ["Swin, skip"], 1, tmp_path)
