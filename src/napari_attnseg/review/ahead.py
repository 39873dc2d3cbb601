"""Read the images of the next cases ahead."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import AttnSegError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.readers.facts import FileFacts
from napari_attnseg.review.case import Case
from napari_attnseg.review.case_image import CaseImages, read_case


class LoadedImage(NamedTuple):
    """The image of a case.

    Attributes
    ----------
    pixels : ndarray or None
        (H, W), (H, W, 3) or (H, W, 4); None if it cannot be read.
    sha256 : str or None
        `array_sha256` of the pixels.
    error : str
        Reason why it cannot be read.
    orientation : int
        Orientation in which it was stored; see `images.UprightImage`.
    facts : FileFacts or None
        Facts of the file of a frame.
    """

    pixels: NDArray[np.generic] | None
    sha256: str | None
    error: str = ""
    orientation: int = 1
    facts: FileFacts | None = None


class Ahead:
    """Reads images in a thread; keeps those that were requested last."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, "review-images")
        self._read: dict[str, Future[LoadedImage]] = {}
        self._images = CaseImages()  # used in that thread only

    def get(self, case: Case) -> LoadedImage:
        """The image of a case; waits for it if it is not read yet."""
        return self._ask(case).result()

    def want(self, cases: Iterable[Case]) -> None:
        """Read these images ahead, and forget all others."""
        wanted = {case.name: case for case in cases}
        for name in [name for name in self._read if name not in wanted]:
            self._read.pop(name).cancel()
        for case in wanted.values():
            self._ask(case)

    def _ask(self, case: Case) -> Future[LoadedImage]:
        if case.name not in self._read:
            self._read[case.name] = self._pool.submit(load_image, case, self._images)
        return self._read[case.name]

    def close(self) -> None:
        """Stop reading."""
        for waiting in self._read.values():
            waiting.cancel()
        self._read.clear()
        self._pool.submit(self._images.close)
        self._pool.shutdown(wait=False)


def load_image(case: Case, images: CaseImages | None = None) -> LoadedImage:
    """Read the image of a case, upright."""
    try:
        found = read_case(case) if images is None else images.read(case)
    except AttnSegError as error:
        return LoadedImage(None, None, str(error))
    pixels = found.pixels
    if pixels.ndim not in (2, 3) or min(pixels.shape[:2]) < 2:
        return LoadedImage(None, None, f"{case.image.name} is not one image.")
    if pixels.ndim == 3 and pixels.shape[-1] not in (3, 4):
        words = "is a stack without results; segment it first."
        return LoadedImage(None, None, f"{case.image.name} {words}")
    sha256 = array_sha256(pixels)
    return LoadedImage(pixels, sha256, "", found.orientation, found.facts)
