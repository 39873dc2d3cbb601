"""Data-parallel training in several processes.

They are started by ``--num-processes``, ``accelerate launch`` or ``torchrun``, which
set the rank of each process in the environment. Every process keeps the whole network
and computes its share of each batch; gradients are averaged before each step, so that
all take the same step. Only the main process writes, validates and reports.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise

import torch
from torch import Tensor

from attnseg_training.config import TrainConfig
from napari_attnseg.devices import resolve_device
from napari_attnseg.errors import DeviceError, InputError
from napari_attnseg.exit_codes import INTERRUPTED

#: How long the other processes wait for the main one while it validates.
PATIENCE = timedelta(hours=2)
#: Seconds that a step and its saving may take after a stop was requested.
LAST_STEP = 120


def started() -> tuple[int, int]:
    """Rank of this process and number of processes, from the environment."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


class Processes:
    """Group of the processes of a run; with a single process all methods are trivial.

    Parameters
    ----------
    device : str
        Device as in `TrainConfig`; with several processes ``auto`` and ``cuda`` give
        each process its own GPU.

    Attributes
    ----------
    rank, count : int
        Number of this process, from 0, and number of all processes.
    machine : int
        Number of the machine on which this process runs, from 0.
    device : str
        Device of this process.

    Raises
    ------
    DeviceError
        If the device does not exist, or several processes are given one GPU.
    """

    def __init__(self, device: str = "auto") -> None:
        self.rank, self.count, self.machine = 0, 1, 0
        self.device = resolve_device(device)
        _, count = started()
        if count == 1:
            return
        if device not in ("auto", "cpu", "cuda"):
            raise DeviceError(
                f"{count} processes cannot share {device!r}; give --device auto, "
                "which takes a GPU for each, or cpu."
            )
        from accelerate import PartialState

        state = PartialState(cpu=self.device == "cpu", timeout=PATIENCE)
        # Or gloo's threads may be running when the interpreter goes, which aborts it.
        atexit.register(_leave)
        self.rank, self.count = state.process_index, state.num_processes
        self.machine = self.rank // int(os.environ.get("LOCAL_WORLD_SIZE", self.count))
        if self.device != "cpu":
            self.device = str(state.device)
        if not self.main:
            logging.getLogger("attnseg_training").setLevel(logging.ERROR)

    @property
    def main(self) -> bool:
        """Whether this process writes, validates and reports."""
        return self.rank == 0

    def share(self, index: Sequence[int]) -> list[int]:
        """Return the part of a batch for this process; parts are as equal as possible.

        Raises
        ------
        InputError
            If there are fewer images than processes.
        """
        _check_share(len(index), self.count)
        return cut(index, self.count)[self.rank]

    def mean(self, tensors: Sequence[Tensor]) -> None:
        """Replace float tensors by their means over all processes, in place.

        All are sent in one message, because many small ones are slow.
        """
        if self.count == 1:
            return
        from accelerate.utils import reduce

        flat = torch.cat([tensor.flatten() for tensor in tensors])
        with _partners():
            flat = reduce(flat, "mean")
        sizes = [tensor.numel() for tensor in tensors]
        for tensor, value in zip(tensors, flat.split(sizes), strict=True):
            tensor.copy_(value.view(tensor.shape))

    def any_rank(self, flag: bool) -> bool:
        """Logical OR over all processes; the result is the same in each."""
        if self.count == 1:
            return flag
        share = torch.tensor([float(flag)], device=self.device)
        self.mean([share])
        return bool(share > 0)

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """Run a block in the main process first, so that the others find its files."""
        if self.main:
            yield
        self._wait()
        if not self.main:
            yield

    def _wait(self) -> None:
        self.any_rank(False)


def _check_share(images: int, count: int) -> None:
    if images < count:
        raise InputError(
            f"Expected at least one image per process and step, got {images} "
            f"for {count} processes; raise --batch or take fewer."
        )


def cut(index: Sequence[int], parts: int) -> list[list[int]]:
    """Split a batch into consecutive parts, as equal as possible."""
    ends = [len(index) * i // parts for i in range(parts + 1)]
    return [list(index[a:b]) for a, b in pairwise(ends)]


def _leave() -> None:
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@contextmanager
def _partners() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # gloo's and NCCL's
        raise DeviceError(
            "Another process of this run was lost; resume the run with --resume. "
            f"({str(error).splitlines()[0]})"
        ) from error


def launch(count: int, arguments: Sequence[str], config: TrainConfig) -> int:
    """Start the same ``attnseg-train`` command in several processes.

    If one process ends early the others are stopped. A signal is passed on, so that
    all finish the step.

    Returns
    -------
    int
        Exit code.

    Raises
    ------
    DeviceError
        If there are fewer GPUs than processes.
    InputError
        If a batch has fewer images than there are processes.
    """
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    _check_share(config.batch, count)
    gpus = torch.cuda.device_count()
    if resolve_device(config.device) != "cpu" and count > gpus:
        raise DeviceError(
            f"Expected a GPU for each of {count} processes, found {gpus}; use fewer "
            "processes, or --device cpu."
        )
    # torchrun would give each one thread, and say so at length.
    threads = config.threads or max(1, (os.cpu_count() or 1) // count)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    # What went wrong is said by the process itself, in one sentence.
    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)
    words = [
        *("--standalone", "--nproc-per-node", str(count)),
        *("--shutdown-timeout", str(LAST_STEP)),
        *("--module", "attnseg_training.cli"),
    ]
    try:
        run.main([*words, *arguments])
    except ChildFailedError as error:
        code = error.get_first_failure()[1].exitcode
        return code if code > 0 else 128 - code
    except SignalException as error:
        return INTERRUPTED if error.sigval in (signal.SIGINT, signal.SIGTERM) else 1
    return 0
