"""Gates forced by hand: how they are written, and what is allowed. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.images import read_image
from napari_attnseg.spec import STRIDES

#: What replaces psi at a gate: a number in [0, 1], the name of an end, `MEAN`, or an
#: array of the gate's own resolution.
Forced = float | str | NDArray[Any]
#: Replace psi by its own mean over the image: its pattern goes, its level stays.
MEAN = "mean"


def parse_gates(texts: Iterable[str]) -> dict[int, Forced]:
    """``["1/32=0.5", "1/4=CNN"]`` → ``{32: 0.5, 4: "CNN"}``; a .tif is read.

    Raises
    ------
    InputError
        If one is written otherwise, a gate is named twice, or a file cannot be read.
    """
    gates: dict[int, Forced] = {}
    for text in texts:
        level, equals, value = (part.strip() for part in text.partition("="))
        number = level.removeprefix("1/")
        if not (equals and value and level.startswith("1/") and number.isdecimal()):
            raise InputError(
                f"Expected a gate and its psi such as 1/32=0.5, 1/4=CNN, 1/8={MEAN} "
                f"or 1/4=NAME_gate_1-4.tif, but got {text!r}."
            )
        if int(number) in gates:
            raise InputError(f"The gate at {level} is forced twice; name it once.")
        try:
            gates[int(number)] = float(value)
        except ValueError:
            is_map = value.lower().endswith((".tif", ".tiff"))
            gates[int(number)] = read_image(Path(value)) if is_map else value
    return gates


def gate_text(level: str, psi: float | str | Path) -> str:
    """What `parse_gates` reads: ``1/32=0.5``; `level` as in ``gates_forced``."""
    return f"{level}={psi}"


def resolve_gates(
    gates: Mapping[int, Forced] | None, ends: tuple[str, str]
) -> dict[int, Forced]:
    """Check what can be checked without an image; an end becomes its number.

    Parameters
    ----------
    gates : mapping of int to Forced, optional
        Stride → what replaces psi there.
    ends : (str, str)
        Names of psi 0 and psi 1; upper and lower case are alike.

    Raises
    ------
    InputError
        If there is no such gate or end, or a number is outside [0, 1].
    """
    return {
        stride: _resolved(stride, psi, ends) for stride, psi in (gates or {}).items()
    }


def _resolved(stride: int, psi: Forced, ends: tuple[str, str]) -> Forced:
    if stride not in STRIDES:
        raise InputError(
            f"There is no gate at 1/{stride}; this model has gates at "
            f"{', '.join(f'1/{s}' for s in STRIDES)}."
        )
    if isinstance(psi, str):
        numbers = {end.casefold(): float(i) for i, end in enumerate(ends)}
        if psi.casefold() not in {*numbers, MEAN}:
            raise InputError(
                f"Expected a number in [0, 1], {ends[0]!r}, {ends[1]!r} or {MEAN!r} "
                f"for the gate at 1/{stride}, but got {psi!r}."
            )
        return numbers.get(psi.casefold(), MEAN)
    # Written so that NaN fails too.
    if not bool(np.all((np.asarray(psi) >= 0) & (np.asarray(psi) <= 1))):
        raise InputError(
            f"Expected psi in [0, 1] for the gate at 1/{stride}; 0 is the "
            f"{ends[0]}, 1 the {ends[1]}."
        )
    return psi
