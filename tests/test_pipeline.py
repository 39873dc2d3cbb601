"""Reading ahead and writing behind: order, bounds, errors, and what a stop leaves."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_attnseg.batch import here as work
from napari_attnseg.batch import segment_images
from napari_attnseg.batch.base import Note
from napari_attnseg.batch.here import Kept, Steps, process
from napari_attnseg.commands import pace
from napari_attnseg.errors import DeviceError, InputError
from napari_attnseg.pipeline import read_ahead, write_behind
from napari_attnseg.rate_words import rate_words

STEMS = {Path(f"{name}.png"): name for name in "abcdef"}


def test_reading_is_ahead_by_so_many_and_in_order() -> None:
    begun: list[int] = []
    reading = read_ahead(range(10), lambda i: begun.append(i) or i * i, ahead=2)
    assert next(reading) == 0
    for i in range(1, 6):
        assert next(reading) == i * i
        assert len(begun) <= i + 3
    reading.close()
    assert len(begun) < 10


def test_what_is_read_is_read_while_others_are_worked_on() -> None:
    second = threading.Event()

    def read(i: int) -> int:
        if i == 1:
            second.set()
        return i

    for i in read_ahead(range(2), read):
        assert i == 1 or second.wait(10)


def test_writing_is_behind_by_one_and_goes_on_after_an_interrupt() -> None:
    written: list[int] = []

    def computing() -> Iterator[object]:
        for i in range(5):
            if i == 3:
                raise KeyboardInterrupt
            yield lambda i=i: written.append(i) or i

    found = []
    with pytest.raises(KeyboardInterrupt):
        for result in write_behind(computing()):
            found.append(result())
    assert found == [0, 1] and written == [0, 1, 2]


class Pixels:
    """Stands for a large image."""


def test_few_images_are_in_memory_at_a_time() -> None:
    alive: weakref.WeakSet[Pixels] = weakref.WeakSet()
    most: list[int] = []

    def read(path: Path, stem: str, notes: list[Note]) -> Pixels:
        pixels = Pixels()
        alive.add(pixels)
        return pixels

    def compute(path: Path, stem: str, notes: list[Note], read: Pixels) -> work.Write:
        most.append(len(alive))
        return lambda: [Path(stem)]

    stems = {Path(f"{i}.png"): str(i) for i in range(50)}
    outcomes = list(process(stems, Steps(read, compute)))
    assert [outcome.stem for outcome in outcomes] == list(stems.values())
    # The one that is computed, the next one, and the one before while it is let go.
    assert max(most) <= 3 and not alive


def test_errors_belong_to_their_image_and_groups_are_computed_together() -> None:
    groups: list[list[str]] = []

    def read(path: Path, stem: str, notes: list[Note]) -> str | Kept:
        if stem == "b":
            raise InputError("b cannot be read.")
        if stem == "d":
            notes.append(Note.DONE_BEFORE)
            return Kept([Path("d.json")])
        return stem

    def together(some: list[str]) -> None:
        groups.append(list(some))
        if "f" in some:
            raise DeviceError("the device is full.")

    def compute(path: Path, stem: str, notes: list[Note], read: str) -> work.Write:
        if stem == "c":
            raise MemoryError
        return lambda: [Path(f"{stem}.json")]

    steps = Steps(read, compute, together, at_once=3)
    found = {one.stem: one for one in process(STEMS, steps)}
    assert groups == [["a", "c"], ["e", "f"]] and list(found) == list("abcdef")
    assert found["a"].files == (Path("a.json"),) and found["a"].error is None
    assert found["d"].files == (Path("d.json"),)
    assert found["d"].notes == (Note.DONE_BEFORE,)
    errors = {stem: one.error for stem, one in found.items() if one.error}
    assert list(errors) == ["b", "c", "e", "f"]
    assert "not enough memory" in errors["c"] and "full" in errors["e"]


@pytest.mark.parametrize(("code", "left"), [(28, 2), (36, 6)])
def test_a_full_disk_ends_the_batch_and_a_long_name_does_not(
    code: int, left: int
) -> None:
    written: list[str] = []

    def compute(path: Path, stem: str, notes: list[Note], read: str) -> work.Write:
        def write() -> list[Path]:
            written.append(stem)
            if stem == "b":
                raise InputError("b cannot be written.") from OSError(code, "no")
            return [path]

        return write

    outcomes = list(process(STEMS, Steps(lambda path, stem, notes: stem, compute)))
    assert [one.stem for one in outcomes] == list("abcdef")[:left]
    assert outcomes[1].error == "b cannot be written." and outcomes[1].files == ()
    assert written == list("abcdef")[:left]


def test_a_batch_that_is_left_has_whole_results_only(
    tmp_path: Path, tiny_weights: Path
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    for i in range(6):
        Image.fromarray(pixels).save(photos / f"{i}.png")
    batch = iter(segment_images([photos], out, tiny_weights, "cpu"))
    next(batch)
    batch.close()  # as an interrupt does
    done = {path.stem for path in out.glob("*.json")}
    assert {"0"} <= done <= {"0", "1"}
    assert {path.name[0] for path in out.iterdir()} == done


def test_speed_is_said_while_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 20.0, 40.0, 60.0, 80.0])
    monkeypatch.setattr(pace.time, "monotonic", lambda: next(clock))
    said: list[str] = []
    assert list(pace.paced("abcd", 4, "segmenting", said.append)) == list("abcd")
    assert said == ["2 of 4 images, 20.0 s per image."]
    assert rate_words(30, 10, "image") == "3.0 images/s"
    assert rate_words(10, 25, "slice") == "2.5 s per slice"
