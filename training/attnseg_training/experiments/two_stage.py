"""Two-stage training: each encoder alone, then both (section 3.1 of the paper)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from attnseg_training.config import TrainConfig
from attnseg_training.fit.callbacks import FitCallbacks
from attnseg_training.fit.fit import FitResult, expect_run, fit
from attnseg_training.fit.initial_weights import weights_for
from attnseg_training.runs.folder import RunFolder
from napari_attnseg.errors import InputError
from napari_attnseg.io.atomic import write_text
from napari_attnseg.models.catalog import model_spec, single_models
from napari_attnseg.run_files import BEST_WEIGHTS, CONFIG_FILE, Watch

PARTS = ("cnn", "transformer")
#: Marker file of a finished first stage, whose training states are removed.
DONE = "done"
#: Settings of gates or of two encoders, reset in the first stage, which has neither.
_ALONE: dict[str, Any] = {
    "cnn": "",
    "transformer": "",
    "freeze": (),
    "init": "",
    "one_sided": 0.0,
    "encoder_dropout": 0.0,
    "trust_weight": 0.0,
    "gate_fields": 0.0,
    "auxiliary_heads": 0.0,
    "trust_labels": "",
}


def two_stage(
    config: TrainConfig, out: Path, watch: Watch = lambda progress: None
) -> FitResult:
    """Fine-tune each encoder in a single-encoder model, then the dual model from both.

    Parameters
    ----------
    config : TrainConfig
        Settings of the dual model; the first stage uses those that apply to it, and
        starts from its `encoder_weights`.
    out : Path
        Folder for the runs ``stage-1/cnn``, ``stage-1/transformer`` and ``stage-2``,
        each as from `fit`. Unfinished runs are resumed.
    watch : callable
        As for `fit`.

    Raises
    ------
    AttnSegError
        As for `fit`. Also if the catalog has no single-encoder models for this model,
        the path `out` has a comma, or finished runs used other settings or data.
    """
    weights = first_stage(config, out / "stage-1", watch)
    second = dataclasses.replace(config, encoder_weights=weights)
    return _fit(second, out / "stage-2", watch)


def first_stage(
    config: TrainConfig, out: Path, watch: Watch = lambda progress: None
) -> str:
    """Train both encoders alone; return `encoder_weights` for the second stage.

    Raises
    ------
    AttnSegError
        As `two_stage`.
    """
    if "," in str(out):
        raise InputError(
            f"Expected a folder without a comma, got {out}: a comma stands between "
            "the encoders' files in the settings; choose another --out."
        )
    expect_first_stage(config, out)
    for part, alone in _alone(config).items():
        run = out / part
        if not (run / DONE).is_file():
            _fit(alone, run, watch)
            RunFolder(run).forget_states()
            write_text(run / DONE, "")
    return ",".join(f"{part}={out / part / BEST_WEIGHTS}" for part in PARTS)


def expect_first_stage(config: TrainConfig, out: Path) -> None:
    """Check that a finished first stage had these settings and data.

    Raises
    ------
    InputError
        If it used different ones.
    """
    for part, alone in _alone(config).items():
        if (out / part / DONE).is_file():
            expect_run(out / part, alone)


def _alone(config: TrainConfig) -> dict[str, TrainConfig]:
    """Return the settings of each encoder's own run."""
    return {
        part: dataclasses.replace(
            config,
            **{**_ALONE, "model": model},
            encoder_weights=weights_for(model_spec(model), config.encoder_weights),
            freeze_blocks=config.freeze_blocks if part == "transformer" else 0,
        )
        for part, model in zip(PARTS, single_models(config.model), strict=True)
    }


def _fit(config: TrainConfig, out: Path, watch: Watch) -> FitResult:
    return fit(config, out, (out / CONFIG_FILE).is_file(), FitCallbacks(watch=watch))
