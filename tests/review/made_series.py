"""Small series of cases for the tests of the review."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.results import Results, save_results
from napari_attnseg.results import Segmentation

SHAPE = (24, 32)


def square(row: int, size: int = 8) -> np.ndarray[Any, Any]:
    """A mask of one square."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[row : row + size, 4 : 4 + size] = 1
    return mask


def write_images(folder: Path, n: int = 4, masks: bool = True) -> Path:
    """``images/case0.png`` and so on, and ``masks/``, 0 and 255."""
    rng = np.random.default_rng(0)
    for name in ("images", "masks")[: 2 if masks else 1]:
        (folder / name).mkdir(parents=True)
    for i in range(n):
        image = Image.fromarray(rng.integers(0, 255, (*SHAPE, 3), np.uint8))
        image.save(folder / "images" / f"case{i}.png")
        if masks:
            Image.fromarray(square(i) * 255).save(folder / "masks" / f"case{i}.png")
    return folder


def write_results(
    folder: Path, expected: dict[str, Any], doubt: dict[str, float] | None = None
) -> Path:
    """Results of each named case; `expected` is the expected Dice of its provenance."""
    images = write_images(folder, len(expected), masks=False) / "images"
    for i, (name, dice) in enumerate(expected.items()):
        image = images / f"case{i}.png"
        level = 0.5 if doubt is None else doubt[name]
        probability = np.where(square(i) > 0, level, 0.01)[None].astype(np.float32)
        facts: dict[str, Any] = {"threshold": 0.5, "date": "2026-01-01"}
        facts["mask_sha256"] = array_sha256(square(i))
        if dice is not None:
            facts["expected_dice"] = dice
        result = Segmentation(square(i), probability, (), facts)
        results = Results(name, str(image), [result], image=image)
        save_results(results, folder / "results", name)
    return folder / "results"


def estimated(mean: float) -> dict[str, Any]:
    """Provenance of an expected Dice."""
    return {"state": "estimated", "mean": mean, "low": mean - 0.1, "high": mean + 0.1}
