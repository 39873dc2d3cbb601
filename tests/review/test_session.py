"""What a reviewer decided is on the disk at once, and nothing else is changed."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_series import square, write_images
from PIL import Image

from attnseg_training.datasets.dataset import load_dataset
from napari_attnseg.errors import InputError
from napari_attnseg.review.ahead import load_image
from napari_attnseg.review.case import Case
from napari_attnseg.review.cases import find_cases
from napari_attnseg.review.journal import Journal
from napari_attnseg.review.session import Review
from napari_attnseg.review.state import Decision
from napari_attnseg.review.study import MASK, Study
from napari_attnseg.review.table import COLUMNS, csv_text


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_images(tmp_path / "series")


def opened(folder: Path, reader: str = "anna", **options: object) -> Review:
    return Review(find_cases(folder), reader, **options)  # type: ignore[arg-type]


def enter(review: Review, case: Case) -> np.ndarray:
    image = load_image(case)
    review.enter(case, image.pixels, image.sha256)
    mask = review.read_mask(case)
    assert mask is not None
    return mask.labels


def test_decisions_are_there_when_the_review_is_opened_again(folder: Path) -> None:
    review = opened(folder)
    a, b, c, _ = review.cases
    assert review.accept(a, enter(review, a)) is Decision.ACCEPTED
    enter(review, b)
    review.reject(b)
    enter(review, c)
    review.paint(c, square(9))
    review.comment(c, " too small ")
    # Not closed: as after kill -9.
    again = opened(folder)
    found = [again.state(case).decision for case in again.cases]
    assert found == [Decision.ACCEPTED, Decision.REJECTED, Decision.CORRECTED, None]
    assert again.done == 3 and again.state(c).comment == "too small"
    mask = again.read_mask(c)
    assert mask is not None
    np.testing.assert_array_equal(mask.labels, square(9))
    assert not again.told
    # The masks that were reviewed are as they were.
    for i in range(4):
        kept = np.asarray(Image.open(folder / "masks" / f"case{i}.png"))
        np.testing.assert_array_equal(kept, square(i) * 255)


def test_two_reviewers_have_files_of_their_own(folder: Path) -> None:
    anna, ben = opened(folder, "anna"), opened(folder, "ben")
    case = anna.cases[0]
    for review, row in ((anna, 5), (ben, 9)):
        enter(review, case)
        review.paint(case, square(row))
    anna.close(), ben.close()
    for name, row in (("anna", 5), ("ben", 9)):
        again = opened(folder, name)
        mask = again.read_mask(case)
        assert mask is not None
        np.testing.assert_array_equal(mask.labels, square(row))


def test_corrected_masks_are_a_training_set(folder: Path) -> None:
    review = opened(folder)
    first, second = review.cases[:2]
    enter(review, first)
    review.paint(first, square(10))
    review.paint(first, square(11))  # a further stroke of the same correction
    enter(review, second)
    review.paint(second, square(12))
    review.close()
    dataset = load_dataset(review.masks.training_set)
    assert len(dataset.split("all")) == 2 and not dataset.left_out
    masks = [np.asarray(Image.open(p)) for p in _masks(review)]
    rows = sorted(int(np.flatnonzero(mask.any(1))[0]) for mask in masks)
    assert rows == [11, 12] and {int(m.max()) for m in masks} == {255}
    # No name of a file, which may be a patient's, gets there.
    inside = [p for p in review.masks.training_set.rglob("*") if p.is_file()]
    assert not any("case" in p.name for p in inside)
    records = [p.read_text() for p in inside if p.suffix == ".json"]
    assert len(records) == 2 and not any("case" in text for text in records)


def _masks(review: Review) -> list[Path]:
    return sorted((review.masks.training_set / "masks").glob("*"))


def test_a_correction_that_is_taken_back_leaves_the_training_set(folder: Path) -> None:
    review = opened(folder)
    case = review.cases[0]
    review.accept(case, enter(review, case))
    review.paint(case, square(10))
    review.leave()
    assert len(_masks(review)) == 1
    assert review.undo() == case
    assert review.state(case).decision is Decision.ACCEPTED and not _masks(review)
    mask = review.read_mask(case)
    assert mask is not None
    np.testing.assert_array_equal(mask.labels, square(0))
    # What was painted is not lost, and the next stroke does not go over it.
    enter(review, case)
    review.paint(case, square(12))
    painted = sorted(review.masks.painted.iterdir())
    rows = [int(np.flatnonzero(np.asarray(Image.open(p)).any(1))[0]) for p in painted]
    assert rows == [10, 12]


def test_undo_goes_back_over_cases_to_the_first_decision(folder: Path) -> None:
    review = opened(folder)
    a, b = review.cases[:2]
    review.accept(a, enter(review, a))
    enter(review, b)
    review.reject(b)
    review.accept(b, enter(review, b))
    found = [review.undo() for _ in range(4)]
    assert found == [b, b, a, None] and review.done == 0
    assert opened(folder).done == 0


def test_a_rejected_correction_comes_back_by_undo(folder: Path) -> None:
    review = opened(folder)
    case = review.cases[0]
    enter(review, case)
    review.paint(case, square(10))
    review.reject(case)
    review.leave()
    assert not _masks(review)
    review.undo()
    assert review.state(case).decision is Decision.CORRECTED
    assert len(_masks(review)) == 1
    # Accepting what was painted keeps it a correction.
    assert review.accept(case, enter(review, case)) is Decision.CORRECTED


def test_equal_images_are_two_cases_of_the_training_set(folder: Path) -> None:
    (folder / "images" / "case1.png").write_bytes(
        (folder / "images" / "case0.png").read_bytes()
    )
    review = opened(folder)
    for case, row in zip(review.cases[:2], (9, 12)):
        enter(review, case)
        review.paint(case, square(row))
    review.close()
    assert len(_masks(review)) == 2


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from made_series import square
from napari_attnseg.review.ahead import load_image
from napari_attnseg.review.cases import find_cases
from napari_attnseg.review.session import Review
review = Review(find_cases(Path(sys.argv[1])), "anna")
for i, case in enumerate(review.cases[:3]):
    image = load_image(case)
    review.enter(case, image.pixels, image.sha256)
    review.reject(case) if i == 0 else review.paint(case, square(8 + i))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_loses_nothing(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), str(Path(__file__).parent)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    review = opened(folder)
    found = [review.state(case).decision for case in review.cases]
    assert found == [Decision.REJECTED, *(Decision.CORRECTED,) * 2, None]
    mask = review.read_mask(review.cases[2])
    assert mask is not None
    np.testing.assert_array_equal(mask.labels, square(10))
    assert not review.told
    # The mask of the case on screen was not in the training set yet; now it is.
    assert len(_masks(review)) == 2


def test_a_mask_without_its_event_and_a_torn_line_are_mended(folder: Path) -> None:
    review = opened(folder)
    a, b = review.cases[:2]
    review.accept(a, enter(review, a))
    enter(review, b)
    review.paint(b, square(9))
    path = review.journal.path
    lines = path.read_bytes().splitlines(keepends=True)
    # Killed after the mask was written and in the middle of its line.
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:40])
    again = opened(folder)
    assert again.state(b).decision is Decision.CORRECTED
    assert [len(again.told), "anna.damaged.txt" in again.told[0]] == [2, True]
    assert "case1" in again.told[1]
    kept = path.with_name("anna.damaged.txt").read_bytes()
    assert kept.strip() == lines[-1][:40].strip()
    for line in path.read_text().splitlines():
        json.loads(line)
    assert not opened(folder).told  # said once


def test_another_file_of_that_name_is_refused_and_names_are_checked(
    folder: Path,
) -> None:
    for name in ("", "../x", "a/b", ".a", "x" * 70):
        with pytest.raises(InputError, match="name or initials"):
            opened(folder, name)
    (folder / "review").mkdir()
    (folder / "review" / "anna.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match="it is another"):
        opened(folder)


def test_a_case_without_a_mask_is_drawn_or_rejected(tmp_path: Path) -> None:
    review = opened(write_images(tmp_path / "s", 2, masks=False))
    a, b = review.cases
    image = load_image(a)
    review.enter(a, image.pixels, image.sha256)
    with pytest.raises(InputError, match="no mask to accept"):
        review.accept(a, np.zeros_like(square(0)))
    review.paint(a, square(5))
    assert review.accept(a, square(5)) is Decision.CORRECTED
    review.reject(b)
    assert review.done == 2


def rows(review: Review) -> list[dict[str, str]]:
    text = csv_text([Journal(review.journal.path)])
    found = list(csv.DictReader(io.StringIO(text)))
    assert list(found[0]) == list(COLUMNS)
    return found


def test_a_study_has_its_order_its_hidden_masks_and_its_times(folder: Path) -> None:
    clock = Clock()
    review = opened(folder, study=Study(seed=7), now=clock)
    order = [case.name for case in review.cases]
    assert order != sorted(order) and sorted(order) == [f"case{i}" for i in range(4)]
    case = review.cases[0]
    labels = enter(review, case)
    assert review.hidden(case)
    for decide in (lambda: review.accept(case, labels), lambda: review.reject(case)):
        with pytest.raises(InputError, match="still hidden"):
            decide()
    clock.now += 3
    review.shown(MASK)
    clock.now += 2
    review.pause()
    clock.now += 60
    review.resume()
    clock.now += 1
    review.accept(case, labels)
    clock.now += 4
    enter(review, review.cases[1])
    clock.now += 5
    # Killed here; another seed does not change a study that was begun.
    again = opened(folder, study=Study(seed=8))
    assert [c.name for c in again.cases] == order and "seed 7" in again.told[0]
    first, second, third, _ = rows(again)
    assert first["case"] == order[0] and first["position"] == "1"
    assert (first["seconds"], first["seconds_away"]) == ("10.0", "60.0")
    assert float(first["seconds_to_mask"]) == 3
    assert float(first["seconds_to_decision"]) == 6
    assert (first["decision"], first["seed"], first["mode"]) == (
        "accepted",
        "7",
        "study",
    )
    assert (second["visits"], second["decision"]) == ("1", "")
    assert (third["visits"], third["position"]) == ("0", "3")
    # The review of the same folder is another file.
    assert opened(folder).done == 0


def test_the_table_counts_decisions_not_strokes(folder: Path) -> None:
    review = opened(folder)
    case = review.cases[0]
    enter(review, case)
    for row in (8, 9, 10):
        review.paint(case, square(row))
    review.undo()
    review.reject(case)
    enter(review, case)
    (row,) = rows(review)
    found = {key: row[key] for key in ("visits", "decisions", "taken_back", "decision")}
    assert found == {
        "visits": "2",
        "decisions": "2",
        "taken_back": "1",
        "decision": "rejected",
    }
