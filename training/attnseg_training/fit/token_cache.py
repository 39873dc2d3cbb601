"""Cache of the tokens of a frozen encoder on disk."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from attnseg_training.datasets.image_store import ImageStore
from napari_attnseg.errors import InputError
from napari_attnseg.models.encoders import PlainViTEncoder


class TokenCache:
    """Tokens of a frozen ViT for each (image, view), computed on first use.

    Tokens are stored as float16 in memory-mapped files below `root`; the operating
    system keeps in RAM what fits. Runs on the same images with the same encoder may
    share a cache, one run at a time. An entry is marked as complete after it was
    written, so that a killed run loses at most the entries of one batch.
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
        """Return tokens (N, taps, C, h, w) of a batch; `image` is the ViT's input."""
        missing = [i for i, n in enumerate(index) if not self._done[n, view]]
        if missing:
            fresh = self.encoder.tokens(image[missing]).half().cpu().numpy()
            for i, value in zip(missing, fresh, strict=True):
                self._tokens[index[i], view] = value
                self._done[index[i], view] = 1
        kept = torch.from_numpy(self._tokens[index, view])
        return kept.to(image.device, image.dtype)

    def complete(self, index: list[int], view: int) -> bool:
        """Whether all tokens of this batch are in the cache."""
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
