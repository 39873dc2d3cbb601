"""Sanity checks by randomisation (Adebayo et al. 2018): what a map depends on.

A map that stays as it was when the weights it is said to come from are made meaningless
does not show what they learned.
"""

from __future__ import annotations

import copy

import torch

from napari_attnseg.models.network import SegmentationNetwork

#: What can be shuffled: name → parts of `SegmentationNetwork`.
PARTS: dict[str, tuple[str, ...]] = {
    "gates": ("fusion",),
    "decoder": ("decoder",),
    "CNN": ("cnn",),
    "transformer": ("transformer",),
}


@torch.no_grad()
def shuffled(
    network: SegmentationNetwork, part: str, seed: int = 0
) -> SegmentationNetwork:
    """Copy of a network with the values of one part shuffled within each tensor.

    The distribution of every tensor stays, running statistics included; what was
    learned is gone. The other parts are not copied: both networks have the same.

    Parameters
    ----------
    network : SegmentationNetwork
        Left as it is.
    part : str
        Name in `PARTS`.
    seed : int
        Seed of the shuffle.
    """
    kept = (m for name, m in network.named_children() if name not in PARTS[part])
    # What a deep copy is told it has copied already is taken as it is.
    copied = copy.deepcopy(network, {id(module): module for module in kept})
    generator = torch.Generator().manual_seed(seed)
    for name in PARTS[part]:
        for value in copied.get_submodule(name).state_dict().values():
            order = torch.randperm(value.numel(), generator=generator)
            flat = value.flatten()[order.to(value.device)]
            value.copy_(flat.view(value.shape))
    return copied
