"""Results folders that version 0.1.0 wrote open as they did then."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from old_code import command_again
from old_files import (
    EXPECTED,
    FILES,
    PLUGIN,
    assert_holds,
    command,
    expected,
    listed,
    without_paths,
)

from napari_attnseg.colormaps import KEPT_COLOUR

#: Red, green and blue of a kept what-if.
KEPT = [int(KEPT_COLOUR[i : i + 2], 16) / 255 for i in (1, 3, 5)]


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
        # A kept what-if was white, which is that of both networks now.
        white = np.allclose(layer.get_color(1)[:3], KEPT, atol=1e-2)
        shown = np.ones(4) if white else layer.get_color(1)
        colour = [round(float(c), 3) for c in shown]
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


def all_results(folder: Path) -> dict[str, Any]:
    folders = sorted((FILES / "results").iterdir())
    return {one.name: results_answer(one, folder) for one in folders}


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
