"""What wrote ``files/`` and ``expected/``: version 0.1.0 at commit fa16140.

Not to be run again, except at that commit: these files are worth something because they
are old. It was run in an empty folder, so that their paths are relative to it::

    git worktree add /tmp/old fa16140
    export PYTHONPATH=/tmp/old/src:/tmp/old/training HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1
    QT_QPA_PLATFORM=offscreen python make_fixtures.py

``python make_fixtures.py expected`` only asks that version anew about what is there.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import test_interface as interface
import test_old_files as old
from PIL import Image

FILES, EXPECTED = old.FILES, old.EXPECTED
NAMES = [f"p{i:02d}" for i in range(12)]
HOST = "a-workstation.invalid"


def run(line: str, code: int = 0) -> old.Done:
    """Run one command line."""
    print(f"$ {line}", flush=True)
    done = old.command(line)
    assert done.code == code, (done.code, done.out, done.err)
    return done


def write(path: str | Path, content: str | bytes) -> Path:
    """Write a file and the folders above it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def png(path: str | Path, values: Any) -> None:
    """Write an image."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values, np.uint8)).save(path)


# -- drawn data ------------------------------------------------------------------------


def scene(seed: int, discs: int = 1) -> tuple[Any, Any]:
    """40×48 px: bright discs on a soft background; small as PNG."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:40, :48]
    mask = np.zeros((40, 48), bool)
    for _ in range(discs):
        row, column = rng.integers(12, 28), rng.integers(10, 38)
        mask |= (y - row) ** 2 + (x - column) ** 2 < 64 / discs + 17
    slope = (x * rng.integers(0, 2) + y) // 2
    image = slope + 30 + rng.integers(0, 8, (40, 48)) + mask * 110
    return image[..., None] + np.array([40, 10, 0]), mask


def draw_data() -> dict[str, Any]:
    """All data folders with real images; what ``layouts.json`` says of them."""
    both = {"splits/train.txt": NAMES[:9], "splits/val.txt": NAMES[9:]}
    lists = {
        "splits/train.txt": NAMES[:6],
        "splits/val.txt": NAMES[6:9],
        "splits/test.txt": NAMES[9:],
    }
    own = {name.replace("splits", "lists"): names for name, names in both.items()}
    layouts: dict[str, dict[str, Any]] = {
        "polyps": both,
        "plain": {},
        "listed": lists,
        "train only": {"splits/train.txt": NAMES},
        "train and test": {
            "splits/train.txt": NAMES[:9],
            "splits/test.txt": NAMES[9:],
        },
        "own lists": {**own, "dataset.toml": 'name = "mine"\nsplits = "lists"\n'},
        "empty lists": {"lists/.keep": [], "dataset.toml": 'splits = "lists"\n'},
        "renamed": {**both, "dataset.toml": 'name = "polyps"\n'},
        "relisted": {**lists, "dataset.toml": 'name = "polyps"\n'},
        "kvasir-seg": {**both, "dataset.toml": 'name = "kvasir-seg"\n'},
        "hyperkvasir": {"dataset.toml": 'name = "hyperkvasir"\n'},
    }
    for name, texts in layouts.items():
        root = Path("data", name)
        for i, image in enumerate(NAMES):
            picture, mask = scene(i)
            png(root / "images" / f"{image}.png", picture)
            png(root / "masks" / f"{image}.png", mask * 255)
        for file, text in texts.items():
            write(root / file, text if isinstance(text, str) else "\n".join(text))
    prefixes = dict.fromkeys(layouts, "")
    # Folders that are splits: DRIVE's, and PraNet's two trees for two data sets.
    for i in range(8):
        part = "training" if i < 6 else "test"
        picture, mask = scene(i)
        png(f"data/drive/{part}/images/{i:02d}_{part}.png", picture)
        png(f"data/drive/{part}/1st_manual/{i:02d}_manual1.png", mask * 255)
    for i in range(12):
        tree, name = [
            ("TrainDataset", f"cju{i}"),
            ("TestDataset/Kvasir", f"cju{i}"),
            ("TrainDataset", f"{i}"),
            ("TestDataset/CVC-ClinicDB", f"{i}"),
        ][2 * (i % 2) + (i > 7)]
        picture, mask = scene(i)
        png(f"data/pranet/{tree}/images/{name}.png", picture)
        png(f"data/pranet/{tree}/masks/{name}.png", mask * 255)
    prefixes |= {"drive": "", "pranet": "kvasir-seg:", "camus": ""}
    draw_camus()
    draw_shapes()
    found = {}
    for name, prefix in prefixes.items():
        root = Path("data", name)
        paths = sorted(p for p in root.rglob("*") if p.is_file())
        found[name] = {
            "root": name,
            "prefix": prefix,
            "files": {
                path.relative_to(root).as_posix(): path.read_text()
                if path.suffix in (".txt", ".toml", "")
                else None
                for path in paths
            },
        }
    return found


