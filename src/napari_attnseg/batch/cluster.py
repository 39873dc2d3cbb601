"""Distribute the images of a batch by Dask to other processes, GPUs or machines.

Each worker loads the weights once and treats one image at a time, as `segment_images`
does. If a worker dies, another worker makes its results again. Each file is written
completely or not at all.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from napari_attnseg.batch.base import Batch, Outcome, model_notes, not_images
from napari_attnseg.batch.here import process
from napari_attnseg.batch.options import SegmentOptions
from napari_attnseg.batch.segment import stems_of
from napari_attnseg.batch.segmenting import Segmenting
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.io.atomic import remove_leftovers
from napari_attnseg.io.readers.formats import FileFormat, file_format
from napari_attnseg.threads import use_threads
from napari_attnseg.weights import DEFAULT_WEIGHTS, bundled_weights, weights_path

#: Images that are in the hands of the scheduler at a time, at most.
IN_FLIGHT = 1000
#: Seconds until a scheduler has to answer.
PATIENCE = 30
MISSING = (
    "Several workers need dask.distributed, which is not installed: pip install "
    "'napari-attnseg[cluster]'."
)


@dataclass(frozen=True, slots=True)
class Job:
    """Settings that a worker needs besides an image.

    Attributes
    ----------
    out, weights, device, how
        As for `Segmenting`.
    sha256 : str
        Hash of the weights, which have to be the same on every machine.
    settings : str
        `Segmenting.settings`, which has to be the same on every machine, too.
    threads : int
        CPU threads of each worker; 0: as many as its environment says.
    """

    out: Path
    weights: str | Path
    device: str
    how: SegmentOptions
    sha256: str
    settings: str
    threads: int = 0


def segment_on_cluster(
    inputs: Sequence[Path],
    out: Path,
    weights: str | Path = DEFAULT_WEIGHTS,
    device: str = "auto",
    options: SegmentOptions | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    threads: int = 0,
) -> Batch:
    """Segment images on Dask workers; outcomes come in the order of completion.

    Images that have results already, made from the same pixels, weights and settings,
    are skipped, so that a stopped run is resumed.

    Parameters
    ----------
    inputs, out, weights, device, options
        As for `segment_images`. Each worker chooses its own device for ``auto``.
    workers : int, optional
        Processes of this machine to start, each with its own GPU where there are some.
    scheduler : str, optional
        Address of a Dask scheduler instead, such as ``tcp://host:8786``. Its workers
        need this package and the same paths of images, weights and results, which are
        made absolute.
    threads : int
        CPU threads of each worker. 0: each worker uses ``OMP_NUM_THREADS`` threads if
        that is set. If it is not, local workers share the cores of this machine.

    Raises
    ------
    UnknownNameError, CheckpointError, DeviceError, InputError
        As for `segment_images`. Also if dask.distributed is not installed, if `workers`
        and `scheduler` are both given or both missing, or if no scheduler answers at
        the address.
    """
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise InputError(MISSING) from error
    if (workers is None) == (scheduler is None) or (workers or 1) < 1:
        raise InputError(
            "Expected one or more workers on this machine or the address of a "
            f"scheduler, but got workers {workers} and scheduler {scheduler}; give one "
            "of them."
        )
    others = {file_format(one) for one in inputs} - {None, FileFormat.RASTER}
    if others:  # no path is told: that of DICOM may name the patient
        raise InputError(
            "Expected PNG, JPEG or TIFF images with --workers and --scheduler, which "
            "do not work for films, DICOM and volumes; leave these options out."
        )
    how = replace(options or SegmentOptions(), resume=True)
    if scheduler is not None:
        inputs, out = [path.absolute() for path in inputs], out.absolute()
        if how.medsam is not None:
            how = replace(how, medsam=how.medsam.absolute())
    stems = stems_of(inputs, out, how)
    if str(weights) not in bundled_weights():
        weights = weights_path(weights).absolute()
    # Checks the options before any work. The device is the workers' own.
    own = Segmenting(out, weights, "cpu", how)
    same = own.segmenter.sha256, own.settings
    job = Job(out, weights, device, how, *same, threads)
    return Batch(
        stems,
        partial(_outcomes, stems, job, workers, scheduler),
        model_notes(own.segmenter, "cpu"),
        not_images(inputs, stems),
    )


def _outcomes(
    stems: Mapping[Path, str], job: Job, workers: int | None, scheduler: str | None
) -> Iterator[Outcome]:
    from distributed import Client, KilledWorker, as_completed

    with ExitStack() as stack:
        address: Any = scheduler
        if workers is not None:
            address = stack.enter_context(_local_cluster(workers, job.device))
        try:
            client = stack.enter_context(Client(address, timeout=PATIENCE))
        except OSError as error:
            raise InputError(
                f"No Dask scheduler answered at {scheduler} within {PATIENCE} s; give "
                "the address that `dask scheduler` printed, such as tcp://host:8786."
            ) from error
        rest, asked = iter(stems.items()), dict[str, tuple[Path, str]]()

        def submit(count: int) -> list[Any]:
            futures = []
            for path, stem in islice(rest, count):
                # Not by what it gets: who stopped may ask the same again.
                future = client.submit(segment_one, job, path, stem, pure=False)
                asked[future.key] = path, stem
                futures.append(future)
            return futures

        waiting = as_completed(submit(IN_FLIGHT))
        for future in waiting:
            path, stem = asked.pop(future.key)
            try:
                outcome = future.result()
            except KilledWorker:
                outcome = Outcome(
                    path,
                    stem,
                    error="every worker that segmented it died; it may need more "
                    "memory than they have.",
                )
            future.release()
            waiting.update(submit(1))
            yield outcome
        remove_leftovers(job.out)  # of workers that died


def segment_one(job: Job, path: Path, stem: str) -> Outcome:
    """Segment one image in a worker, which keeps its model for the next one."""
    try:
        work = _loaded(job)
    except AttnSegError as error:
        return Outcome(path, stem, error=str(error))
    if (work.segmenter.sha256, work.settings) != (job.sha256, job.settings):
        return Outcome(
            path,
            stem,
            error="the worker has other weights or another version than who asked it; "
            "install the same on every machine.",
        )
    (outcome,) = process({path: stem}, work.steps())
    return outcome


#: The last job of this worker, and what was loaded for it.
_LAST: dict[str, Segmenting] = {}


def _loaded(job: Job) -> Segmenting:
    where = f"{job.device} {job.out} {job.weights} {job.threads}"
    key = f"{job.sha256} {job.settings} {where}"
    if key not in _LAST:
        _LAST.clear()  # freed before another one takes the memory
        if job.threads:
            use_threads(job.threads)
        _LAST[key] = Segmenting(job.out, job.weights, job.device, job.how)
    return _LAST[key]


def _local_cluster(workers: int, device: str) -> Any:
    """Processes of this machine, which end with the cluster."""
    import dask
    from distributed import Nanny, Scheduler, SpecCluster

    threads = max(1, (os.cpu_count() or 1) // workers)
    gpus = _gpus() if device in ("auto", "cuda") else []

    def worker(index: int) -> dict[str, Any]:
        env = {"OMP_NUM_THREADS": str(os.environ.get("OMP_NUM_THREADS", threads))}
        if gpus:
            env["CUDA_VISIBLE_DEVICES"] = gpus[index % len(gpus)]
        options = {"nthreads": 1, "memory_limit": 0, "env": env, "dashboard": False}
        return {"cls": Nanny, "options": options}

    where = {"host": "127.0.0.1", "port": 0, "dashboard": False}
    # A worker that dies is told by what becomes of its images. Processes set up their
    # logs when they start, so those of workers are told by their environment.
    logs = "distributed.nanny.pre-spawn-environ.DASK_LOGGING__DISTRIBUTED"
    with dask.config.set({logs: "critical"}):
        return SpecCluster(
            {index: worker(index) for index in range(workers)},
            {"cls": Scheduler, "options": where},
            silence_logs=logging.CRITICAL,
        )


def _gpus() -> list[str]:
    """Names of the GPUs of this machine for ``CUDA_VISIBLE_DEVICES``."""
    import torch

    count = torch.cuda.device_count()
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    return named[:count] if named != [""] else [str(i) for i in range(count)]
