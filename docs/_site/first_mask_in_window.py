"""Time from a click on Segment to the first mask of a film in a real window.

``python docs/_site/first_mask_in_window.py [FRAMES] [RUNS]`` writes a film of
shifted copies of a sample image, opens it beside the Segment dock, waits until the
bundled weights are loaded, presses Segment and waits until the mask's layer is drawn.
Each run has a process of its own. It prints a line of JSON for each, and their medians.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

#: Seconds of rest before the click: the window has been drawn, nothing loads.
REST = 3.0


def write_film(path: Path, frames: int) -> None:
    """Write a film of a sample image that moves to the side."""
    import av

    from napari_attnseg.sample_data import sample_image

    image = sample_image("polyp")
    height, width = (side // 2 * 2 for side in image.shape[:2])
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.height, stream.width = height, width
        stream.pix_fmt, stream.options = "yuv420p", {"preset": "ultrafast"}
        for i in range(frames):
            moved = np.ascontiguousarray(np.roll(image, i, axis=1)[:height, :width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, "rgb24")))
        container.mux(stream.encode())


def run(film: Path, frame: int) -> dict[str, Any]:
    """Click once, in a window of its own."""
    import napari
    import psutil
    from qtpy.QtWidgets import QApplication

    def wait(until: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not until() and time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.001)

    viewer = napari.Viewer()
    began = time.perf_counter()
    viewer.open(str(film), plugin="napari-attnseg")
    opened = time.perf_counter() - began
    _, widget = viewer.window.add_plugin_dock_widget("napari-attnseg", "Segment image")
    widget.every_box.box.setValue(1)
    viewer.dims.set_current_step(0, frame)
    wait(lambda: bool(widget.preload.loading), 10)
    wait(lambda: not widget.preload.loading, 60)
    wait(lambda: False, REST)

    canvas = viewer.window._qt_viewer.canvas._scene_canvas
    drawn: list[tuple[float, float]] = []

    def mask_is_there() -> bool:
        return any(layer.name.startswith("mask") for layer in viewer.layers)

    def draw(event: Any = None) -> None:
        if mask_is_there():
            drawn.append((time.perf_counter(), time.process_time()))

    canvas.events.draw.connect(draw, position="last")
    process = psutil.Process()
    resident = process.memory_info().rss
    wall, cpu = time.perf_counter(), time.process_time()
    widget.bar.start_button.click()
    wait(lambda: bool(drawn), 60)
    found = {
        "wall_s": round(drawn[0][0] - wall, 2),
        "cpu_s": round(drawn[0][1] - cpu, 2),
        "open_s": round(opened, 2),
        "resident_mb": [round(resident / 1e6), round(process.memory_info().rss / 1e6)],
        "load": [round(one, 1) for one in psutil.getloadavg()],
    }
    widget.bar.cancel()
    wait(lambda: widget.life.worker is None, 30)
    viewer.close()
    return found


if __name__ == "__main__":
    if len(sys.argv) > 3:
        print(json.dumps(run(Path(sys.argv[3]), int(sys.argv[1]) // 2)), flush=True)
        sys.exit()
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    results = []
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        write_film(film, frames)
        for _ in range(runs):
            call = [sys.executable, __file__, str(frames), "1", str(film)]
            out = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True)
            print(out.stdout.strip().splitlines()[-1], flush=True)
            results.append(json.loads(out.stdout.strip().splitlines()[-1]))
    for key in ("wall_s", "cpu_s", "open_s"):
        print(f"median {key}: {statistics.median(one[key] for one in results):.2f}")
