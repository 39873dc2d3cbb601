"""The gate suite's own test: it finds a planted trust, and only where there is one."""

import copy
from typing import NamedTuple

import make_planted
import numpy as np
import pytest
import torch
from make_planted import SPEC

from attnseg_training.datasets.planted import (
    PlantedViews,
    encode_views,
    planted_views,
    train_planted,
)
from attnseg_training.fit.gate_objectives import trust_loss
from attnseg_training.gates.controls import at_size
from attnseg_training.gates.summary import Regions, agreement_interval, difference
from napari_attnseg.explanations.interventions import INTERVENTIONS, Pairs
from napari_attnseg.explanations.trust import measured_trust, region_means
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.rank_statistics import auroc

IMAGES = 64
#: Steps in which the trust loss alone teaches gates, and their rate.
LESSONS, LESSON_LR = 60, 2e-2
#: The gate where such small blobs are decided.
STRIDE = 4


class Trained(NamedTuple):
    planted: SegmentationNetwork
    views: PlantedViews
    redundant: SegmentationNetwork
    whole: PlantedViews


@pytest.fixture(scope="module", params=make_planted.SEEDS)
def trained(request: pytest.FixtureRequest) -> Trained:
    seed = request.param
    networks = [make_planted.load(kind, seed) for kind in ("planted", "redundant")]
    views = planted_views(IMAGES, SPEC.size, 10**6 + seed)
    whole = planted_views(IMAGES, SPEC.size, 10**6 + seed, redundant=True)
    return Trained(networks[0], views, networks[1], whole)


@pytest.fixture(scope="module")
def measured(trained: Trained) -> dict[str, dict]:
    """What the suite says of the gate that has a reason."""
    return measure(trained.planted, trained.views)


@torch.no_grad()
def encoded(network: SegmentationNetwork, views: PlantedViews) -> Pairs:
    """Features of `views`, which do not depend on the gates."""
    return network.align(encode_views(network, views))


def drawn_again(network: SegmentationNetwork, seed: int) -> SegmentationNetwork:
    """The same network with gates that were never trained."""
    fresh = copy.deepcopy(network)
    torch.manual_seed(seed)
    fresh.fusion.load_state_dict(SegmentationNetwork(SPEC).fusion.state_dict())
    return fresh


@torch.no_grad()
def psi_finds_the_side(
    network: SegmentationNetwork, views: PlantedViews, pairs: Pairs | None = None
) -> float:
    """AUROC of psi for the encoder that can know, off the line between the sides.

    `pairs` are the features of `views`, where the encoders were run before.
    """
    psi = network.psi(pairs or network.align(encode_views(network, views)))[STRIDE]
    side = at_size(views.cnn_side, (psi.shape[-2], psi.shape[-1]))
    sure = (side - 0.5).abs() > 0.49
    return auroc(psi[sure], side[sure] > 0.5)


@torch.no_grad()
def measure(network: SegmentationNetwork, views: PlantedViews) -> dict[str, dict]:
    """What the suite says of the gate, and whether measured trust finds the side."""
    pairs = network.align(encode_views(network, views))
    fused, attention = network.fuse(pairs)
    mean = {STRIDE: INTERVENTIONS["mean"](attention[STRIDE])}
    trust = measured_trust(network, pairs, views.mask, STRIDE)
    side = at_size(views.cnn_side, (6, 6))[:, 0]
    sure = (side - 0.5).abs() > 0.49
    rows = [
        {"own": own, "mean": flat}
        for own, flat in zip(
            dice(network.logits(fused), views.mask),
            dice(network.logits(network.fuse(pairs, mean)[0]), views.mask),
        )
    ]
    own = region_means(torch.sigmoid(network.logits(fused)), (6, 6))
    case = Regions(*(m.double().numpy() for m in (trust.psi, trust.tau, own)))
    return {
        "dice": {"mean": float(np.mean([row["own"] for row in rows]))},
        "spatial value": difference(rows, "own", "mean"),
        "agreement": agreement_interval([case]),
        "tau": {"finds side": auroc(trust.tau[sure], side[sure] > 0.5)},
    }


def dice(logits: torch.Tensor, mask: torch.Tensor) -> list[float]:
    found = (logits >= 0).float()
    overlap = 2 * (found * mask).sum((1, 2, 3))
    return (overlap / (found.sum((1, 2, 3)) + mask.sum((1, 2, 3)))).tolist()


def test_a_gate_with_a_reason_is_found_faithful(
    trained: Trained, measured: dict[str, dict]
) -> None:
    found = measured
    assert psi_finds_the_side(trained.planted, trained.views) > 0.95
    assert found["tau"]["finds side"] > 0.95
    assert found["agreement"]["auroc"]["low"] > 0.95
    assert found["agreement"]["alike"]["low"] > 0.95
    assert found["spatial value"]["low"] > 0.02


