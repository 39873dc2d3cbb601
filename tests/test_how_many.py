"""Numbers with their nouns, in sentences that count one."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from napari_attnseg._widgets.train.cost import cost_sentence
from napari_attnseg._widgets.train.status import sentence
from napari_attnseg.how_many import how_many
from napari_attnseg.review.case import Case
from napari_attnseg.review.cases import Order
from napari_attnseg.review.session import Review
from napari_attnseg.review.words import order_words
from napari_attnseg.run_files import LogRow, RunFiles, RunState


def test_one_is_singular() -> None:
    said = [how_many(n, "image") for n in (0, 1, 2, 1200)]
    assert said == ["0 images", "1 image", "2 images", "1,200 images"]
    assert how_many(2, "class", "classes") == "2 classes"


def test_a_run_of_one_epoch() -> None:
    row = LogRow(1, 0.5, 0.5, 0.9, 0.8, 1e-3, 1.0, 8.0)
    files = RunFiles(None, {}, (row,))
    assert sentence(RunState.DONE, files, False).startswith("Done: 1 epoch. ")
    stopped = sentence(RunState.STOPPED, files, False)
    assert stopped.startswith("Stopped after 1 finished epoch. ")
    found: dict[str, Any] = {"seconds_per_step": 1.0, "steps": 60, "train": 1}
    found |= {"device": "cpu", "memory_bytes": 0}
    assert "for 1 epoch of 1 training image on cpu" in cost_sentence(found, 1)


@pytest.mark.parametrize(
    ("order", "one", "two"),
    [
        (
            Order.EXPECTED_DICE,
            "; 1 case without one comes before them.",
            "; 2 cases without one come before them.",
        ),
        (
            Order.DOUBT,
            "; 1 empty mask comes before them.",
            "; 2 empty masks come before them.",
        ),
    ],
)
def test_what_comes_before_the_sorted_cases(order: Order, one: str, two: str) -> None:
    for end, number in ((one, 1), (two, 2)):
        cases = [Case(str(i), Path("a.png"), None) for i in range(number)]
        review = SimpleNamespace(cases=cases, study=None, order=order)
        assert order_words(cast(Review, review)).endswith(end)
