"""The case of a review in the other docks: segmented, explained, inspected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_series import write_images, write_results
from napari.components import ViewerModel
from PIL import Image

from napari_attnseg._widgets.explain import ExplainWidget
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.review import setup_form
from napari_attnseg._widgets.review.widget import ReviewWidget
from napari_attnseg._widgets.segment import SegmentWidget


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from qtpy.QtCore import QSettings

    file = str(tmp_path / "settings.ini")
    kind = QSettings.Format.IniFormat
    monkeypatch.setattr(setup_form, "_settings", lambda: QSettings(file, kind))


@pytest.fixture
def begin(qtbot: Any, viewer: ViewerModel) -> Callable[[Path], ReviewWidget]:
    def begun(folder: Path) -> ReviewWidget:
        widget = ReviewWidget(viewer)
        qtbot.addWidget(widget)
        widget.setup.folder.set(folder)
        widget.setup.reader.setText("anna")
        widget.begin()
        return widget

    return begun


def photographs(folder: Path) -> Path:
    """Two JPEG images, and nothing else."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(2):
        pixels = rng.integers(0, 255, (24, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.jpg")
    return folder


FOLDERS = {
    "results": lambda place: write_results(place, {"a": None, "b": None}),
    "images and masks": write_images,
    "JPEG": photographs,
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_the_image_of_a_case_is_segmented_and_explained(
    kind: str,
    begin: Callable[[Path], ReviewWidget],
    viewer: ViewerModel,
    qtbot: Any,
    tmp_path: Path,
    tiny_weights: Path,
) -> None:
    begin(FOLDERS[kind](tmp_path / "series"))
    segment, explain = SegmentWidget(viewer), ExplainWidget(viewer)
    for dock in (segment, explain):
        qtbot.addWidget(dock)
        qtbot.waitUntil(
            lambda dock=dock: dock.inputs.device_box.count() > 1, timeout=60_000
        )
        dock.inputs.use_weights(tiny_weights)
    qtbot.waitUntil(lambda: explain.method_box.count() > 0, timeout=60_000)
    explain.method_box.setCurrentText("entropy")
    for dock in (segment, explain):
        before = len(viewer.layers)
        dock.start()
        qtbot.waitUntil(lambda dock=dock: dock.life.worker is None, timeout=60_000)
        assert len(viewer.layers) > before
    assert len(find_results(viewer.layers)) == 1
