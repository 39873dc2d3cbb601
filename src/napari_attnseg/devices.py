"""Compute devices of this machine, by the names that torch gives them."""

from __future__ import annotations

import sys
from ctypes.util import find_library
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from napari_attnseg.errors import DeviceError

#: Name of the CPU as OpenVINO uses it, which only segmenting can.
OPENVINO = "openvino"
#: What Linux has there where there is a GPU for torch: NVIDIA's, that of its small
#: boards, AMD's, and that of a Windows around it.
_LINUX_DEVICES = Path("/dev")
_GPU_FILES = ("nvidia*", "nvhost*", "nvgpu*", "kfd", "dxg")
#: Names for people, of devices that have one.
LABELS = {OPENVINO: "CPU (OpenVINO)"}


def openvino_installed() -> bool:
    """Whether the extra ``[openvino]`` is installed; imports nothing."""
    return all(find_spec(name) is not None for name in ("openvino", "platformdirs"))


def segmenting_devices() -> list[str]:
    """List `available_devices`, and `OPENVINO` before the CPU if it is installed."""
    *others, cpu = available_devices()
    return [*others, *[OPENVINO] * openvino_installed(), cpu]


def available_devices() -> list[str]:
    """List ``auto`` and every device of this machine, fastest first."""
    import torch

    cuda = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return ["auto", *cuda, *mps, "cpu"]


def gpu_here() -> bool:
    """Whether torch has a GPU here; torch is not imported if there cannot be one."""
    try:
        if version("torch").endswith("+cpu"):
            return False
    except PackageNotFoundError:
        pass  # installed some other way
    if sys.platform == "linux":
        if not any(any(_LINUX_DEVICES.glob(name)) for name in _GPU_FILES):
            return False
    elif sys.platform == "win32" and find_library("nvcuda") is None:
        return False
    return len(available_devices()) > 2


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
