"""How much of what a real window keeps after every run is napari's own?

``python tests/widgets/memory_in_window.py [RUNS]`` presses Segment in a real window,
with the bundled weights, and removes each run's layers; then it adds and removes as
many layers of the same kinds and sizes without this plugin. It prints MB per run for
both (napari keeps some of every removed layer: its issue 2027).
"""

import gc
import sys
import time
from collections.abc import Callable
from typing import Any

import napari
import numpy as np
import psutil
from qtpy.QtWidgets import QApplication

from napari_attnseg.sample_data import sample_image

WARM = 10


def pump(seconds: float) -> None:
    """Let the window draw."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()


def empty(viewer: napari.Viewer) -> None:
    """Remove all but the image."""
    pump(0.3)
    for layer in list(viewer.layers)[1:]:
        viewer.layers.remove(layer)
    pump(0.2)


def with_widget(viewer: napari.Viewer, widget: Any) -> None:
    widget.start()
    while widget.life.worker is not None:
        pump(0.05)
    empty(viewer)


def plain(viewer: napari.Viewer, shapes: list[tuple[int, ...]]) -> None:
    for shape in shapes:
        viewer.add_image(np.random.default_rng().random(shape), visible=False)
    viewer.add_labels(np.ones(shapes[0], np.uint8))
    empty(viewer)


def growth(once: Callable[[], None], runs: int) -> float:
    """MB per run, after some that warm up."""
    found = []
    for _ in range(WARM + runs):
        once()
        gc.collect()
        found.append(psutil.Process().memory_info().rss / 1e6)
    return (found[-1] - found[WARM - 1]) / runs


if __name__ == "__main__":
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    viewer = napari.Viewer()
    viewer.add_image(sample_image("polyp"), name="polyp", rgb=True)
    _, widget = viewer.window.add_plugin_dock_widget("napari-attnseg", "Segment image")
    shapes: list[tuple[int, ...]] = [
        (352, 352),
        *((352 // s,) * 2 for s in (4, 8, 16, 32)),
    ]
    print(f"{runs} runs, resident memory, MB per run:")
    print(f"  the widget: {growth(lambda: with_widget(viewer, widget), runs):.2f}")
    print(f"  as many plain layers: {growth(lambda: plain(viewer, shapes), runs):.2f}")
    viewer.close()
