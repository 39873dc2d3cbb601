"""Files that version 0.1.0 wrote open as they did then.

``files/`` was written by that version (`make_fixtures.py`), and ``expected/`` is what
the functions below answered about it then. More may be said today, nothing else.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import io
import json
import os
import platform
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

HERE = Path(__file__).parent
FILES, EXPECTED = HERE / "files", HERE / "expected"
PLUGIN = "napari-attnseg"
#: Options of every training run in these tests.
TINY = "--device cpu --threads 1"


# -- the code under test: where it moves, these lines follow, and no others ------------


def segmenter_of(weights: Path) -> Any:
    from napari_attnseg import Segmenter

    return Segmenter.from_checkpoint(weights, "cpu")


def explanation(segmenter: Any, image: Any, method: str) -> Any:
    """Of the gate at 1/8; a text where it is refused."""
    from napari_attnseg import explain
    from napari_attnseg.errors import AttnSegError

    try:
        return explain(segmenter, image, method, 8)
    except AttnSegError as error:
        return str(error)


def card_in(weights: Path) -> Any:
    from napari_attnseg.cards import read_card

    return read_card(weights)


def card_words(card: Any) -> str:
    from napari_attnseg._widgets.base.inputs import describe_card as card_words

    return card_words(card)


def dataset_in(folder: Path) -> Any:
    from attnseg_training.datasets import load_dataset

    return load_dataset(folder)


def domain_module() -> Any:
    """``domain``, ``trained_on``, ``trained_under`` and ``split_seed``."""
    from attnseg_training.runs import lineage as domain

    return domain


def command_again(facts: dict[str, Any], saved: Path) -> str:
    from napari_attnseg.reproduce import command_text

    return command_text(facts, None, saved)


def look_at(run: Path) -> Any:
    from napari_attnseg._widgets.train.process import TrainingRun

    return TrainingRun(run).look()


def evaluation_table(summary: dict[str, Any]) -> Any:
    from attnseg_training.commands.console import report_table

    return report_table(summary)


def speed_table(summary: dict[str, Any]) -> tuple[Any, str]:
    from attnseg_training.commands.console import speed_table, speed_words

    return speed_table(summary), speed_words(summary)


def gate_card(summary: dict[str, Any]) -> bytes:
    from attnseg_training.gates.card import gate_card_png

    return gate_card_png(summary)


# -- what is asked of it ---------------------------------------------------------------


class Done(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


def command(line: str) -> Done:
    """Run ``attnseg …`` or ``attnseg-train …`` by its entry point, in this process."""
    program, *words = shlex.split(line)
    (entry,) = entry_points(group="console_scripts", name=program)
    main: Callable[[], None] = entry.load()
    out, err = io.StringIO(), io.StringIO()
    argv, sys.argv = sys.argv, [program, *words]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
        code: Any = 0
    except SystemExit as stop:
        code = stop.code or 0
    finally:
        sys.argv = argv
    return Done(code, out.getvalue(), err.getvalue())


def rendered(table: Any) -> str:
    """A rich table as it stands on a wide terminal."""
    from rich.console import Console

    text = io.StringIO()
    Console(file=text, width=120).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def picture_texts(draw: Callable[[], Any]) -> list[str]:
    """What a figure that `draw` saves has to say, without its short labels."""
    from matplotlib.figure import Figure
    from matplotlib.text import Text

    texts: list[str] = []

    def read(figure: Figure, *given: Any, **options: Any) -> None:
        texts.extend(one.get_text() for one in figure.findobj(Text))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", read)
        draw()
    return [text for text in texts if len(text) > 20]


def without_paths(value: Any, *folders: Path) -> Any:
    """JSON-ready, and the same wherever the folders lie."""
    text = json.dumps(value, default=plain)
    for folder in folders:
        for path in {folder, folder.resolve()}:
            text = text.replace(json.dumps(str(path))[1:-1], "FILES")
    return json.loads(text)


def plain(value: Any) -> Any:
    """For `json.dumps`: what NumPy and napari have in the place of plain things."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return str(value)


#: Explanations that read the card, and some that do not.
MAPS = ("gate, recalibrated", "gates at a glance", "measured trust", "entropy")


