"""One run in several processes: who does what, and means over all of them.

Started by ``--num-processes``, ``accelerate launch`` or ``torchrun``, which tell each
process its number in the environment. Every process keeps the whole network and takes
its share of each batch; gradients are averaged before each step, so that all take the
same one. Only the main process writes, measures and speaks.
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

#: How long the others wait for the main process, which measures while they do.
PATIENCE = timedelta(hours=2)
#: How long a step and its saving may take after the wish to stop, in seconds.
LAST_STEP = 120


def started() -> tuple[int, int]:
    """Number of this process and of all in its run, as who started it said: or 0, 1."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


class Processes:
    """Where a process stands among those of its run; alone, every method does nothing.

    Parameters
    ----------
    device : str
        As in `TrainConfig`; with several processes ``auto`` and ``cuda`` give each its
        own GPU.

    Attributes
    ----------
    rank, count : int
        Number of this process, from 0, and how many there are.
    machine : int
        Number of the machine it runs on.
    device : str
        Where this process computes.

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
        """Whether this process writes, measures and speaks."""
        return self.rank == 0

    def share(self, index: Sequence[int]) -> list[int]:
        """Part of a batch that is this process's, as even as it goes.

        Raises
        ------
        InputError
            If there are fewer images than processes.
        """
        if len(index) < self.count:
            raise InputError(
                f"Expected at least one image per process and step, got {len(index)} "
                f"for {self.count} processes; raise --batch or take fewer."
            )
        return cut(index, self.count)[self.rank]

    def mean(self, tensors: Sequence[Tensor]) -> None:
        """Replace float tensors by their means over all processes, in place.

        Together, in one message: many small ones are slow.
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
        """Let the main process do it, then the others: they find what it wrote."""
        if self.main:
            yield
        self._wait()
        if not self.main:
            yield

    def _wait(self) -> None:
        self.any_rank(False)


def cut(index: Sequence[int], parts: int) -> list[list[int]]:
    """Parts of a batch in its order, as even as it goes."""
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
            "Another process of this run was lost; go on with --resume. "
            f"({str(error).splitlines()[0]})"
        ) from error


def launch(count: int, arguments: Sequence[str], config: TrainConfig) -> int:
    """Start the same ``attnseg-train`` command in `count` processes; its exit code.

    Where one process ends early the others are stopped. A signal is passed on, so that
    all finish the step.

    Raises
    ------
    DeviceError
        If there are fewer GPUs than processes.
    """
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    gpus = torch.cuda.device_count()
    if resolve_device(config.device) != "cpu" and count > gpus:
        raise DeviceError(
            f"Expected a GPU for each of {count} processes, found {gpus}; take fewer, "
            "or --device cpu."
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
