"""Psi of gates of which some are forced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from napari_attnseg.encoded_image import FLIPS
from napari_attnseg.errors import InputError
from napari_attnseg.forced_gates import Forced
from napari_attnseg.models.gated import Gated, Level
from napari_attnseg.results import GateKey, gate_label, gate_parts


def forced_psi(
    network: Gated,
    pairs: Sequence[Level],
    gates: Mapping[GateKey, Forced],
) -> dict[int, Tensor]:
    """Psi of all gates (N, gates, h, w) of each stride of `gates`: forced, else own.

    Parameters
    ----------
    network : SegmentationNetwork or Engine
    pairs : sequence of tuples of Tensor
        Of one image, or of its mirror images in the order of `FLIPS`.
    gates : mapping
        With names resolved, as from `forced_gates.resolve_gates`.

    Raises
    ------
    InputError
        If an array has not its gate's resolution.
    """
    own = network.psi(pairs) if gates else {}
    channels = [gate.name for gate in network.gates]
    forced: dict[int, Tensor] = {}
    for key, psi in gates.items():
        stride, name = gate_parts(key)
        there = forced.setdefault(stride, own[stride].clone())
        channel = channels.index(name)
        there[:, channel] = _value(key, psi, there[:, channel])
    return forced


def _value(key: GateKey, psi: Forced, own: Tensor) -> Tensor:
    """What replaces one gate's own psi (N, h, w), in a shape that broadcasts."""
    if isinstance(psi, str):  # `MEAN`: other names are resolved by now
        return own.mean((1, 2), keepdim=True)
    # A copy: torch takes no reversed, foreign-endian or read-only arrays.
    value = torch.from_numpy(np.array(psi, dtype=np.float32))
    size = tuple(own.shape[1:])
    if value.ndim and tuple(value.shape) != size:
        raise InputError(
            f"Expected one number or an array of shape {size} for the gate at "
            f"{gate_label(key)}, got shape {tuple(value.shape)}."
        )
    value = value.to(own.device)
    if value.ndim and len(own) > 1:
        value = torch.stack([value.flip(axes) for axes in FLIPS])
    return value
