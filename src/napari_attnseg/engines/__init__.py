"""Engines that compute a model: PyTorch, or OpenVINO if it is installed.

`inference.Segmenter` uses one of them. Both have the same interface, and their numbers
agree within `compiled.LOGITS_AGREE` and `compiled.PSI_AGREE`.
"""

from __future__ import annotations

from pathlib import Path

from napari_attnseg.devices import (
    OPENVINO,
    gpu_here,
    openvino_installed,
    resolve_device,
)
from napari_attnseg.errors import DeviceError

#: Key, in the provenance, of the device that was asked for where another engine stood
#: in for it; and that in words.
ASKED = "device_asked"
STOOD_IN = (
    "OpenVINO cannot be used for these weights on this machine, so PyTorch computed on "
    "the CPU."
)


def chosen_device(weights: Path, name: str) -> str:
    """Device that segments with these weights if `name` is asked for.

    Parameters
    ----------
    weights : Path
        A weights file.
    name : str
        As for `Segmenter.from_checkpoint`. ``auto`` chooses a GPU if there is one.
        Otherwise it chooses OpenVINO if these weights were compiled for it on this
        machine and were faster, or else the CPU.

    Raises
    ------
    DeviceError
        If this machine has no such device.
    """
    if name == OPENVINO:
        if not openvino_installed():
            raise DeviceError(
                "The device 'openvino' needs OpenVINO; pip install "
                "'napari-attnseg[openvino]', or choose the device 'cpu'."
            )
        return name
    # In this order: torch, which knows the GPUs, takes longer to import than all else.
    if name == "auto" and prefers_openvino(weights) and not gpu_here():
        return OPENVINO
    return resolve_device(name)


def prefers_openvino(weights: Path) -> bool:
    """Whether OpenVINO agreed with PyTorch on these weights here, and was faster."""
    if not openvino_installed():
        return False
    from napari_attnseg.engines.compiled import kept_check

    check = kept_check(weights)
    return check is not None and check.agrees and check.faster
