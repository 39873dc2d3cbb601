"""Kept what-ifs and masks made anew: saved, opened again, and repeated."""

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from napari.components import ViewerModel
from npe2 import PluginManager
from PIL import Image
from qtpy.QtWidgets import QApplication
from typer.testing import CliRunner

from napari_attnseg._widgets.base.model_cache import MODELS
from napari_attnseg._widgets.inspect import mask_editor
from napari_attnseg._widgets.inspect.widget import InspectWidget
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.metadata import METADATA
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.runs import find_results, kept_mask
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg.cli import app
from napari_attnseg.io.results import load_results
from napari_attnseg.masks import MaskRules, make_mask
from napari_attnseg.reproduce import EDITED
from napari_attnseg.sample_data import sample_image

PLUGIN = "napari-attnseg"


@pytest.fixture(autouse=True)
def plugins() -> None:
    """A ViewerModel does not look for plugins, as a window does."""
    PluginManager.instance().discover()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "polyp.png"
    Image.fromarray(sample_image("polyp")).save(path)
    return path


@pytest.fixture
def inspect(
    qtbot: Any, viewer: ViewerModel, tiny_weights: Path
) -> Callable[[Path], InspectWidget]:
    """Open a file, segment it as the Segment widget does, and inspect it."""

    def open_(path: Path) -> InspectWidget:
        (image,) = viewer.open(path, plugin="napari")
        source = source_of(image)
        own = MODELS.load(tiny_weights, "cpu").segmenter
        # Untrained: a threshold in the middle of what it gives.
        middle = float(np.median(own(source.frame(0)).probability))
        own = replace(own, card=replace(own.card, threshold=middle))
        results = [own(source.frame(i)) for i in range(source.frames or 1)]
        add_layers(viewer, new_layers(source, results))
        widget = InspectWidget(viewer)
        qtbot.addWidget(widget)
        return widget

    return open_


def keep(
    qtbot: Any, viewer: ViewerModel, widget: InspectWidget, paint: bool
) -> list[Any]:
    """Ask what if, and keep it; the layers that were added."""
    panel = widget.whatif_panel
    panel.rows[32].slider.setValue(0.25)
    if paint:
        panel.painting.box.setCurrentText("1/8")
        panel.painting.paint_button.click()
        layer = viewer.layers[f"gate paint · {widget.result.name}"]
        layer.brush_size = 60
        layer.paint(
            (*[widget.result.frame(viewer.dims.point)] * (layer.ndim - 2), 20, 20), 1
        )
        layer.events.paint(value=[])
    qtbot.waitUntil(lambda: panel.change is not None, timeout=20_000)
    forced = panel.change.result.provenance["gates_forced"]
    assert forced == ({"1/32": 0.25, "1/8": "array"} if paint else {"1/32": 0.25})
    before = list(viewer.layers)
    panel.keep()
    return [layer for layer in viewer.layers if layer not in before]


def copied(widget: InspectWidget, what: str) -> str:
    (action,) = (
        a for a in widget.run_menu.menu().actions() if a.text() == f"Copy as {what}"
    )
    action.trigger()
    return str(QApplication.clipboard().text())


def run_python(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(text, "copied", "exec"), names)
    return names


def run_command(text: str, folder: Path) -> Any:
    """Run what was copied; its result."""
    *comments, line = text.splitlines()
    assert all(c.startswith("# ") for c in comments)
    program, *arguments = shlex.split(line)
    assert program == "attnseg"
    arguments[arguments.index("--out") + 1] = str(folder)
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    (file,) = folder.glob("*.json")
    return load_results(file).segmentations[0]


def save(qtbot: Any, widget: InspectWidget, folder: Path, messages: list[str]) -> None:
    widget.run_menu.save(folder)
    qtbot.waitUntil(
        lambda: any(f"saved in {folder}" in m for m in messages), timeout=60_000
    )


def assert_alike(read: list[Any], made: list[Any]) -> None:
    for a, b in zip(read, made, strict=True):
        np.testing.assert_array_equal(a.data, b.data)
        assert (a.name, a.visible, a.data.dtype) == (b.name, b.visible, b.data.dtype)
        assert a.metadata[METADATA] == b.metadata[METADATA]
        if a.name.endswith("mask · polyp"):
            np.testing.assert_array_equal(a.get_color(1), b.get_color(1))
        np.testing.assert_allclose(a.extent.world, b.extent.world)


