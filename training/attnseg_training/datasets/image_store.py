"""The training images in memory, and what a frozen transformer makes of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from attnseg_training.datasets import Sample
from napari_attnseg.errors import InputError
from napari_attnseg.inference import resize
from napari_attnseg.models.encoders import PlainViTEncoder


class ImageStore:
    """Decoded and resized once, kept as uint8: every epoch reads memory.

    Attributes
    ----------
    images : Tensor of uint8, shape (n, 3, size, size)
    masks : Tensor of uint8, shape (n, classes, size, size)
        0 or 1.
    """

    def __init__(
        self, samples: Sequence[Sample], size: int, device: str = "cpu"
    ) -> None:
        self.names = [sample.name for sample in samples]
        self.images = torch.empty(len(samples), 3, size, size, dtype=torch.uint8)
        classes = samples[0].classes if samples else 1
        self.masks = torch.empty(len(samples), classes, size, size, dtype=torch.uint8)
        for i, sample in enumerate(samples):
            image, planes = sample.read_planes()
            pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
            self.images[i] = (resize(pixels, size)[0] * 255).round().to(torch.uint8)
            soft = resize(torch.from_numpy(planes)[None].float(), size)
            self.masks[i] = (soft[0] >= 0.5).to(torch.uint8)
        self.images, self.masks = self.images.to(device), self.masks.to(device)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def sha256(self) -> str:
        """Of the images' pixels: for other pixels an encoder has other tokens."""
        return hashlib.sha256(self.images.cpu().numpy()).hexdigest()

    def batch(self, index: list[int]) -> tuple[Tensor, Tensor]:
        """Images (N, 3, S, S) in [0, 1] and masks (N, classes, S, S) as float."""
        return self.images[index].float() / 255, self.masks[index].float()


class TokenCache:
    """A frozen ViT's tokens of (image, view), computed when first asked for.

    float16 on disk below `root`, memory-mapped; the operating system keeps what fits in
    RAM. Runs on the same images with the same encoder may share it, one at a time. A
    finished entry is flagged after it was written, so a killed run loses at most the
    entries of one batch.
    """

    def __init__(
        self,
        root: Path,
        encoder: PlainViTEncoder,
        store: ImageStore,
        views: int,
        drawn: tuple[float, ...] = (),
    ) -> None:
        # Whoever sees the same images with the same encoder finds the same folder;
        # `drawn` tells apart how the same views of them are drawn.
        folder = root / _fingerprint(encoder, (store.sha256, views, *drawn))
        self.encoder = encoder
        h, w = encoder.grid
        shape = (len(store), views, len(encoder.taps), encoder.channels[0], h, w)
        self._tokens = _open(folder / "tokens.f16", np.float16, shape)
        self._done = _open(folder / "done.u8", np.uint8, (len(store), views))

    @torch.no_grad()
    def tokens(self, image: Tensor, index: list[int], view: int) -> Tensor:
        """Tokens (N, taps, C, h, w) of a batch; `image` is what the ViT would see."""
        missing = [i for i, n in enumerate(index) if not self._done[n, view]]
        if missing:
            fresh = self.encoder.tokens(image[missing]).half().cpu().numpy()
            for i, value in zip(missing, fresh, strict=True):
                self._tokens[index[i], view] = value
                self._done[index[i], view] = 1
        kept = torch.from_numpy(self._tokens[index, view])
        return kept.to(image.device, image.dtype)

    def complete(self, index: list[int], view: int) -> bool:
        """Whether nothing of this batch has to be computed any more."""
        return bool(self._done[index, view].all())


def _fingerprint(encoder: PlainViTEncoder, seen: tuple[object, ...]) -> str:
    digest = hashlib.sha256(repr((encoder.spec, seen)).encode())
    for name, value in sorted(encoder.state_dict().items()):
        digest.update(name.encode() + value.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def _open(path: Path, dtype: type, shape: tuple[int, ...]) -> np.memmap:
    """Memory-map a file, zeros at first, whose place on the disk is taken at once.

    Otherwise a disk that is full later on would end the process with a bus error.
    """
    bytes_ = int(np.prod(shape)) * np.dtype(dtype).itemsize
    exists = path.is_file() and path.stat().st_size == bytes_
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("r+b" if exists else "wb") as file:
            file.truncate(bytes_)
            if hasattr(os, "posix_fallocate"):  # not on Windows and macOS
                os.posix_fallocate(file.fileno(), 0, bytes_)
    except OSError as error:
        if not exists:
            path.unlink(missing_ok=True)
        raise InputError(
            f"Expected {bytes_ / 1e9:.1f} GB for the frozen encoder's tokens in "
            f"{path.parent}, but: {error.strerror}. Free some space, give `cache` a "
            "folder on another disk, or lower `views`."
        ) from error
    return np.memmap(path, dtype, "r+", shape=shape)
