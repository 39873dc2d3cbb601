"""Pixels that are ignored: in no loss, no metric and no measure of a gate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.image_store import ImageStore, resized_ignored
from attnseg_training.evaluation.evaluate import evaluate
from attnseg_training.evaluation.image_metrics import measure_image
from attnseg_training.fit.fit import fit
from attnseg_training.fit.gate_objectives import trust_loss
from attnseg_training.gates.controls import at_size, localisation
from attnseg_training.gates.faithfulness import faithfulness
from attnseg_training.losses import LOSSES
from attnseg_training.release.calibration import calibrate
from attnseg_training.transforms import geometry, warp
from napari_attnseg.cards import read_card
from napari_attnseg.errors import InputError
from napari_attnseg.explanations.trust import measured_trust
from napari_attnseg.ignored import IGNORED, known_pixels
from napari_attnseg.inference import Segmenter
from napari_attnseg.metrics import Confusion, confusion
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.network import SegmentationNetwork


@pytest.fixture
def halves() -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and masks of 40×80; each lesion lies in the left half, off its border."""
    torch.manual_seed(0)
    truth = torch.zeros(2, 1, 40, 80)
    truth[0, :, 5:12, 6:15] = 1
    truth[1, :, 10:30, 8:30] = 1
    return torch.randn(truth.shape), truth


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_loss_is_that_of_the_known_part(
    halves: tuple[torch.Tensor, torch.Tensor], name: str
) -> None:
    logits, truth = halves
    loss = LOSSES[name]
    alone = loss(logits[..., :40], truth[..., :40])
    truth = truth.clone()
    truth[..., 40:] = IGNORED
    logits = logits.clone().requires_grad_()
    found = loss(logits, truth)
    assert float(found.detach()) == pytest.approx(float(alone), rel=1e-5)
    found.backward()
    assert logits.grad is not None
    assert logits.grad[..., :40].abs().min() > 0
    assert (logits.grad[..., 40:] == 0).all()
    # Nothing is known of an image at all.
    assert bool(torch.isfinite(loss(logits, torch.full_like(truth, IGNORED))))


def test_without_ignored_pixels_the_mask_is_passed_on_as_it_is() -> None:
    truth = torch.rand(2, 1, 5, 5)
    assert known_pixels(truth)[0] is truth and known_pixels(truth)[1] is None


def test_turning_a_mask_turns_what_is_ignored() -> None:
    truth = torch.zeros(1, 1, 64, 64)
    truth[:, :, 20:40, 10:50] = 1
    truth[:, :, 28:33, 28:33] = IGNORED
    turn = geometry([(3, 1)])
    turned = warp(truth, turn)
    lesion = warp(truth.nan_to_num(1.0), turn)
    apart = warp(truth.isnan().float(), turn)
    # Every pixel with a part of an ignored one, and no more; outside is background.
    assert (turned.isnan() == (apart > 0)).float().mean() > 0.999
    known = ~turned.isnan()
    torch.testing.assert_close(turned[known], lesion[known])
    assert turned.isnan().any() and (turned[known] == 0).any()


def test_metrics_count_known_pixels_only() -> None:
    rng = np.random.default_rng(0)
    truth = np.zeros((60, 90), np.uint8)
    truth[10:30, 10:30] = 1
    mask = np.roll(truth, 3, 1)
    mask[40:55, 70:85] = 1  # a region that is wholly ignored
    probability = np.clip(mask * 0.6 + rng.random(truth.shape) * 0.4, 0, 1)
    ignored = np.zeros(truth.shape, bool)
    ignored[:, 60:] = True
    found = measure_image(truth, mask, probability, ignored)
    assert found.counts == confusion(truth[:, :60], mask[:, :60])
    assert found.counts == Confusion(17 * 20, 60, 60, 60 * 60 - 17 * 20 - 120)
    assert confusion(truth, mask, ignored) == found.counts
    assert found.curve[9].tp + found.curve[9].fn == 400
    assert sum(found.curve[9]) == 60 * 60
    assert found.lesion == pytest.approx(400 / 3600)
    assert found.detection == (1, 1, 1)
    assert found.bins[0, :, 0].sum() == 60 * 60
    error = (probability[:, :60] - truth[:, :60]) ** 2
    assert found.brier["image"] == pytest.approx(error.mean())
    everything = measure_image(truth, mask, probability)
    assert everything.detection == (1, 2, 1) and sum(everything.counts) == truth.size
    # What is found there changes nothing.
    other = np.where(ignored, 1, mask).astype(np.uint8)
    sure = np.where(ignored, 1.0, probability)
    again = measure_image(truth, other, sure, ignored)
    assert (again.counts, again.detection) == (found.counts, found.detection)
    assert again.curve == found.curve and again.brier == found.brier


def test_trust_is_not_measured_where_nothing_is_known() -> None:
    torch.manual_seed(0)
    network = SegmentationNetwork(model_spec("tiny")).eval()
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        pairs = network.align(network.encode(images))
    truth = (torch.rand(1, 1, 64, 64) > 0.5).float()
    part, other = truth.clone(), 1 - truth
    part[..., 32:], other[..., 32:] = IGNORED, IGNORED
    other[..., :32] = truth[..., :32]
    found = measured_trust(network, pairs, part, 4)
    torch.testing.assert_close(found.tau, measured_trust(network, pairs, other, 4).tau)
    whole = measured_trust(network, pairs, truth, 4)
    assert not torch.allclose(found.tau, whole.tau)
    assert float(found.tau[..., -1].abs().max()) < float(whole.tau[..., -1].abs().max())
    assert torch.isfinite(found.tau).all()

    fused, attention = network.fuse(pairs)
    losses = [
        trust_loss(
            network, pairs, fused, attention, mask, np.random.default_rng(0), False
        )
        for mask in (part, other, truth)
    ]
    assert losses[0] == losses[1] != losses[2]


