"""What each catalog entry is made of, without allocating its weights."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from napari_attnseg.models.catalog import MODELS
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.weights import bundled_weights


def model_rows() -> list[dict[str, Any]]:
    """One JSON-ready row per catalog name.

    ``name``, ``about``, ``encoders`` (CNN, transformer), ``fusion``, ``parameters``,
    ``gmac`` (10⁹ multiply-accumulates of one forward pass at ``input_size``, counted on
    torch's meta device), ``input_size``, ``bundled``.
    """
    bundled = bundled_weights()
    rows = []
    for spec in MODELS.values():
        with torch.device("meta"):
            network = SegmentationNetwork(spec).eval()
            image = torch.empty(1, 3, spec.size, spec.size)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(image)
        rows.append(
            {
                "name": spec.name,
                "about": spec.about,
                "encoders": [spec.cnn.name, spec.transformer.name],
                "fusion": spec.fusion,
                "parameters": sum(p.numel() for p in network.parameters()),
                # The counter counts a multiplication and an addition as two.
                "gmac": round(counter.get_total_flops() / 2e9, 2),
                "input_size": spec.size,
                "bundled": spec.name in bundled,
            }
        )
    return rows