@pytest.mark.parametrize("paint", [False, True])
def test_a_kept_what_if_is_saved_opened_and_repeated(
    qtbot: Any,
    viewer: ViewerModel,
    inspect: Any,
    photo: Path,
    tmp_path: Path,
    messages: list[str],
    paint: bool,
) -> None:
    widget = inspect(photo)
    own = viewer.layers["mask · polyp"].data.copy()
    made = keep(qtbot, viewer, widget, paint)
    mask = made[-1]
    names = ["probability", *(["gate"] if paint else []), "mask"]
    assert [layer.metadata[METADATA]["part"] for layer in made] == names
    assert not np.array_equal(mask.data, own)
    # Beside the model's own outline.
    assert not np.allclose(
        mask.get_color(1), viewer.layers["mask · polyp"].get_color(1)
    )
    said = mask.metadata[METADATA]
    assert said["threshold"] == widget.result.record.threshold
    assert widget.run_menu.text() == "Repeat or save the selected what-if"
    if paint:  # its map is nowhere yet
        assert "A gate was forced inside a region" in copied(widget, "command")

    out = tmp_path / "out"
    save(qtbot, widget, out, messages)
    # The mask of the run may have been corrected since, and is none of these files.
    assert messages[-1].startswith(
        "Only the what-if is saved: to save 'mask · polyp' too, select it in the layer "
        "list. "
    )
    assert messages[-1].endswith(f"files saved in {out}.")
    assert {path.name for path in out.iterdir()} == {
        "polyp_what_if.json",
        "polyp_what_if_mask.png",
        "polyp_what_if_probability.tif",
        *(["polyp_what_if_gate_1-8.tif"] if paint else []),
    }
    facts = json.loads((out / "polyp_what_if.json").read_text())
    assert facts["mask_edited"] is False
    assert facts["provenance"]["gates_forced"] == said["gates_forced"]

    other = ViewerModel()
    image, *read = other.open(out, plugin=PLUGIN)
    np.testing.assert_array_equal(image.data, sample_image("polyp"))
    assert_alike(read, made)
    assert find_results(other.layers) == []  # no run to work on, as before

    for inspected in (widget, InspectWidget(other)):
        if inspected is not widget:
            qtbot.addWidget(inspected)
            other.layers.selection.active = read[0]
        repeated = run_python(copied(inspected, "Python"))
        assert repeated["same"]
        np.testing.assert_array_equal(repeated["result"].mask, mask.data)
        again = tmp_path / f"again{inspected is widget}"
        found = run_command(copied(inspected, "command"), again)
        np.testing.assert_array_equal(found.mask, mask.data)


def test_a_saved_what_if_says_what_it_is_as_before_and_opens_as_one(
    qtbot: Any,
    viewer: ViewerModel,
    inspect: Any,
    photo: Path,
    tmp_path: Path,
    messages: list[str],
) -> None:
    widget = inspect(photo)
    made = keep(qtbot, viewer, widget, paint=False)
    save(qtbot, widget, tmp_path / "out", messages)
    file = tmp_path / "out" / "polyp_what_if.json"
    assert '"made_from": "what if"' in file.read_text()
    other = ViewerModel()
    _, *read = other.open(tmp_path / "out", plugin=PLUGIN)
    assert_alike(read, made)
    assert find_results(other.layers) == []
    assert kept_mask(read[0], other.layers) is read[-1]


def test_the_menu_follows_what_is_selected(
    qtbot: Any, viewer: ViewerModel, inspect: Any, photo: Path
) -> None:
    widget = inspect(photo)
    assert "gates=" not in copied(widget, "Python")
    probability, _ = keep(qtbot, viewer, widget, paint=False)
    assert "gates={32: 0.25}" in copied(widget, "Python")
    viewer.layers.selection.active = viewer.layers["polyp"]
    assert widget.run_menu.text() == "Repeat or save this result"
    assert "gates=" not in copied(widget, "Python")
    viewer.layers.selection.active = probability
    assert "1/32=0.25" in copied(widget, "command")


def test_a_kept_what_if_is_no_gate_to_show(
    qtbot: Any, viewer: ViewerModel, inspect: Any, photo: Path
) -> None:
    from napari_attnseg._widgets.segment import SegmentWidget

    keep(qtbot, viewer, inspect(photo), paint=True)
    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget)
    assert len(widget.gate_layers) == 4


