"""What holds for every click, whoever proposes the change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_attnseg import Segmenter
from napari_attnseg.corrections import (
    Click,
    Correction,
    Corrector,
    Proposal,
    Reach,
    click_in_box,
    clicks_from_json,
    clicks_to_json,
    correct,
    next_click,
)
from napari_attnseg.corrections.by_head import HeadCorrector
from napari_attnseg.corrections.by_similarity import SimilarityCorrector
from napari_attnseg.corrections.of_model import click_features, corrector_of
from napari_attnseg.corrections.reach import line_pixels, reach_box, stations
from napari_attnseg.corrections.session import ClickSession
from napari_attnseg.corrections.simulated import next_box, next_line
from napari_attnseg.errors import InputError
from napari_attnseg.models.click_head import ClickHead, ClickHeadSpec

SHAPE = (90, 120)


class Eager:
    """Proposes all of its box for a positive click, nothing for a negative one."""

    name, classes, shape, reach = "eager", 2, SHAPE, Reach(20, 30)

    def propose(self, mask: np.ndarray, clicks: Sequence[Click]) -> Proposal:
        box = reach_box(clicks[-1], self.reach, mask.shape)
        return Proposal(box, np.full(mask[box].shape, clicks[-1].positive))


class Idle(Eager):
    """Proposes the opposite of what a click says."""

    def propose(self, mask: np.ndarray, clicks: Sequence[Click]) -> Proposal:
        box, inside = super().propose(mask, clicks)
        return Proposal(box, ~inside)


def by_head(probability: np.ndarray) -> Corrector:
    torch.manual_seed(0)
    head = ClickHead(ClickHeadSpec(6, 4, 8, (1, 2), 4)).eval()
    torch.nn.init.constant_(head.out.bias, 3.0)
    return HeadCorrector(head, torch.randn(1, 6, 12, 16), probability, 0.5)


def by_similarity(probability: np.ndarray) -> Corrector:
    rng = np.random.default_rng(0)
    features = np.repeat(rng.normal(size=(6, 1, 16)), 12, axis=1)
    return SimilarityCorrector(features, probability, 0.5)


MAKERS: list[Callable[[np.ndarray], Corrector]] = [
    lambda probability: Eager(),
    lambda probability: Idle(),
    by_head,
    by_similarity,
]
NAMES = ["eager", "idle", "head", "similarity"]


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_what_holds_for_every_click(make: Callable[[np.ndarray], Corrector]) -> None:
    rng = np.random.default_rng(1)
    probability = np.zeros((2, *SHAPE))
    probability[0, 30:60, 40:90] = 0.8
    start = (probability[0] >= 0.5).astype(np.uint8)
    start[5:20, 5:30] = 2
    corrector, clicks, before = make(probability), [], start
    # Corners and edges too; opposite clicks near each other among them.
    places = [(0, 0), (89, 119), (45, 60), (46, 61), (45, 63), (12, 12)]
    places += [tuple(rng.integers(SHAPE)) for _ in range(8)]
    for row, column in places:
        positive = bool(rng.random() < 0.5)
        number = int(rng.integers(1, 3))
        clicks.append(Click(int(row), int(column), positive, number))
        result = correct(corrector, start, clicks)
        changed = result.mask != before
        rows, columns = np.nonzero(changed)
        away = ((rows - row) / result.reach.rows) ** 2
        away += ((columns - column) / result.reach.columns) ** 2
        assert (away <= 1).all()  # nothing that is far from it
        after = result.mask[changed]
        assert (after == number).all() if positive else (after == 0).all()
        if not positive:  # nor anything of another class
            assert (before[changed] == number).all()
        own = result.mask[row, column] == number
        assert own == positive
        before = result.mask
    for one in clicks:
        if sum(other[:2] == (one.row, one.column) for other in places) == 1:
            own = before[one.row, one.column] == one.class_number
            assert own or not one.positive
    assert result.clicks == tuple(clicks)
    assert not np.array_equal(start, result.mask)


@pytest.mark.parametrize("make", MAKERS, ids=NAMES)
def test_what_holds_for_every_scribble(make: Callable[[np.ndarray], Corrector]) -> None:
    rng = np.random.default_rng(2)
    probability = np.zeros((2, *SHAPE))
    probability[0, 30:60, 40:90] = 0.8
    start = (probability[0] >= 0.5).astype(np.uint8)
    start[5:20, 5:30] = 2
    corrector = make(probability)
    session, before = ClickSession(corrector, start), start
    for _ in range(8):
        points = [tuple(int(x) for x in rng.integers(SHAPE)) for _ in range(4)]
        positive, number = bool(rng.random() < 0.5), int(rng.integers(1, 3))
        scribble = Click(*points[0], positive, number, tuple(points[1:]))
        session.add(scribble)
        rows, columns = line_pixels(scribble).T
        assert np.abs(np.diff([rows, columns])).max() == 1  # no gap
        own = session.mask == number
        assert (own[rows, columns] == positive).all()  # every pixel of the line
        changed = session.mask != before
        if positive:
            assert (session.mask[changed] == number).all()
        else:
            assert (before[changed] == number).all()
            assert (session.mask[changed] == 0).all()
        near = np.zeros(SHAPE, bool)
        for row, column in zip(rows, columns, strict=True):
            y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
            away = ((y - row) / corrector.reach.rows) ** 2
            near |= away + ((x - column) / corrector.reach.columns) ** 2 <= 1
        assert not (changed & ~near).any()  # nothing that is far from it
        before = session.mask.copy()
    known = clicks_from_json(clicks_to_json(session.clicks))
    assert np.array_equal(correct(corrector, start, known).mask, before)
    last = session.clicks[-1]
    session.undo()  # the whole line is one step
    assert session.clicks == known[:-1]
    session.add(last)
    assert np.array_equal(session.mask, before)
    session.clear()
    assert np.array_equal(session.mask, start)


def test_a_scribble_says_more_than_a_click_at_its_middle() -> None:
    """A long lesion of which the mask has an end; stand-in features show it."""
    truth = np.zeros(SHAPE, bool)
    truth[38:52, 10:110] = True
    probability = np.where(truth, 0.3, 0.1)[None]
    probability[0, 38:52, 10:30] = 0.9
    features = np.random.default_rng(0).normal(0, 0.1, (6, 12, 16))
    features[0] += 2 * np.kron(truth, np.ones((2, 2)))[7::15, 7::15] - 1.0
    corrector = SimilarityCorrector(features, probability, 0.5)
    start = (probability[0] >= 0.5).astype(np.uint8)

    def dice_of(mask: np.ndarray) -> float:
        return float(2 * (mask * truth).sum() / (mask.sum() + truth.sum()))

    def found(*clicks: Click) -> float:
        return dice_of(correct(corrector, start, clicks).mask)

    click = found(Click(45, 70, True))
    line = found(Click(45, 15, True, line=((45, 105),)))
    line_alone = start.copy()
    line_alone[44:47, 15:106] = 1
    assert found() < click < line and line > dice_of(line_alone) + 0.1


def test_a_line_stays_when_a_later_click_comes_near() -> None:
    scribble = Click(45, 40, False, line=((45, 80),))
    mask = correct(
        Eager(), np.ones(SHAPE, np.uint8), [scribble, Click(47, 60, True)]
    ).mask
    assert not mask[45, 40:81].any() and mask[47, 60]
    ways = stations(scribble, Eager.reach)
    assert (ways[0].column, ways[-1].column) == (40, 80) and 5 <= len(ways) <= 7
    assert not any(way.line for way in ways)


def test_a_click_changes_only_what_is_connected_to_it() -> None:
    class Two(Eager):
        def propose(self, mask: np.ndarray, clicks: Sequence[Click]) -> Proposal:
            box, inside = super().propose(mask, clicks)
            inside[:, 25:28] = False  # a gap: what is beyond it is not the click's
            return Proposal(box, inside)

    click = Click(45, 60, True)
    found = correct(Two(), np.zeros(SHAPE, np.uint8), [click]).mask
    assert found[45, 60] and found[45, 70]
    assert not found[:, : 60 - 30 + 25].any()


def test_a_later_click_leaves_the_place_of_an_earlier_one() -> None:
    clicks = [Click(45, 60, True), Click(45, 70, False), Click(45, 64, True)]
    for number in range(1, 4):
        mask = correct(Eager(), np.zeros(SHAPE, np.uint8), clicks[:number]).mask
        for click in clicks[:number]:
            assert bool(mask[click.row, click.column]) == click.positive


def test_the_same_clicks_give_the_same_mask_and_the_start_stays() -> None:
    start = np.zeros(SHAPE, np.uint8)
    clicks = [Click(10, 10, True), Click(40, 40, True)]
    one, two = (correct(Eager(), start, clicks) for _ in range(2))
    assert np.array_equal(one.mask, two.mask) and not start.any()
    assert np.array_equal(correct(Eager(), start, []).mask, start)
    assert isinstance(one, Correction) and one.facts["corrector"] == "eager"


def test_clicks_as_json() -> None:
    clicks = (Click(1, 2, True), Click(3, 4, False, 2), Click(1, 2, True, 1, ((3, 4),)))
    assert clicks_to_json(clicks)[0] == {
        **{"row": 1, "column": 2, "positive": True, "class_number": 1},
    }  # as files of earlier versions have it
    assert clicks_from_json(clicks_to_json(clicks)) == clicks
    line = {"row": 1, "column": 1, "positive": True, "line": [3]}
    for bad in (
        [line],
        [{"row": 1}],
        [3],
        [{"row": "x", "column": 1, "positive": True}],
    ):
        with pytest.raises(InputError, match="Expected clicks"):
            clicks_from_json(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("click", [Click(90, 0, True), Click(0, -1, True)])
def test_a_click_outside_is_refused(click: Click) -> None:
    with pytest.raises(InputError, match="inside the image of 90×120"):
        correct(Eager(), np.zeros(SHAPE, np.uint8), [click])
    with pytest.raises(InputError, match="row 3, column 120"):
        line = ((3, 120), (4, 4))
        correct(Eager(), np.zeros(SHAPE, np.uint8), [Click(0, 0, True, line=line)])
    with pytest.raises(InputError, match="class from 1 to 2"):
        correct(Eager(), np.zeros(SHAPE, np.uint8), [Click(0, 0, True, 3)])


def test_the_next_click_is_in_the_middle_of_the_largest_error() -> None:
    truth = np.zeros(SHAPE, bool)
    truth[20:31, 20:31] = True
    mask = np.zeros(SHAPE, np.uint8)
    mask[60:65, 60:70] = 1
    assert next_click(mask, truth) == Click(25, 25, True)
    places = [next_click(mask, truth, rng=np.random.default_rng(i)) for i in range(9)]
    assert all(one is not None and truth[one.row, one.column] for one in places)
    assert len(set(places)) > 5
    mask[20:31, 20:31] = 1
    found = next_click(mask, truth)
    assert found is not None and not found.positive and 60 <= found.row < 65
    line, box = next_line(mask, truth), next_box(mask, truth)
    assert line is not None and box is not None and not line.positive
    # Along the middle of 5×10 pixels, from one end towards the other.
    rows, columns = line_pixels(line).T
    assert set(rows.tolist()) <= {61, 62, 63} and np.ptp(columns) >= 4
    assert (columns.min() >= 60) and columns.max() < 70
    assert box == click_in_box(60, 60, 65, 70, False)
    truth[60, 60] = 1  # a box there would remove it
    assert next_box(mask, truth) == next_click(mask, truth)
    truth[60, 60] = 0
    ignored = np.zeros(SHAPE, bool)
    ignored[50:] = True
    assert next_click(mask, truth, ignored=ignored) is None


def test_a_model_without_a_head_is_corrected_by_similarity(tiny_weights: Path) -> None:
    segmenter = Segmenter.from_checkpoint(tiny_weights, "cpu")
    image = np.random.default_rng(0).integers(0, 255, (50, 70, 3)).astype(np.uint8)
    encoded = segmenter.encode(image)
    corrector = corrector_of(segmenter, encoded)
    assert corrector.name == "feature_similarity" and corrector.shape == (50, 70)
    mask = correct(corrector, np.zeros((50, 70), np.uint8), [Click(20, 30, True)]).mask
    assert mask[20, 30] == 1


def test_a_network_without_such_features_is_refused_in_a_sentence() -> None:
    network = SimpleNamespace(decoder=object(), spec=SimpleNamespace(name="other"))
    with pytest.raises(InputError, match=r"'other' cannot be corrected by clicks.*\.$"):
        click_features(network, [])  # type: ignore[arg-type]


@pytest.mark.parametrize("positive", [True, False])
def test_a_click_on_what_is_right_guards_it_from_later_clicks(positive: bool) -> None:
    start = np.zeros(SHAPE, np.uint8)
    start[40:51] = positive
    confirming, against = Click(45, 60, positive), Click(45, 76, not positive)
    assert np.array_equal(correct(Eager(), start, [confirming]).mask, start)
    alone = correct(Eager(), start, [against]).mask
    assert alone[45, 60] != start[45, 60]  # without it, the place would change
    mask = correct(Eager(), start, [confirming, against]).mask
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    guarded = (rows - 45) ** 2 + (columns - 60) ** 2 < 8**2  # half of the way
    assert (mask == start)[guarded].all() and mask[45, 69] != positive
    line = Click(45, 50, positive, line=((45, 60),))  # its nearest pixel counts
    assert (correct(Eager(), start, [line, against]).mask == start)[guarded].all()


def test_a_click_takes_no_more_than_a_part_unless_a_whole_object() -> None:
    """Of an object that reaches further than the click, inside, at its edge, whole."""
    pixels = SHAPE[0] * SHAPE[1]
    start = np.zeros(SHAPE, np.uint8)
    start[10:80, 10:110] = 1

    def taken(mask: np.ndarray, row: int, column: int) -> int:
        found = correct(Eager(), mask, [Click(row, column, False)]).mask
        assert found[row, column] == 0
        return int(mask.sum()) - int(found.sum())

    hole, edge = taken(start, 45, 60), taken(start, 20, 60)
    assert pixels * 0.005 < hole < pixels * 0.012
    assert pixels * 0.03 < edge < pixels * 0.052
    small = np.zeros(SHAPE, np.uint8)
    small[35:56, 45:76] = 1  # 6 % of the image, all in reach: all of it goes
    assert taken(small, 45, 60) == 21 * 31
    # A click that adds may add all in its reach: an object that was not found.
    found = correct(Eager(), np.zeros(SHAPE, np.uint8), [Click(45, 60, True)]).mask
    assert found.sum() > pixels * 0.15


def test_a_box_that_removes_leaves_only_what_a_click_added() -> None:
    start = np.ones(SHAPE, np.uint8)
    start[:, 60:] = 2
    added = Click(45, 50, True), click_in_box(30, 5, 60, 25, True)
    box = click_in_box(2, 2, 88, 118, False)  # larger than the reach
    session = ClickSession(Idle(), start, added)
    before = session.mask.copy()
    session.add(box)
    left = session.mask == 1
    inside = left[2:88, 2:118]
    # The disc of the click; a box named no pixels, and class 2 is not meant.
    assert inside.sum() == 5 and left[45, 50]
    assert left.sum() - inside.sum() == (before == 1).sum() - 86 * 58
    assert np.array_equal(session.mask == 2, before == 2)
    session.undo()
    assert np.array_equal(session.mask, before)


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize(
    "corners", [(30, 20, 60, 100), (5, 50, 85, 58), (40, 40, 41, 41)]
)
@pytest.mark.parametrize("make", [MAKERS[0], by_head], ids=["eager", "head"])
def test_a_box_changes_nothing_outside_it(
    make: Callable[[np.ndarray], Corrector],
    corners: tuple[int, int, int, int],
    positive: bool,
) -> None:
    top, left, bottom, right = corners
    start = np.full(SHAPE, int(not positive), np.uint8)
    corrector = make(np.full((2, *SHAPE), 0.5))
    box = click_in_box(*corners, positive)
    assert clicks_from_json(clicks_to_json([box])) == (box,)
    session = ClickSession(corrector, start, [box])
    inside = np.zeros(SHAPE, bool)
    inside[top:bottom, left:right] = True
    assert not (session.mask != start)[~inside].any()
    middle = (top + bottom - 1) // 2, (left + right - 1) // 2
    assert session.mask[middle] == positive
    if not positive:  # what it encloses is meant, whoever corrects
        assert not session.mask[inside].any()
    elif corrector.name == "eager":  # long boxes are filled all along
        assert (session.mask != start)[inside].mean() > 0.9
    session.undo()
    assert np.array_equal(session.mask, start)
