"""A CMYK file in a real window: by napari's own reader, and as the command reads it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari._app_model import get_app_model
from PIL import Image
from typer.testing import CliRunner

from napari_attnseg._widgets.base import open_images
from napari_attnseg._widgets.layers.metadata import METADATA
from napari_attnseg._widgets.segment import SegmentWidget
from napari_attnseg.cli import app
from napari_attnseg.io.file_kinds import VIEWER_DECODING
from napari_attnseg.metrics import dice
from napari_attnseg.sample_data import sample_image


@pytest.fixture
def viewer(make_napari_viewer_proxy: Callable[..., Any]) -> Any:
    return make_napari_viewer_proxy(show=True)


@pytest.fixture
def inks(tmp_path: Path) -> Path:
    path = tmp_path / "inks.jpg"
    Image.fromarray(sample_image("polyp")).convert("CMYK").save(path, quality=95)
    return path


def segment(widget: SegmentWidget, qtbot: Any, viewer: Any) -> Any:
    """Mask of the chosen image."""
    before = len(viewer.layers)
    widget.bar.start_button.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == before + 6, timeout=120_000)
    qtbot.waitUntil(lambda: widget.life.worker is None)
    return viewer.layers[-1]


def test_opened_as_the_command_reads_it_the_mask_is_that_of_the_command(
    viewer: Any, qtbot: Any, inks: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ["segment", str(inks), "--out", str(out), "--device", "cpu"]
    CliRunner().invoke(app, command, catch_exceptions=False)
    wanted = np.asarray(Image.open(out / "inks_mask.png")) > 0
    viewer.open(inks, plugin="napari")
    _, widget = viewer.window.add_plugin_dock_widget("napari-attnseg", "Segment image")
    qtbot.waitUntil(lambda: widget.inputs.device_box.count() > 1, timeout=60_000)
    widget.inputs.device_box.setCurrentText("cpu")
    questions = widget.inputs.questions
    assert questions.file_note.isVisible() and "CMYK" in questions.file_note.text()
    # By napari's own reader it is another picture, and so another mask.
    other = segment(widget, qtbot, viewer)
    assert other.metadata[METADATA][VIEWER_DECODING] == "cmyk"
    assert dice(wanted, other.data > 0) < 0.9
    questions.open_button.click()
    assert not questions.file_note.isVisible()
    same = segment(widget, qtbot, viewer)
    np.testing.assert_array_equal(same.data > 0, wanted)
    assert VIEWER_DECODING not in same.metadata[METADATA]


def test_the_file_menu_offers_it(
    viewer: Any, inks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    menu = get_app_model().menus.get_menu("napari/file/io_utilities")
    titles = {c.title for item in menu if (c := getattr(item, "command", None))}
    assert "Open images as attnseg segment reads them (AttnSeg)" in titles
    monkeypatch.setattr(
        open_images.QFileDialog, "getOpenFileNames", lambda *_: ([str(inks)], "")
    )
    done = get_app_model().commands.execute_command("napari-attnseg.open_images")
    assert done.result() is not None
    (layer,) = viewer.layers
    assert layer.name == "inks" and layer.rgb
