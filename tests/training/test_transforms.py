"""Augmentation: image and mask move together, draws repeat, values stay in range."""

import math

import pytest
import torch

from attnseg_training.transforms import (
    Colour,
    Geometry,
    colour,
    geometry,
    recolour,
    warp,
)


def test_identity_warp_changes_nothing() -> None:
    image = torch.rand(1, 3, 16, 16)
    same = Geometry(torch.tensor([[[1.0, 0, 0], [0, 1, 0]]]))
    assert torch.allclose(warp(image, same), image, atol=1e-5)
    flip = Geometry(torch.tensor([[[-1.0, 0, 0], [0, 1, 0]]]))
    assert torch.allclose(warp(image, flip), image.flip(3), atol=1e-5)


def test_image_and_mask_move_together() -> None:
    mask = torch.zeros(8, 1, 64, 64)
    mask[:, :, 20:40, 25:50] = 1
    image = mask.expand(-1, 3, -1, -1).clone()
    drawn = geometry([(0, i, 0) for i in range(8)])
    moved = warp(mask, drawn)
    assert torch.allclose(warp(image, drawn)[:, :1], moved, atol=1e-6)
    assert not torch.allclose(moved, mask)
    assert moved.amax((1, 2, 3)).min() > 0.9  # the lesion never leaves the frame


@pytest.mark.parametrize("most", [1.0, 1.4, 2.0])
def test_images_are_scaled_by_at_most_what_is_wanted(most: float) -> None:
    drawn = geometry([(0, i) for i in range(200)], most)
    factors = torch.linalg.det(drawn.matrix[:, :, :2]).abs().rsqrt()
    low, high = float(factors.min()), float(factors.max())
    assert 1 / most <= low + 1e-4 and high - 1e-4 <= most
    assert high / low > most**1.8 or most == 1  # and both ways


def test_draws_depend_on_their_numbers_only() -> None:
    a, b = geometry([(0, 5, 1), (0, 6, 1)]), geometry([(0, 6, 1)])
    assert torch.equal(a.matrix[1:], b.matrix)
    assert not torch.equal(a.matrix[0], a.matrix[1])
    image = torch.rand(2, 3, 16, 16)
    seeds = [(0, 1, 2), (0, 3, 4)]
    assert torch.equal(recolour(image, colour(seeds)), recolour(image, colour(seeds)))


def test_an_image_is_recoloured_alike_in_every_batch() -> None:
    image, seeds = torch.rand(32, 3, 16, 16), [(0, i) for i in range(32)]
    drawn = colour(seeds)
    assert (drawn.noise > 0).sum() > 1 and len(set(drawn.seeds)) == 32
    together = recolour(image, drawn)
    for i, seed in enumerate(seeds):
        alone = recolour(image[i : i + 1], colour([seed]))
        assert torch.allclose(alone[0], together[i], atol=1e-6)


def test_colours_stay_in_range_and_grey_keeps_its_hue() -> None:
    image = torch.rand(32, 3, 16, 16)
    out = recolour(image, colour([(0, i) for i in range(32)]))
    assert out.min() >= 0 and out.max() <= 1
    assert not torch.allclose(out, image)
    drawn = colour([(1, i) for i in range(32)])
    quiet = Colour(drawn.matrix, torch.zeros(32), torch.zeros(32), [0] * 32)
    grey = recolour(torch.full((32, 3, 4, 4), 0.5), quiet)
    assert torch.allclose(grey[:, 0], grey[:, 1], atol=1e-5)
    assert torch.allclose(grey[:, 0], grey[:, 2], atol=1e-5)


def test_blur_keeps_the_mean_and_lowers_the_contrast() -> None:
    image = torch.rand(1, 3, 64, 64) * 0.5 + 0.25
    same = torch.cat([torch.eye(3), torch.zeros(3, 1)], 1)[None]
    out = recolour(image, Colour(same, torch.tensor([1.5]), torch.zeros(1), [0]))
    assert math.isclose(out.mean(), image.mean(), abs_tol=0.01)
    assert out.std() < 0.5 * image.std()