def weights_answer(weights: Path) -> dict[str, Any]:
    """A weights file: its card, and what it makes of an image."""
    card = card_in(weights)
    segmenter = segmenter_of(weights)
    image = picture("polyp.png")
    found = segmenter(image)
    maps = {}
    for method in MAPS:
        seen = explanation(segmenter, image, method)
        maps[method] = seen if isinstance(seen, str) else map_facts(seen)
    return {
        "words": card_words(card),
        "verdicts": [card.verdict(stride) for stride in (4, 8, 16, 32)],
        "sha256": segmenter.sha256,
        "provenance": {
            key: value
            for key, value in found.provenance.items()
            if key not in ("date", "versions", "mask_sha256")
        },
        "mask": int((found.mask > 0).sum()),
        "probability": [float(p) for p in np.quantile(found.probability, (0, 0.5, 1))],
        "gates": [
            [gate.name, gate.finding, gate.decorative, float(gate.values.mean())]
            for gate in found.attention
        ],
        "maps": maps,
    }


def map_facts(seen: Any) -> dict[str, Any]:
    return {
        "level": seen.level,
        "scale": seen.scale,
        "finding": seen.finding,
        "shape": list(seen.values.shape),
        "mean": float(seen.values.mean()),
    }


def glance_answer(folder: Path) -> dict[str, Any]:
    """The map "at a glance" by the card of the weights that came with 0.1.0."""
    card = expected_of(FILES / "cards.json")["kvasir-seg, bundled compact"]
    weights = folder / "glance.safetensors"
    with_card(FILES / "weights" / "tiny.safetensors", weights, card, "combination")
    seen = explanation(segmenter_of(weights), picture("polyp.png"), "gates at a glance")
    return map_facts(seen)


def picture(name: str) -> Any:
    from PIL import Image

    return np.asarray(Image.open(FILES / "images" / name))


def card_file(folder: Path, card: dict[str, Any]) -> Path:
    """A weights file with this card and no tensors, enough to read the card from."""
    facts = {"__metadata__": {"attnseg_card": json.dumps(card), "attnseg_sha256": "0"}}
    head = json.dumps(facts).encode()
    path = folder / "card.safetensors"
    path.write_bytes(len(head).to_bytes(8, "little") + head)
    return path


def build_data(folder: Path) -> dict[str, Path]:
    """Name → data folder of each layout in ``layouts.json``; its images are one pixel.

    The folders of the real images had the same files.
    """
    from PIL import Image

    pixel = io.BytesIO()
    Image.new("L", (1, 1)).save(pixel, "PNG")
    found = {}
    for name, layout in expected_of(FILES / "layouts.json").items():
        for file, text in layout["files"].items():
            path = folder / layout["root"] / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(pixel.getvalue() if text is None else text.encode())
        prefix = layout["prefix"]
        found[name] = Path(f"{prefix}{folder / layout['root']}")
    return found


def card_answer(card: Any, data: dict[str, Any]) -> dict[str, Any]:
    """What a card says of itself, and of images by the words of its protocol."""
    domain = domain_module()
    answer: dict[str, Any] = {
        "words": card_words(card),
        "split_seed": domain.split_seed(card),
    }
    for name, dataset in data.items():
        said = {split: domain.domain(card, dataset, split) for split in dataset.splits}
        answer[f"on {name}"] = {
            "trained_on": domain.trained_on(card, dataset),
            "trained_under": domain.trained_under(card, dataset),
            **{part: f"{one['label']}: {one['reason']}" for part, one in said.items()},
        }
        answer["data"] = next(iter(said.values()))["trained_on"]
    return answer


def asked_of(card: str, layouts: dict[str, Any]) -> list[str]:
    """Data that a card is asked about: its own, and some that are always asked."""
    always = ("polyps", "renamed", "relisted", "listed", "hyperkvasir")
    own = [name for name in layouts if card.split(",")[0] == name]
    return list(dict.fromkeys([*own, *always]))


def layers_in(path: Path) -> list[dict[str, Any]]:
    """Layers as which napari opens a results folder."""
    found = [layer_facts(layer) for layer in viewer().open(path, plugin=PLUGIN)]
    return list(without_paths(found, path.parents[1]))


