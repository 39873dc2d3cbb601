"""Time a real napari window: ``python docs/_site/window_speed.py --json FILE``.

With the bundled weights and a sample image, medians of several rounds: from a click to
the first mask, a step of the what-if and a click that corrects, each until the canvas
is drawn again, and *Measure* on 24 megapixels. Beside each stands the longest time for
which the window did not answer. It needs a display, as `pictures.py` does, and says
which OpenGL drew: without a graphics card drawing is slower than on a screen.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pictures import Window

from attnseg_training.benchmark.machine import facts_of_device

#: Milliseconds between two beats of the timer that notices when Qt does not answer.
BEAT = 5
#: Height and width of the large image.
LARGE = (4000, 6000)


@dataclass(slots=True)
class Timed:
    """Seconds of several rounds of one action.

    Attributes
    ----------
    wall_s, cpu_s : list of float
        By the clock, and of all threads of the process together.
    pause_s : list of float
        Longest time between two beats of a timer in the thread of the window.
    """

    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    pause_s: list[float] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Medians, the longest pause, and all rounds."""
        return {
            "median_wall_s": statistics.median(self.wall_s),
            "median_cpu_s": statistics.median(self.cpu_s),
            "longest_pause_s": max(self.pause_s),
            "wall_s": self.wall_s,
            "cpu_s": self.cpu_s,
        }


class Stopwatch:
    """Times what is done in a window until its canvas has been drawn again."""

    def __init__(self, window: Window) -> None:
        from qtpy.QtCore import QTimer

        self.window = window
        self._drawn = 0.0
        scene = window.viewer.window._qt_viewer.canvas._scene_canvas
        scene.events.draw.connect(self._draw, position="last")
        self._beats: list[float] = []
        self._timer = QTimer()
        self._timer.timeout.connect(lambda: self._beats.append(time.perf_counter()))
        self._timer.start(BEAT)

    def _draw(self, event: Any) -> None:
        self._drawn = time.perf_counter()

    def time(
        self, timed: Timed, act: Callable[[], Any], ready: Callable[[], bool]
    ) -> None:
        """Act, and wait until something is so and the canvas was drawn after it."""
        from qtpy.QtCore import QEventLoop
        from qtpy.QtWidgets import QApplication

        # Asleep until something happens, which the beat makes sure of.
        how = QEventLoop.ProcessEventsFlag.WaitForMoreEvents
        self.window.settle(0.5)
        self._beats = [time.perf_counter()]
        start, cpu, found = time.perf_counter(), time.process_time(), 0.0
        act()
        while not found or self._drawn < found:
            QApplication.processEvents(how)
            if not found and ready():
                found = time.perf_counter()
                self.window.viewer.window._qt_viewer.canvas._scene_canvas.update()
            if time.perf_counter() - start > 600:
                raise TimeoutError("Expected the window to be drawn, but it is not.")
        timed.cpu_s.append(time.process_time() - cpu)
        timed.wall_s.append(time.perf_counter() - start)
        beats = [*self._beats, time.perf_counter()]
        timed.pause_s.append(float(np.diff(beats).max()))


def measure_all(rounds: int) -> dict[str, Any]:
    """``actions``, name → times, and ``opengl``, what drew."""
    window = Window("polyp")
    actions = _of_a_small_image(window, rounds)
    opengl = _renderer(window)
    window.viewer.close()
    large = _measuring()
    return {
        "opengl": opengl,
        "actions": {
            name: timed.to_json()
            for name, timed in {**actions, "measure 24 megapixels": large}.items()
        },
    }


def _renderer(window: Window) -> str:
    from vispy.gloo import gl

    window.viewer.window._qt_viewer.canvas._scene_canvas.set_current()
    return str(gl.glGetParameter(gl.GL_RENDERER))


def _of_a_small_image(window: Window, rounds: int) -> dict[str, Timed]:
    segment = window.segment()
    watch, layers = Stopwatch(window), window.viewer.layers
    first = Timed()
    for _ in range(rounds):
        for layer in [one for one in layers if one.name != "polyp"]:
            layers.remove(layer)
        watch.time(
            first,
            segment.bar.start_button.click,
            lambda: len(layers) == 7 and segment.life.worker is None,
        )
    plain = _plain_layers(watch, rounds)
    inspect = window.open("inspect")
    panel, clicks = inspect.whatif_panel, inspect.click_panel
    for fold in inspect.findChildren(_fold_type()):
        fold.open()
    row = next(iter(panel.rows.values()))
    step = Timed()
    for done in range(rounds + 1):  # the first one runs the encoders
        known = panel.change
        watch.time(
            step if done else Timed(),
            lambda done=done: row.slider.setValue(0.1 + 0.07 * done),
            lambda known=known: panel.change is not known,
        )
    panel.reset_button.click()
    window.settle()
    clicks.button.click()
    window.wait(lambda: "missing" in clicks.message.text())
    click = Timed()
    mask, made = inspect.result.mask, 0
    for done in range(rounds):
        row_, column = np.argwhere(np.asarray(mask.data) == 0)[7919 * (done + 1)]
        made = len(clicks.clicks)
        watch.time(
            click,
            lambda at=(row_, column): window.click(*at),
            lambda made=made: len(clicks.clicks) > made,
        )
    clicks.undo(every=True)
    window.settle()
    return {
        "segment, weights loaded": first,
        "six layers of plain napari": plain,
        "step of the what-if": step,
        "click that corrects": click,
    }


def _plain_layers(watch: Stopwatch, rounds: int) -> Timed:
    """What napari by itself takes for as many layers, five of them hidden."""
    layers, timed = watch.window.viewer.layers, Timed()
    results = [one for one in layers if one.name != "polyp"]

    def add() -> None:
        for one in results:
            data = np.array(one.data)
            made = type(one)(data, visible=one.visible, name=f"plain {one.name}")
            layers.append(made)

    for _ in range(rounds):
        watch.time(timed, add, lambda: True)
        for layer in list(layers)[-len(results) :]:
            layers.remove(layer)
    return timed


def _measuring() -> Timed:
    from skimage.transform import resize

    from napari_attnseg.sample_data import sample_image

    window = Window()
    large = resize(sample_image("polyp"), LARGE, order=1, preserve_range=True)
    window.viewer.add_image(large.astype(np.uint8), name="large", rgb=True)
    window.segment()
    objects = window.open("objects")
    watch, timed = Stopwatch(window), Timed()
    panel = objects.panel
    watch.time(
        timed,
        objects.bar.start_button.click,
        lambda: objects.life.worker is None and panel.table.model().rowCount() > 0,
    )
    window.viewer.close()
    return timed


def _fold_type() -> type:
    from napari_attnseg._widgets.base.controls import Fold

    return Fold


def main() -> None:
    """Measure, and write or print the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, help="write the result there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as own:
        os.environ["NAPARI_CONFIG"] = str(Path(own) / "napari.yaml")
        os.environ["XDG_CONFIG_HOME"] = own
        measured = measure_all(args.rounds)
    facts = {
        "benchmark": "window",
        "weights": "compact",
        **facts_of_device("cpu"),
        "rounds": args.rounds,
        **measured,
    }
    text = json.dumps(facts, indent=2) + "\n"
    if args.json is not None:
        args.json.write_text(text, "utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
