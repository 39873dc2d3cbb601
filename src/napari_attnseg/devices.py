"""Compute devices of this machine, by the names that torch gives them."""

from __future__ import annotations

from importlib.util import find_spec

from napari_attnseg.errors import DeviceError

#: Name of the CPU as OpenVINO uses it, which only segmenting can.
OPENVINO = "openvino"
#: Names for people, of devices that have one.
LABELS = {OPENVINO: "CPU (OpenVINO)"}


def openvino_installed() -> bool:
    """Whether the extra ``[openvino]`` is installed; imports nothing."""
    return all(find_spec(name) is not None for name in ("openvino", "platformdirs"))


def segmenting_devices() -> list[str]:
    """`available_devices`, and `OPENVINO` before the CPU where it is installed."""
    *others, cpu = available_devices()
    return [*others, *[OPENVINO] * openvino_installed(), cpu]


def available_devices() -> list[str]:
    """List ``auto`` and every device of this machine, fastest first."""
    import torch

    cuda = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return ["auto", *cuda, *mps, "cpu"]


def resolve_device(name: str = "auto") -> str:
    """Return the device that `name` stands for; ``auto`` is the fastest one.

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
