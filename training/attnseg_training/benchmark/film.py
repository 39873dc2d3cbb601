"""Time and memory that ``attnseg segment`` needs for a film."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def prepare_film(
    image: NDArray[np.uint8], frames: int, weights: str, device: str
) -> Callable[[], dict[str, Any]]:
    """Write a film of shifted copies of an image; return a function to segment it.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W, 3)
        Image whose height and width are even numbers.
    frames : int
    weights, device : str
        As for `segment_files`.
    """
    import av

    folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    path = Path(folder.name) / "film.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt, stream.options = "yuv420p", {"preset": "ultrafast"}
        for i in range(frames):
            moved = np.ascontiguousarray(np.roll(image, i, axis=1))
            picture = av.VideoFrame.from_ndarray(moved, format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return partial(measure_film, folder, path, frames, weights, device)


def measure_film(
    folder: Any, path: Path, frames: int, weights: str, device: str
) -> dict[str, Any]:
    """Measure ``attnseg segment`` on a film, with its overlay video.

    Returns
    -------
    dict
        ``first_mask_cpu_s`` and ``first_mask_wall_s``: CPU and wall-clock seconds until
        the first mask is written, including loading of the weights. ``resident_mb``:
        memory after each quarter of the frames.
    """
    import psutil

    from napari_attnseg.batch import segment_files

    process, resident = psutil.Process(), list[int]()
    cpu, wall = time.process_time(), time.perf_counter()
    quarters = [max(1, round(frames * part / 4)) for part in range(1, 5)]
    first: dict[str, Any] = {}
    out = Path(folder.name) / "results"
    with folder:
        for done, outcome in enumerate(segment_files([path], out, weights, device), 1):
            if outcome.error is not None:
                raise RuntimeError(outcome.error)
            if done == 1:
                first = {
                    "first_mask_cpu_s": round(time.process_time() - cpu, 2),
                    "first_mask_wall_s": round(time.perf_counter() - wall, 2),
                }
            if done in quarters:
                resident.append(round(process.memory_info().rss / 1e6))
    return {**first, "resident_mb": resident}
