"""Every catalog model trains one epoch on a few real images and is evaluated.

Not part of the tests, for it takes too long. As ``tox -e smoke``:

    python tests/smoke_catalog.py KVASIR OUT [NAME …]

Weights are random, so the numbers say nothing of a model; what counts is that each runs
from images to an evaluation. Prints a line per model; exit code 1 if one failed. What
is in OUT is not done again.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.evaluation.evaluate import evaluate
from attnseg_training.fit.fit import fit
from napari_attnseg.models.catalog import list_models

TRAIN, TEST = 6, 3


def few_images(data: Path, out: Path) -> Path:
    """The first images of each split of a data folder, in a folder of their own."""
    dataset = load_dataset(data)
    for part in ("images", "masks", "splits"):
        (out / part).mkdir(parents=True, exist_ok=True)
    for split, file, count in (("train", "train", TRAIN), ("test", "val", TEST)):
        samples = dataset.split(split)[:count]
        for sample in samples:
            shutil.copy(sample.image, out / "images")
            for mask in sample.masks:
                shutil.copy(mask, out / "masks")
        names = "\n".join(sample.name for sample in samples)
        (out / "splits" / f"{file}.txt").write_text(names)
    return out


def smoke(name: str, data: Path, out: Path) -> str:
    """One epoch and an evaluation; what came out, in words."""
    start = time.perf_counter()
    config = TrainConfig(str(data), model=name, epochs=1, batch=2, device="cpu")
    run = fit(config, out / "run").folder
    trained = time.perf_counter() - start
    best = run / "best.safetensors"
    summary = evaluate(best, load_dataset(data), "test", "cpu").summary()
    shutil.rmtree(run)  # up to gigabytes
    (out / "evaluation.json").write_text(json.dumps(summary))
    return (
        f"trained in {trained:.0f} s, Dice {summary['dice']['mean']:.3f} "
        f"(n = {summary['n']}, random weights, 1 epoch)"
    )


def main(data: str, out: str, *names: str) -> int:
    """Run all models, or those named."""
    folder, failed = Path(out), 0
    few = few_images(Path(data), folder / "images")
    for name in names or list_models():
        if (folder / name / "evaluation.json").is_file():
            continue
        shutil.rmtree(folder / name, ignore_errors=True)
        try:
            said = smoke(name, few, folder / name)
        except Exception as error:  # the next model is tried all the same
            said, failed = f"FAILED: {type(error).__name__}: {error}", failed + 1
        print(f"{name}: {said}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
