"""The paper's tables, trained and measured here: `PaperTable`."""

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

from attnseg_training.config import TrainConfig, without_folders
from attnseg_training.datasets import load_dataset
from attnseg_training.evaluation.evaluate import evaluate
from attnseg_training.experiments.paper_rows import (
    ENCODERS,
    METRICS,
    PAPER_TABLES,
    PRETRAINED,
    SCRATCH,
    STAGE_1,
    PaperRow,
)
from attnseg_training.experiments.table import expect_measured
from attnseg_training.experiments.two_stage import expect_first_stage, first_stage
from attnseg_training.fit.callbacks import FitCallbacks
from attnseg_training.fit.fit import fit
from attnseg_training.fit.initial_weights import weights_for
from attnseg_training.runs.folder import RunFolder
from attnseg_training.runs.test_set_log import record_evaluation
from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.io.atomic import write_text
from napari_attnseg.models.catalog import FAMILIES, model_spec
from napari_attnseg.run_files import BEST_WEIGHTS, CONFIG_FILE, Watch
from napari_attnseg.statistics import UNIT, Comparison, mean_interval, mean_p

PARTS = ("train", "val")
RESULT, PER_IMAGE = "evaluation.json", "per_image.csv"
#: The family of the paper's own encoders.
PAPER = "dual"


class PaperTable:
    """One of the paper's tables over some common settings.

    Parameters
    ----------
    number : str
        ``"1"`` to ``"4"``.
    base : TrainConfig
        Common settings; each row replaces its own settings and the seed. Pretrained
        rows and the first stage start from its `encoder_weights`.
    family : str
        Family whose encoders the models have: ``dual`` for the paper's, or another name
        in `catalog.FAMILIES`.
    split : str
        Split that is measured.

    Raises
    ------
    UnknownNameError
        If there is no such table or family.
    """

    def __init__(
        self, number: str, base: TrainConfig, family: str = PAPER, split: str = "test"
    ) -> None:
        if number not in PAPER_TABLES:
            raise UnknownNameError.for_name("table", number, list(PAPER_TABLES))
        if family not in FAMILIES:
            raise UnknownNameError.for_name("family", family, list(FAMILIES))
        self.number, self.base, self.family, self.split = number, base, family, split

    @property
    def rows(self) -> Mapping[str, str]:
        """Name of each row → its model and settings, and the published numbers."""
        return {
            name: f"{row.about}; paper: "
            + ", ".join(
                f"{metric} {value:.3f}"
                for metric, value in zip(METRICS, row.published, strict=True)
            )
            for name, row in PAPER_TABLES[self.number].items()
        }

    def is_done(self, row: str, seed: int, out: Path) -> bool:
        """Whether the folder `out` holds the result of one row with one seed."""
        folder = self._folder(row, seed, out)
        if not (folder / RESULT).is_file():
            return False
        own = PAPER_TABLES[self.number][row]
        config = self._common(own, seed)
        but = ["freeze"]
        if own.start == PRETRAINED:
            spec = model_spec(self._model(own))
            weights = weights_for(spec, config.encoder_weights)
            config = dataclasses.replace(config, encoder_weights=weights)
        else:  # its start is said by the row itself
            but.append("encoder_weights")
        if own.start == STAGE_1:
            expect_first_stage(config, _stage_1(out, seed))
        RunFolder(folder / "run").expect_settings(config, but)
        data = load_dataset(Path(config.data), config.split_seed)
        names = [line["name"] for line in _lines(folder)]
        expect_measured(row, names, _summary(folder), data, self.split)
        return True

    def train_and_measure(self, row: str, seed: int, out: Path, watch: Watch) -> None:
        """Train and measure one row with one seed; an interrupted run is resumed."""
        folder = self._folder(row, seed, out)
        run = folder / "run"
        config = self._config(row, seed, out, watch)
        fit(
            config,
            run,
            resume=(run / CONFIG_FILE).is_file(),
            callbacks=FitCallbacks(watch=watch),
        )
        data = load_dataset(Path(config.data), config.split_seed)
        best = run / BEST_WEIGHTS
        report = evaluate(best, data, self.split, config.device)
        write_text(folder / PER_IMAGE, report.to_csv())
        summary = record_evaluation(best, report.summary())
        # Last: it says that the run is complete.
        write_text(folder / RESULT, json.dumps(summary, indent=1) + "\n")
        RunFolder(run).forget_states()

    def tabulate(self, done: Sequence[tuple[str, int]], out: Path) -> dict[str, Any]:
        """Return all numbers, JSON-ready; see `table.Table`.

        Per metric: mean over images of the mean over seeds, its 95 % interval
        over images, each seed's own mean, and the difference to the row above, paired
        by image over the seeds that both have, with the p value of a paired t test.
        """
        rows: dict[str, Any] = {}
        above: dict[int, dict[str, NDArray[np.float64]]] = {}
        for name in dict.fromkeys(name for name, _ in done):
            seeds = [seed for row, seed in done if row == name]
            folders = {seed: self._folder(name, seed, out) for seed in seeds}
            twins = [
                n for n in rows if self._folder(n, 0, out) == self._folder(name, 0, out)
            ]
            summaries = [_summary(folder) for folder in folders.values()]
            own = {seed: _per_image(folder) for seed, folder in folders.items()}
            row = PAPER_TABLES[self.number][name]
            rows[name] = {
                "model": self._model(row),
                "same_run_as": twins[0] if twins else None,
                "paper_model": row.model,
                "encoders_start": self._start(row),
                "seeds": seeds,
                "device": summaries[0]["device"],
                "training": summaries[0]["training"].get("config", {}),
                "as_published": {
                    metric: float(
                        np.mean(
                            [
                                s["at_network_size"]["as_published"][metric]["mean"]
                                for s in summaries
                            ]
                        )
                    )
                    for metric in METRICS
                },
                **{
                    metric: {
                        "paper": row.published[i],
                        **_means(own, above, metric),
                    }
                    for i, metric in enumerate(METRICS)
                },
            }
            above = own
        first = summaries[0]
        return {
            "table": self.number,
            "family": self.family,
            "n": first["n"],
            "dataset": first["dataset"],
            "split": first["split"],
            "protocol": first["protocol"],
            "trained_on": {part: first["training"]["data"][part] for part in PARTS},
            "epochs": self.base.epochs,
            "epoch_chosen_on": "" if self.base.on_all else self.base.measured_on,
            "rows": rows,
        }

    def files(self, found: dict[str, Any]) -> dict[str, str | bytes]:
        """Make files: the table as Markdown, CSV and JSON, and a figure of Dice."""
        from attnseg_training.experiments.paper_report import (
            csv_text,
            figure_png,
            markdown,
        )

        return {
            "table.md": markdown(found),
            "table.csv": csv_text(found),
            "table.png": figure_png(found),
        }

    def _config(self, name: str, seed: int, out: Path, watch: Watch) -> TrainConfig:
        row = PAPER_TABLES[self.number][name]
        model, base = self._model(row), self._common(row, seed)
        if row.start == STAGE_1:
            weights = first_stage(base, _stage_1(out, seed), watch)
        elif row.start == SCRATCH:
            weights = SCRATCH
        else:
            weights = weights_for(model_spec(model), base.encoder_weights)
            if weights == SCRATCH:
                raise InputError(
                    f"The row {name!r} starts from pretrained weights, and there are "
                    f"none for {model!r}; give --encoder-weights pretrained or files."
                )
        return dataclasses.replace(
            base, encoder_weights=weights, freeze=ENCODERS if row.frozen else ()
        )

    def _common(self, row: PaperRow, seed: int) -> TrainConfig:
        """A row's settings without what depends on its encoders' start."""
        return dataclasses.replace(
            self.base,
            model=self._model(row),
            seed=seed,
            augment=row.augment,
            freeze=(),
        )

    def _start(self, row: PaperRow) -> str:
        given = without_folders(self.base.encoder_weights)
        return {SCRATCH: SCRATCH, PRETRAINED: given}.get(
            row.start, f"{row.start}, which started from {given}"
        )

    def _model(self, row: PaperRow) -> str:
        if self.family == PAPER:
            return row.model
        try:
            return FAMILIES[self.family][row.model]
        except KeyError:
            raise InputError(
                f"The family {self.family!r} has nothing for {row.model!r}; leave its "
                "rows out by --rows, or take the paper's own models."
            ) from None

    def _folder(self, row: str, seed: int, out: Path) -> Path:
        """The same for rows that are the same run, in whichever table."""
        own = PAPER_TABLES[self.number][row]
        return out / own.folder(self._model(own)) / f"seed-{seed}"


