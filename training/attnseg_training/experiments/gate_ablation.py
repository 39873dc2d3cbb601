"""Training options that give a gate a reason to choose, compared by the gate suite."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.experiments.table import expect_measured
from attnseg_training.fit.fit import fit
from attnseg_training.gates.damage import COPIES, condition
from attnseg_training.gates.faithfulness import (
    SUITES,
    expect_suite,
    faithfulness,
    rows_csv,
)
from attnseg_training.gates.summary import LEVELS
from attnseg_training.runs.folder import RunFolder
from napari_attnseg.errors import InputError
from napari_attnseg.io.atomic import write_text
from napari_attnseg.run_files import Watch
from napari_attnseg.spec import STRIDES
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
}
OFF = {"one_sided": 0.0, "encoder_dropout": 0.0, "trust_weight": 0.0}
RESULT, PER_IMAGE = "faithfulness.json", "per_image.csv"


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """One row with one seed: the suite's summary and its numbers per image."""

    row: str
    seed: int
    summary: dict[str, Any]
    per_image: list[dict[str, str]]

    def column(self, name: str) -> NDArray[np.float64]:
        """One value per image; NaN where it was not measured."""
        return np.array([float(row[name] or "nan") for row in self.per_image])


@dataclasses.dataclass(frozen=True, slots=True)
class GatesTable:
    """`GATES` over some common settings; all rows are compared with the first.

    Attributes
    ----------
    base : TrainConfig
        Common settings; the options of the rows and the seed are replaced.
    split, suite : str
        As for `faithfulness`.
    """

    base: TrainConfig
    split: str = "val"
    suite: str = "quick"

    @property
    def rows(self) -> Mapping[str, str]:
        """Name of each row → what differs in it."""
        return {
            name: ", ".join(f"{k} {v}" for k, v in changed.items()) or "nothing added"
            for name, changed in GATES.items()
        }

    def is_done(self, row: str, seed: int, out: Path) -> bool:
        """As in `tables.Table`."""
        folder = _folder(row, seed, out)
        if not (folder / RESULT).is_file():
            return False
        config = self._config(row, seed)
        RunFolder(folder / "run").expect_settings(config)
        data = load_dataset(Path(config.data), config.split_seed)
        found = _read(row, seed, folder)
        names = [line["image"] for line in found.per_image]
        expect_measured(row, names, found.summary, data, self.split)
        # Results of before it was noted say it in their protocol only.
        suite = found.summary.get("suite", self.suite)
        if suite != self.suite:
            raise InputError(
                f"{row!r} was measured by the suite {suite!r}, not by {self.suite!r}; "
                "choose that suite, or another --out."
            )
        return True

    def train_and_measure(self, row: str, seed: int, out: Path, watch: Watch) -> None:
        """As in `tables.Table`."""
        folder = _folder(row, seed, out)
        config = self._config(row, seed)
        run = folder / "run"
        data = load_dataset(Path(config.data), config.split_seed)
        expect_suite(data, self.split, self.suite)  # before hours of training
        fit(config, run, resume=(run / "config.toml").is_file(), watch=watch)
        best = run / "best.safetensors"
        summary, rows = faithfulness(best, data, self.split, self.suite, config.device)
        write_text(folder / PER_IMAGE, rows_csv(rows))
        # Last: it says that the run is complete.
        write_text(folder / RESULT, json.dumps(summary, indent=1) + "\n")
        RunFolder(run).forget_states()

    def _config(self, row: str, seed: int) -> TrainConfig:
        return dataclasses.replace(self.base, **{**OFF, **GATES[row]}, seed=seed)

    def tabulate(self, done: Sequence[tuple[str, int]], out: Path) -> dict[str, Any]:
        """As in `tables.Table`; see `tabulate`."""
        return tabulate(
            [_read(row, seed, _folder(row, seed, out)) for row, seed in done]
        )

    def files(self, found: dict[str, Any]) -> dict[str, str | bytes]:
        """The table for people."""
        return {"table.md": markdown(found)}


def _folder(row: str, seed: int, out: Path) -> Path:
    return out / row.replace(", ", "-").replace(" ", "-") / f"seed-{seed}"


def _read(row: str, seed: int, folder: Path) -> Run:
    summary = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    text = (folder / PER_IMAGE).read_text(encoding="utf-8")
    return Run(row, seed, summary, list(csv.DictReader(io.StringIO(text))))


