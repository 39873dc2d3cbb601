"""Comparison of training options for gates by the gate suite."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.experiments.gate_headings import (
    AGREEMENTS,
    MEANS,
    AgreementOf,
    AtLevel,
    Mean,
    PerGate,
    name_of,
)
from attnseg_training.experiments.table import expect_measured
from attnseg_training.fit.callbacks import FitCallbacks
from attnseg_training.fit.fit import fit
from attnseg_training.gates.columns import column_key, rows_csv
from attnseg_training.gates.faithfulness import faithfulness
from attnseg_training.gates.keys import ALL, IMAGE, LEVELS, Key
from attnseg_training.gates.suites import expect_suite
from attnseg_training.runs.folder import RunFolder
from napari_attnseg.errors import InputError
from napari_attnseg.io.atomic import write_text
from napari_attnseg.run_files import Watch
from napari_attnseg.statistics import mean_interval

_DAMAGED = {"one_sided": 0.5, "encoder_dropout": 0.3}
_ONE = {"trust_weight": 0.1, "trust_gates": "one"}
_TOGETHER = {"trust_weight": 3.0, "trust_gates": "together"}
#: Row → what differs from the base settings. The first is what others are compared to.
GATES: dict[str, dict[str, Any]] = {
    "plain": {},
    "one-sided damage": {"one_sided": 0.5},
    "encoder dropout": {"encoder_dropout": 0.3},
    "trust loss": _ONE,
    "all": {**_DAMAGED, **_ONE},
    "all, normalised features": {"model": "compact-256-norm", **_DAMAGED, **_ONE},
    "smooth gates": {"model": "compact-256-smooth"},
    "smooth gates, trust loss": {"model": "compact-256-smooth", **_ONE},
    "all, trust loss ×10": {**_DAMAGED, **_ONE, "trust_weight": 1.0},
    "trust of all gates": _TOGETHER,
    "all, trust of all gates": {**_DAMAGED, **_TOGETHER},
    "encoder heads": {"auxiliary_heads": 0.4},
    "random gates": {"gate_fields": 0.5},
    "encoder heads, random gates": {"auxiliary_heads": 0.4, "gate_fields": 0.5},
}
OFF = {
    "one_sided": 0.0,
    "encoder_dropout": 0.0,
    "trust_weight": 0.0,
    "auxiliary_heads": 0.0,
    "gate_fields": 0.0,
}
RESULT, PER_IMAGE = "faithfulness.json", "per_image.csv"


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """One row with one seed: the suite's summary and its numbers per image.

    Attributes
    ----------
    row : str
        Name in `GATES`.
    seed : int
        Random seed of the training run.
    summary : dict
        Content of ``faithfulness.json``.
    per_image : list of dict
        Rows of ``per_image.csv``: measurement → text; empty if it was not measured.
    """

    row: str
    seed: int
    summary: dict[str, Any]
    per_image: list[dict[Key, str]]

    def column(self, key: Key) -> NDArray[np.float64]:
        """Return one value per image; NaN where it was not measured."""
        return np.array([float(row[key] or "nan") for row in self.per_image])


@dataclasses.dataclass(frozen=True, slots=True)
class GatesTable:
    """Table of `GATES` over common settings; rows are compared with the first.

    Attributes
    ----------
    base : TrainConfig
        Common settings; each row replaces its own options and the seed.
    split, suite : str
        As for `faithfulness`.
    """

    base: TrainConfig
    split: str = "val"
    suite: str = "quick"

    @property
    def rows(self) -> Mapping[str, str]:
        """Name of each row → the settings in which it differs."""
        return {
            name: ", ".join(f"{k} {v}" for k, v in changed.items()) or "nothing added"
            for name, changed in GATES.items()
        }

    def is_done(self, row: str, seed: int, out: Path) -> bool:
        """Whether the folder `out` holds the result of one row with one seed."""
        folder = _folder(row, seed, out)
        if not (folder / RESULT).is_file():
            return False
        config = self._config(row, seed)
        RunFolder(folder / "run").expect_settings(config)
        data = load_dataset(Path(config.data), config.split_seed)
        found = _read(row, seed, folder)
        names = [line[IMAGE] for line in found.per_image]
        expect_measured(row, names, found.summary, data, self.split)
        # Results of earlier versions may not say it.
        suite = found.summary.get("suite", self.suite)
        if suite != self.suite:
            raise InputError(
                f"{row!r} was measured by the suite {suite!r}, not by {self.suite!r}; "
                "choose that suite, or another --out."
            )
        return True

    def train_and_measure(self, row: str, seed: int, out: Path, watch: Watch) -> None:
        """Train and measure one row with one seed; an interrupted run is resumed."""
        folder = _folder(row, seed, out)
        config = self._config(row, seed)
        run = folder / "run"
        data = load_dataset(Path(config.data), config.split_seed)
        expect_suite(data, self.split, self.suite)  # before hours of training
        fit(
            config,
            run,
            resume=(run / "config.toml").is_file(),
            callbacks=FitCallbacks(watch=watch),
        )
        best = run / "best.safetensors"
        summary, rows = faithfulness(best, data, self.split, self.suite, config.device)
        write_text(folder / PER_IMAGE, rows_csv(rows))
        # Last: it says that the run is complete.
        write_text(folder / RESULT, json.dumps(summary, indent=1) + "\n")
        RunFolder(run).forget_states()

    def _config(self, row: str, seed: int) -> TrainConfig:
        return dataclasses.replace(self.base, **{**OFF, **GATES[row]}, seed=seed)

    def tabulate(self, done: Sequence[tuple[str, int]], out: Path) -> dict[str, Any]:
        """Return all numbers, JSON-ready; see `tabulate`."""
        return tabulate(
            [_read(row, seed, _folder(row, seed, out)) for row, seed in done]
        )

    def files(self, found: dict[str, Any]) -> dict[str, str | bytes]:
        """Make the files that present the numbers: name → content."""
        return {"table.md": markdown(found)}


def _folder(row: str, seed: int, out: Path) -> Path:
    return out / row.replace(", ", "-").replace(" ", "-") / f"seed-{seed}"


def _read(row: str, seed: int, folder: Path) -> Run:
    summary = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    text = (folder / PER_IMAGE).read_text(encoding="utf-8")
    per_image = [
        {key: value for name, value in line.items() if (key := column_key(name))}
        for line in csv.DictReader(io.StringIO(text))
    ]
    return Run(row, seed, summary, per_image)


def tabulate(runs: Sequence[Run]) -> dict[str, Any]:
    """Average every row over seeds for each image, and then over images.

    Intervals are 95 % intervals over images (`mean_interval`), of the mean over seeds;
    ``seeds`` is each seed's own mean: seeds may differ by more than images do.
    ``minus_first`` is the difference to the first row, paired by image and seed, over
    the seeds that both rows have. Agreements are AUROCs of each seed, with their mean.
    """
    table: dict[str, Any] = {
        "n": runs[0].summary["n"],
        "protocol": runs[0].summary["protocol"],
        "dataset": runs[0].summary["dataset"],
        "split": runs[0].summary["split"],
        "rows": {},
    }
    names = list(dict.fromkeys(run.row for run in runs))
    first = {run.seed: run for run in runs if run.row == names[0]}
    for name in names:
        own = [run for run in runs if run.row == name]
        row: dict[str, Any] = {
            "seeds": [run.seed for run in own],
            "training": own[0].summary["training"].get("config", {}),
            "device": own[0].summary["device"],
        }
        for heading in MEANS:
            found = np.stack([_values(run, heading) for run in own])
            gained = [
                _values(run, heading) - _values(first[run.seed], heading)
                for run in own
                if run.seed in first
            ]
            row[name_of(heading)] = {
                **mean_interval(found.mean(0)),
                "seeds": np.nanmean(found, 1).tolist(),
                "minus_first": mean_interval(np.mean(gained, 0)),
            }
        for what in AGREEMENTS:
            for level in (*LEVELS, ALL):
                areas = [_agreement(run, level, what) for run in own]
                if not all(areas):  # measured by an earlier version
                    continue
                row[name_of(AtLevel(what, level))] = {
                    "mean": float(np.mean([area["mean"] for area in areas])),
                    "seeds": areas,
                }
        # Not columns for a reader: what the value of a pattern may depend on.
        for measure in PerGate:
            for level in LEVELS:
                each = [_per_gate(run.summary["gates"][level], measure) for run in own]
                row[name_of(AtLevel(measure, level))] = {
                    "mean": float(np.mean(each)),
                    "seeds": each,
                }
        table["rows"][name] = row
    return table


def _values(run: Run, mean: Mean) -> NDArray[np.float64]:
    values = run.column(mean.key)
    return values if mean.minus is None else values - run.column(mean.minus)


def _agreement(run: Run, level: str, what: AgreementOf) -> dict[str, float]:
    """AUROC with its interval; empty if an earlier version did not measure it."""
    gates = run.summary["gates"] | {ALL: run.summary.get("together", {})}
    gate = gates[level]
    found = gate.get("agreement_damaged", {}) if what.kind else gate
    return dict(found.get(what.kind or "agreement", {}).get(what.agreement, {}))


def _per_gate(gate: dict[str, Any], measure: PerGate) -> float:
    if measure is PerGate.PATTERN_VALUE:
        return float(gate["spatial_value"]["mean"])
    return float(gate["psi"]["inside"]["mean"] - gate["psi"]["outside"]["mean"])


def markdown(table: dict[str, Any]) -> str:
    """Format the table as Markdown."""
    levels = [*reversed(LEVELS), ALL]
    headings = [
        "",
        "seeds",
        *map(name_of, MEANS),
        *(f"{name_of(what)} {' · '.join(levels)}" for what in AGREEMENTS),
    ]
    lines = [
        f"{table['dataset']}, split {table['split']}, n = {table['n']}; "
        f"{table['protocol']}. In round brackets: each seed's own mean.",
        "",
        "| " + " | ".join(headings) + " |",
        "|" + "---|" * len(headings),
    ]
    for name, row in table["rows"].items():
        cells = [name, str(len(row["seeds"]))]
        cells += [_cell(row[name_of(heading)], heading) for heading in MEANS]
        for what in AGREEMENTS:
            names = [name_of(AtLevel(what, level)) for level in levels]
            areas = [_area(row.get(name)) for name in names]
            cells.append(" · ".join(areas))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _area(found: dict[str, Any] | None) -> str:
    return f"{found['mean']:.2f}" if found else "–"


def _cell(found: dict[str, Any], heading: Mean) -> str:
    form = ".3f" if heading.minus is None else "+.3f"
    mean, low, high = (f"{found[part]:{form}}" for part in ("mean", "low", "high"))
    seeds = ", ".join(f"{value:{form}}" for value in found["seeds"])
    return f"{mean} [{low}, {high}]" + (f" ({seeds})" if "," in seeds else "")
