"""Interventions, trust and contributions against plain recomputation."""

import copy
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from napari_attnseg import Segmenter
from napari_attnseg.engines.torch import TorchEngine
from napari_attnseg.explanations import explain
from napari_attnseg.explanations.agreement import (
    TrustCalibration,
    agreement,
    reliability,
)
from napari_attnseg.explanations.contributions import (
    encoder_contributions,
    gate_integrated_gradients,
)
from napari_attnseg.explanations.interventions import INTERVENTIONS, interventions
from napari_attnseg.explanations.subject import subject_of
from napari_attnseg.explanations.trust import cells, measured_trust
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import STRIDES

IMAGE = np.random.default_rng(0).integers(0, 255, (40, 56, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def segmenter(tiny_weights: Path) -> Segmenter:
    return Segmenter.from_checkpoint(tiny_weights, "cpu")


@pytest.fixture(scope="module")
def network(segmenter: Segmenter) -> SegmentationNetwork:
    return segmenter.network


@torch.no_grad()
def test_interventions_are_decodings_with_another_psi(
    network: SegmentationNetwork,
) -> None:
    features = network.encode(torch.rand(3, 3, 64, 64))
    own = network.decode(features).attention
    found = {
        (name, level): logits
        for name, level, logits in interventions(network, network.align(features))
    }
    assert len(found) == len(INTERVENTIONS) * 5
    for name, change in INTERVENTIONS.items():
        changed = {stride: change(psi) for stride, psi in own.items()}
        expected = network.decode(features, changed).logits
        torch.testing.assert_close(found[name, "all"], expected)
        expected = network.decode(features, {16: changed[16]}).logits
        torch.testing.assert_close(found[name, "1/16"], expected)


def test_interventions_keep_what_they_promise() -> None:
    psi = torch.rand(3, 1, 4, 6)
    shuffled = INTERVENTIONS["shuffled"](psi)
    assert not torch.equal(shuffled, psi)
    torch.testing.assert_close(
        shuffled.flatten(1).sort().values, psi.flatten(1).sort().values
    )
    mean = INTERVENTIONS["mean"](psi)
    torch.testing.assert_close(mean[1, 0, 2, 3], psi[1].mean())
    assert torch.equal(INTERVENTIONS["another image's"](psi)[1], psi[0])


@torch.no_grad()
def test_measured_trust_is_the_difference_of_two_losses(
    network: SegmentationNetwork,
) -> None:
    features = network.encode(torch.rand(2, 3, 64, 64))
    truth = (torch.rand(2, 1, 64, 64) > 0.5).float()
    pairs = network.align(features)
    found = measured_trust(network, pairs, truth, 8, k=4, batch=5)
    psi = network.decode(features).attention[8]
    assert found.tau.shape == found.psi.shape == (2, 4, 4)
    losses = []
    for forced in (0.0, 1.0):
        gate = psi.clone()
        gate[:, :, 2:4, 4:6] = forced  # region (1, 2) of an 8×8 map
        logits = network.decode(features, {8: gate}).logits
        loss = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
        losses.append(loss.mean((1, 2, 3)))
    torch.testing.assert_close(
        found.tau[:, 1, 2], losses[0] - losses[1], atol=1e-6, rtol=1e-3
    )
    torch.testing.assert_close(found.psi[:, 1, 2], psi[:, 0, 2:4, 4:6].mean((1, 2)))


@torch.no_grad()
def test_measured_trust_uses_the_temperature_of_the_card(
    network: SegmentationNetwork, segmenter: Segmenter
) -> None:
    torch.manual_seed(0)
    pairs = network.align(network.encode(torch.rand(1, 3, 64, 64)))
    pairs = [(100 * torch.randn_like(x), 100 * torch.randn_like(g)) for x, g in pairs]
    truth = (torch.rand(1, 1, 64, 64) > 0.5).float()
    cold, warm = (
        measured_trust(network, pairs, truth, 8, k=2, temperature=t).tau[0]
        for t in (1.0, 3.0)
    )
    losses = []
    for which in (1, 0):
        _, psi = network.fuse(pairs)
        gate = psi[8].clone()
        gate[..., :4, :4] = 1.0 - which
        logits = network.logits(network.fuse(pairs, {8: gate})[0]) / 3
        losses.append(F.binary_cross_entropy_with_logits(logits, truth))
    torch.testing.assert_close(warm[0, 0], losses[0] - losses[1], atol=1e-6, rtol=1e-3)
    assert (warm - cold).abs().max() > 1e-3 * cold.abs().max()
    # What is shown in napari is the card's.
    card = dataclasses.replace(segmenter.card, temperature=3.0)
    shown = [
        explain(
            dataclasses.replace(segmenter, card=c), IMAGE, "measured trust", level=8
        )
        for c in (segmenter.card, card)
    ]
    subject = subject_of(dataclasses.replace(segmenter, card=card), IMAGE)
    expected = measured_trust(
        network, subject.pairs, subject.mask, 8, temperature=3.0
    ).tau[0]
    assert shown[1].values[0, 0] == pytest.approx(float(expected[0, 0]))
    assert not np.allclose(shown[0].values, shown[1].values, rtol=1e-2)


@torch.no_grad()
@pytest.mark.parametrize(("stride", "fewer"), [(4, 16), (8, 36), (None, 4)])
def test_regions_tried_together_are_measured_as_one_by_one(
    network: SegmentationNetwork,
    stride: int | None,
    fewer: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pairs = network.align(network.encode(torch.rand(1, 3, 64, 64)))
    # Untrained encoders differ too little for a test of numbers.
    pairs = [(100 * torch.randn_like(x), 100 * torch.randn_like(g)) for x, g in pairs]
    truth = (torch.rand(1, 1, 64, 64) > 0.5).float()
    decoded = []
    logits = SegmentationNetwork.logits

    def counted(self: SegmentationNetwork, fused: Sequence[torch.Tensor]) -> Any:
        decoded.append(len(fused[0]))
        return logits(self, fused)

    with monkeypatch.context() as patch:
        patch.setattr(SegmentationNetwork, "logits", counted)
        tau = measured_trust(network, pairs, truth, stride).tau[0]
    assert sum(decoded) == 2 * fewer
    fused, _ = network.fuse(pairs)
    levels = range(4) if stride is None else [STRIDES.index(stride)]
    for row in range(tau.shape[0]):
        for column in range(tau.shape[1]):
            losses = []
            for which in (1, 0):
                maps = list(fused)
                for level in levels:
                    size = (maps[level].shape[-2], maps[level].shape[-1])
                    regions = cells(size, len(tau))
                    here = regions[row * tau.shape[1] + column]
                    maps[level] = torch.lerp(maps[level], pairs[level][which], here)
                losses.append(
                    F.binary_cross_entropy_with_logits(network.logits(maps), truth)
                )
            torch.testing.assert_close(
                tau[row, column], losses[0] - losses[1], atol=1e-6, rtol=1e-3
            )
    assert tau.abs().median() > 1e-5  # something was measured


@torch.no_grad()
@pytest.mark.parametrize("head", [(), (8,), (8, 8)])
def test_a_change_spreads_as_far_as_the_decoder_says(head: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    widths, out = (8, 8, 8, 8), 256
    network = SegmentationNetwork(
        dataclasses.replace(model_spec("tiny"), widths=widths, head=head, size=out)
    ).eval()
    fused = [torch.rand(1, 8, n, n) for n in (64, 32, 16, 8)]
    before = network.logits(fused)
    for level, size in enumerate((64, 32, 16, 8)):
        changed = [f.clone() for f in fused]
        at = size // 2
        changed[level][:, :, at, at] += 50
        hit = (network.logits(changed) != before).nonzero()[:, 2:]
        first, last = at * out // size, (at + 1) * out // size
        found = max(first - int(hit.min()), int(hit.max()) + 1 - last)
        reach = network.decoder.reach(level, size, out)
        assert found <= reach <= found + out // (64 * 2 ** len(head)) + 1


def test_the_trust_map_shows_each_region_where_it_was_tried(
    segmenter: Segmenter,
) -> None:
    shown = explain(segmenter, IMAGE, "measured trust", level=8).values
    subject = subject_of(segmenter, IMAGE)
    tau = measured_trust(segmenter.network, subject.pairs, subject.mask, 8).tau[0]
    regions = cells((8, 8), 6)  # bands of 1 and 2 pixels
    assert shown.shape == (8, 8) and len(regions) == tau.numel() == 36
    for value, region in zip(tau.flatten().tolist(), regions[:, 0].numpy()):
        np.testing.assert_allclose(shown[region > 0], value, rtol=1e-6)


@pytest.mark.parametrize(("size", "k"), [((8, 8), 6), ((2, 2), 6), ((64, 64), 6)])
def test_regions_cover_a_map_once(size: tuple[int, int], k: int) -> None:
    regions = cells(size, k)
    assert len(regions) == min(k, size[0]) ** 2
    assert torch.equal(regions.sum(0), torch.ones(1, *size))
    assert (regions.sum((1, 2, 3)) > 0).all()


def test_agreement_and_calibration_of_a_known_gate() -> None:
    rng = np.random.default_rng(0)
    psi = rng.random(20_000)
    # The CNN is better as often as psi² says.
    tau = np.where(rng.random(20_000) < psi**2, 1.0, -1.0)
    curve = TrustCalibration.fit(psi, tau)
    at = np.array([0.2, 0.5, 0.8])
    np.testing.assert_allclose(curve(at), at**2, atol=0.05)
    assert (np.diff(curve.frequency) >= 0).all() and len(curve.psi) <= 33
    # One odd region at an end does not make that end.
    odd = np.concatenate([psi, [2.0]]), np.concatenate([tau, [1.0]])
    tau[psi > 0.9] = odd[1][:-1][psi > 0.9] = -1.0
    assert TrustCalibration.fit(*odd)(np.array([2.0])) < 0.5
    tau = np.where(rng.random(20_000) < psi**2, 1.0, -1.0)
    # A gate that is 1 in half of the regions: one share, in whatever order they come.
    tied = np.where(psi > 0.5, 1.0, psi)
    ends = [
        float(TrustCalibration.fit(tied[order], tau[order])(np.array([1.0]))[0])
        for order in (np.arange(20_000), np.argsort(tau), np.argsort(-tau))
    ]
    assert np.ptp(ends) < 1e-9
    assert ends[0] == pytest.approx((tau[tied == 1] > 0).mean(), abs=0.01)
    for row in reliability(psi, tau):
        assert row["cnn_better"] == pytest.approx(row["psi"] ** 2, abs=0.05)
    rho, area = agreement(psi, psi - 0.5)
    assert rho == pytest.approx(1) and area == 1
    rho, area = agreement(psi, rng.normal(size=20_000))
    assert abs(rho) < 0.03 and area == pytest.approx(0.5, abs=0.03)


def test_gate_attributions_are_complete(segmenter: Segmenter) -> None:
    # Untrained gates stay near 0.5, where there would be nothing to attribute.
    network = copy.deepcopy(segmenter.network)
    for fusion in network.fusion:
        fusion.gate.psi[0].weight.mul_(30)
    subject = subject_of(
        dataclasses.replace(segmenter, engine=TorchEngine(network)), IMAGE
    )
    parts, error = gate_integrated_gradients(subject)
    with torch.no_grad():
        fused, psi = network.fuse(subject.pairs)
        end = subject.score(network.logits(fused))
        half = {s: torch.full_like(p, 0.5) for s, p in psi.items()}
        start = subject.score(network.logits(network.fuse(subject.pairs, half)[0]))
    change = float(end - start)
    total = sum(float(part.sum()) for part in parts.values())
    assert abs(change) > 1e-4
    assert total == pytest.approx(change, rel=0.02)
    assert float(error) == pytest.approx(total - change, abs=1e-5)


def test_contributions_follow_the_slope_of_each_encoder(segmenter: Segmenter) -> None:
    """Their sum over a level is the slope of the score when its map is scaled."""
    subject = subject_of(segmenter, IMAGE)
    network = segmenter.network
    found = encoder_contributions(subject)
    assert set(found) == set(STRIDES)
    with torch.no_grad():
        fused, psi = network.fuse(subject.pairs)
        step = 1e-3
        for level, which in ((1, 0), (1, 1)):
            weight = psi[8] if which == 0 else 1 - psi[8]
            part = weight * subject.pairs[level][which]
            scores = []
            for sign in (-1, 1):
                maps = list(fused)
                maps[level] = maps[level] + sign * step * part
                scores.append(float(subject.score(network.logits(maps))))
            slope = (scores[1] - scores[0]) / (2 * step)
            assert float(found[8][which].sum()) == pytest.approx(
                slope, rel=0.05, abs=2e-3
            )
