"""Fixtures shared by the tests of a training run."""

from __future__ import annotations

from pathlib import Path

import pytest

from attnseg_training.config import TrainConfig


@pytest.fixture
def config(data_folder: Path) -> TrainConfig:
    return TrainConfig(
        str(data_folder),
        model="tiny",
        epochs=2,
        batch=4,
        device="cpu",
        lr=5e-3,
        encoder_lr=5e-3,
        ema=0.8,
    )
