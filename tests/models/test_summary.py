"""The table of parameters and GMAC is true, and a model without a row is counted."""

import dataclasses
import json
from pathlib import Path

import pytest

from napari_attnseg.errors import InputError
from napari_attnseg.models import summary
from napari_attnseg.models.catalog import MODELS
from napari_attnseg.models.summary import main, model_rows, read_counts, write_counts

WRITE = "python -m napari_attnseg.models.summary --write"


def test_the_table_has_no_other_rows() -> None:
    assert list(read_counts()) == list(MODELS), f"run {WRITE}"


def test_a_model_without_a_row_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    new = dataclasses.replace(MODELS["tiny"], name="newcomer", size=64)
    monkeypatch.setitem(MODELS, "newcomer", new)
    rows = {row["name"]: row for row in model_rows()}
    assert rows["newcomer"] == rows["tiny"] | {"name": "newcomer"}
    assert rows["tiny"]["parameters"] == read_counts()["tiny"]["parameters"]


def test_a_model_whose_library_is_missing_has_no_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(summary, "find_spec", lambda name: None)
    rows = {row["name"]: row for row in model_rows()}
    lacking = {name for name, row in rows.items() if row["parameters"] is None}
    assert lacking == {
        *("unet", "resunet", "attention-unet"),
        *("deeplabv3plus", "deeplabv3plus-no-skip"),
    }
    assert all(rows[name]["gmac"] is None for name in lacking)


def test_the_table_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(summary, "COUNTS_FILE", tmp_path / "counts.json")
    monkeypatch.setattr(summary, "MODELS", {"tiny": MODELS["tiny"]})
    true = json.loads(Path(summary.__file__).with_name("counts.json").read_text())
    main(["--write"])
    assert read_counts() == {"tiny": true["tiny"]}
    write_counts()  # the same again
    assert read_counts() == {"tiny": true["tiny"]}
    with pytest.raises(InputError, match="--write"):
        main([])