@pytest.mark.parametrize("paint", [False, True])
def test_one_frame_of_a_stack(
    qtbot: Any,
    viewer: ViewerModel,
    inspect: Any,
    tmp_path: Path,
    messages: list[str],
    paint: bool,
) -> None:
    path = tmp_path / "stack.tif"
    stack = np.random.default_rng(0).integers(0, 255, (3, 40, 50), dtype=np.uint8)
    tifffile.imwrite(path, stack, photometric="minisblack")
    widget = inspect(path)
    viewer.dims.set_current_step(0, 1)
    made = keep(qtbot, viewer, widget, paint)
    assert made[-1].metadata[METADATA]["frame"] == 1
    out = tmp_path / "out"
    save(qtbot, widget, out, messages)
    repeated = run_python(copied(widget, "Python"))
    assert repeated["same"]
    np.testing.assert_array_equal(repeated["result"].mask, made[-1].data[0])
    assert copied(widget, "command").startswith("# A stack was segmented")

    image, *read = ViewerModel().open(out, plugin=PLUGIN)
    assert_alike(read, made)
    np.testing.assert_array_equal(image.data, stack[1:2])
    np.testing.assert_allclose(image.extent.world, read[-1].extent.world)


# -- masks made anew -----------------------------------------------------------------

RULES = MaskRules(0.0, 1.0, 30, fill_holes=True, largest=False)


def remake(qtbot: Any, widget: InspectWidget) -> MaskRules:
    """Move the panel's controls to `RULES`, at a threshold that leaves something."""
    panel = widget.mask_panel
    layer = widget.result.probability[0]
    rules = replace(RULES, threshold=round(float(np.quantile(layer.data, 0.6)), 4))
    for name, control in panel.controls.items():
        value = getattr(rules, name)
        (getattr(control, "setValue", None) or control.setChecked)(value)
    rules = replace(rules, threshold=panel.threshold.value())
    qtbot.waitUntil(lambda: panel.settled)
    probability = widget.result.probabilities(0)
    made = make_mask(probability, rules)
    shown = widget.result.mask.data
    np.testing.assert_array_equal(shown[0] if shown.ndim == 3 else shown, made)
    assert 0 < made.sum() != (probability >= rules.threshold).sum()
    return rules


def test_rules_are_saved_restored_and_repeated(
    qtbot: Any,
    viewer: ViewerModel,
    inspect: Any,
    photo: Path,
    tmp_path: Path,
    messages: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    widget = inspect(photo)
    own = widget.result.mask.data.copy()
    rules = remake(qtbot, widget)
    mask = widget.result.mask.data.copy()
    assert run_python(copied(widget, "Python"))["same"]
    found = run_command(copied(widget, "command"), tmp_path / "again")
    np.testing.assert_array_equal(found.mask, mask)

    save(qtbot, widget, tmp_path / "out", messages)
    said = json.loads((tmp_path / "out" / "polyp.json").read_text())
    assert MaskRules(**said["provenance"]["mask_rules"]) == rules
    assert said["mask_edited"] is False

    other = ViewerModel()
    other.open(tmp_path / "out", plugin=PLUGIN)
    opened = InspectWidget(other)
    qtbot.addWidget(opened)
    panel = opened.mask_panel
    for name, control in panel.controls.items():
        shown = getattr(control, "value", None) or control.isChecked
        assert shown() == pytest.approx(getattr(rules, name))
    np.testing.assert_array_equal(opened.result.mask.data, mask)
    assert run_python(copied(opened, "Python"))["same"]
    # It is the panel's own work, so nobody is asked before it is made anew. The
    # untrained model's probability varies by less than what counts as rounding.
    monkeypatch.setattr(mask_editor, "ROUNDING", 0.0)
    monkeypatch.setattr(panel, "ask_about_edits", lambda: pytest.fail("asked"))
    panel.undo()
    np.testing.assert_array_equal(opened.result.mask.data, own)
    assert run_python(copied(opened, "Python"))["same"]


def test_an_edit_by_hand_is_said(
    qtbot: Any,
    inspect: Any,
    photo: Path,
    tmp_path: Path,
    messages: list[str],
) -> None:
    widget = inspect(photo)
    assert EDITED not in copied(widget, "command")
    widget.result.mask.data[:9, :9] ^= 1
    for what in ("Python", "command"):
        assert f"# {EDITED}" in copied(widget, what)
        assert EDITED in messages[-1]
    save(qtbot, widget, tmp_path / "out", messages)
    assert json.loads((tmp_path / "out" / "polyp.json").read_text())["mask_edited"]


def test_rules_of_a_stack(
    qtbot: Any, viewer: ViewerModel, inspect: Any, tmp_path: Path
) -> None:
    path = tmp_path / "stack.tif"
    stack = np.random.default_rng(0).integers(0, 255, (3, 40, 50), dtype=np.uint8)
    tifffile.imwrite(path, stack, photometric="minisblack")
    widget = inspect(path)
    probability = widget.result.probability[0].metadata[METADATA]["mask_sha256"]
    before = list(probability)
    remake(qtbot, widget)
    text = copied(widget, "Python")
    assert EDITED not in text and run_python(text)["same"]
    assert probability == before  # the run's other layers say what they said
