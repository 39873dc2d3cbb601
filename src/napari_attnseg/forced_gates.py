"""Forced gates: their notation, and which values are allowed. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.images import read_image
from napari_attnseg.results import GateKey, gate_key, gate_label

#: What replaces psi at a gate: a number in [0, 1], the name of an end, `MEAN`, or an
#: array of the gate's own resolution.
Forced = float | str | NDArray[Any]
#: Replace psi by its mean over the image, which removes its spatial pattern.
MEAN = "mean"


def parse_gates(texts: Iterable[str]) -> dict[GateKey, Forced]:
    """Parse ``["1/32=0.5", "1/4=CNN"]`` to ``{32: 0.5, 4: "CNN"}``; a .tif is read.

    If a level has two gates, the text has the name of the gate: ``1/32 CNN=0.5``. A
    .tif file gives a value for each location.

    Raises
    ------
    InputError
        If a text has another form, a gate is named twice, or a file cannot be read.
    """
    gates: dict[GateKey, Forced] = {}
    for text in texts:
        label, equals, value = (part.strip() for part in text.partition("="))
        try:
            key = gate_key(label)
        except ValueError:
            equals = ""
        if not (equals and value):
            raise InputError(
                f"Expected a gate and its psi such as 1/32=0.5, 1/4=CNN, 1/8={MEAN} "
                f"or 1/4=NAME_gate_1-4.tif, but got {text!r}."
            )
        if key in gates:
            raise InputError(f"The gate at {label} is forced twice; name it once.")
        try:
            gates[key] = float(value)
        except ValueError:
            is_map = value.lower().endswith((".tif", ".tiff"))
            gates[key] = read_image(Path(value)) if is_map else value
    return gates


def gate_text(level: str, psi: float | str | Path) -> str:
    """Format one forced gate as `parse_gates` reads it, such as ``1/32=0.5``."""
    return f"{level}={psi}"


def resolve_gates(
    gates: Mapping[GateKey, Forced] | None, ends: Mapping[GateKey, tuple[str, str]]
) -> dict[GateKey, Forced]:
    """Check forced gates without an image, and replace names of ends by numbers.

    Parameters
    ----------
    gates : mapping of int or (int, str) to Forced, optional
        Value that replaces psi, by `AttentionMap.key`.
    ends : mapping of int or (int, str) to (str, str)
        Names of psi 0 and psi 1 of each of the model's gates; case is ignored.

    Raises
    ------
    InputError
        If there is no such gate or end, or a number is outside [0, 1].
    """
    return {key: _resolved(key, psi, ends) for key, psi in (gates or {}).items()}


def _resolved(
    key: GateKey, psi: Forced, all_ends: Mapping[GateKey, tuple[str, str]]
) -> Forced:
    label = gate_label(key)
    if key not in all_ends:
        has = ", ".join(gate_label(k) for k in all_ends)
        raise InputError(
            f"There is no gate at {label}; this model has "
            + (f"gates at {has}." if has else "no gates.")
        )
    ends = all_ends[key]
    if isinstance(psi, str):
        numbers = {end.casefold(): float(i) for i, end in enumerate(ends)}
        if psi.casefold() not in {*numbers, MEAN}:
            raise InputError(
                f"Expected a number in [0, 1], {ends[0]!r}, {ends[1]!r} or {MEAN!r} "
                f"for the gate at {label}, but got {psi!r}."
            )
        return numbers.get(psi.casefold(), MEAN)
    # Written so that NaN fails too.
    if not bool(np.all((np.asarray(psi) >= 0) & (np.asarray(psi) <= 1))):
        raise InputError(
            f"Expected psi in [0, 1] for the gate at {label}; 0 is the "
            f"{ends[0]}, 1 the {ends[1]}."
        )
    return psi
