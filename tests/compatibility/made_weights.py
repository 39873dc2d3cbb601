"""Weights and model cards of the fixtures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import old_code as code
import test_old_measurements as old_measurements
from made_files import FIT, TINY, run, write


def release() -> None:
    """The weights file, by way of a release: two seeds, then only the first."""
    write(
        "release/base.toml",
        'model = "tiny"\nepochs = 25\nbatch = 4\nlr = 5e-3\nencoder_lr = 5e-3\n'
        "ema = 0.8\nsnapshot_every = 0\n",
    )
    write(
        "release/texts.toml",
        'classes = ["polyp"]\nlicence = "CC0; drawn"\nuse = "Tests."\n'
        'limits = "Knows drawn discs only."\n',
    )
    run(old_measurements.RELEASE.format(2))
    shutil.copy("release/release.json", "release/two-seeds.json")
    run(old_measurements.RELEASE.format(1))
    write("weights/tiny.safetensors", Path("release/tiny.safetensors").read_bytes())


def cards() -> None:
    """Cards of many histories; their weights are not kept."""
    kept: dict[str, Any] = {}

    def keep(name: str, weights: str | Path) -> None:
        kept[name] = json.loads(code.card_in(Path(weights)).to_json())

    layouts = json.loads(Path("layouts.json").read_text())
    for name, layout in layouts.items():
        tested = code.dataset_in(Path(f"{layout['prefix']}data/{name}")).splits
        for protocol in ("honest", "all", *(["paper"] if "test" in tested else [])):
            data = f"--data '{layout['prefix']}data/{name}'"
            out = f"'fits/{name}, {protocol}'"
            run(f"{FIT} {data} --epochs 1 --protocol {protocol} --out {out}")
            keep(f"{name}, {protocol}", Path(out.strip("'"), "best.safetensors"))
    write("seed.toml", "split_seed = 3\n")
    run(f"{FIT} --data data/polyps --epochs 1 --config seed.toml --out fits/seed")
    keep("polyps, split seed 3", "fits/seed/best.safetensors")

    protocols = ("honest", "all", "paper")
    best = {p: f"'fits/polyps, {p}/best.safetensors'" for p in protocols}
    start = f"{FIT} --data data/polyps --epochs 1"
    for protocol, file in best.items():
        out = f"fits/from-{protocol}"
        run(f"{start} --init {file} --out {out}")
        keep(f"polyps, started from {protocol}", f"{out}/best.safetensors")
    run(f"{FIT} --data data/listed --epochs 1 --init {best['all']} --out fits/on")
    keep("listed, started from polyps, all", "fits/on/best.safetensors")
    run(f"{start} --init fits/on/best.safetensors --out fits/on-and-on")
    keep("polyps, started from listed, from polyps", "fits/on-and-on/best.safetensors")

    stages = f"attnseg-train two-stage --model tiny --epochs 1 --batch 4 {TINY}"
    for protocol in best:
        out = f"stages/{protocol}"
        run(f"{stages} --data data/polyps --protocol {protocol} --out {out}")
        keep(f"polyps, two stages, {protocol}", f"{out}/stage-2/best.safetensors")
        encoders = ",".join(
            f"{part}={out}/stage-1/{part}/best.safetensors"
            for part in ("cnn", "transformer")
        )
        run(
            "attnseg-train fit --model tiny --epochs 1 --batch 4 --data data/polyps "
            f"{TINY} --encoder-weights {encoders} --out fits/encoders-{protocol}"
        )
        name = f"polyps, encoders of {protocol}"
        keep(name, f"fits/encoders-{protocol}/best.safetensors")

    def average(name: str, *files: str) -> str:
        out = f"averages/{name.replace(' ', '-').replace(',', '')}.safetensors"
        run(f"attnseg-train average {' '.join(files)} --out {out}")
        keep(name, out)
        return out

    honest, trained_on_all, _ = best.values()
    average("polyps, average of honest and all", honest, trained_on_all)
    two = average("polyps, average with listed", honest, "fits/on/best.safetensors")
    average("polyps, average of averages", two, honest)

    calibrate = "attnseg-train calibrate"
    on = f"--data data/polyps {TINY.partition(' --threads')[0]}"
    run(f"{calibrate} {honest} calibrated.safetensors {on}")
    keep("polyps, calibrated", "calibrated.safetensors")
    run(f"{calibrate} {honest} on-test.safetensors {on} --split test --half")
    keep("polyps, calibrated on test", "on-test.safetensors")
    like = "--like calibrated.safetensors"
    run(f"{calibrate} {trained_on_all} borrowed.safetensors {like}")
    keep("polyps, all, borrowed temperature", "borrowed.safetensors")
    write("words.toml", 'classes = ["polyp"]\ndata = "Drawn."\nlicence = "CC0"\n')
    for protocol, file in best.items():
        run(f"attnseg-train export {file} exported.safetensors --texts words.toml")
        keep(f"polyps, {protocol}, exported", "exported.safetensors")

    bundled = json.loads(code.card_in(bundled_weights()).to_json())
    verdicts = {
        level: {"verdict": gate["verdict"]} for level, gate in bundled["gates"].items()
    }
    some = ("n", "dataset", "dice", "protocol")
    kept["kvasir-seg, bundled compact"] = {  # without most of its numbers
        **bundled,
        "gates": verdicts,
        "combination": {**bundled["combination"], "candidates": {}},
        "metrics": {key: bundled["metrics"][key] for key in some},
    }
    write("cards.json", json.dumps(kept, separators=(",", ":")))


def bundled_weights() -> Path:
    """The weights that came with that version."""
    from napari_attnseg.weights import weights_path

    return weights_path("compact")
