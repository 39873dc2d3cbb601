"""Compile a model for OpenVINO, check it against PyTorch, and keep it on disk.

Each weights file has one folder in the user's cache. It holds three compiled graphs,
and a record of the check, which is written last. After a change of a library's version
or of the processor, the model is compiled again into the same folder.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_attnseg.arrays import Array, to_numpy
from napari_attnseg.cards import read_card, versions, weights_hash
from napari_attnseg.devices import openvino_installed
from napari_attnseg.engines.base import Engine
from napari_attnseg.engines.openvino import OpenVINOEngine
from napari_attnseg.errors import AttnSegError, CheckpointError, DeviceError
from napari_attnseg.io.atomic import write_together
from napari_attnseg.threads import threads, use_threads

if TYPE_CHECKING:
    from napari_attnseg.models.network import SegmentationNetwork

#: Largest difference from PyTorch, in logits and in psi, with which a model is used.
LOGITS_AGREE, PSI_AGREE = 1e-4, 1e-5
#: Runs of each engine, in turns, that are timed when a model is compiled.
TIMED = 5
RECORD = "engine.json"


@dataclass(frozen=True, slots=True)
class Check:
    """Result of compiling a model on this machine.

    Attributes
    ----------
    logits, psi : float
        Largest difference from PyTorch on a random image.
    torch_s, openvino_s : float
        Seconds per image: the median of `TIMED` runs.
    """

    logits: float
    psi: float
    torch_s: float
    openvino_s: float

    @property
    def agrees(self) -> bool:
        """Whether the numbers agree within `LOGITS_AGREE` and `PSI_AGREE`."""
        return self.logits <= LOGITS_AGREE and self.psi <= PSI_AGREE

    @property
    def faster(self) -> bool:
        """Whether OpenVINO was faster."""
        return self.openvino_s < self.torch_s


def kept_check(weights: Path) -> Check | None:
    """Read the kept result of compiling these weights on this machine, if any.

    Raises
    ------
    CheckpointError
        If it is not a weights file.
    """
    if not openvino_installed():
        return None
    record = _record(weights)
    return None if record is None else Check(**record["check"])


def load_openvino(weights: Path) -> OpenVINOEngine:
    """Load the engine of a weights file; compile it first if it is not in the cache.

    Raises
    ------
    CheckpointError
        If the file cannot be used.
    DeviceError
        If OpenVINO cannot compute this model, or its numbers differ from PyTorch's by
        more than `LOGITS_AGREE` or `PSI_AGREE`.
    """
    _expect_agreement(weights)
    kept = _load_kept(weights)
    if kept is None:
        _compile_in_a_process(weights)
        _expect_agreement(weights)
        kept = _load_kept(weights)
    if kept is None:
        raise DeviceError(
            f"Expected {_folder(weights)} to be a folder for the models that "
            "OpenVINO compiles, but it cannot be written or read; PyTorch computes "
            "instead until it can."
        )
    return kept


def _expect_agreement(weights: Path) -> None:
    check = kept_check(weights)
    if check is not None and not check.agrees:
        raise DeviceError(
            f"Expected the numbers of PyTorch from OpenVINO for {weights.name}, but "
            f"logits differ by {check.logits:.1e} and psi by {check.psi:.1e}; PyTorch "
            "computes instead."
        )


def _load_kept(weights: Path) -> OpenVINOEngine | None:
    record = _record(weights)
    if record is None:
        return None
    folder = _folder(weights)
    try:
        compiled = {
            name: _core().import_model(
                (folder / f"{name}.blob").read_bytes(), "CPU", _settings()
            )
            for name in record["graphs"]
        }
    except (OSError, RuntimeError):  # cut short, or of a processor like this one
        return None
    load = partial(_load_network, weights, weights_hash(weights))
    return OpenVINOEngine(read_card(weights).spec, compiled, load)


def _compile_in_a_process(weights: Path) -> None:
    """Compile in a process of its own: a crash there takes no window with it."""
    code = f"from {__name__} import main; main()"
    words = [sys.executable, "-c", code, str(weights), str(_folder(weights))]
    done = subprocess.run(
        [*words, str(threads())],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        silent = f"exit code {done.returncode}"
        last = (done.stderr.strip().splitlines() or [silent])[-1]
        raise DeviceError(
            f"OpenVINO cannot compute the model of {weights.name} "
            f"({last.rstrip('.')}); PyTorch computes instead."
        )


def main() -> None:
    """Compile, check and keep a model; arguments: weights, folder and threads."""
    weights, folder, number = sys.argv[1:]
    use_threads(int(number))
    try:
        keep_compiled(Path(weights), Path(folder))
    except AttnSegError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from error


def keep_compiled(weights: Path, folder: Path) -> None:
    """Compile a model, check it against PyTorch, and write it to a folder if it agrees.

    Raises
    ------
    CheckpointError
        If the weights cannot be used.
    InputError
        If the folder cannot be written.
    """
    from napari_attnseg.engines.torch import TorchEngine

    load = partial(_load_network, weights, weights_hash(weights))
    network = load()
    engine, compiled = compile_network(network, load)
    check = compare(TorchEngine(network), engine)
    if not check.agrees:
        compiled = {}  # the check alone is kept: the next start need not compile again
    record = {**_key(weights), "graphs": [*compiled], "check": asdict(check)}
    files = {
        folder / f"{part}.blob": one.export_model().getvalue()
        for part, one in compiled.items()
    }
    text = json.dumps(record, indent=2) + "\n"
    write_together({**files, folder / RECORD: text.encode()})


def compile_network(
    network: SegmentationNetwork, load: Callable[[], SegmentationNetwork]
) -> tuple[OpenVINOEngine, dict[str, Any]]:
    """Compile a network in eval mode for the CPU; return engine and graphs by name."""
    from napari_attnseg.engines.graphs import graphs_of

    compiled = {
        part: _core().compile_model(graph, "CPU", _settings())
        for part, graph in graphs_of(network).items()
    }
    return OpenVINOEngine(network.spec, compiled, load), compiled


def compare(expected: Engine, engine: Engine) -> Check:
    """Compare results and times of two engines of a model on a random image."""
    size = expected.spec.size
    image = np.random.default_rng(1).random((1, 3, size, size), np.float32)
    seconds: tuple[list[float], list[float]] = ([], [])
    found: list[tuple[Array, dict[int, Array]]] = []
    for turn in range(TIMED + 1):
        found.clear()
        for one, taken in zip((expected, engine), seconds, strict=True):
            start = time.perf_counter()
            with one.computing():
                fused, psi = one.fuse(one.encode(one.array(image)))
                found.append((one.logits(fused), psi))
            if turn:  # what is slow once
                taken.append(time.perf_counter() - start)
    (logits, psi), (other, its_psi) = found
    return Check(
        largest_difference(logits, other),
        max((largest_difference(psi[s], its_psi[s]) for s in psi), default=0.0),
        *map(statistics.median, seconds),
    )


def largest_difference(one: Array, other: Array) -> float:
    """Return the largest absolute difference between two arrays of the same shape."""
    return float(np.abs(to_numpy(one) - to_numpy(other)).max())


def _load_network(weights: Path, sha256: str) -> SegmentationNetwork:
    from napari_attnseg.checkpoints import load_checkpoint
    from napari_attnseg.models.network import channels_last

    network, _, found = load_checkpoint(weights)
    if found != sha256:
        raise CheckpointError(
            f"{weights.name} has changed since it was loaded; load it again."
        )
    return channels_last(network)


def _folder(weights: Path) -> Path:
    import platformdirs

    cache = Path(platformdirs.user_cache_dir("napari-attnseg", appauthor=False))
    return cache / "openvino" / weights_hash(weights)[:32]


def _record(weights: Path) -> dict[str, Any] | None:
    """Stored record of these weights, if versions and processor are the same."""
    try:
        text = (_folder(weights) / RECORD).read_text("utf-8")
        record: dict[str, Any] = json.loads(text)
    except (OSError, ValueError):
        return None
    wanted = _key(weights)
    same = isinstance(record, dict) and {k: record.get(k) for k in wanted} == wanted
    return record if same else None


def _key(weights: Path) -> dict[str, Any]:
    import openvino

    return {
        "weights_sha256": weights_hash(weights),
        "versions": {**versions(), "openvino": openvino.__version__},
        "processor": _core().get_property("CPU", "FULL_DEVICE_NAME"),
    }


@cache
def _core() -> Any:
    import openvino

    return openvino.Core()


def _settings() -> dict[str, Any]:
    return {
        # Its own choice is bfloat16 where there is such a unit: other numbers.
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads(),
    }
