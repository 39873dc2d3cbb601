"""The image of a case: a file, or a frame of a film, a series or a stack."""

from __future__ import annotations

from contextlib import suppress

from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.io.images import UprightImage, read_upright
from napari_attnseg.io.readers import FileSet, Frames, open_frames
from napari_attnseg.review.case import Case


class CaseImages:
    """Reads images of cases, in one thread; the file of the last frame stays open."""

    def __init__(self) -> None:
        self._files: FileSet | None = None
        self._frames: Frames | None = None

    def read(self, case: Case) -> UprightImage:
        """Read the image of a case, upright.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        if case.files is None:
            return _of_file(case)
        if self._frames is None or self._files != case.files:
            self.close()
            self._frames, self._files = open_frames(case.files), case.files
        try:
            pixels = self._frames[case.frame or 0]
        except IndexError as error:
            raise InputError(
                f"{case.files.name} no longer has frame {case.frame}; expected the "
                "file that was segmented: put it back."
            ) from error
        return UprightImage(pixels, 1, facts=self._frames.facts)

    def close(self) -> None:
        """Close the file."""
        if self._frames is not None:
            with suppress(AttnSegError):
                self._frames.close()
        self._frames = self._files = None


def read_case(case: Case) -> UprightImage:
    """Read the image of one case; errors as of `CaseImages.read`."""
    images = CaseImages()
    try:
        return images.read(case)
    finally:
        images.close()


def _of_file(case: Case) -> UprightImage:
    found = read_upright(case.image)
    if case.frame is None:
        return found
    stack = found.pixels
    if stack.ndim < 3 or not case.frame < len(stack):
        raise InputError(
            f"{case.image.name} has no slice {case.frame} any more; expected the stack "
            "that was segmented: put it back."
        )
    return UprightImage(stack[case.frame], found.orientation)
