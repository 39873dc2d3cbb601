"""The losses against their formulas, on cases worked out by hand or written plainly."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from attnseg_training.losses import (
    LOSSES,
    bce_dice,
    bce_dice_published,
    boundary,
    lovasz_hinge,
    structure,
)


@pytest.fixture
def case() -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and masks of two images, a small lesion and a large one at the border."""
    torch.manual_seed(0)
    target = torch.zeros(2, 1, 40, 48)
    target[0, :, 5:12, 6:15] = 1
    target[1, :, 10:40, 8:40] = 1
    return torch.randn(target.shape, requires_grad=True), target


def test_by_hand() -> None:
    logits = torch.tensor([[[[0.0, math.log(3)]]]])  # probabilities 1/2, 3/4
    target = torch.tensor([[[[0.0, 1.0]]]])
    bce = (-math.log(0.5) - math.log(0.75)) / 2
    dice = 1 - (2 * 0.75 + 1) / (1.25 + 1 + 1)
    assert float(bce_dice(logits, target)) == pytest.approx(bce + dice)
    dice = 1 - 2 * 0.75 / (1.25 + 1)
    assert float(bce_dice_published(logits, target)) == pytest.approx(bce + dice)


def test_small_lesions_count_as_much_as_large_ones() -> None:
    target = torch.zeros(2, 1, 32, 32)
    target[0, :, 2:4, 2:4] = 1
    target[1, :, 2:30, 2:30] = 1
    missed = torch.where(target > 0, 10.0, -10.0)
    missed[0] = -10.0
    # Half of the images are missed wholly: half of the Dice part, size regardless.
    bce = F.binary_cross_entropy_with_logits(missed, target)
    assert float(bce_dice(missed, target) - bce) == pytest.approx(0.4, abs=0.02)
    # As published, 4 of 788 pixels: next to nothing.
    assert float(bce_dice_published(missed, target) - bce) < 0.01


def test_structure_weights_every_pixel(
    case: tuple[torch.Tensor, torch.Tensor],
) -> None:
    logits, target = case
    expected = []
    for x, y in zip(logits.detach().numpy()[:, 0], target.numpy()[:, 0]):
        weight = np.empty_like(y)
        for i, j in np.ndindex(y.shape):
            around = y[max(0, i - 15) : i + 16, max(0, j - 15) : j + 16]
            weight[i, j] = 1 + 5 * abs(around.mean() - y[i, j])
        p = 1 / (1 + np.exp(-x))
        bce = -(y * np.log(p) + (1 - y) * np.log(1 - p))
        overlap, union = (weight * p * y).sum(), (weight * (p + y - p * y)).sum()
        iou = (overlap + 1) / (union + 1)
        expected.append((weight * bce).sum() / weight.sum() + 1 - iou)
    found = float(structure(logits.detach(), target))
    assert found == pytest.approx(np.mean(expected), 1e-5)


def test_lovasz_is_one_minus_iou_of_hard_masks(
    case: tuple[torch.Tensor, torch.Tensor],
) -> None:
    _, target = case
    found = target.roll((2, 3), (2, 3))
    # At the corners of its cube the extension is the set function itself. A right
    # pixel has no error beyond a margin of 1, a wrong one an error of 2.
    logits = 2 * found - 1
    wrong = []
    for a, b in zip(found > 0, target > 0):
        wrong.append(1 - float((a & b).sum() / (a | b).sum()))
    assert float(lovasz_hinge(logits, target)) == pytest.approx(2 * np.mean(wrong))
    assert float(lovasz_hinge(2 * target - 1, target)) == 0
    empty = torch.zeros_like(target)
    assert float(lovasz_hinge(empty - 1, empty)) == 0


def test_boundary_counts_how_far_it_is_off() -> None:
    target = torch.zeros(1, 1, 32, 32)
    target[..., 12:20, 12:20] = 1
    costs = []
    for shift in (0, 1, 4, 8):
        logits = torch.where(target.roll(shift, 3) > 0, 50.0, -50.0)
        costs.append(float(boundary(logits, target)))
    assert costs == sorted(costs) and costs[0] < 0
    # One column of 8 px left out, one put in: half a pixel inside and outside.
    assert costs[1] - costs[0] == pytest.approx(8 * (0.5 + 0.5) / 32 / 32**2, rel=1e-4)
    assert float(boundary(torch.zeros_like(target), torch.zeros_like(target))) == 0


@pytest.mark.parametrize("name", LOSSES)
def test_a_step_down_the_gradient_lowers_it(
    name: str, case: tuple[torch.Tensor, torch.Tensor]
) -> None:
    logits, target = case
    loss = LOSSES[name](logits, target)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert torch.isfinite(gradient).all()
    step = 0.1 / gradient.abs().max()
    assert LOSSES[name](logits - step * gradient, target) < loss
    right = torch.where(target > 0, 20.0, -20.0)
    assert LOSSES[name](right, target) < LOSSES[name](-right, target)