def viewer() -> Any:
    """napari without a window, which knows its plugins as one with a window does."""
    from napari.components import ViewerModel

    discover()
    return ViewerModel()


@functools.cache
def discover() -> None:
    from npe2 import PluginManager

    PluginManager.instance().discover()


def layer_facts(layer: Any) -> dict[str, Any]:
    data = np.ascontiguousarray(layer.data)
    facts = {
        "kind": type(layer).__name__,
        "name": layer.name,
        "shape": data.shape,
        "dtype": str(data.dtype),
        "sha256": hashlib.sha256(data.tobytes()).hexdigest(),
        "visible": layer.visible,
        "opacity": layer.opacity,
        "scale": np.round(layer.scale, 6),
        "translate": np.round(layer.translate, 6),
        "affine": np.round(layer.data_to_world(np.ones(layer.ndim)), 6),
        "units": [str(unit) for unit in layer.units],
        "axis_labels": layer.axis_labels,
        "metadata": layer.metadata.get("attnseg"),
    }
    if facts["kind"] == "Labels":
        colour = [round(float(c), 3) for c in layer.get_color(1)]
        return {**facts, "contour": layer.contour, "colour": colour}
    return {
        **facts,
        "rgb": layer.rgb,
        "colormap": layer.colormap.name,
        "limits": list(layer.contrast_limits),
    }


def results_answer(folder: Path, elsewhere: Path) -> dict[str, Any]:
    """A results folder: its layers, and the commands that repeat its runs."""
    commands = {}
    with contextlib.chdir(elsewhere):  # where no image lies that may be meant
        for file in sorted(folder.glob("*.json")):
            facts = json.loads(file.read_text("utf-8"))["provenance"]
            again = command_again(facts, file)
            commands[file.name] = without_paths(again, folder.parents[1])
        return {"layers": layers_in(folder), "commands": commands}


#: Runs that went on when their folders were copied.
LIVE = ("starting", "running", "stopping")
#: Beside a run's small files: names of the large ones that were there.
LEFT_OUT = "left-out.txt"


def run_answer(run: Path, folder: Path, here: bool = False) -> dict[str, Any]:
    """A run folder as the Train widget sees it; one that goes on does so now."""
    copy = folder / f"{run.name}{' here' * here}"
    shutil.copytree(run, copy)
    for name in (run / LEFT_OUT).read_text().split():
        (copy / name).touch()
    if run.name in LIVE:
        progress = json.loads((copy / "progress.json").read_text())
        progress["time"] = time.time()
        if here:
            progress |= {"pid": os.getpid(), "host": platform.node()}
        (copy / "progress.json").write_text(json.dumps(progress))
    look = look_at(copy)
    epochs = [list(dataclasses.astuple(epoch))[:4] for epoch in look.epochs]
    return without_paths({**dataclasses.asdict(look), "epochs": epochs}, copy)


def measured_answer(file: Path) -> dict[str, Any]:
    """Tables and words that are made of one JSON file with measurements."""
    found = json.loads(file.read_text("utf-8"))
    if "gates" in found:
        return {"texts": picture_texts(lambda: gate_card(found))}
    if "steps_per_round" in found:
        table, words = speed_table(found)
        return {"table": rendered(table), "words": words}
    return {"table": rendered(evaluation_table(found))}


def cards_answer(folder: Path) -> dict[str, Any]:
    data = {name: dataset_in(path) for name, path in build_data(folder).items()}
    return {
        name: card_answer(
            card_in(card_file(folder, card)),
            {one: data[one] for one in asked_of(name, data)},
        )
        for name, card in expected_of(FILES / "cards.json").items()
    }


def all_results(folder: Path) -> dict[str, Any]:
    folders = sorted((FILES / "results").iterdir())
    return {one.name: results_answer(one, folder) for one in folders}


def runs_answer(folder: Path) -> dict[str, Any]:
    runs = sorted((FILES / "runs").iterdir())
    return {run.name: run_answer(run, folder) for run in runs}


MEASURED = (
    *("test", "val", "flip", "medsam", "classes", "all", "paper", "look-1", "look-2"),
    *("suite/faithfulness", "benchmark", "../release/gates"),
)


