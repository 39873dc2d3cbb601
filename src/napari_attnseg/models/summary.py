"""What each catalog entry is made of, without allocating its weights."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from napari_attnseg.errors import InputError
from napari_attnseg.models.catalog import MODELS
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import ModelSpec
from napari_attnseg.weights import bundled_weights


def model_rows() -> list[dict[str, Any]]:
    """One JSON-ready row per catalog name.

    ``name``, ``about``, ``encoders`` (the CNN first), ``architecture``, ``fusion``
    (None with one encoder), ``parameters``, ``gmac`` (10⁹ multiply-accumulates of one
    forward pass at ``input_size``, counted on torch's meta device; both None for a
    model whose library is not installed), ``input_size``, ``bundled``.
    """
    bundled = bundled_weights()
    rows = []
    for spec in MODELS.values():
        parameters, gmac = _count(spec)
        rows.append(
            {
                "name": spec.name,
                "about": spec.about,
                "encoders": [e.name for e in spec.encoders if e.name != "image"],
                "architecture": spec.architecture,
                "fusion": spec.fusion if spec.architecture == "dual" else None,
                "parameters": parameters,
                "gmac": gmac,
                "input_size": spec.size,
                "bundled": spec.name in bundled,
            }
        )
    return rows


def _count(spec: ModelSpec) -> tuple[int | None, float | None]:
    try:
        with torch.device("meta"):
            network = SegmentationNetwork(spec).eval()
            image = torch.empty(1, 3, spec.size, spec.size)
    except InputError:  # its library is not installed
        return None, None
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    # The counter counts a multiplication and an addition as two.
    gmac = round(counter.get_total_flops() / 2e9, 2)
    return sum(p.numel() for p in network.parameters()), gmac