#: Kinds of one-sided damage in the table: those of the quick suite.
DAMAGED = SUITES["quick"].kinds
#: Heading → column of `per_image.csv` (minus another one, if there are two).
MEANS: dict[str, tuple[str, ...]] = {
    "Dice": ("dice",),
    "worth of the gates' pattern": ("dice", "dice mean all"),
    **{
        f"Dice, {encoder} damaged ({kind})": (f"dice, {condition(encoder, kind)}",)
        for kind in DAMAGED
        for encoder in ("CNN", "transformer")
    },
    **{f"{name} copies": (f"dice, {name} copy", "dice") for name in COPIES},
}
#: Heading → which agreement, and with which damage.
AGREEMENTS: dict[str, tuple[str, str | None]] = {
    f"{name}{f', damaged ({kind})' if kind else ''}": (part, kind)
    for part, name in (("auroc", "agreement"), ("alike", "agreement, like mask"))
    for kind in (None, *DAMAGED)
}

#: Not columns for people: in the JSON, to see what the worth of a pattern goes with.
PER_GATE: dict[str, Callable[[dict[str, Any]], float]] = {
    "worth of this gate's pattern": lambda gate: float(gate["spatial_value"]["mean"]),
    # How clearly it draws the lesion.
    "psi inside minus outside": lambda gate: float(
        gate["psi"]["inside"]["mean"] - gate["psi"]["outside"]["mean"]
    ),
}


def tabulate(runs: Sequence[Run]) -> dict[str, Any]:
    """Every row's numbers: means over seeds per image, then over images.

    Intervals are 95 % bootstrap intervals over images, of the mean over seeds;
    ``seeds`` is each seed's own mean: seeds may differ by more than images do.
    ``minus_first`` is paired by image and seed, over the seeds that both rows have.
    Agreements are AUROCs of each seed, with their mean.
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
        for heading, columns in MEANS.items():
            found = np.stack([_values(run, columns) for run in own])
            gained = [
                _values(run, columns) - _values(first[run.seed], columns)
                for run in own
                if run.seed in first
            ]
            row[heading] = {
                **mean_interval(found.mean(0)),
                "seeds": np.nanmean(found, 1).tolist(),
                "minus_first": mean_interval(np.mean(gained, 0)),
            }
        for heading, (part, kind) in AGREEMENTS.items():
            for level in (*LEVELS, "all"):
                areas = [_agreement(run, level, part, kind) for run in own]
                if not all(areas):  # measured before this was
                    continue
                row[f"{heading} {level}"] = {
                    "mean": float(np.mean([area["mean"] for area in areas])),
                    "seeds": areas,
                }
        for heading, of_gate in PER_GATE.items():
            for stride in STRIDES:
                each = [of_gate(run.summary["gates"][f"1/{stride}"]) for run in own]
                row[f"{heading} 1/{stride}"] = {
                    "mean": float(np.mean(each)),
                    "seeds": each,
                }
        table["rows"][name] = row
    return table


def _values(run: Run, columns: tuple[str, ...]) -> NDArray[np.float64]:
    values = run.column(columns[0])
    return values - run.column(columns[1]) if len(columns) > 1 else values


def _agreement(run: Run, level: str, part: str, kind: str | None) -> dict[str, float]:
    """AUROC with its interval; empty if the run was measured before this was."""
    gates = run.summary["gates"] | {"all": run.summary.get("together", {})}
    gate = gates[level]
    found = gate.get("agreement_damaged", {}) if kind else gate
    return dict(found.get(kind or "agreement", {}).get(part, {}))


def markdown(table: dict[str, Any]) -> str:
    """The table for people."""
    levels = [*reversed(LEVELS), "all"]
    headings = [
        "",
        "seeds",
        *MEANS,
        *(f"{a} {' · '.join(levels)}" for a in AGREEMENTS),
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
        cells += [_cell(row[heading], heading) for heading in MEANS]
        for heading in AGREEMENTS:
            areas = [_area(row.get(f"{heading} {level}")) for level in levels]
            cells.append(" · ".join(areas))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _area(found: dict[str, Any] | None) -> str:
    return f"{found['mean']:.2f}" if found else "–"


def _cell(found: dict[str, Any], heading: str) -> str:
    form = "+.3f" if len(MEANS[heading]) > 1 else ".3f"
    mean, low, high = (f"{found[part]:{form}}" for part in ("mean", "low", "high"))
    seeds = ", ".join(f"{value:{form}}" for value in found["seeds"])
    return f"{mean} [{low}, {high}]" + (f" ({seeds})" if "," in seeds else "")