def all_measured() -> dict[str, Any]:
    folder = FILES / "measured"
    return {name: measured_answer(folder / f"{name}.json") for name in MEASURED}


COMPARE = "attnseg-train compare measured/test.csv measured/flip.csv --json {}"


def compared_answer(folder: Path) -> dict[str, Any]:
    """Two evaluations' CSV files, compared image by image."""
    with contextlib.chdir(FILES), pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "120")
        done = command(COMPARE.format(folder / "compare.json"))
    assert done.code == 0, done.err
    lines = [line.rstrip() for line in done.err.splitlines()]
    return {"said": lines, "found": expected_of(folder / "compare.json")}


TABLE_3 = (
    "attnseg-train table 3 --family tiny --data data/listed --out table-3 --config "
    f"table-3/base.toml --encoder-weights scratch --seeds 2 {TINY} "
    "--rows 'No attention' --rows 'Double Weighted' --rows 'Weighted Double'"
)
TABLE_GATES = (
    "attnseg-train table gates --data data/listed --out table-gates --config "
    f"table-gates/base.toml --encoder-weights scratch --seeds 2 {TINY} --split test "
    "--rows plain --rows 'encoder dropout'"
)
RELEASE = (
    "attnseg-train release --data data/listed --config release/base.toml "
    f"--texts release/texts.toml --out release {TINY} --seeds {{}}"
)
RESUME = f"attnseg-train fit --data data/polyps --out runs/stopped --resume {TINY}"


def resumed_answer(folder: Path) -> dict[str, Any]:
    """The run that was stopped, when it has gone on to its end in a copy."""
    shutil.copytree(FILES, folder / "resumed")
    with contextlib.chdir(folder / "resumed"):
        done = command(RESUME)
    assert done.code == 0, done.err
    run = folder / "resumed" / "runs" / "stopped"
    rows = (run / "log.csv").read_text("utf-8").splitlines()
    (run / "progress.json").unlink()  # its process is this one, which goes on
    return {
        "rows": rows[: len((FILES / "runs/stopped/log.csv").read_text().splitlines())],
        "epochs": len(rows) - 1,
        "last": [float(one) for one in rows[-1].split(",")[1:6]],
        "sessions": len(expected_of(run / "run.json")["sessions"]),
        "state": look_at(run).state,
        "names": sorted(path.name for path in run.iterdir()),
    }


def release_answer(files: Path) -> dict[str, Any]:
    """A release that is done, called once more in a copy of ``files/``."""
    out = files / "release"
    (out / "release.json").unlink()
    # The same tensors, of which the release kept two files.
    weights = files / "weights" / "tiny.safetensors"
    shutil.copy(weights, out / "seed-0" / "calibrated.safetensors")
    with contextlib.chdir(files):
        done = command(RELEASE.format(1))
    assert done.code == 0, done.err
    lines = [line.rstrip() for line in done.err.splitlines()]
    return {"said": lines, "release": expected_of(out / "release.json")}


#: Histories whose weights are asked for a temperature, or to lend theirs.
CALIBRATED = (
    *("polyps, honest", "polyps, all", "polyps, encoders of paper"),
    *("polyps, calibrated on test", "polyps, all, borrowed temperature"),
)


def calibration_answer(folder: Path) -> dict[str, Any]:
    """Of each history: whether validation images may be fitted, and it may lend."""
    cards = expected_of(FILES / "cards.json")
    weights, out = folder / "weights.safetensors", folder / "out.safetensors"
    found = {}
    for name in CALIBRATED:
        with_card(
            FILES / "weights" / "tiny.safetensors",
            *(weights, cards[name], "training", "temperature"),
        )
        fit = command(
            f"attnseg-train calibrate {weights} {out} --device cpu "
            f"--data {FILES / 'data' / 'polyps'}"
        )
        lend = command(
            f"attnseg-train calibrate {FILES / 'weights' / 'tiny.safetensors'} {out} "
            f"--like {weights}"
        )
        found[name] = {
            "fits": fit.code,
            "lends": lend.code,
            "said": without_paths([fit.err, lend.err], folder, FILES),
        }
    return found