def _stage_1(out: Path, seed: int) -> Path:
    """Folder of a first stage, which rows share."""
    return out / "stage-1" / f"seed-{seed}"


def _summary(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    return found


def _lines(folder: Path) -> list[dict[str, str]]:
    text = (folder / PER_IMAGE).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def _per_image(folder: Path) -> dict[str, NDArray[np.float64]]:
    rows = _lines(folder)
    return {m: np.array([float(row[m] or "nan") for row in rows]) for m in METRICS}


def _means(
    own: Mapping[int, Mapping[str, NDArray[np.float64]]],
    above: Mapping[int, Mapping[str, NDArray[np.float64]]],
    metric: str,
) -> dict[str, Any]:
    """One metric of a row, by seed: itself, and against the row above."""
    values = np.stack([of_seed[metric] for of_seed in own.values()])
    found: dict[str, Any] = {
        **mean_interval(_defined_mean(values), UNIT),
        "seeds": _defined_mean(values.T).tolist(),
    }
    both = [seed for seed in own if seed in above]
    if both:
        gained = np.stack([own[s][metric] - above[s][metric] for s in both])
        change = _defined_mean(gained)
        difference = mean_interval(change)
        found["minus_above"] = {
            **difference,
            "p": mean_p(change),
            "verdict": str(Comparison.of(difference)),
        }
    return found


def _defined_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean along the first axis of what is defined; NaN where nothing is."""
    count = np.isfinite(values).sum(0)
    with np.errstate(invalid="ignore"):
        mean: NDArray[np.float64] = np.nansum(values, 0) / count
    return mean
