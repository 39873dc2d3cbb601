"""Take pictures of the docks in a real napari: ``python docs/_site/pictures.py``.

Writes one PNG a page into ``docs/``, from the bundled weights and sample images; with
names, such as ``segment train``, only those. It needs a display: without one, run it
under ``xvfb-run -a -s "-screen 0 1400x900x24"``. The picture of the review is of a
results folder, ``--series RESULTS``, and is left out without one.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1]
#: Width and height of the window: what a small laptop shows.
SIZE = (1280, 800)
#: A picture has this many colours at most, so that it is small.
COLOURS = 256
#: Seconds after which something that was waited for counts as missing.
PATIENCE = 300
TITLES = {
    "segment": "Segment image",
    "explain": "Explain segmentation",
    "inspect": "Inspect side by side",
    "objects": "Measure objects",
    "review": "Review a series",
    "films": "Plot over time",
    "train": "Train segmentation model",
}


class Window:
    """A napari window with a sample image, and the docks of the plugin.

    Parameters
    ----------
    sample : str
        Name of the bundled image; without one, no image is opened.
    """

    def __init__(self, sample: str = "") -> None:
        import napari

        from napari_attnseg.sample_data import sample_image

        self.viewer = napari.Viewer()
        self.viewer.window.resize(*SIZE)
        if sample:
            self.viewer.add_image(sample_image(sample), name=sample, rgb=True)

    def open(self, name: str) -> Any:
        """Open a dock as the menu does, and return its widget."""
        _, widget = self.viewer.window.add_plugin_dock_widget(
            "napari-attnseg", TITLES[name]
        )
        self.settle()
        return widget

    def segment(self) -> Any:
        """Segment the image with the bundled weights."""
        widget = self.open("segment")
        self.wait(lambda: widget.inputs.device_box.count() > 1)
        widget.bar.start_button.click()
        self.wait(lambda: len(self.viewer.layers) == 7)
        self.wait(lambda: widget.life.worker is None)
        return widget

    def settle(self, seconds: float = 1.0) -> None:
        """Let Qt draw for a while."""
        from qtpy.QtWidgets import QApplication

        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.01)

    def wait(self, ready: Callable[[], bool]) -> None:
        """Let Qt work until something is so; `TimeoutError` if it never is."""
        end = time.monotonic() + PATIENCE
        while not ready():
            if time.monotonic() > end:
                raise TimeoutError("Expected the window to be ready, but it is not.")
            self.settle(0.05)

    def click(self, row: float, column: float) -> None:
        """Click a pixel of the image, as the mouse does."""
        from types import SimpleNamespace

        from napari.utils.interactions import (
            mouse_press_callbacks,
            mouse_release_callbacks,
        )

        event = SimpleNamespace(type="mouse_press", position=(row, column))
        event.modifiers, event.is_dragging, event.button = (), True, 1
        mouse_press_callbacks(self.viewer, event)
        event.type = "mouse_release"
        mouse_release_callbacks(self.viewer, event)

    def save(self, name: str) -> None:
        """Write a picture of the window into ``docs/``, and close the window."""
        from PIL import Image

        self.viewer.reset_view()
        self.viewer.status = ""
        self.settle(2)
        pixels = self.viewer.window.screenshot(canvas_only=False, flash=False)
        picture = Image.fromarray(pixels[..., :3]).quantize(COLOURS, kmeans=2)
        picture.save(DOCS / f"{name}.png", optimize=True)
        self.viewer.close()


def segment(args: argparse.Namespace) -> None:
    """The Segment widget after a run."""
    window = Window("polyp")
    window.segment()
    window.save("segment")


def explain(args: argparse.Namespace) -> None:
    """The Explain widget with Seg-Grad-CAM at one scale."""
    window = Window("polyp")
    window.segment()
    widget = window.open("explain")
    window.wait(lambda: widget.method_box.count() > 0)
    widget.method_box.setCurrentText("Seg-Grad-CAM")
    widget.level_box.setCurrentText("1/16")
    window.wait(widget.bar.start_button.isEnabled)
    widget.bar.start_button.click()
    window.wait(lambda: len(window.viewer.layers) == 8)
    window.save("explain")


def inspect(args: argparse.Namespace) -> None:
    """The Inspect widget: side by side, each encoder alone, and a what-if."""
    window = Window("polyp")
    window.segment()
    widget = window.open("inspect")
    widget.toggle_button.click()
    window.save("inspect-scales")

    window = Window("polyp")
    window.segment()
    widget = window.open("inspect")
    folds = _folds(widget)
    folds["Mask"].open(False)
    folds["Each encoder alone, and where they disagree"].open()
    widget.readers_panel.show_button.click()
    window.wait(lambda: "Hide" in widget.readers_panel.show_button.text())
    window.save("inspect-encoders")

    window = Window("polyp")
    window.segment()
    widget = window.open("inspect")
    folds = _folds(widget)
    folds["Mask"].open(False)
    folds["What if the gates chose otherwise?"].open()
    window.click(200, 262)
    for row in widget.whatif_panel.rows.values():
        row.choice.setCurrentText("transformer")
        row.choice.activated.emit(row.choice.currentIndex())
    window.wait(lambda: widget.whatif_panel.change is not None)
    window.save("inspect-what-if")


def correct(args: argparse.Namespace) -> None:
    """The Inspect widget after a click that added what was missing."""
    window = Window("two-polyps")
    window.segment()
    widget = window.open("inspect")
    panel = widget.click_panel
    panel.button.click()
    window.wait(lambda: "missing" in panel.message.text())
    window.click(120, 107)
    window.wait(lambda: len(panel.clicks) > 0)
    window.save("correct")


def objects(args: argparse.Namespace) -> None:
    """The Objects widget with the table of two polyps."""
    window = Window("two-polyps")
    window.segment()
    widget = window.open("objects")
    widget.bar.start_button.click()
    window.wait(lambda: len(window.viewer.layers) == 8)
    window.wait(lambda: widget.panel.table.model().rowCount() == 2)
    widget.panel.table.selectRow(0)
    window.save("objects")


def train(args: argparse.Namespace) -> None:
    """The Train widget with a run of the smallest network on turned sample images."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        data = _training_folder(Path("polyps"))
        window = Window()
        widget = window.open("train")
        widget.form.data.set(data)
        widget.form.recipe_box.setCurrentText("tiny")
        widget.form.epochs_box.setValue(12)
        widget.start_button.click()
        window.wait(lambda: len(widget.shown.epochs) > 7)
        window.save("train")
        widget.stop()
        window.settle(5)


