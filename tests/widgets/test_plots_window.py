"""The plots of two docks in a real window: they follow the theme."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex
from napari.utils.theme import get_theme

from napari_attnseg._widgets.base.themed_plot import ThemedPlot
from napari_attnseg._widgets.train.curves import Curves
from napari_attnseg.run_files import LogRow

ONE_EPOCH = [LogRow(1, 1.60501, 1.60502, 0.5, 0.4, 1e-3, 1.0, 8.0)]


@pytest.mark.parametrize("title", ["Plot over time", "Train segmentation model"])
def test_a_plot_has_the_colours_of_the_theme(
    make_napari_viewer_proxy: Callable[..., Any], add_result: Any, title: str
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    viewer.theme = "light"  # before the dock is opened
    film = np.random.default_rng(0).integers(0, 255, (3, 40, 48, 3), np.uint8)
    add_result(viewer, viewer.add_image(film, name="film", rgb=True), 3)
    _, dock = viewer.window.add_plugin_dock_widget("napari-attnseg", title)
    (plot,) = dock.findChildren(ThemedPlot)
    if isinstance(plot, Curves):
        plot.show_epochs(ONE_EPOCH)
    for theme in ("light", "dark", "light"):
        viewer.theme = theme
        wanted = to_hex(get_theme(theme).background.as_hex())
        assert to_hex(plot.figure.get_facecolor()) == wanted
        assert plot.figure.axes
        for axes in plot.figure.axes:
            canvas = get_theme(theme).canvas.as_hex()
            assert to_hex(axes.get_facecolor()) == to_hex(canvas)
    dock.life.end()
    viewer.theme = "dark"
    assert to_hex(plot.figure.get_facecolor()) == wanted


def test_the_numbers_at_an_axis_are_the_values(qtbot: Any) -> None:
    """After one epoch both losses are close: matplotlib would write +1.605 above."""
    curves = Curves()
    qtbot.addWidget(curves)
    curves.show_epochs(ONE_EPOCH)
    curves.draw()
    losses, _ = curves.figure.axes
    assert losses.yaxis.get_offset_text().get_text() == ""
    labels = [one.get_text() for one in losses.get_yticklabels()]
    assert all(label.startswith("1.60") for label in labels if label)
