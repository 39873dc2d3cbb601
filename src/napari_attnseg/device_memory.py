"""Handle a compute device that runs out of memory, and free its memory."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from napari_attnseg.arrays import Array
from napari_attnseg.errors import DeviceError

Found = TypeVar("Found")


def in_parts(compute: Callable[[slice], Found], total: int) -> list[Found]:
    """Compute `total` images at once, or fewer at a time if memory does not suffice.

    The number is halved until it fits; what was computed before is kept.

    Parameters
    ----------
    compute : callable
        Called with a slice of image numbers; computes these images.
    total : int
        Number of images.

    Returns
    -------
    list
        What `compute` returned for each part, in order.

    Raises
    ------
    torch.OutOfMemoryError
        If one image alone does not fit.
    """
    found: list[Found] = []
    at, size = 0, total
    while at < total:
        part = slice(at, min(at + size, total))
        try:
            found.append(compute(part))
        except _out_of_memory():
            if size == 1:
                raise
            size = (size + 1) // 2
        else:
            at = part.stop
            continue
        free_memory()  # here, where the error holds no tensor any longer
    return found


def or_on_cpu(compute: Callable[[Array], Found], values: Array) -> Found:
    """Compute on the device of `values`, or on the CPU if memory does not suffice."""
    try:
        return compute(values)
    except _out_of_memory():
        if values.device.type == "cpu":
            raise
    free_memory()
    return compute(values.cpu())


def _out_of_memory() -> tuple[type[Exception], ...]:
    """Out-of-memory error of torch, if torch is imported."""
    loaded = sys.modules.get("torch")
    return () if loaded is None else (loaded.OutOfMemoryError,)


def free_memory() -> None:
    """Release GPU memory that torch keeps cached and that nothing uses."""
    loaded = sys.modules.get("torch")
    if loaded is None:
        return
    gpu, apple = loaded.cuda.is_initialized(), loaded.backends.mps.is_available()
    if gpu or apple:
        gc.collect()  # a cycle may hold a tensor
    if gpu:
        loaded.cuda.empty_cache()
    if apple:
        loaded.mps.empty_cache()


@contextmanager
def enough_memory(device: str, size: int) -> Iterator[None]:
    """Turn an out-of-memory error into one sentence that says what would fit.

    Parameters
    ----------
    device : str
        Name of the device in torch, such as ``cuda:0``.
    size : int
        Rows and columns that the network sees.

    Raises
    ------
    DeviceError
    """
    try:
        yield
    except _out_of_memory() as error:
        free = ""
        if device.startswith("cuda"):
            import torch

            left, has = (n / 2**30 for n in torch.cuda.mem_get_info(device))
            free = f" ({left:.1f} of its {has:.1f} GB are free)"
        raise DeviceError(
            f"{device} ran out of memory{free}, although only one {size}×{size} image "
            "was on it, which is what the network sees of any image: close other "
            "programs that use it, choose weights of a smaller model, or choose the "
            "device 'cpu'."
        ) from error