def draw_camus() -> None:
    """Six patients as NIfTI, three classes, with the published lists."""
    import nibabel

    for i in range(1, 7):
        patient = f"patient{i:04d}"
        folder = Path("data/camus/database_nifti", patient)
        folder.mkdir(parents=True)
        picture, mask = scene(i)
        labels = mask * (1 + np.arange(48) % 3)
        for end, values in (("", picture[..., 0]), ("_gt", labels)):
            image = nibabel.Nifti1Image(values.astype(np.uint8), np.eye(4))
            nibabel.save(image, folder / f"{patient}_2CH_ED{end}.nii.gz")
    for name, own in (("training", "1234"), ("validation", "5"), ("testing", "6")):
        text = "\n".join(f"patient000{i}" for i in own)
        write(f"data/camus/database_split/subgroup_{name}.txt", text)


def draw_shapes() -> None:
    """Two classes: a square and a disc."""
    y, x = np.mgrid[:40, :48]
    for i in range(12):
        picture, disc = scene(i)
        square = (abs(y - 8) < 5) & (abs(x - 8 - i) < 5)
        picture = np.clip(picture + square[..., None] * (90, 0, 0), 0, 255)
        png(f"data/shapes/images/s{i:02d}.png", picture)
        png(f"data/shapes/masks/s{i:02d}.png", np.where(square, 2, disc))
    write("data/shapes/dataset.toml", 'name = "shapes"\nclasses = ["disc", "square"]\n')


def draw_images() -> None:
    """Images to segment; the file of one is read by a test."""
    png("images/polyp.png", scene(20)[0])
    png("images/two.png", scene(21, 2)[0])
    png("images/grey.png", scene(22)[0][..., 0])


# -- commands --------------------------------------------------------------------------

TINY = old.TINY
#: The smallest network there is: its training state fits into a fixture.
FIT = f"attnseg-train fit --model tiny-resunet --batch 4 {TINY}"


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
    run(old.RELEASE.format(2))
    shutil.copy("release/release.json", "release/two-seeds.json")
    run(old.RELEASE.format(1))
    write("weights/tiny.safetensors", Path("release/tiny.safetensors").read_bytes())


def cards() -> None:
    """Cards of many histories; their weights are not kept."""
    kept: dict[str, Any] = {}

    def keep(name: str, weights: str | Path) -> None:
        kept[name] = json.loads(old.card_in(Path(weights)).to_json())

    layouts = json.loads(Path("layouts.json").read_text())
    for name, layout in layouts.items():
        tested = old.dataset_in(Path(f"{layout['prefix']}data/{name}")).splits
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

    bundled = json.loads(old.card_in(bundled_weights()).to_json())
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


def results() -> None:
    """Results folders that the command wrote."""
    segment = "attnseg segment --device cpu --weights weights/tiny.safetensors"
    run(f"{segment} images --objects --out results/plain")
    run(
        f"{segment} images/polyp.png --gate 1/32=0.25 --gate 1/8=mean --gate 1/4=CNN "
        "--gate 1/16=results/plain/two_gate_1-16.tif --threshold 0.3 "
        "--out results/forced"
    )
    run(
        f"{segment} images/two.png --smooth 1.5 --min-size 4 --fill-holes "
        "--keep-largest --objects --out results/rules"
    )
    run(f"{segment} images/polyp.png --flip --out results/flip")
    small_sam("medsam-small")
    run(
        f"{segment} images/polyp.png --medsam medsam-small --medsam-margin 32 "
        "--threshold 0.4 --out results/medsam"
    )
    for model in ("tiny-double-weighted", "tiny-res34-guided"):
        run(
            f"attnseg-train fit --model {model} --epochs 2 --batch 4 {TINY} "
            f"--data data/polyps --out fits/{model}"
        )
        run(
            f"attnseg segment images/polyp.png --device cpu --out results/{model} "
            f"--weights fits/{model}/best.safetensors"
        )
    run(f"{FIT} --data data/shapes --epochs 30 --out fits/shapes --lr 2e-2")
    shutil.copy("data/shapes/images/s03.png", "images/shapes.png")
    run(
        "attnseg segment images/shapes.png --device cpu --objects --threshold 0.4 "
        "--weights fits/shapes/best.safetensors --out results/classes"
    )