def with_card(weights: Path, out: Path, card: dict[str, Any], *parts: str) -> None:
    """Write weights again with some parts of another card in theirs."""
    data = weights.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    own = json.loads(header["__metadata__"]["attnseg_card"])
    own |= {part: card[part] for part in parts}
    header["__metadata__"]["attnseg_card"] = json.dumps(own)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    out.write_bytes(len(head).to_bytes(8, "little") + head + data[start:])


# -- comparing -------------------------------------------------------------------------


def expected_of(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def expected(name: str) -> Any:
    return expected_of(EXPECTED / f"{name}.json")


def assert_holds(found: Any, wanted: Any, at: str = "", rough: float = 1e-6) -> None:
    """`found` says all that was said, with the same values; it may say more.

    `rough`: by how much numbers may differ.
    """
    if isinstance(wanted, dict):
        assert isinstance(found, dict), at
        gone = set(wanted) - set(found)
        assert not gone, f"{at}: {sorted(gone)} no longer said"
        for key, value in wanted.items():
            assert_holds(found[key], value, f"{at}/{key}", rough)
    elif isinstance(wanted, list):
        assert isinstance(found, list) and len(found) == len(wanted), at
        for i, (one, value) in enumerate(zip(found, wanted, strict=True)):
            assert_holds(one, value, f"{at}/{i}", rough)
    elif isinstance(wanted, float) and isinstance(found, int | float):
        assert found == pytest.approx(wanted, abs=rough, nan_ok=True), at
    else:
        assert found == wanted, at


#: What 0.1.0's sentences became on purpose: what is said now, and what was said then.
REWORDED = (
    (r"This is the \w+ bound.*?wrong pixels\.\n", ""),
    (
        "psi is the weight of the CNN's features: neither their share of what is fused "
        "nor what is important.",
        "psi says whose features were used, not what is important.",
    ),
)
#: What is computed by another rule than in 0.1.0: docs/training.md, "How intervals …".
INTERVALS = ("low", "high", "p", "ci_low", "ci_high")


def reworded(found: Any) -> Any:
    """An answer in the sentences of 0.1.0."""
    if isinstance(found, dict):
        return {key: reworded(value) for key, value in found.items()}
    if isinstance(found, list):
        return [reworded(value) for value in found]
    if isinstance(found, str):
        for now, then in REWORDED:
            found = re.sub(now, then, found, flags=re.DOTALL)
    return found


def without_intervals(found: Any) -> Any:
    """An answer without the ends of intervals and p-values."""
    if isinstance(found, dict):
        return {
            key: without_intervals(value)
            for key, value in found.items()
            if key not in INTERVALS
        }
    if isinstance(found, list):
        return [without_intervals(value) for value in found]
    return found


# -- tests -----------------------------------------------------------------------------


def listed(path: Path) -> list[str]:
    """Keys of a JSON file; none while it is being made."""
    return list(expected_of(path)) if path.exists() else []


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folders = build_data(tmp_path_factory.mktemp("data"))
    return {name: dataset_in(path) for name, path in folders.items()}


def test_weights_make_the_same_of_an_image() -> None:
    found = weights_answer(FILES / "weights" / "tiny.safetensors")
    wanted = expected("weights")
    assert found.pop("mask") == pytest.approx(wanted.pop("mask"), abs=5)
    assert_holds(found, wanted, rough=2e-3)


def test_a_card_that_earned_a_map_at_a_glance_gives_it(tmp_path: Path) -> None:
    assert_holds(glance_answer(tmp_path), expected("glance"), rough=2e-3)


def without_words(answer: Any) -> Any:
    """Of an answer about a card or a run only what is no sentence for people."""
    if not isinstance(answer, dict):
        return answer
    return {
        # A label, such as "in domain", stands before what is said of a split.
        key: value.partition(": ")[0] if key in SPLITS else without_words(value)
        for key, value in answer.items()
        if key not in SENTENCES
    }


SPLITS = ("train", "val", "test", "all")
SENTENCES = ("words", "trained_under", "said")


@pytest.mark.parametrize("name", listed(FILES / "cards.json"))
def test_a_card_tells_what_its_weights_were_trained_on(
    tmp_path: Path, data: dict[str, Any], name: str
) -> None:
    card = card_in(card_file(tmp_path, expected_of(FILES / "cards.json")[name]))
    asked = {one: data[one] for one in asked_of(name, data)}
    found = without_words(card_answer(card, asked))
    assert_holds(found, without_words(expected("cards")[name]), name)


def test_cards_tell_it_in_the_same_words(tmp_path: Path) -> None:
    """Which part an image had in a run is in these sentences only."""
    assert_holds(cards_answer(tmp_path), expected("cards"))


def test_a_temperature_is_refused_and_lent_as_before(tmp_path: Path) -> None:
    found, wanted = calibration_answer(tmp_path), expected("calibration")
    assert_holds(without_words(found), without_words(wanted))
    assert_holds(reworded(found), wanted)  # in the same words
    assert {one["fits"] for one in wanted.values()} == {0, 2}
    assert {one["lends"] for one in wanted.values()} == {0, 2}


def test_weights_are_exported_with_what_was_measured_of_them(files: Path) -> None:
    before = files / "weights" / "tiny.safetensors"
    done = command(
        f"attnseg-train export {before} again.safetensors --half "
        "--texts release/texts.toml --metrics release/seed-0/test.json "
        "--gates release/gates.json --combination release/gates-val.json"
    )
    assert done.code == 0, done.err
    assert done.out.strip() == expected("weights")["sha256"]
    again, wanted = (
        json.loads(card_in(path).to_json())
        for path in (files / "again.safetensors", before)
    )
    assert wanted["metrics"]["dice"] and wanted["gates"]["all"]["verdict"]
    assert_holds(again, wanted)


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
@pytest.mark.parametrize("name", listed(EXPECTED / "results.json"))
def test_results_open_as_the_same_layers(tmp_path: Path, name: str) -> None:
    found = results_answer(FILES / "results" / name, tmp_path)
    assert_holds(found, expected("results")[name], name)


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
@pytest.mark.parametrize("name", ["painted", "remade", "stack", "what-if"])
def test_opened_results_are_saved_as_they_were(files: Path, name: str) -> None:
    opened = viewer()
    opened.open(files / "results" / name, plugin=PLUGIN)
    opened.layers.save(str(files / "results" / "again"), plugin=PLUGIN)
    # The image itself is not saved, and not found again where the source was moved.
    found, wanted = (
        [one for one in layers if one["metadata"]]
        for layers in (
            layers_in(files / "results" / "again"),
            expected("results")[name]["layers"],
        )
    )
    assert len(wanted) >= 6
    assert_holds(found, wanted)


@pytest.mark.parametrize("name", ["plain", "forced", "rules", "flip"])
def test_the_command_that_repeats_a_run_still_does(files: Path, name: str) -> None:
    from PIL import Image

    wanted = expected("results")[name]["commands"]
    for line in "\n".join(wanted.values()).splitlines():
        if line and not line.startswith("#"):
            line = line.replace("FILES", str(files))
            line = line.replace("tiny.safetensors", "weights/tiny.safetensors")
            done = command(line)
            assert done.code == 0, (line, done.err)
    for file in wanted:
        mask = file.replace(".json", "_mask.png")
        before, again = (
            np.asarray(Image.open(folder / mask))
            for folder in (files / "results" / name, files / "results")
        )
        assert before.any() and (before != again).mean() < 0.005


def test_earlier_results_are_known_as_such(files: Path) -> None:
    line = "attnseg segment {}/polyp.png --device cpu --weights {} --out results/plain"
    weights = "weights/tiny.safetensors"
    done = command(line.format("images", weights))
    assert done.code == 0, done.err
    (files / "others").mkdir()
    shutil.copy(files / "images" / "two.png", files / "others" / "polyp.png")
    done = command(line.format("others", weights))
    assert done.code == 2 and "polyp.json would be replaced" in done.err


@pytest.mark.parametrize("name", listed(EXPECTED / "runs.json"))
def test_a_run_folder_says_what_became_of_the_run(tmp_path: Path, name: str) -> None:
    run, wanted = FILES / "runs" / name, without_words(expected("runs")[name])
    assert_holds(without_words(run_answer(run, tmp_path)), wanted, name)
    if name in LIVE:
        here = run_answer(run, tmp_path, here=True)
        assert_holds(without_words(here), wanted, name)
        assert wanted["state"] == name


def test_run_folders_say_it_in_the_same_words(tmp_path: Path) -> None:
    assert_holds(runs_answer(tmp_path), expected("runs"))


def test_all_states_are_among_them() -> None:
    states = {name: one["state"] for name, one in expected("runs").items()}
    assert set(states.values()) == {
        *("none", "starting", "running", "stopping", "done", "stopped", "failed")
    }
    assert states["killed"] == "failed" and states["interrupted"] == "stopped"


@pytest.mark.usefixtures("no_pictures")
def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    found, wanted = resumed_answer(tmp_path), expected("resumed")
    assert 3 <= len(wanted["rows"]) <= 6 and wanted["state"] == "done"
    assert set(found.pop("names")) >= set(wanted.pop("names"))
    assert_holds(found, wanted, rough=0.01)


def test_looks_at_the_test_images_are_counted_on(files: Path) -> None:
    done = command(
        "attnseg-train evaluate runs/done/best.safetensors --device cpu "
        "--data data/polyps --json third.json"
    )
    assert done.code == 0, done.err
    found = expected_of(files / "third.json")
    before = expected_of(files / "measured" / "look-2.json")
    assert found["look"] == 3 and before["look"] == 2
    words = "evaluation {} of this run on this split"
    assert words.format(2) in before["protocol"]
    assert words.format(3) in found["protocol"]
    assert found["dice"]["mean"] == pytest.approx(before["dice"]["mean"], abs=0.01)
    assert_holds(found["domain"], before["domain"])
    looks = expected_of(files / "runs" / "done" / "evaluations.json")
    assert [look["split"] for look in looks] == ["test"] * 3


@pytest.mark.parametrize("name", MEASURED)
def test_measurements_are_shown_in_the_same_words(name: str) -> None:
    found = measured_answer(FILES / "measured" / f"{name}.json")
    assert_holds(reworded(found), expected("measured")[name], name)


def test_evaluations_are_compared_as_before(tmp_path: Path) -> None:
    found = compared_answer(tmp_path)
    wanted = expected("compared")
    assert found["said"][0].split() == wanted["said"][0].split()
    assert_holds(without_intervals(found["found"]), without_intervals(wanted["found"]))
    before = expected_of(FILES / "measured" / "compare.json")
    assert_holds(without_intervals(found["found"]), without_intervals(before))


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("line", [TABLE_3, TABLE_GATES], ids=["3", "gates"])
def test_a_table_that_is_done_is_not_done_again(files: Path, line: str) -> None:
    (out,) = (files / word for word in ("table-3", "table-gates") if word in line)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    tables = [path for path in before if path.name.startswith("table.")]
    assert {path.suffix for path in tables} >= {".json", ".md"}
    for path in tables:
        path.unlink()
    done = command(line)
    assert done.code == 0, done.err
    assert not list(out.rglob("*.safetensors")), "something was trained"
    for path, data in before.items():
        if path.name == "table.json":
            found, wanted = map(
                without_intervals, (expected_of(path), json.loads(data))
            )
            assert_holds(found, wanted)
        elif path in tables:  # with other intervals
            assert path.is_file(), path.name
        else:
            assert path.read_bytes() == data, path.name


@pytest.mark.usefixtures("no_pictures")
def test_a_release_that_is_done_is_not_done_again(files: Path) -> None:
    out, weights = files / "release", files / "weights" / "tiny.safetensors"
    before = expected_of(out / "release.json")
    found, wanted = release_answer(files), expected("release")
    assert_holds(found, wanted)
    assert wanted["release"] == before
    assert not (out / "seed-0" / "best.safetensors").exists(), "something was trained"
    assert len(expected_of(out / "seed-0" / "evaluations.json")) == 1
    cards = [card_in(path).to_json() for path in (out / "tiny.safetensors", weights)]
    assert_holds(*map(json.loads, cards))
    two = expected_of(out / "two-seeds.json")
    assert set(two) == set(before) and len(two["seeds"]) == 2
