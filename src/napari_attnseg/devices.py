"""Compute devices of this machine, by torch's names."""

from __future__ import annotations

from napari_attnseg.errors import DeviceError


def available_devices() -> list[str]:
    """``auto`` and every device that exists here, fastest first."""
    import torch

    cuda = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return ["auto", *cuda, *mps, "cpu"]


def resolve_device(name: str = "auto") -> str:
    """Device that `name` stands for; ``auto`` is the fastest there is.

    Raises
    ------
    DeviceError
        If this machine has no such device.
    """
    here = available_devices()[1:]
    wanted = {"auto": here[0], "cuda": "cuda:0"}.get(name, name)
    if wanted not in here:
        raise DeviceError(
            f"There is no device {name!r} here; available: auto, {', '.join(here)}."
        )
    return wanted
