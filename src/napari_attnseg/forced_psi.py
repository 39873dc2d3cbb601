"""Compute the psi of the gates if some of them are forced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from napari_attnseg.arrays import Array, copy, mirror, same_kind
from napari_attnseg.encoded_image import FLIPS
from napari_attnseg.errors import InputError
from napari_attnseg.forced_gates import Forced
from napari_attnseg.models.gated import Gated, Level
from napari_attnseg.results import GateKey, gate_label, gate_parts


def forced_psi(
    network: Gated,
    pairs: Sequence[Level],
    gates: Mapping[GateKey, Forced],
) -> dict[int, Array]:
    """Compute psi (N, gates, h, w) at each stride that `gates` names.

    At such a stride, gates that are not forced keep their own psi.

    Parameters
    ----------
    network : SegmentationNetwork or Engine
    pairs : sequence of tuples of Array
        Aligned maps of one image, or of its mirror images in the order of `FLIPS`.
    gates : mapping
        Forced values, with names replaced by numbers; see `forced_gates.resolve_gates`.

    Raises
    ------
    InputError
        If an array does not have the resolution of its gate.
    """
    own = network.psi(pairs) if gates else {}
    channels = [gate.name for gate in network.gates]
    forced: dict[int, Array] = {}
    for key, psi in gates.items():
        stride, name = gate_parts(key)
        if stride not in forced:
            forced[stride] = copy(own[stride])
        there = forced[stride]
        channel = channels.index(name)
        there[:, channel] = _value(key, psi, there[:, channel])
    return forced


def _value(key: GateKey, psi: Forced, own: Array) -> Array:
    """Value that replaces a gate's own psi (N, h, w), in a shape that broadcasts."""
    if isinstance(psi, str):  # `MEAN`: other names are resolved by now
        return own.mean(axis=(1, 2), keepdims=True)
    # A copy: torch takes no reversed, foreign-endian or read-only arrays.
    value = np.array(psi, dtype=np.float32)
    size = tuple(own.shape[1:])
    if value.ndim and value.shape != size:
        raise InputError(
            f"Expected one number or an array of shape {size} for the gate at "
            f"{gate_label(key)}, got shape {value.shape}."
        )
    if value.ndim and len(own) > 1:
        value = np.stack([mirror(value, axes) for axes in FLIPS])
    return same_kind(value, own)
