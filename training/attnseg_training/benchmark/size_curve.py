"""Measure time and memory by the frames of a stack and the pixels of an image.

The cases run one after another, each in a process of its own, so that the peak of
memory belongs to one case. Nothing is extrapolated: a case that does not finish in time
is reported as not finished.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from attnseg_training.benchmark.machine import facts_of_machine
from attnseg_training.benchmark.one_size import Case, Kind
from napari_attnseg.cards import ModelCard
from napari_attnseg.devices import OPENVINO, resolve_device
from napari_attnseg.models.catalog import MODELS, model_spec
from napari_attnseg.spec import Preprocessing
from napari_attnseg.weights import DEFAULT_WEIGHTS, bundled_weights, weights_path

#: Frames of a stack, and megapixels of an image.
FRAMES = (64, 256, 1024)
#: Frames of a film.
FILM_FRAMES = (500, 2000)
MEGAPIXELS = (1, 4, 16, 24)
#: MONAI's sliding window is timed up to so many megapixels.
PEER_UP_TO = 4


@dataclass(frozen=True, slots=True)
class Curve:
    """Conditions of the measurements of a curve.

    Attributes
    ----------
    benchmark : str
        ``stack``, ``film`` or ``large``.
    weights : str
        Name of the weights file.
    device : str
        Device by the name that was asked for.
    threads : int
        CPU threads; 0: torch's choice.
    rows : sequence of dict
        For each case, what `one_size.measure` returns; for a case that did not finish,
        only its description and this fact.
    """

    benchmark: str
    weights: str
    device: str
    threads: int
    rows: Sequence[dict[str, Any]]

    def summary(self) -> dict[str, Any]:
        """Return the whole result, JSON-ready."""
        return {
            **asdict(self),
            **facts_of_machine(),
        }

    def markdown(self) -> str:
        """Format all cases as a Markdown table."""
        stack = self.benchmark in ("stack", "film")
        unit = "frames" if stack else "megapixels"
        per = "frame" if stack else "megapixel"
        lines = [
            f"| {unit} | how | CPU s | CPU s per {per} | wall s | peak MB | "
            "MB over the loaded model |",
            "|---|---|---|---|---|---|---|",
        ]
        for row in self.rows:
            named = f"| {row['size']:g} | {row['kind']} |"
            if not row["finished"]:
                lines.append(f"{named} did not finish | | | | |")
                continue
            each = row["cpu_s"] / row["size"]
            lines.append(
                f"{named} {row['cpu_s']:.1f} | {each:.2f} | {row['wall_s']:.1f} | "
                f"{row['peak_mb']:.0f} | {row['peak_mb'] - row['loaded_mb']:.0f} |"
            )
        on_cpu = self.device == "cpu"
        others = "CUDA and MPS: not measured." if on_cpu else "Other devices: not here."
        return "\n".join([*lines, "", others]) + "\n"


def size_cases(
    benchmark: str, sizes: Sequence[float], peer: bool
) -> list[tuple[Kind, float]]:
    """Cases of a benchmark; the slowest ones come last."""
    if benchmark in ("stack", "film"):
        return [(Kind(benchmark), size) for size in sorted(sizes)]
    kinds = [Kind.ONE_PASS, Kind.TILES]
    cases = [(kind, size) for kind in kinds for size in sorted(sizes)]
    if peer:
        few = [size for size in sorted(sizes) if size <= PEER_UP_TO]
        cases += [(Kind.MONAI, size) for size in few]
    return cases


def measure_curve(
    benchmark: str,
    sizes: Sequence[float],
    weights: str = DEFAULT_WEIGHTS,
    device: str = "cpu",
    threads: int = 1,
    limit: float = math.inf,
    peer: bool = False,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> Curve:
    """Measure every case in a process of its own.

    Parameters
    ----------
    benchmark : str
        ``stack``, ``film`` or ``large``.
    sizes : sequence of float
        Frames, or megapixels.
    weights : str
        As for `Segmenter.from_checkpoint`; or a catalog name, for random ones.
    device : str
        As for `Segmenter.from_checkpoint`.
    threads : int
        CPU threads; 0: torch's choice.
    limit : float
        Seconds that a case may take.
    peer : bool
        Whether to measure MONAI's sliding window, too.
    watch : callable
        Called with (cases done, cases in all).

    Raises
    ------
    UnknownNameError, DeviceError
        If there are no such weights, or no such device.
    RuntimeError
        If a case fails for another reason than the time limit.
    """
    if device != OPENVINO:
        resolve_device(
            device
        )  # told here in one sentence, and not by the first process
    rows: list[dict[str, Any]] = []
    cases = size_cases(benchmark, sizes, peer)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = _weights(weights, Path(folder))
        for done, (kind, size) in enumerate(cases):
            watch(done, len(cases))
            case = Case(kind, size, str(path), device, threads)
            rows.append(_in_own_process(case, limit))
    watch(len(cases), len(cases))
    return Curve(benchmark, path.name, device, threads, rows)


def _weights(name: str, folder: Path) -> Path:
    """File of the weights; of a catalog's model one with random ones."""
    if name in bundled_weights() or name not in MODELS:
        return weights_path(name)
    from napari_attnseg.checkpoints import save_checkpoint
    from napari_attnseg.models.network import SegmentationNetwork

    spec, path = model_spec(name), folder / f"{name}-random.safetensors"
    card = ModelCard(spec, Preprocessing(spec.size))
    save_checkpoint(path, SegmentationNetwork(spec).state_dict(), card)
    return path


def _in_own_process(case: Case, limit: float) -> dict[str, Any]:
    program = [sys.executable, "-m", "attnseg_training.benchmark.one_size"]
    try:
        done = subprocess.run(
            [*program, json.dumps(asdict(case))],
            capture_output=True,
            text=True,
            timeout=None if math.isinf(limit) else limit,
        )
    except subprocess.TimeoutExpired:
        return {"kind": str(case.kind), "size": case.size, "finished": False}
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