def test_redundant_encoders_are_not(
    trained: Trained, measured: dict[str, dict]
) -> None:
    assert psi_finds_the_side(trained.redundant, trained.whole) == pytest.approx(
        0.5, abs=0.1
    )
    found = measure(trained.redundant, trained.whole)
    assert found["dice"]["mean"] > 0.5  # it has learned, and does not need the gate
    assert found["tau"]["finds side"] == pytest.approx(0.5, abs=0.1)
    high = found["spatial value"]["high"]
    assert high < 0.02 and high < measured["spatial value"]["low"]


def test_a_gate_drawn_again_is_not(trained: Trained) -> None:
    """One random gate may follow the noise either way; on average it does not."""
    pairs = encoded(trained.planted, trained.views)
    found = [
        psi_finds_the_side(drawn_again(trained.planted, 1000 + i), trained.views, pairs)
        for i in range(16)
    ]
    assert np.mean(found) == pytest.approx(0.5, abs=0.2)
    own = psi_finds_the_side(trained.planted, trained.views)
    assert np.sum(np.array(found) >= own) <= 1


@pytest.fixture(scope="module")
def lessons(trained: Trained) -> list[tuple[Pairs, torch.Tensor]]:
    """Features and masks of each step: the same in both tests."""
    batches = (planted_views(8, SPEC.size, seed=step) for step in range(LESSONS))
    return [(encoded(trained.planted, views), views.mask) for views in batches]


@torch.no_grad()
def mean_loss(
    network: SegmentationNetwork,
    lessons: list[tuple[Pairs, torch.Tensor]],
    together: bool,
) -> float:
    rng = np.random.default_rng(1)
    losses = [
        trust_loss(network, pairs, *network.fuse(pairs), masks, rng, together)
        for pairs, masks in lessons
    ]
    return float(torch.stack(losses).mean())


@pytest.mark.parametrize("together", [True, False])
def test_the_trust_loss_alone_teaches_a_random_gate(
    trained: Trained, lessons: list[tuple[Pairs, torch.Tensor]], together: bool
) -> None:
    """Nothing but the gates is trained, and by nothing but the trust loss."""
    drawn = [drawn_again(trained.planted, seed) for seed in range(8)]
    pairs = encoded(trained.planted, trained.views)
    starts = [psi_finds_the_side(network, trained.views, pairs) for network in drawn]
    before = min(starts)  # a draw that is far from the side it should find
    network = drawn[int(np.argmin(starts))].requires_grad_(False)
    network.fusion.requires_grad_(True)
    optimizer = torch.optim.Adam(network.fusion.parameters(), lr=LESSON_LR)
    untaught = copy.deepcopy(network)
    rng = np.random.default_rng(0)
    for pairs, masks in lessons:
        fused, attention = network.fuse(pairs)
        loss = trust_loss(network, pairs, fused, attention, masks, rng, together)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    # On the same views and draws: what batches differ by would hide what was learned.
    assert mean_loss(network, lessons[:10], together) < mean_loss(
        untaught, lessons[:10], together
    )
    assert before < 0.5
    assert psi_finds_the_side(network, trained.views) > 0.9


def test_plain_training_moves_a_random_gate_to_the_side() -> None:
    """The first steps of what made the networks, from gates that know nothing."""
    seed = make_planted.SEEDS[0]
    own = make_planted.load("planted", seed)
    views = planted_views(IMAGES, SPEC.size, 10**6 + seed)
    drawn = (drawn_again(own, i) for i in range(16))
    found = ((one, psi_finds_the_side(one, views)) for one in drawn)
    network, before = next((one, value) for one, value in found if value < 0.5)
    after = psi_finds_the_side(train_planted(network, 20, seed), views)
    assert after > 0.6, (before, after)


def test_the_views_are_what_they_say() -> None:
    views = planted_views(8, 64, seed=0)
    whole = planted_views(8, 64, seed=0, redundant=True)
    torch.testing.assert_close(views.cnn * views.cnn_side, whole.cnn * views.cnn_side)
    hidden = 1 - views.cnn_side
    torch.testing.assert_close(views.transformer * hidden, whole.transformer * hidden)
    # Each hidden part is noise, of which the mask cannot be seen.
    lesion, rest = views.mask * hidden, (1 - views.mask) * hidden
    seen = views.cnn.mean(1, keepdim=True)
    means = [float((seen * part).sum() / part.sum()) for part in (lesion, rest)]
    assert means[0] == pytest.approx(means[1], abs=0.02)
    assert 0.3 < float(views.cnn_side.mean()) < 0.7
