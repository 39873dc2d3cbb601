"""Measure one case of `size_curve` in this process, and print one line of JSON."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from attnseg_training.benchmark.film import prepare_film
from napari_attnseg._widgets.base.segmenting import Looking, segment_frames
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.source import Source

if TYPE_CHECKING:
    from napari_attnseg.inference import Segmenter


class Kind(StrEnum):
    """Kind of measurement."""

    #: The frames of a stack, as the Segment widget does them, until there are layers.
    STACK = "stack"
    #: A film, as ``attnseg segment`` does it, with its files.
    FILM = "film"
    ONE_PASS = "one pass"
    TILES = "tiles"
    #: MONAI's sliding window over the same network, with the same overlap and weights.
    MONAI = "MONAI's sliding window"


@dataclass(frozen=True, slots=True)
class Case:
    """One measurement.

    Attributes
    ----------
    kind : Kind
    size : float
        Frames or megapixels.
    weights, device : str
        As for `Segmenter.from_checkpoint`.
    threads : int
        CPU threads; 0: torch's choice.
    """

    kind: Kind
    size: float
    weights: str
    device: str
    threads: int


class Frames:
    """Stack whose frames are made on demand, so that it takes no memory.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
        Image from which each frame is made, shifted by some columns.
    frames : int
    """

    def __init__(self, image: NDArray[np.uint8], frames: int) -> None:
        self._image = image
        self.shape, self.dtype, self.ndim = (frames, *image.shape), image.dtype, 4

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return np.roll(self._image, index, axis=1)


def measure(case: Case) -> dict[str, Any]:
    """Time and memory of one case, in this process.

    Returns
    -------
    dict
        ``kind``, ``size`` and ``finished``; the seconds ``cpu_s`` and ``wall_s``;
        ``loaded_mb``, resident memory after one warm-up image, and ``peak_mb``, which
        includes the image; on a GPU also ``gpu_peak_mb``. For a stack also
        ``first_mask_cpu_s``, until the first mask can be shown; for a film also what
        `film.measure_film` returns.
    """
    import torch

    from napari_attnseg.inference import Segmenter
    from napari_attnseg.sample_data import sample_image

    if case.threads:
        torch.set_num_threads(case.threads)
    segmenter = Segmenter.from_checkpoint(case.weights, case.device)
    image = sample_image("polyp")
    segmenter(image)
    loaded = _resident_mb()
    if case.kind not in (Kind.STACK, Kind.FILM):
        image = large_image(image, case.size)
    work = _work(case, segmenter, image)
    if case.kind is Kind.FILM:
        del segmenter  # it loads its own
    _forget_peak()
    cpu, wall = time.process_time(), time.perf_counter()
    more = work() or {}
    found = {
        "kind": str(case.kind),
        "size": case.size,
        "finished": True,
        "cpu_s": round(time.process_time() - cpu, 2),
        "wall_s": round(time.perf_counter() - wall, 2),
        "loaded_mb": round(loaded),
        "peak_mb": round(_peak_mb()),
        **more,
    }
    if case.device.startswith("cuda"):
        found["gpu_peak_mb"] = round(torch.cuda.max_memory_allocated() / 1e6)
    return found


def large_image(image: NDArray[np.uint8], megapixels: float) -> NDArray[np.uint8]:
    """Make a large image with sides 3:2 from copies of a small one."""
    rows = round(math.sqrt(megapixels * 1e6 / 1.5))
    columns = round(1.5 * rows)
    times = (math.ceil(rows / image.shape[0]), math.ceil(columns / image.shape[1]), 1)
    return np.ascontiguousarray(np.tile(image, times)[:rows, :columns])


def _work(
    case: Case, segmenter: Segmenter, image: NDArray[np.uint8]
) -> Callable[[], dict[str, Any] | None]:
    """Function that is timed; everything that it needs is imported before."""
    if case.kind is Kind.STACK:
        return partial(_stack, segmenter, image, int(case.size))
    if case.kind is Kind.FILM:
        return prepare_film(image, int(case.size), case.weights, case.device)
    if case.kind is Kind.MONAI:
        import monai.inferers  # noqa: F401

        return partial(_monai, segmenter, image)
    return partial(_segment, segmenter, image, case.kind is Kind.TILES)


def _segment(segmenter: Segmenter, image: NDArray[np.uint8], tile: bool) -> None:
    segmenter.segment(image, tile=tile)


def _stack(
    segmenter: Segmenter, image: NDArray[np.uint8], frames: int
) -> dict[str, Any]:
    source = Source("stack", Frames(image, frames), True, frames, _plain())
    steps = segment_frames(source, segmenter, Looking())
    began, first = time.process_time(), math.nan
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            new_layers(source, end.value)
            return {"first_mask_cpu_s": round(first, 2)}
        if math.isnan(first) and step.came is not None:
            new_layers(source, step.came.stack)
            first = time.process_time() - began


def _plain() -> dict[str, Any]:
    """Placement of an image layer of three axes that nobody moved."""
    zero = np.zeros(3)
    return {
        "scale": np.ones(3),
        "translate": zero,
        "rotate": np.eye(3),
        "shear": zero,
        "affine": np.eye(4),
        "units": ("pixel",) * 3,
        "axis_labels": ("-3", "-2", "-1"),
    }


def _monai(segmenter: Segmenter, image: NDArray[np.uint8]) -> None:
    import torch
    from monai.inferers import sliding_window_inference

    from napari_attnseg.preprocessing import to_rgb
    from napari_attnseg.tiling import OVERLAP

    size = segmenter.card.preprocessing.size
    with torch.inference_mode():
        pixels = torch.from_numpy(to_rgb(image)[0]).permute(2, 0, 1)[None]
        sliding_window_inference(
            pixels.to(segmenter.device),
            (size, size),
            1,
            lambda tiles: torch.sigmoid(segmenter.network(tiles).logits),
            overlap=OVERLAP,
            mode="gaussian",
        )


def _resident_mb() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss / 1e6)


#: Of Linux: the peak of this process, which can be forgotten there.
_PEAK, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def _forget_peak() -> None:
    """Forget the peak of loading, where the system can."""
    with suppress(OSError):
        _FORGET.write_text("5")


def _peak_mb() -> float:
    with suppress(OSError):
        (line,) = (x for x in _PEAK.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e6
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset / 1e6)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS: bytes


if __name__ == "__main__":
    facts = json.loads(sys.argv[1])
    print(json.dumps(measure(Case(Kind(facts.pop("kind")), **facts))))