def films(args: argparse.Namespace) -> None:
    """The Time widget on a film of shifted parts of a sample image."""
    import numpy as np

    from napari_attnseg.sample_data import sample_image

    window = Window()
    image = sample_image("polyp")
    film = np.stack([image[i // 2 :, i:][:320, :320] for i in range(24)])
    window.viewer.add_image(film, name="film", rgb=True, axis_labels=("t", "y", "x"))
    window.segment()
    widget = window.open("films")
    window.wait(lambda: widget.flicker.text() != "")
    window.viewer.dims.set_current_step(0, 8)
    window.save("films")


def review(args: argparse.Namespace) -> None:
    """The Review widget on a results folder."""
    window = Window()
    widget = window.open("review")
    widget.setup.folder.set(args.series)
    widget.setup.reader.setText("anna")
    widget.setup.start_button.click()
    window.wait(lambda: len(window.viewer.layers) > 0)
    window.save("review")


def _folds(widget: Any) -> dict[str, Any]:
    """The sections of a dock, by title."""
    from napari_attnseg._widgets.base.controls import Fold

    return {fold.button.text()[2:]: fold for fold in widget.findChildren(Fold)}


def _training_folder(folder: Path) -> Path:
    """A data folder of the sample images, turned and mirrored."""
    import numpy as np
    from PIL import Image

    from napari_attnseg.sample_data import SAMPLES, sample_image, sample_mask

    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for name in SAMPLES:
        for turns in range(8):
            image, mask = sample_image(name), sample_mask(name)
            image, mask = (np.rot90(one, turns % 4) for one in (image, mask))
            if turns > 3:
                image, mask = image[::-1], mask[::-1]
            file = f"{name}-{turns}.png"
            Image.fromarray(np.ascontiguousarray(image)).save(folder / "images" / file)
            white = np.uint8(255) * (mask > 0)
            Image.fromarray(np.ascontiguousarray(white)).save(folder / "masks" / file)
    return folder


PICTURES = {
    one.__name__: one
    for one in (segment, explain, inspect, correct, objects, films, train, review)
}


def main() -> None:
    """Take the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PICTURES))
    parser.add_argument("--series", type=Path, help="results folder to review")
    args = parser.parse_args()
    unknown = sorted(set(args.names) - set(PICTURES))
    if unknown:
        parser.error(f"expected names of {', '.join(PICTURES)}, got {unknown[0]}")
    with tempfile.TemporaryDirectory() as own:
        # The window looks as after an installation, whoever takes the pictures.
        os.environ["NAPARI_CONFIG"] = str(Path(own) / "napari.yaml")
        os.environ["XDG_CONFIG_HOME"] = own
        for name, take in PICTURES.items():
            if name in args.names or (not args.names and name != "review"):
                take(args)


if __name__ == "__main__":
    main()
