"""The Time dock: curves, the slider, flicker, the table, smoothing. No window."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.reader import layers_of
from napari_attnseg._widgets.layers.record import Derivation
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg._widgets.layers.writer import write
from napari_attnseg._widgets.over_time.widget import OverTimeWidget
from napari_attnseg.frame_rows import frame_row
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.results import load_results
from napari_attnseg.results import Segmentation
from napari_attnseg.time_smoothing import TIME_SMOOTHING

FRAMES = 9
#: The frame in which nothing is found, and the one that was not segmented.
EMPTY, MISSING = 4, 7


def facts_of(pixels: Any, mask: Any, done: bool = True) -> dict[str, Any]:
    return {
        **{"model": "m", "weights_sha256": "w", "date": "d", "threshold": 0.5},
        "image_sha256": array_sha256(pixels) if done else None,
        "mask_sha256": array_sha256(mask) if done else None,
    }


@pytest.fixture
def results() -> tuple[Any, list[Segmentation]]:
    """A still image with noise in which a square is found, but not in one frame."""
    rng = np.random.default_rng(0)
    still = rng.integers(30, 200, (40, 60))
    noise = rng.integers(0, 2, (FRAMES, 40, 60))
    images = (still + noise).astype(np.uint8)
    found = []
    for frame, pixels in enumerate(images):
        probability = np.full((1, 40, 60), 0.1, np.float16)
        if frame not in (EMPTY, MISSING):
            probability[0, 10:20, 10 + frame : 30 + frame] = 0.9
        if frame == MISSING:
            probability[:] = 0
        mask = (probability[0] > 0.5).astype(np.uint8)
        facts = facts_of(pixels, mask, frame != MISSING)
        found.append(Segmentation(mask, probability, (), facts))
    return images, found


@pytest.fixture
def widget(
    viewer: ViewerModel, qtbot: Any, results: tuple[Any, list[Segmentation]]
) -> OverTimeWidget:
    images, found = results
    image = viewer.add_image(images, name="film", scale=(0.5, 2, 2))
    image.units = ("second", "mm", "mm")
    add_layers(viewer, new_layers(source_of(image), found))
    widget = OverTimeWidget(viewer)
    qtbot.addWidget(widget)
    widget.show()
    catch_up(widget, qtbot)
    return widget


def catch_up(widget: OverTimeWidget, qtbot: Any) -> None:
    widget.look()
    qtbot.waitUntil(lambda: not widget.measuring, timeout=60_000)
    widget.look()


def test_curves_follow_the_masks_and_the_slider(
    widget: OverTimeWidget, viewer: ViewerModel, qtbot: Any, results: Any
) -> None:
    _, found = results
    lines = widget.plot.lines
    nan = float("nan")
    area = [200.0 * 4] * 4 + [0.0] + [800.0] * 2 + [nan, 800.0]
    np.testing.assert_allclose(lines["area"], area)
    column = [19.5 + i for i in range(FRAMES)]
    column[EMPTY] = column[MISSING] = nan
    np.testing.assert_allclose(lines["column"], column)
    row = frame_row(found[0], 4.0)
    assert lines["doubt"][0] == row["doubt_bits"]
    assert lines["probability"][0] == pytest.approx(0.9, abs=1e-3)
    assert widget.state.text() == "8 of 9 slices are segmented."
    # Pairs 3-4 and 4-5 have a Dice of 0, the others overlap in 19 of 20 columns.
    mean = (4 * 0.95 + 2 * 0) / 6
    assert f"Dice {mean:.3f}" in widget.flicker.text()
    assert "(6 of 6 pairs of neighbours)" in widget.flicker.text()
    # Both ways.
    viewer.dims.set_current_step(0, 6)
    assert widget.plot.marked == 6
    axes = widget.plot.figure.axes[0]
    click = SimpleNamespace(name="button_press_event", inaxes=axes, xdata=2.3)
    widget.plot._pointed(click)
    assert viewer.dims.current_step[0] == 2 and widget.plot.marked == 2
    # What is painted is measured again, at the frame on screen.
    mask = viewer.layers["mask · film"]
    mask.data[2, :5] = 1
    catch_up(widget, qtbot)
    assert widget.plot.lines["area"][2] == (200 + 300) * 4


def test_a_probability_that_comes_later_is_measured(
    viewer: ViewerModel, qtbot: Any, results: Any
) -> None:
    images, found = results
    image = viewer.add_image(images, name="film")
    *maps, mask = new_layers(source_of(image), found)
    add_layers(viewer, [mask])
    widget = OverTimeWidget(viewer)
    qtbot.addWidget(widget)
    widget.show()
    catch_up(widget, qtbot)
    assert np.isnan(widget.plot.lines["probability"]).all()
    add_layers(viewer, maps)
    catch_up(widget, qtbot)
    assert widget.plot.lines["probability"][0] == pytest.approx(0.9, abs=1e-3)


def test_the_table_says_the_same(
    widget: OverTimeWidget, tmp_path: Path, results: Any, messages: list[str]
) -> None:
    _, found = results
    widget.export(tmp_path / "frames.csv")
    with (tmp_path / "frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["frame"]) for row in rows] == [0, 1, 2, 3, 4, 5, 6, 8]
    assert [float(row["seconds"]) for row in rows[:3]] == [0, 0.5, 1]
    assert rows[0]["image_sha256"] == found[0].provenance["image_sha256"]
    assert float(rows[1]["dice_to_last"]) == 0.95 and rows[0]["dice_to_last"] == ""
    assert rows[-1]["dice_to_last"] == ""  # the one before was not segmented
    assert float(rows[0]["area_mm2"]) == 800 and rows[4]["centre_row"] == ""
    assert messages == ["8 slices written to frames.csv."]


def test_smoothing_adds_layers_that_say_so(
    widget: OverTimeWidget, viewer: ViewerModel, qtbot: Any, tmp_path: Path
) -> None:
    before = np.array(viewer.layers["mask · film"].data)
    widget.smoothing.over_box.setValue(3)
    widget.smoothing.start()
    qtbot.waitUntil(lambda: widget.life.worker is None, timeout=60_000)
    mask = viewer.layers["smoothed 3 · mask · film"]
    record = record_of(mask)
    assert record.derivation is Derivation.SMOOTHED
    smoothing = record.provenance[TIME_SMOOTHING]
    assert smoothing == {"method": "running_median", "frames": 3}
    # The empty frame has what both of its neighbours have.
    assert not before[EMPTY].any()
    both = before[EMPTY - 1] & before[EMPTY + 1]
    np.testing.assert_array_equal(mask.data[EMPTY], both)
    assert not record.is_done(MISSING) and not mask.data[MISSING].any()
    np.testing.assert_array_equal(mask.data[6], before[6])  # beside the gap
    np.testing.assert_array_equal(viewer.layers["mask · film"].data, before)
    # It is offered too, and saved and opened as what it is.
    names = [widget.mask_box.itemText(i) for i in range(widget.mask_box.count())]
    assert names == ["smoothed 3 · mask · film", "mask · film"]
    widget.mask_box.setCurrentIndex(0)
    catch_up(widget, qtbot)
    assert "Dice 0.9" in widget.flicker.text()
    smooth = [layer for layer in viewer.layers if layer.name.startswith("smoothed")]
    write(str(tmp_path), [layer.as_layer_data_tuple() for layer in smooth])
    again = layers_of(load_results(tmp_path / "film_smoothed.json"))
    assert [one.options["name"] for one in again[-2:]] == [x.name for x in smooth]
    assert again[-1].record.derivation is Derivation.SMOOTHED
    assert again[-1].record.missing_frames == [MISSING]
    np.testing.assert_array_equal(again[-1].data, mask.data)