def small_sam(folder: str) -> None:
    """A stand-in for MedSAM, as in ``tests/test_medsam.py`` of that version."""
    import torch
    from transformers import SamConfig, SamModel

    torch.manual_seed(0)
    vision = {
        **{"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2},
        **{"image_size": 64, "patch_size": 4, "output_channels": 32},
        **{"window_size": 4, "global_attn_indexes": [1], "num_pos_feats": 16},
        **{"mlp_dim": 32, "initializer_range": 0.2},
    }
    prompt = {"hidden_size": 32, "image_size": 64, "patch_size": 4}
    decoder = {
        **{"hidden_size": 32, "mlp_dim": 32, "num_hidden_layers": 1},
        **{"num_attention_heads": 2, "iou_head_hidden_dim": 16},
    }
    model = SamModel(
        SamConfig(
            vision_config=vision,
            prompt_encoder_config={**prompt, "mask_input_channels": 4},
            mask_decoder_config=decoder,
        )
    )
    for parameter in model.mask_decoder.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)


def widget_results() -> None:
    """Results folders that the viewer wrote: edited, made anew, what-ifs, a stack."""
    from napari.components import ViewerModel
    from napari_attnseg._widgets.source import source_of
    from napari_attnseg._widgets.viewing import add_layers
    from napari_attnseg._widgets.worker import Loaded
    from napari_attnseg._widgets.worker import run as segment
    from npe2 import PluginManager
    from qtpy.QtWidgets import QApplication

    from napari_attnseg._widgets.inspect import InspectWidget
    from napari_attnseg._widgets.layers import new_layers

    application = QApplication.instance() or QApplication([])
    PluginManager.instance().discover()
    weights = Path("weights/tiny.safetensors").absolute()

    def shown(layer_of: Callable[[Any], Any]) -> tuple[Any, Any, Any]:
        """A viewer with an image that was segmented, and Inspect; as by the widgets."""
        viewer = ViewerModel()
        layer = layer_of(viewer)
        steps = segment(source_of(layer), weights, "cpu", None)
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                done = stop.value
                break
        made = add_layers(viewer, new_layers(done.source, done.results))
        widget = InspectWidget(viewer)
        found = old.segmenter_of(weights)
        when = weights.stat().st_mtime_ns
        widget.whatif_panel._loaded = Loaded(weights, when, "cpu", found)
        return viewer, made[-1], widget

    def wait(happened: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 60
        while not happened():
            assert time.monotonic() < deadline
            application.processEvents()
            time.sleep(0.01)

    def save(viewer: Any, name: str) -> None:
        print(f"$ viewer.layers.save({name!r}, plugin={old.PLUGIN!r})", flush=True)
        viewer.layers.save(str(Path("results", name).absolute()), plugin=old.PLUGIN)

    def file(viewer: Any) -> Any:
        (layer,) = viewer.open(Path("images/polyp.png").absolute(), plugin="napari")
        return layer

    def placed(viewer: Any) -> Any:
        return viewer.add_image(
            scene(20)[0].astype(np.uint8),
            name="day 1/scan",
            rgb=True,
            scale=(0.5, 2.0),
            translate=(10, -7),
            rotate=30,
            shear=[0.3],
            units=("mm", "mm"),
            axis_labels=("row", "column"),
        )

    def stack(viewer: Any) -> Any:
        frames = np.stack([scene(i)[0][..., 0] for i in (20, 23, 24)]).astype(np.uint16)
        return viewer.add_image(frames * 50, name="stack", scale=(3, 1, 1))

    viewer, mask, widget = shown(file)
    mask.data[:5, :5] = 1
    save(viewer, "painted")

    viewer, mask, widget = shown(placed)
    widget.mask_panel.threshold.setValue(0.35)
    widget.mask_panel.smoothing.setValue(1.0)
    widget.mask_panel.largest.setChecked(True)
    widget.mask_panel.finish()
    save(viewer, "remade")

    viewer, mask, widget = shown(file)
    panel = widget.whatif_panel
    panel.rows[4].slider.setValue(1.0)
    panel.rows[32].slider.setValue(0.25)
    wait(lambda: panel._change is not None)
    panel.keep()
    save(viewer, "what-if")

    viewer, mask, widget = shown(stack)
    save(viewer, "stack")
    viewer.dims.set_point(0, 3)
    panel = widget.whatif_panel
    panel.paint_button.click()
    paint = viewer.layers["stack · gate paint"]
    paint.brush_size = 12
    paint.paint((1, 20, 24), 2)
    paint.events.paint(value=[])
    wait(lambda: panel._change is not None)
    panel.keep()
    kept = [layer for layer in viewer.layers if "what if " in layer.name]
    for layer in list(viewer.layers):
        if layer not in kept or "made_from" not in layer.metadata.get("attnseg", {}):
            viewer.layers.remove(layer)
    save(viewer, "what-if of a stack")


def runs() -> None:
    """Run folders in every state, started as the Train widget starts them."""
    shutil.rmtree("live", ignore_errors=True)
    shutil.rmtree("runs", ignore_errors=True)
    from napari_attnseg._widgets.training_run import TrainingRun

    # A shell's background job ignores it, and hands that on.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kept = Path("runs")
    options = FIT.partition(" fit ")[2]

    def start(name: str, more: str, data: str = "data/polyps") -> Any:
        line = f"--data {data} --out live/{name} {options} {more}"
        print(f"$ attnseg-train fit {line}  # by the Train widget", flush=True)
        one = TrainingRun(Path("live", name))
        one.start(line.split())
        return one

    def wait(one: Any, happened: Callable[[Any], Any]) -> Any:
        deadline = time.monotonic() + 120
        while not happened(look := one.look()):
            assert time.monotonic() < deadline, look
            time.sleep(0.001)
        return look

    def ended(look: Any) -> bool:
        return look.state not in ("starting", "running", "stopping")

    def copy(one: Any, name: str, *drop: str) -> Path:
        """Its files but the large ones, whose names are kept instead."""
        folder = kept / name
        shutil.copytree(one.folder, folder, dirs_exist_ok=True)
        for file in drop:
            (folder / file).unlink(missing_ok=True)
        large = ["state.pt", "state-before.pt", "best.safetensors", "last.safetensors"]
        stays = {"done": ["best.safetensors"], "stopped": ["state.pt"]}.get(name, [])
        found = [f for f in [*large, "curves.png"] if (folder / f).is_file()]
        out = [file for file in found if file not in stays]
        for file in out:
            (folder / file).unlink()
        shutil.rmtree(folder / "snapshots", ignore_errors=True)
        write(folder / old.LEFT_OUT, "".join(f"{file}\n" for file in out))
        return folder

    # From its start to being stopped, and killed after it was resumed.
    one = start("long", "--epochs 500")
    copy(one, "starting")
    assert one.look().state == "starting"
    wait(one, lambda look: len(look.epochs) >= 3 and look.place)
    folder = copy(one, "running")
    one.stop()
    wait(one, ended)
    stopped = copy(one, "interrupted")
    lines = (stopped / "output.log").read_text().splitlines(keepends=True)
    assert lines[-1].startswith("Interrupted"), lines
    (at,) = (i for i, line in enumerate(lines) if "Stopping after this step" in line)
    # What it was for less than a step: its log up to there.
    shutil.copytree(folder, kept / "stopping")
    write(kept / "stopping" / "output.log", "".join(lines[: at + 1]))
    one.resume(Path("data/polyps"), "cpu")
    before = len(one.look().epochs)
    wait(one, lambda look: len(look.epochs) > before + 1)
    pid = json.loads((one.folder / "progress.json").read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    wait(one, ended)
    copy(one, "killed")

    # Stopped twice: at once.
    one = start("twice", "--epochs 500")
    wait(one, lambda look: len(look.epochs) >= 1)
    pid = json.loads((one.folder / "progress.json").read_text())["pid"]
    os.kill(pid, signal.SIGSTOP)
    one.stop()
    one.stop()
    wait(one, ended)
    copy(one, "stopped-at-once")

    # Ctrl-C while Python still imports.
    one = start("early", "--epochs 5")
    time.sleep(0.7)
    one.stop()
    wait(one, ended)
    copy(one, "stopped-early")
    for tenths in range(1, 10):
        one = start("earlier", "--epochs 5")
        time.sleep(tenths / 10)
        one.stop()
        wait(one, ended)
        if one.look().log.endswith("KeyboardInterrupt"):
            copy(one, "stopped-earlier")
            break
    else:
        raise AssertionError("Python was never interrupted by itself.")

    # By the file ``stop``, as on Windows; it is resumed by a test.
    one = start("short", "--epochs 6 --lr 1e-2")
    log = one.folder / "log.csv"
    deadline = time.monotonic() + 120
    while not log.is_file() or log.read_bytes().count(b"\n") < 3:
        assert time.monotonic() < deadline
    (one.folder / "stop").touch()
    wait(one, ended)
    copy(one, "stopped")

    # In a terminal there is no output.log.
    words = f"--data data/polyps --out live/terminal {options} --epochs 500".split()
    print(f"$ attnseg-train fit {' '.join(words)}  # Ctrl-C", flush=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "attnseg_training.cli", "fit", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    one = TrainingRun(Path("live/terminal"))
    wait(one, lambda look: len(look.epochs) >= 2)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    copy(one, "stopped-in-a-terminal")

    for name, more in (
        ("done", "--epochs 3 --lr 1e-2"),
        ("done-all", "--epochs 3 --protocol all"),
        ("done-paper", "--epochs 3 --protocol paper"),
    ):
        one = start(name, more)
        wait(one, ended)
        if name == "done":
            for i in (1, 2):
                run(
                    "attnseg-train evaluate live/done/best.safetensors --device cpu "
                    f"--data data/polyps --json measured/look-{i}.json "
                    f"--csv measured/look-{i}.csv"
                )
        copy(one, name)
    one = start("resumed", "--epochs 2")
    wait(one, ended)
    one.resume(Path("data/polyps"), "cpu")  # of a run that is done
    wait(one, ended)
    copy(one, "done-twice")

    # As `release` and `table` leave them: nobody watched.
    run(f"{FIT} --data data/polyps --epochs 2 --out live/nobody")
    one = TrainingRun(Path("live/nobody"))
    copy(one, "done-by-a-command")
    copy(one, "done-by-nobody", "progress.json")
    folder = copy(one, "ended-by-nobody", "progress.json")
    settings = (folder / "config.toml").read_text()
    write(folder / "config.toml", settings.replace("epochs = 2", "epochs = 4"))

    for name, more, data in (
        ("failed-no-data", "--epochs 2", "images"),
        ("failed-option", "--epochs many", "data/polyps"),
        ("failed-loss", "--epochs 2 --lr 1e30 --encoder-lr 1e30", "data/polyps"),
        ("failed-settings", "--epochs 3 --resume", "data/polyps"),
        # An encoder that does not fit is not noticed before it is run.
        ("failed-traceback", "--model tiny --cnn test_vit", "data/polyps"),
    ):
        if "--resume" in more:
            shutil.copytree("live/resumed", f"live/{name}")
        one = start(name, more, data)
        assert wait(one, ended).state in ("failed", "done"), one.look()
        copy(one, name)
    one = start("disk", "--epochs 500")
    wait(one, lambda look: len(look.epochs) >= 1)
    write(one.folder / "snapshots", "in the way")  # after epoch 5
    wait(one, ended)
    (one.folder / "snapshots").unlink()
    copy(one, "failed-disk")
    (kept / "none").mkdir()
    write(kept / "none" / old.LEFT_OUT, "")


def measured() -> None:
    """What the commands measured of these weights."""
    on = "--data data/listed --device cpu"
    evaluate = f"attnseg-train evaluate weights/tiny.safetensors {on}"

    def files(name: str) -> str:
        return f"--json measured/{name}.json --csv measured/{name}.csv"

    run(f"{evaluate} {files('test')}")
    run(f"{evaluate} --split val {files('val')}")
    run(f"{evaluate} --flip {files('flip')}")
    run(f"{evaluate} --medsam medsam-small {files('medsam')}")
    for protocol in ("all", "paper"):
        run(
            f"attnseg-train evaluate 'fits/polyps, {protocol}/best.safetensors' "
            f"--device cpu --data data/polyps {files(protocol)}"
        )
    run(
        "attnseg-train evaluate fits/shapes/best.safetensors --device cpu "
        f"--data data/shapes {files('classes')}"
    )
    run(
        "attnseg-train compare measured/test.csv measured/flip.csv "
        "--json measured/compare.json"
    )
    run("attnseg-train check data/polyps --json measured/check.json")
    suite = f"attnseg-train faithfulness weights/tiny.safetensors {on} --suite quick"
    run(f"{suite} --split val --out measured/suite")
    run(
        "attnseg-train benchmark training --data data/polyps --model tiny --steps 1 "
        f"--rounds 1 --no-bf16 --workers 0 {TINY} --json measured/benchmark.json"
    )


def tables() -> None:
    """A table of the paper and that of the gates, two rows and seeds each."""
    common = "epochs = 1\nbatch = 4\nlr = 5e-3\nsnapshot_every = 0\n"
    write("table-3/base.toml", common)
    write("table-gates/base.toml", f'model = "tiny"\n{common}')
    run(old.TABLE_3)
    run(old.TABLE_GATES)


# -- what is kept ----------------------------------------------------------------------

#: In the folders of a release and of tables: all but weights, states and pictures.
SMALL = (".json", ".csv", ".toml", ".md", "done")


def collect() -> None:
    """Copy what is kept; paths and the name of this machine are replaced."""
    shutil.rmtree(FILES, ignore_errors=True)
    for name in ("results", "runs", "measured", "images", "weights"):
        shutil.copytree(name, FILES / name)
    for name in ("polyps", "listed"):
        shutil.copytree(Path("data", name), FILES / "data" / name)
    for folder in ("release", "table-3", "table-gates"):
        for path in Path(folder).rglob("*"):
            kept = path.is_file() and path.name.endswith(SMALL)
            if kept and "release/seed-1" not in path.as_posix():
                write(FILES / path, path.read_bytes())
    for name in ("cards.json", "layouts.json"):
        shutil.copy(name, FILES / name)
    for path in FILES.rglob("*.png"):
        if "measured" in path.parts:
            path.unlink()
    python = Path(sys.executable).parents[1]
    worktree = Path(old.domain_module().__file__).parents[2]
    for path in (p for p in FILES.rglob("*") if p.is_file()):
        data = path.read_bytes()
        new = data
        for folder, neutral in (
            (Path.cwd(), "/data"),
            (worktree, "/opt/napari-attnseg"),
            (python, "/opt/python"),
            (Path(sys.base_prefix), "/opt/python"),
        ):
            new = new.replace(str(folder).encode(), neutral.encode())
        if path.name == "progress.json":
            facts = json.loads(new)
            facts |= {"host": HOST, "pid": 4242}
            new = (json.dumps(facts) + "\n").encode()
        if new != data:
            assert path.suffix in (".json", ".toml", ".log"), path
            path.write_bytes(new)
        assert f'"{platform.node()}"'.encode() not in new, path


def ask() -> None:
    """What this version answers about all of it."""
    import tempfile

    shutil.rmtree(EXPECTED, ignore_errors=True)

    def keep(name: str, answer: Any) -> None:
        print(f"expected/{name}.json", flush=True)
        text = json.dumps(answer, indent=1, ensure_ascii=False) + "\n"
        write(EXPECTED / f"{name}.json", text)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keep("weights", old.weights_answer(FILES / "weights" / "tiny.safetensors"))
        keep("glance", old.glance_answer(folder))
        keep("cards", old.cards_answer(folder))
        keep("results", old.all_results(folder))
        keep("runs", old.runs_answer(folder))
        keep("measured", old.all_measured())
        keep("compared", old.compared_answer(folder))
        keep("calibration", old.calibration_answer(folder))
        keep("resumed", old.resumed_answer(folder))
        shutil.copytree(FILES, folder / "files")
        os.environ["COLUMNS"] = "120"
        keep("release", old.release_answer(folder / "files"))
    write(old.HERE / "interface.json", interface.to_text(interface.everything()) + "\n")


PARTS: dict[str, Callable[[], None]] = {
    "release": release,
    "cards": cards,
    "results": results,
    "widgets": widget_results,
    "runs": runs,
    "measured": measured,
    "tables": tables,
    "collect": collect,
    "expected": ask,
}


def main() -> None:
    """Make all parts, or those that are named."""
    if not Path("layouts.json").exists():
        write("layouts.json", json.dumps(draw_data(), indent=1))
        draw_images()
    for name in sys.argv[1:] or PARTS:
        print(f"--- {name}", flush=True)
        PARTS[name]()


if __name__ == "__main__":
    main()
