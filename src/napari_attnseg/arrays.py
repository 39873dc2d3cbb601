"""What is computed alike on tensors of torch and on arrays of numpy.

Each engine has its own: torch is not imported where OpenVINO computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.resampling import resample

#: A tensor of torch, or an array of numpy.
Array: TypeAlias = Any
Kind = TypeVar("Kind", bound=Array)


def resize(image: Kind, size: int | tuple[int, int]) -> Kind:
    """Bilinear resize of (N, C, H, W), antialiased where it shrinks, [0, 1] kept."""
    target = (size, size) if isinstance(size, int) else size
    given: Array = image
    if tuple(given.shape[-2:]) == target:
        return image
    # In place: a second copy of a large image would be a lot.
    found: Array
    if isinstance(given, np.ndarray):
        found = resample(resample(given, -1, target[1]), -2, target[0])
        found.clip(0, 1, out=found)
    else:
        found = _interpolate(given, target).clamp_(0, 1)
    resized: Kind = found
    return resized


def narrow(rows: Array, columns: int) -> Array:
    """The first half of `resize`, not clamped: (N, C, h, W) → (N, C, h, columns)."""
    if rows.shape[-1] == columns:
        return rows
    if isinstance(rows, np.ndarray):
        return resample(rows, -1, columns)
    return _interpolate(rows, (rows.shape[-2], columns))


def _interpolate(image: Array, target: tuple[int, int]) -> Array:
    import torch.nn.functional as F

    return F.interpolate(image, target, mode="bilinear", antialias=True)


def concatenate(arrays: Sequence[Array], axis: int = 0) -> Array:
    """Some of one kind, along an axis."""
    if isinstance(arrays[0], np.ndarray):
        return np.concatenate(arrays, axis)
    import torch

    return torch.cat(list(arrays), axis)


def mean(arrays: Sequence[Array]) -> Array:
    """Of some of one kind and shape."""
    if isinstance(arrays[0], np.ndarray):
        return np.stack(arrays).mean(0)
    import torch

    return torch.stack(list(arrays)).mean(0)


def mirror(array: Array, axes: tuple[int, ...]) -> Array:
    """Mirror along axes."""
    return np.flip(array, axes) if isinstance(array, np.ndarray) else array.flip(axes)


def sigmoid(logits: Array) -> Array:
    """Logits → probability."""
    if not isinstance(logits, np.ndarray):
        return logits.sigmoid()
    with np.errstate(over="ignore"):  # of a logit below -88: 0
        return 1 / (1 + np.exp(-logits))


def norm(maps: Array) -> Array:
    """Length over channels: (N, C, h, w) → (N, 1, h, w)."""
    if isinstance(maps, np.ndarray):
        return np.linalg.norm(maps, axis=1, keepdims=True)
    return maps.norm(dim=1, keepdim=True)


def float32(array: Array) -> Array:
    """In float32, where autocast computed in less."""
    return array if isinstance(array, np.ndarray) else array.float()


def copy(array: Array) -> Array:
    """That may be written to."""
    return array.copy() if isinstance(array, np.ndarray) else array.clone()


def to_numpy(array: Array) -> NDArray[np.float32]:
    """Convert to a numpy array of float32."""
    if isinstance(array, np.ndarray):
        return array
    found: NDArray[np.float32] = array.float().cpu().numpy()
    return found


def same_kind(values: NDArray[np.float32], like: Array) -> Array:
    """Values as `like` is: an array, or a tensor on its device."""
    if isinstance(like, np.ndarray):
        return values
    import torch

    return torch.from_numpy(values).to(like.device)


def to_tensor(array: Array) -> Array:
    """A tensor, which shares the memory of an array."""
    import torch

    return torch.from_numpy(array) if isinstance(array, np.ndarray) else array
