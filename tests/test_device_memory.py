"""Too little memory on a device: halves, then in words; nothing is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from napari_attnseg import tiles
from napari_attnseg._widgets.base.model_cache import ModelCache
from napari_attnseg.device_memory import in_parts, or_on_cpu
from napari_attnseg.errors import DeviceError
from napari_attnseg.inference import Segmenter


class Small(nn.Module):
    """Stands for an encoder on a GPU that takes so many pixels at once, and no more."""

    def __init__(self, encoder: nn.Module, pixels: int) -> None:
        super().__init__()
        self.encoder, self.pixels = encoder, pixels
        self.seen: list[int] = []

    def forward(self, image: Tensor) -> Tensor:
        if image.numel() // 3 > self.pixels:
            raise torch.OutOfMemoryError("no memory left")
        self.seen.append(len(image))
        found: Tensor = self.encoder(image)
        return found


@pytest.fixture
def segmenter(tiny_weights: Path) -> Segmenter:
    return Segmenter.from_checkpoint(tiny_weights, "cpu")


def limited(segmenter: Segmenter, images: float) -> tuple[Segmenter, Small]:
    small = Small(segmenter.network.cnn, int(images * 64 * 64))
    segmenter.network.cnn = small
    return segmenter, small


def pixels(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (50, 60, 3), np.uint8) for _ in range(count)]


def test_a_batch_is_halved_and_what_was_computed_is_kept(segmenter: Segmenter) -> None:
    images = [segmenter.prepare(image) for image in pixels(7)]
    alone = [segmenter.decode(segmenter.encode_prepared([one])[0]) for one in images]
    segmenter, small = limited(segmenter, 2.5)
    found = segmenter.encode_prepared(images)
    assert small.seen == [2, 2, 2, 1]  # 7 and 4 do not fit
    for encoded, wanted in zip(found, alone):
        result = segmenter.decode(encoded)
        np.testing.assert_allclose(result.probability, wanted.probability, atol=1e-5)
        assert result.provenance["image_sha256"] == wanted.provenance["image_sha256"]


def test_mirror_images_are_done_one_by_one(segmenter: Segmenter) -> None:
    (image,) = pixels(1)
    wanted = segmenter(image, flip=True)
    segmenter, small = limited(segmenter, 1)
    found = segmenter(image, flip=True)
    assert small.seen == [1, 1, 1, 1]
    np.testing.assert_allclose(found.probability, wanted.probability, atol=1e-5)
    assert found.provenance["flip_augmented"]


def test_tiles_that_do_not_fit_together_are_done_apart(
    segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.random.default_rng(0).integers(0, 255, (70, 150, 3), np.uint8)
    wanted = segmenter(image, tile=True)
    segmenter, small = limited(segmenter, 2)
    # As on a GPU, where some go together.
    monkeypatch.setattr(tiles, "_at_once", lambda device: 8)
    found = segmenter(image, tile=True)
    assert max(small.seen) == 2 and sum(small.seen) == 2 * 3
    np.testing.assert_allclose(found.probability, wanted.probability, atol=1e-5)


def test_what_does_not_fit_at_all_is_told_with_what_would(segmenter: Segmenter) -> None:
    segmenter, _ = limited(segmenter, 0.5)
    with pytest.raises(
        DeviceError, match=r"only one 64×64 image.*smaller model.*'cpu'"
    ):
        segmenter(pixels(1)[0])


def test_parts_are_in_order_and_other_errors_pass() -> None:
    def compute(part: slice) -> list[int]:
        if part.stop - part.start > 3:
            raise torch.OutOfMemoryError
        return list(range(part.start, part.stop))

    parts = in_parts(compute, 10)
    assert [one for part in parts for one in part] == list(range(10))
    with pytest.raises(ValueError, match="not memory"):
        in_parts(lambda part: int("not memory"), 2)


def test_a_cpu_that_has_no_memory_says_so() -> None:
    def compute(values: Tensor) -> Tensor:
        raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        or_on_cpu(compute, torch.zeros(1))


def test_a_gpus_memory_is_freed_when_the_last_dock_closes(
    tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed: list[int] = []
    models = ModelCache()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: freed.append(len(models)))
    first, second = models.add_user(), models.add_user()
    models.load(tiny_weights, "cpu")
    first()
    assert freed == [] and len(models) == 1
    second()
    assert freed == [0]
