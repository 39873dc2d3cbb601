"""Sanity checks of gate maps: stability, shuffled weights, other explanations."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnseg_training.gates.controls import at_size, localisation
from attnseg_training.gates.keys import CHANGES, Columns, Key, Measure
from attnseg_training.gates.sanity import PARTS, shuffled
from napari_attnseg.cards import ModelCard
from napari_attnseg.errors import InputError
from napari_attnseg.explanations import EXPLAINERS
from napari_attnseg.explanations.subject import Subject, own_target, untouched
from napari_attnseg.explanations.trust import measured_trust, region_means
from napari_attnseg.models.network import Features, SegmentationNetwork
from napari_attnseg.rank_statistics import spearman
from napari_attnseg.spec import STRIDES

#: Of explanations with a map per level the coarsest is taken, as is usual.
OTHER_STRIDE = 32
#: How often gates are shuffled to see which agreement is due to chance.
DRAWS = 20


def _alike(a: Tensor, b: Tensor) -> list[float]:
    """Rank correlation of each image's two maps."""
    pairs = zip(a.cpu().numpy(), b.cpu().numpy(), strict=True)
    return [spearman(one, other) for one, other in pairs]


def stability(
    network: SegmentationNetwork, images: Tensor, attention: dict[int, Tensor]
) -> Columns:
    """Compare psi with psi for mirrored, turned or noisy images, by rank correlation.

    Parameters
    ----------
    network : SegmentationNetwork
        Network in eval mode.
    images : Tensor, shape (N, 3, S, S), in [0, 1]
    attention : dict of int to Tensor, shape (N, 1, h, w)
        Stride → psi of these images.
    """
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(images.shape, generator=generator).to(images.device)
    changes: tuple[tuple[Tensor, Callable[[Tensor], Tensor]], ...] = (
        (images.flip(-1), lambda psi: psi.flip(-1)),
        (
            torch.rot90(images, 1, (-2, -1)),
            lambda psi: torch.rot90(psi, -1, (-2, -1)),
        ),
        ((images + 0.02 * noise).clamp(0, 1), lambda psi: psi),
    )
    columns: Columns = {}
    for name, (changed, back) in zip(CHANGES, changes, strict=True):
        weights = network.psi_of_cnn(network(changed).attention)
        for stride, psi in weights.items():
            key = Key(Measure.STABLE, f"1/{stride}", name)
            columns[key] = _alike(attention[stride], back(psi))
    return columns


def sanity(
    network: SegmentationNetwork,
    images: Tensor,
    features: Features,
    masks: Tensor,
    attention: dict[int, Tensor],
    tau: dict[int, Tensor],
    regions: int,
    seed: int,
    temperature: float = 1.0,
) -> Columns:
    """Compare each map with the map after a part of the network was shuffled.

    The comparison is a rank correlation. If gates or encoders are shuffled, the map is
    psi, which depends on them. If the decoder is shuffled, the map is measured trust,
    because psi does not depend on the decoder. Gates are shuffled `DRAWS` times, and
    their psi is kept per region, as a control for the agreement. Measured trust uses
    `temperature`, the temperature in the model card.
    """
    columns: Columns = _shuffled_psi(network, features, tau)
    for part in PARTS:
        other = shuffled(network, part, seed)
        if part == "decoder":
            pairs = other.align(features)
            for stride in STRIDES:
                found = measured_trust(
                    other, pairs, masks, stride, regions, temperature=temperature
                )
                key = Key(Measure.SHUFFLED, f"1/{stride}", part)
                columns[key] = _alike(tau[stride], found.tau)
            continue
        seen = Features(
            other.cnn(images) if part == "CNN" else features.cnn,
            other.transformer(images)
            if part == "transformer"
            else features.transformer,
        )
        weights = other.psi_of_cnn(other.psi(other.align(seen)))
        for stride, psi in weights.items():
            key = Key(Measure.SHUFFLED, f"1/{stride}", part)
            columns[key] = _alike(attention[stride], psi)
    return columns


def _shuffled_psi(
    network: SegmentationNetwork, features: Features, tau: dict[int, Tensor]
) -> Columns:
    """Psi per region, (DRAWS, rows, columns), of gates shuffled again and again.

    A draw gives the same gates in every batch. One shuffled gate may follow trust
    either way by chance, so one draw says nothing.
    """
    drawn: dict[int, list[NDArray[np.floating]]] = {stride: [] for stride in STRIDES}
    for draw in range(DRAWS):
        other = shuffled(network, "gates", draw)
        for stride, psi in other.psi_of_cnn(other.psi(other.align(features))).items():
            means = region_means(psi, tau[stride].shape[1:])
            drawn[stride].append(means.cpu().numpy())
    return {
        Key(Measure.PSI_SHUFFLED_GATES, f"1/{stride}"): list(np.stack(psi, 1))
        for stride, psi in drawn.items()
    }


def other_explanations(
    names: tuple[str, ...],
    card: ModelCard,
    network: SegmentationNetwork,
    images: Tensor,
    masks: Tensor,
    seed: int,
) -> Columns:
    """Measure other explanations in the same way as the gates.

    For each of `names`: localisation, and rank correlation with itself for the mirrored
    image and with the decoder shuffled. Explanations that need captum are left out
    where it is not installed.
    """
    columns: Columns = {}
    other = shuffled(network, "decoder", seed)
    for name in names:
        rows: list[dict[Measure, float]] = []
        for image, mask in zip(images, masks, strict=True):
            try:
                asked = subject(card, network, image[None])
                own = _map(name, card, network, image)
                mirrored = _map(name, card, network, image.flip(-1)).flip(-1)
                # The same question to the other network: its own mask is another one.
                decoded = _map(name, card, other, image, asked.target)
            except InputError:  # captum is not installed
                break
            truth = at_size(mask[None], (own.shape[-2], own.shape[-1]))[0, 0]
            rows.append(
                {
                    Measure.OTHER_LOCALISES: localisation(
                        own.cpu().numpy(), truth.cpu().numpy()
                    ),
                    Measure.OTHER_STABLE: spearman(own.cpu(), mirrored.cpu()),
                    Measure.OTHER_SHUFFLED: spearman(own.cpu(), decoded.cpu()),
                }
            )
        for measure in rows[0] if len(rows) == len(images) else ():
            columns[Key(measure, "", name)] = [row[measure] for row in rows]
    return columns


def _map(
    name: str,
    card: ModelCard,
    network: SegmentationNetwork,
    image: Tensor,
    target: Tensor | None = None,
) -> Tensor:
    found = subject(card, network, image[None])
    if target is not None:
        found = dataclasses.replace(found, target=target)
    with untouched(network):
        return EXPLAINERS[name].run(found, OTHER_STRIDE).detach()


def subject(card: ModelCard, network: SegmentationNetwork, images: Tensor) -> Subject:
    """Subject of an explanation: N images, with the model's own masks as targets."""
    with torch.no_grad():
        pairs = network.align(network.encode(images))
        mask = (network.logits(network.fuse(pairs)[0]) >= 0).float()
    return Subject(card, network, images, pairs, mask, own_target(mask))
