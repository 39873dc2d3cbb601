"""Rows and seeds become one table, and nothing is done twice."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from attnseg_training.config import TrainConfig
from attnseg_training.experiments import gate_ablation
from attnseg_training.experiments.gate_ablation import GatesTable
from attnseg_training.experiments.table import fill
from napari_attnseg.errors import InputError, UnknownNameError

pytestmark = pytest.mark.usefixtures("plain_curves", "small_suite")

PARTIAL = [("plain", 0), ("all", 0), ("plain", 1)]


def test_a_table_goes_on_where_it_was(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = TrainConfig(
        str(data_folder), "tiny", epochs=1, batch=4, lr=5e-3, device="cpu"
    )
    rows, said = ["plain", "all"], []
    table = GatesTable(base, "test")

    def stopped(config: TrainConfig, *args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(gate_ablation, "faithfulness", stopped)
        with pytest.raises(KeyboardInterrupt):
            fill(table, rows, 1, tmp_path)
    assert (tmp_path / "plain" / "seed-0" / "run" / "best.safetensors").is_file()
    fill(table, rows, 1, tmp_path, say=said.append)
    found = fill(table, rows, 2, tmp_path, say=said.append)
    assert said == [f"{row}, seed {seed}" for seed in (0, 1) for row in rows]
    # As text: what is undefined (NaN) equals nothing.
    written = json.loads((tmp_path / "table.json").read_text())
    assert json.dumps(written) == json.dumps(found)
    assert found["n"] == 3 and list(found["rows"]) == rows
    for name, row in found["rows"].items():
        assert row["seeds"] == [0, 1]
        config = row["training"]
        assert (config["encoder_dropout"] > 0) == (name == "all")
        assert config["epochs"] == 1 and str(tmp_path) not in json.dumps(config)
        assert row["Dice"]["mean"] == pytest.approx(np.mean(row["Dice"]["seeds"]))
        folder = tmp_path / name / "seed-1"
        own = json.loads((folder / "faithfulness.json").read_text())
        assert row["Dice"]["seeds"][1] == pytest.approx(own["dice"]["mean"])
        worth = row["worth of the gates' pattern"]["seeds"][1]
        assert worth == pytest.approx(own["together"]["spatial_value"]["mean"])
        area = row["agreement, damaged (noise) all"]["seeds"][1]["mean"]
        measured = own["together"]["agreement_damaged"]["noise"]["auroc"]["mean"]
        assert area == pytest.approx(measured, nan_ok=True)
        psi, drawn = own["gates"]["1/16"]["psi"], row["psi inside minus outside 1/16"]
        contrast = psi["inside"]["mean"] - psi["outside"]["mean"]
        assert drawn["seeds"][1] == pytest.approx(contrast)
        assert not (folder / "run" / "state.pt").exists()
    first, other = (row["Dice"] for row in found["rows"].values())
    assert first["minus_first"]["mean"] == 0
    difference = other["mean"] - first["mean"]
    assert other["minus_first"]["mean"] == pytest.approx(difference)
    # A row that lacks a seed is compared on those that it has.
    runs = [gate_ablation._read(r, k, tmp_path / r / f"seed-{k}") for r, k in PARTIAL]
    partial = gate_ablation.tabulate(runs)["rows"]
    plain, one = (partial[row]["Dice"] for row in rows)
    assert one["seeds"] == other["seeds"][:1]
    difference = one["seeds"][0] - plain["seeds"][0]
    assert one["minus_first"]["mean"] == pytest.approx(difference)
    for run in runs:  # as if measured before all gates were measured together
        del run.summary["together"]
    assert "· – |" in gate_ablation.markdown(gate_ablation.tabulate(runs))
    text = (tmp_path / "table.md").read_text()
    assert text.count("\n| plain | 2 |") == text.count("\n| all | 2 |") == 1
    longer = GatesTable(dataclasses.replace(base, epochs=2), "test")
    with pytest.raises(InputError, match="epochs was 1, is 2"):
        fill(longer, rows, 1, tmp_path)
    with pytest.raises(InputError, match="on split 'test', not on 'val'"):
        fill(GatesTable(base, "val"), rows, 1, tmp_path)
    with pytest.raises(InputError, match="by the suite 'quick', not by 'full'"):
        fill(GatesTable(base, "test", "full"), rows, 1, tmp_path)
    (data_folder / "splits" / "val.txt").write_text("disc09\ndisc10\n")
    with pytest.raises(InputError, match=r"3 images of discs.* other images"):
        fill(table, rows, 1, tmp_path)
    with pytest.raises(UnknownNameError, match="no row called 'every'"):
        fill(table, ["plain", "every"], 1, tmp_path)
