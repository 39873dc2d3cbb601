"""Parameters of the optimiser, grouped by learning rate and weight decay."""

from __future__ import annotations

from typing import Any

from torch import nn

from attnseg_training.config import TrainConfig
from napari_attnseg.models.network import SegmentationNetwork


def parameter_groups(
    network: SegmentationNetwork, config: TrainConfig
) -> list[dict[str, Any]]:
    """Make parameter groups: learning rates by depth, no decay of norms and biases."""
    peaks = {
        "cnn": config.encoder_lr,
        "transformer": config.transformer_lr or config.encoder_lr,
    }
    depths: dict[str, int] = {}
    if config.layer_decay < 1:
        for encoder in with_backbone(network):
            found = getattr(network, encoder).depths()
            depths |= {f"{encoder}.{name}": depth for name, depth in found.items()}
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, p in network.named_parameters():
        if p.requires_grad:
            peak = peaks.get(name.split(".")[0], config.lr)
            peak *= config.layer_decay ** depths.get(name, 0)
            groups.setdefault((peak, p.ndim > 1), []).append(p)
    return [
        {
            "params": params,
            "lr": 0.0,
            "peak": peak,
            "weight_decay": config.weight_decay if decay else 0.0,
        }
        for (peak, decay), params in sorted(groups.items(), key=lambda g: g[0])
    ]


def with_backbone(network: SegmentationNetwork) -> list[str]:
    """Names of the network's encoders that wrap a timm backbone."""
    encoders = ("cnn", "transformer")
    return [name for name in encoders if hasattr(getattr(network, name), "backbone")]