def test_localisation_leaves_cells_with_ignored_pixels_out() -> None:
    truth = torch.zeros(1, 1, 8, 8)
    truth[..., :4, :] = 1
    truth[..., 6:, :] = IGNORED
    share = at_size(truth, (4, 4)).numpy()[0]
    assert np.isnan(share[0, 3]).all() and np.isfinite(share[0, :3]).all()
    psi = np.array([[[0.9] * 4, [0.8] * 4, [0.1] * 4, [1.0] * 4]])
    assert localisation(psi, share) == 1
    assert localisation(psi, np.nan_to_num(share)) < 1


def ringed(folder: Path, ring: int) -> Path:
    """Masks of 0 and 1 with a ring of another value around the disc."""
    for path in (folder / "masks").iterdir():
        disc = np.asarray(Image.open(path)) > 0
        grown = np.zeros_like(disc)
        for row in range(-3, 4):
            for column in range(-3, 4):
                grown |= np.roll(disc, (row, column), (0, 1))
        mask = np.where(disc, 1, np.where(grown, ring, 0)).astype(np.uint8)
        Image.fromarray(mask).save(path)
    return folder


def test_a_resized_pixel_with_any_ignored_one_is_ignored() -> None:
    ignored = np.zeros((128, 128), bool)
    ignored[64, 64] = True
    assert 1 <= int(resized_ignored(ignored, 64).sum()) <= 9
    ignored[:] = False
    assert not resized_ignored(ignored, 64).any()
    ignored[5] = True
    assert torch.equal(resized_ignored(ignored, 128), torch.from_numpy(ignored))


def test_the_whole_way(data_folder: Path, tmp_path: Path) -> None:
    ringed(data_folder, 255)
    (data_folder / "dataset.toml").write_text("ignore = 255\nthreshold = 0\n")
    data = load_dataset(data_folder)
    store = ImageStore(data.split("train"), 64)
    _, masks = store.batch([0, 1])
    kept = masks.isnan()
    assert store.ignored == int((store.masks == 255).sum()) > int(kept.sum()) > 0
    assert set(masks[~kept].tolist()) == {0, 1}
    image, planes, ignored = data.split("train")[0].read_all()
    raw = np.asarray(Image.open(data.split("train")[0].masks[0]))
    assert ignored is not None
    np.testing.assert_array_equal(ignored, raw == 255)
    np.testing.assert_array_equal(planes[0], raw == 1)

    options = {"one_sided": 0.5, "trust_weight": 0.1}
    config = TrainConfig(
        str(data_folder), "tiny", epochs=2, batch=4, device="cpu", **options
    )
    weights = fit(config, tmp_path / "run").folder / "best.safetensors"
    card = read_card(weights).training
    said = card["ignored"]
    assert said == {"value": 255, "pixels": store.ignored, "of": 8 * 64 * 64}
    summary = evaluate(weights, data, "test", "cpu").summary()
    segmenter, dice, void, total = Segmenter.from_checkpoint(weights, "cpu"), [], 0, 0
    for sample in data.split("test"):
        image, planes, ignored = sample.read_all()
        assert ignored is not None
        found = segmenter(image, rgb=True).mask[~ignored] > 0
        true = planes[0][~ignored] > 0
        both = found.sum() + true.sum()
        dice.append(2 * (found & true).sum() / both if both else 1.0)
        void, total = void + ignored.sum(), total + ignored.size
    assert summary["dice"]["mean"] == pytest.approx(np.mean(dice))
    assert summary["ignored"] == {"value": 255, "pixels": void, "of": total}
    assert f"{void} of {total} pixels with the mask value 255" in summary["protocol"]
    gates, _ = faithfulness(weights, data, "test", device="cpu")
    assert gates["ignored"]["value"] == 255 and gates["ignored"]["pixels"] > 0
    assert calibrate(weights, tmp_path / "warm.safetensors", data, "val", "cpu") > 0
    fitted_on = read_card(tmp_path / "warm.safetensors").training["temperature_from"]
    assert fitted_on["ignored"]["pixels"] > 0
    for record in (card, summary, gates, fitted_on):
        assert record["mask_threshold"] == 0


def test_a_value_that_no_mask_has_changes_nothing(
    data_folder: Path, tmp_path: Path
) -> None:
    config = TrainConfig(str(data_folder), "tiny", epochs=1, batch=4, device="cpu")
    fit(config, tmp_path / "without")
    (data_folder / "dataset.toml").write_text("ignore = 77\n")
    fit(config, tmp_path / "with")
    one, other = (
        load_file(tmp_path / run / "last.safetensors") for run in ("without", "with")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    "value", ["0", "4294967296", "-2147483649", "2.0", "true", '"255"', "7"]
)
def test_a_value_that_cannot_be_ignored_is_refused(
    data_folder: Path, value: str
) -> None:
    toml = data_folder / "dataset.toml"
    toml.write_text(f"classes = {{disc = 255, ring = 7}}\nignore = {value}\n")
    with pytest.raises(
        InputError, match=r"ignore in .* other than 0, of 32 bits, .*background"
    ):
        load_dataset(data_folder)
