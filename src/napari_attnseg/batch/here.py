"""Process a batch in this process; reading, computing and writing overlap."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

from napari_attnseg.batch.base import Note, Outcome
from napari_attnseg.errors import DeviceError, InputError
from napari_attnseg.io.readers.facts import FileFacts
from napari_attnseg.pipeline import read_ahead, write_behind
from napari_attnseg.reliability.estimate import ExpectedDice

#: Writes the results of one image and returns their files.
Write = Callable[[], Sequence[Path]]
Read = TypeVar("Read")


@dataclass(frozen=True, slots=True)
class Kept:
    """Results of an earlier run that this run would make again.

    Attributes
    ----------
    files : sequence of Path
        As `Outcome.files`.
    """

    files: Sequence[Path]


@dataclass(frozen=True, slots=True)
class Steps(Generic[Read]):
    """Functions that turn images into results.

    If one of them raises an `InputError`, a `DeviceError` or a `MemoryError`, the
    outcome of that image holds the error.

    Attributes
    ----------
    read : callable
        ``(path, stem, notes)`` → the input of `compute`, or `Kept`. It is called in
        another thread.
    compute : callable
        ``(path, stem, notes, read)`` → a function that writes the results; the returned
        function is called in another thread. Like `read`, it may append to the list of
        notes.
    together : callable, optional
        Called with what was read of several images, before `compute` is called for
        each: it can process them in one batch where that is faster.
    at_once : int
        Largest number of images that `together` gets at once.
    expected_dice : mapping of Path to ExpectedDice
        Expected Dice by image. `read` or `compute` fill it, and it is copied into the
        outcome of the image.
    facts : mapping of Path to FileFacts
        Facts of the files, likewise.
    """

    read: Callable[[Path, str, list[Note]], Read | Kept]
    compute: Callable[[Path, str, list[Note], Read], Write]
    together: Callable[[list[Read]], None] = lambda some: None
    at_once: int = 1
    expected_dice: Mapping[Path, ExpectedDice] = field(default_factory=dict)
    facts: Mapping[Path, FileFacts] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Image(Generic[Read]):
    """One image on its way."""

    path: Path
    stem: str
    notes: list[Note] = field(default_factory=list)
    read: Read | Kept | None = None
    error: str | None = None

    @contextmanager
    def told(self) -> Iterator[None]:
        """Take what goes wrong for what is wrong with this image."""
        try:
            yield
        except (DeviceError, InputError) as error:
            self.error = str(error)
        except MemoryError:
            self.error = "there is not enough memory for an image of this size."


def process(stems: Mapping[Path, str], steps: Steps[Read]) -> Iterator[Outcome]:
    """Process images and yield their outcomes in order, as a `Batch` does.

    Even if it ends early, computed results are written.
    """
    #: Where the folder or the disk was at fault, not the image.
    stopped: list[Path] = []

    def finish(image: _Image[Read], write: Write | None) -> Outcome | None:
        if stopped:
            return None  # nor could this one be written
        files: Sequence[Path] = ()
        if write is not None:
            try:
                files = write()
            except InputError as error:
                image.error = str(error)
                if getattr(error.__cause__, "errno", None) != errno.ENAMETOOLONG:
                    stopped.append(image.path)
        expected = None if image.error else steps.expected_dice.get(image.path)
        known = tuple(files), image.error, tuple(image.notes), expected
        facts = steps.facts.get(image.path)
        return Outcome(image.path, image.stem, *known, facts=facts)

    def finishing() -> Iterator[Callable[[], Outcome | None]]:
        for image, write in _computed(stems, steps):
            yield partial(finish, image, write)
            if stopped:
                return

    for finished in write_behind(finishing()):
        outcome = finished()
        if outcome is not None:
            yield outcome


def _computed(
    stems: Mapping[Path, str], steps: Steps[Read]
) -> Iterator[tuple[_Image[Read], Write | None]]:
    """Each image with what writes its results; None after an error."""

    def read(image: _Image[Read]) -> _Image[Read]:
        with image.told():
            image.read = steps.read(image.path, image.stem, image.notes)
        return image

    images = (_Image[Read](path, stem) for path, stem in stems.items())
    arriving = read_ahead(images, read, steps.at_once)
    while some := list(islice(arriving, steps.at_once)):
        _together(some, steps)
        for image in some:
            write: Write | None = None
            found, image.read = image.read, None
            if isinstance(found, Kept):
                write = partial(tuple, found.files)
            elif found is not None and image.error is None:
                with image.told():
                    write = steps.compute(image.path, image.stem, image.notes, found)
            del found  # a large image is not to lie about until the next one is there
            yield image, write
            del write


def _together(some: Sequence[_Image[Read]], steps: Steps[Read]) -> None:
    ready = [one for one in some if one.read is not None]
    ready = [one for one in ready if not isinstance(one.read, Kept)]
    try:
        if ready:
            steps.together([one.read for one in ready])  # type: ignore[misc]
    except (DeviceError, MemoryError) as error:
        for one in ready:
            with one.told():
                raise error
