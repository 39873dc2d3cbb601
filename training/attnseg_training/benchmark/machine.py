"""Describe the machine of a measurement, without its name."""

from __future__ import annotations

import os
import platform
from datetime import date
from typing import Any

from napari_attnseg.cards import versions


def facts_of_machine() -> dict[str, Any]:
    """JSON-ready facts: machine, versions, date and system load."""
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "machine": processor(),
        "versions": {"python": platform.python_version(), **versions()},
        "date": date.today().isoformat(),
        "load_average": busy,
    }


def facts_of_device(device: str) -> dict[str, Any]:
    """Return `facts_of_machine`, with the device that computes and its CPU threads."""
    import torch

    return {
        **facts_of_machine(),
        "device": device,
        "machine": machine(device),
        "threads": torch.get_num_threads(),
    }


def machine(device: str) -> str:
    """Describe the machine that computes."""
    if not device.startswith("cuda"):
        return processor()
    import torch

    return torch.cuda.get_device_name(device)


def processor() -> str:
    """Describe the processor and its number of cores."""
    return f"{platform.machine()}, {os.cpu_count()} CPU cores"
