"""Array functions that work in the same way on torch tensors and numpy arrays.

The torch engine works on tensors and the OpenVINO engine on arrays, where torch is not
imported.
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
    """Resize (N, C, H, W) bilinearly, with antialiasing; clamp to [0, 1]."""
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
    """Resize the columns only, without clamping: (N, C, h, W) → (N, C, h, columns)."""
    if rows.shape[-1] == columns:
        return rows
    if isinstance(rows, np.ndarray):
        return resample(rows, -1, columns)
    return _interpolate(rows, (rows.shape[-2], columns))


def _interpolate(image: Array, target: tuple[int, int]) -> Array:
    import torch.nn.functional as F

    return F.interpolate(image, target, mode="bilinear", antialias=True)


def concatenate(arrays: Sequence[Array], axis: int = 0) -> Array:
    """Concatenate arrays, or tensors, along an axis."""
    if isinstance(arrays[0], np.ndarray):
        return np.concatenate(arrays, axis)
    import torch

    return torch.cat(list(arrays), axis)


def mean(arrays: Sequence[Array]) -> Array:
    """Mean of several arrays or tensors of one shape."""
    if isinstance(arrays[0], np.ndarray):
        return np.stack(arrays).mean(0)
    import torch

    return torch.stack(list(arrays)).mean(0)


def mirror(array: Array, axes: tuple[int, ...]) -> Array:
    """Reverse the order of the elements along these axes."""
    return np.flip(array, axes) if isinstance(array, np.ndarray) else array.flip(axes)


def sigmoid(logits: Array) -> Array:
    """Convert logits to probabilities."""
    if not isinstance(logits, np.ndarray):
        return logits.sigmoid()
    with np.errstate(over="ignore"):  # of a logit below -88: 0
        return 1 / (1 + np.exp(-logits))


def norm(maps: Array) -> Array:
    """L2 norm over channels: (N, C, h, w) → (N, 1, h, w)."""
    if isinstance(maps, np.ndarray):
        return np.linalg.norm(maps, axis=1, keepdims=True)
    return maps.norm(dim=1, keepdim=True)


def float32(array: Array) -> Array:
    """Convert to float32, where autocast used a lower precision."""
    return array if isinstance(array, np.ndarray) else array.float()


def copy(array: Array) -> Array:
    """Return a copy that may be written to."""
    return array.copy() if isinstance(array, np.ndarray) else array.clone()


def to_numpy(array: Array) -> NDArray[np.float32]:
    """Convert to a numpy array of float32."""
    if isinstance(array, np.ndarray):
        return array
    found: NDArray[np.float32] = array.float().cpu().numpy()
    return found


def same_kind(values: NDArray[np.float32], like: Array) -> Array:
    """Convert values to the kind of `like`: an array, or a tensor on its device."""
    if isinstance(like, np.ndarray):
        return values
    import torch

    return torch.from_numpy(values).to(like.device)


def to_tensor(array: Array) -> Array:
    """Convert an array to a tensor that shares its memory."""
    import torch

    return torch.from_numpy(array) if isinstance(array, np.ndarray) else array
