"""SHA-256 of arrays, of text and of bytes."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import ArrayLike


def array_sha256(array: ArrayLike) -> str:
    """SHA-256 of type, shape and values of an array; equal arrays have equal hashes."""
    values = np.ascontiguousarray(array)
    digest = hashlib.sha256(f"{values.dtype.str} {values.shape}".encode())
    digest.update(values)
    return digest.hexdigest()


def text_sha256(text: str) -> str:
    """SHA-256 of a text, as UTF-8."""
    return bytes_sha256(text.encode("utf-8"))


def bytes_sha256(data: bytes) -> str:
    """SHA-256 of bytes, as of a whole file."""
    return hashlib.sha256(data).hexdigest()
