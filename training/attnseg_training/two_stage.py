"""The paper's two stages: each encoder alone, then both together (section 3.1)."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from attnseg_training.config import TrainConfig
from attnseg_training.encoder_weights import weights_for
from attnseg_training.fit import FitResult, Watch, fit
from attnseg_training.run_folder import RunFolder
from napari_attnseg.models.catalog import model_spec, single_models
from napari_attnseg.saving import write_text

#: Beside a first stage that is done: its training states are removed then.
DONE = "done"
#: Settings that are about two encoders, or gates; the first stage has neither.
_ALONE: dict[str, Any] = {
    "cnn": "",
    "transformer": "",
    "freeze": (),
    "init": "",
    "one_sided": 0.0,
    "encoder_dropout": 0.0,
    "trust_weight": 0.0,
}


def two_stage(
    config: TrainConfig, out: Path, watch: Watch = lambda progress: None
) -> FitResult:
    """Fine-tune each encoder in a model of its own, then the dual model from both.

    Parameters
    ----------
    config : TrainConfig
        Of the dual model; the first stage has its settings where they apply, and its
        `encoder_weights` to start from.
    out : Path
        ``stage-1/cnn``, ``stage-1/transformer`` and ``stage-2``, each as from `fit`.
        What is there goes on where it was.
    watch : callable
        As for `fit`.

    Raises
    ------
    AttnSegError
        As `fit`; also if no models of the encoders alone belong to this one.
    """
    weights = first_stage(config, out / "stage-1", watch)
    second = dataclasses.replace(config, encoder_weights=weights)
    return _fit(second, out / "stage-2", watch)


def first_stage(
    config: TrainConfig, out: Path, watch: Watch = lambda progress: None
) -> str:
    """Both encoders alone; returns `encoder_weights` for the second stage."""
    found = []
    for part, model in zip(
        ("cnn", "transformer"), single_models(config.model), strict=True
    ):
        spec = model_spec(model)
        alone = dataclasses.replace(
            config,
            **{**_ALONE, "model": model},
            encoder_weights=weights_for(spec, config.encoder_weights),
            freeze_blocks=config.freeze_blocks if part == "transformer" else 0,
        )
        run = RunFolder(out / part)
        if (run.path / DONE).is_file():
            run.expect_settings(alone)
        else:
            _fit(alone, run.path, watch)
            run.forget_states()
            write_text(run.path / DONE, "")
        found.append(f"{part}={run.path / 'best.safetensors'}")
    return ",".join(found)


def _fit(config: TrainConfig, out: Path, watch: Watch) -> FitResult:
    return fit(config, out, (out / "config.toml").is_file(), watch)
