"""Make a release of weights: train several seeds, choose one, report all."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from attnseg_training.config import ALLOWABLE, TrainConfig
from attnseg_training.datasets import Dataset, load_dataset
from attnseg_training.evaluation.evaluate import evaluate
from attnseg_training.fit.callbacks import FitCallbacks
from attnseg_training.fit.fit import expect_run, fit
from attnseg_training.fit.initial_weights import run_spec
from attnseg_training.gates.card import gate_card_png
from attnseg_training.gates.faithfulness import faithfulness
from attnseg_training.gates.suites import expect_suite
from attnseg_training.release.calibration import calibrate
from attnseg_training.release.export import export
from attnseg_training.runs.folder import RunFolder
from attnseg_training.runs.provenance import fingerprint
from attnseg_training.runs.test_set_log import record_evaluation
from napari_attnseg.cards import read_card
from napari_attnseg.checkpoints import load_checkpoint
from napari_attnseg.errors import InputError
from napari_attnseg.io.atomic import write_bytes, write_text
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.run_files import Watch
from napari_attnseg.statistics import mean_interval

Count = Callable[[int, int], None]
#: In a seed's run folder: its best weights, float16, calibrated. Its run is done then.
CALIBRATED = "calibrated.safetensors"
RESULT = "release.json"


@dataclasses.dataclass(frozen=True, slots=True)
class Release:
    """Settings of a release, and callbacks that show its progress.

    Attributes
    ----------
    config : TrainConfig
        Settings of every run; the seed is replaced.
    seeds : int
        Seeds 0, 1, …
    texts : Path, optional
        TOML with the card's words, as for `export`.
    suite : str
        As for `faithfulness`.
    say : callable
        Called with a sentence on what comes next.
    bars : callable
        Makes the context manager that watches a training run.
    counted : callable
        Makes the context manager that counts images; called with a description of the
        step.
    """

    config: TrainConfig
    seeds: int = 3
    texts: Path | None = None
    suite: str = "quick"
    say: Callable[[str], None] = lambda text: None
    bars: Callable[[], AbstractContextManager[Watch]] = lambda: nullcontext(
        lambda progress: None
    )
    counted: Callable[[str], AbstractContextManager[Count]] = lambda what: nullcontext(
        lambda done, total: None
    )

    def run(self, out: Path) -> dict[str, Any]:
        """Train, choose on validation, measure once on test, export.

        Each seed's best weights are stored as float16 and calibrated on the validation
        images. The seed with the highest mean Dice on these images is chosen. Only
        after that, every seed is measured on the test images, and the gates of the
        chosen seed are measured. Finished steps are skipped, unless they were measured
        on other images.

        Parameters
        ----------
        out : Path
            Folder for the results: the runs ``seed-0`` … with their ``val.json`` and
            ``test.json``; ``gates.json``, ``gates-val.json`` and ``gate_card.png`` of
            the chosen seed; ``MODEL.safetensors``; ``release.json``.

        Returns
        -------
        dict
            Content of ``release.json``: ``chosen`` (the seed), ``weights_sha256``,
            ``seeds`` (Dice and IoU of each seed on both splits), ``dice`` and ``iou``
            (mean and SD over the seeds' means on the test images; with one seed the SD
            is None).

        Raises
        ------
        AttnSegError
            As for `fit`, `evaluate` and `faithfulness`. Also if there are no test
            images, the protocol leaves no validation images, or a finished run used
            other settings or data.
        """
        config = self.config
        if config.protocol != "honest":
            raise InputError(
                f"Expected the protocol honest, got {config.protocol!r}; a release "
                "chooses its seed on validation images, so none may be trained on: "
                "leave it out, or use fit and evaluate."
            )
        data = load_dataset(Path(config.data), config.split_seed)
        if "test" not in data.splits:
            raise InputError(
                f"Expected a split 'test' to report on, {data.root} has "
                f"{', '.join(data.splits)}; add splits/test.txt."
            )
        for split in ("val", "test"):  # said before hours of training
            expect_suite(data, split, self.suite)
        SegmentationNetwork(run_spec(config)).psi_of_cnn({})
        if self.texts is not None and not self.texts.is_file():
            raise InputError(
                f"There is no file {self.texts}; give the file with the texts of the "
                "model card."
            )
        runs = [self._trained(seed, data, out) for seed in range(self.seeds)]
        val = [self._evaluated(run, data, "val") for run in runs]
        chosen = int(np.argmax([found["dice"]["mean"] for found in val]))
        self.say(f"Seed {chosen} is best on the {val[0]['n']} validation images.")
        test = [self._evaluated(run, data, "test") for run in runs]
        weights = runs[chosen] / CALIBRATED
        gates = self._gates(weights, data, "test", out / "gates.json")
        card = gate_card_png(json.loads(gates.read_text(encoding="utf-8")))
        write_bytes(out / "gate_card.png", card)
        gates_val = self._gates(weights, data, "val", out / "gates-val.json")
        final = out / f"{read_card(weights).spec.name}.safetensors"
        numbers = runs[chosen] / "test.json"
        digest = export(weights, final, True, self.texts, numbers, gates, gates_val)
        found = {
            "weights": final.name,
            "weights_sha256": digest,
            "chosen": chosen,
            "chosen_by": f"Dice on {data.name}, split val, n = {val[0]['n']}",
            "protocol": test[chosen]["protocol"],
            "n": test[0]["n"],
            **{metric: _over_seeds(test, metric) for metric in ("dice", "iou")},
            "seeds": [
                {
                    name: {metric: each[metric] for metric in ("dice", "iou")}
                    for name, each in (("val", val[k]), ("test", test[k]))
                }
                for k in range(self.seeds)
            ],
        }
        write_text(out / RESULT, json.dumps(found, indent=1) + "\n")
        return found

    def _trained(self, seed: int, data: Dataset, out: Path) -> Path:
        """Run folder of a seed, trained and calibrated."""
        run = RunFolder(out / f"seed-{seed}")
        config = dataclasses.replace(self.config, seed=seed)
        if (run.path / CALIBRATED).is_file():
            expect_run(run.path, config)
            return run.path
        self.say(f"Seed {seed}")
        with self.bars() as watch:
            fit(
                config,
                run.path,
                (run.path / "config.toml").is_file(),
                FitCallbacks(watch=watch),
            )
        best, done = run.path / "best.safetensors", run.path / CALIBRATED
        # `fit` has judged its images as a whole, of which validation is a small part.
        calibrate(best, done, data, "val", config.device, True, ALLOWABLE)
        run.forget_states()
        return run.path

    def _evaluated(self, run: Path, data: Dataset, split: str) -> dict[str, Any]:
        weights = run / CALIBRATED
        of = _of(weights, data, split)

        def measure() -> dict[str, Any]:
            with self.counted(f"{run.name} on {split}") as count:
                report = evaluate(weights, data, split, self.config.device, count)
            return record_evaluation(weights, report.summary())

        return _kept(run / f"{split}.json", of, measure)

    def _gates(self, weights: Path, data: Dataset, split: str, file: Path) -> Path:
        of = {**_of(weights, data, split), "suite": self.suite}

        def measure() -> dict[str, Any]:
            with self.counted(f"gates on {split}") as count:
                device = self.config.device
                return faithfulness(weights, data, split, self.suite, device, count)[0]

        _kept(file, of, measure)
        return file


def _of(weights: Path, data: Dataset, split: str) -> dict[str, str]:
    """Hashes that identify a result: of the tensors, and of images and masks."""
    images = fingerprint({split: data.split(split)})["sha256"]
    return {"weights_sha256": load_checkpoint(weights)[2], "images_sha256": images}


def _kept(
    file: Path, of: Mapping[str, str], measure: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Return the stored result if it is `of` this; else measure and store it."""
    if file.is_file():
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if all(found.get(key) == value for key, value in of.items()):
            return found
    found = {**measure(), **of}
    write_text(file, json.dumps(found, indent=1) + "\n")
    return found


def _over_seeds(found: list[dict[str, Any]], metric: str) -> dict[str, float | None]:
    """Mean and SD over seeds; the SD of a single seed is None."""
    means = mean_interval([each[metric]["mean"] for each in found])
    return {"mean": means["mean"], "sd": means["sd"] if len(found) > 1 else None}
