"""Masks of the frames of a film, each of which shows its number."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.sample import Sample


def mask_of(number: int) -> np.ndarray:
    mask = np.zeros((40, 48), np.uint8)
    mask[5 + number : 20, 10:30] = 1
    return mask


def samples_of(folder: Path) -> dict[str, Sample]:
    splits = load_dataset(folder).splits
    return {one.name: one for split in splits.values() for one in split}
