"""The loss against its formula on a case worked out by hand."""

import math

import pytest
import torch

from attnseg_training.losses import bce_dice


def test_by_hand() -> None:
    logits = torch.tensor([[[[0.0, math.log(3)]]]])  # probabilities 1/2, 3/4
    target = torch.tensor([[[[0.0, 1.0]]]])
    bce = (-math.log(0.5) - math.log(0.75)) / 2
    dice = 1 - (2 * 0.75 + 1) / (1.25 + 1 + 1)
    assert float(bce_dice(logits, target)) == pytest.approx(bce + dice)


def test_small_lesions_count_as_much_as_large_ones() -> None:
    target = torch.zeros(2, 1, 32, 32)
    target[0, :, 2:4, 2:4] = 1
    target[1, :, 2:30, 2:30] = 1
    missed = torch.where(target > 0, 10.0, -10.0)
    missed[0] = -10.0
    # Half of the images are missed wholly: half of the Dice part, size regardless.
    bce = torch.nn.functional.binary_cross_entropy_with_logits(missed, target)
    assert float(bce_dice(missed, target) - bce) == pytest.approx(0.4, abs=0.02)
