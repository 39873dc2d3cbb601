"""Resizing with numpy gives the numbers of torch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from napari_attnseg.arrays import resize


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((352, 352), (392, 392)),
        ((50, 700), (64, 64)),
        ((1000, 1503), (392, 392)),
        ((392, 392), (1080, 90)),
        ((64, 64), (64, 63)),
        ((2, 3), (80, 80)),
    ],
)
def test_it_is_the_resize_of_torch(
    given: tuple[int, int], wanted: tuple[int, int]
) -> None:
    image = np.random.default_rng(0).random((2, 3, *given), np.float32)
    found = resize(image, wanted)
    tensor = torch.from_numpy(image)
    plain = F.interpolate(tensor, wanted, mode="bilinear", antialias=True).numpy()
    assert found.dtype == np.float32 and found.shape == plain.shape
    np.testing.assert_allclose(found, plain, rtol=0, atol=1e-6)
    # As an image lies in memory, colours last.
    last = np.moveaxis(np.ascontiguousarray(np.moveaxis(image, 1, -1)), -1, 1)
    np.testing.assert_array_equal(resize(last, wanted), found)
    np.testing.assert_array_equal(resize(tensor, wanted).numpy(), plain.clip(0, 1))
    # A constant stays one.
    even = resize(np.full_like(image, 0.3), wanted)
    np.testing.assert_allclose(even, 0.3, rtol=0, atol=1e-6)
