"""Work that ends in states, verdicts and pairings, and what the code decides of it.

``python -m scenario DATA QUIET LOUD`` does the work in the folder LOUD with every
sentence of both packages in upper case, and prints what it decides of both folders.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from napari_attnseg.weights import DEFAULT_WEIGHTS

PROTOCOLS = ("honest", "paper", "all")
SETTINGS = ("--model", "tiny", "--epochs", "1", "--device", "cpu", "--batch", "4")


def write(data: Path, folder: Path) -> None:
    """Leave runs in every state, weights of every protocol, and a results folder."""
    fits = {name: ("--protocol", name) for name in PROTOCOLS}
    fits["refused"] = ("--encoder-weights", "cnn=nowhere.safetensors")
    _started_by_a_widget(folder / "refused")
    # Nothing reads the picture of the curves; drawing it takes most of a tiny epoch.
    with patch("attnseg_training.runs.curves.curves_png", lambda *_, **__: b""):
        for name, more in fits.items():
            _command("fit", "--data", data, "--out", folder / name, *SETTINGS, *more)
        (folder / "stopped").mkdir()
        (folder / "stopped" / "stop").touch()
        _command("fit", "--data", data, "--out", folder / "stopped", *SETTINGS)
    from napari_attnseg.batch import segment_images

    weights = str(folder / "honest" / "best.safetensors")
    images = sorted((data / "images").iterdir())[:1]
    for outcome in segment_images(images, folder / "results", weights, "cpu"):
        assert outcome.error is None, outcome


def read(data: Path, folder: Path) -> dict[str, Any]:
    """All that is decided about the files of `write`, as identifiers and numbers."""
    return {
        "runs": {path.name: _run(path) for path in sorted(folder.iterdir())},
        "lineage": {name: _lineage(data, folder / name) for name in PROTOCOLS},
        "layers": _layers(data, folder / "results"),
        "verdicts": _verdicts(),
    }


def _started_by_a_widget(folder: Path) -> None:
    """Record the process of a run, as the Train widget does before it starts one."""
    from napari_attnseg.run_files import ProcessRecord, RunState, RunStatus

    folder.mkdir()
    record = ProcessRecord.now(os.getpid())
    RunStatus(record, RunState.STARTING).write(folder)


def _command(*arguments: object) -> None:
    from attnseg_training.cli import main

    sys.argv = ["attnseg-train", *map(str, arguments)]
    try:
        main()
    except SystemExit as stop:
        print(stop.code, file=sys.stderr)


def _run(folder: Path) -> dict[str, Any]:
    from napari_attnseg.run_files import RunFiles

    files = RunFiles.read(folder)
    recorded = files.status
    return {
        "state": files.state(alive=False),
        "reason": recorded and recorded.reason,
        "says why": bool(files.message),
        "epochs": len(files.epochs),
        "protocol": files.protocol,
        "complete": files.complete,
    }


def _lineage(data: Path, run: Path) -> dict[str, Any]:
    from attnseg_training.datasets import load_dataset
    from attnseg_training.runs import lineage
    from napari_attnseg.cards import read_card

    card, dataset = read_card(run / "best.safetensors"), load_dataset(data)
    found: dict[str, Any] = {
        "trained on validation images": lineage.trained_on(card, dataset),
        "other rules": bool(lineage.trained_under(card, dataset)),
        "seed": lineage.split_seed(card),
    }
    for split in ("train", "val", "test"):
        answer = lineage.domain(card, dataset, split)
        found[split] = (answer["id"], answer["role"])
    return found


def _layers(data: Path, results: Path) -> dict[str, Any]:
    import numpy as np
    from napari.components import ViewerModel
    from PIL import Image

    from napari_attnseg._widgets.layers.display import add_layers
    from napari_attnseg._widgets.layers.metadata import record_of
    from napari_attnseg._widgets.layers.reader import layers_of
    from napari_attnseg._widgets.layers.runs import find_results
    from napari_attnseg.io.results import load_results

    viewer = ViewerModel()
    path = next(results.glob("*.json"))
    image = next((data / "images").glob(f"{path.stem}.*"))
    viewer.add_image(np.asarray(Image.open(image)), name="an image", rgb=True)
    add_layers(viewer, layers_of(load_results(path)))
    for number, layer in enumerate(viewer.layers):
        layer.name = f"renamed {number}"
    (result,) = find_results(viewer.layers)
    records = [record_of(layer) for layer in result.layers]
    return {
        "parts": sorted(str(record.part) for record in records if record),
        "gates": [str(key) for key in result.coarse_first],
        "decorative": [record.decorative for record in records if record],
        "complete": result.complete,
        "image is found": result.image is not None,
    }


def _verdicts() -> list[Any]:
    """Flags of the bundled model's gates, made anew from their measured numbers."""
    from attnseg_training.gates.columns import column_key, column_name, every_key
    from attnseg_training.gates.verdicts import verdict
    from napari_attnseg.cards import read_card
    from napari_attnseg.weights import weights_path

    assert all(column_key(column_name(key)) == key for key in every_key())
    gates = read_card(weights_path(DEFAULT_WEIGHTS)).gates
    found = []
    for level, facts in gates.items():
        measured = dict(facts)
        if "agreement" not in measured or "spatial_value" not in measured:
            continue
        area = measured["agreement"]
        area = area if "auroc" in area else {"auroc": area}
        measured["agreement"] = {"alike": area["auroc"], **area}
        said = verdict(level, measured)
        found.append((level, said["pattern"], said["agrees"], said["decorative"]))
    assert found
    return found


def loud(data: Path, quiet: Path, folder: Path) -> dict[str, Any]:
    """Write and read `folder`, and read the `quiet` one, with loud sentences."""
    import upper_case

    upper_case.install()
    write(data, folder)
    found = {"loud": read(data, folder), "quiet": read(data, quiet)}
    return {"sentences": upper_case.shouted(), "found": found}


def main() -> None:
    import upper_case

    # What a process that is forked has of both packages is as it was written.
    for name in list(sys.modules):
        if name.partition(".")[0] in upper_case.PACKAGES:
            del sys.modules[name]
    sys.stdout.write("\n" + json.dumps(loud(*map(Path, sys.argv[1:]))))


if __name__ == "__main__":
    main()
