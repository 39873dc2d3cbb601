"""Sanity checks by randomisation (Adebayo et al. 2018): what a map depends on.

If a map does not change when the weights from which it is computed are made
meaningless, it does not show what these weights learned.
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

    The distribution of the values in every tensor stays, including running statistics,
    but what was learned is lost. The other parts are not copied: both networks share
    them.

    Parameters
    ----------
    network : SegmentationNetwork
        Network, which does not change.
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
