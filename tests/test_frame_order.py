"""The order in which the frames of a stack are worked on."""

from __future__ import annotations

import time

from napari_attnseg.frame_order import nearest_first


def test_runs_after_the_frame_on_screen_and_before_it_come_in_turn() -> None:
    order = list(nearest_first(range(12), lambda: 5, run=2))
    assert order == [5, 6, 7, 3, 4, 8, 9, 1, 2, 10, 11, 0]


def test_it_goes_on_from_where_the_slider_is_moved_to() -> None:
    on_screen = iter([2, 2, 8, 8, 8, 2, 2, 2, 2, 2])
    order = list(nearest_first(range(10), lambda: next(on_screen), run=2))
    assert order == [2, 3, 8, 9, 6, 4, 0, 1, 5, 7]


def test_a_film_of_twenty_minutes_costs_no_time_of_its_own() -> None:
    began = time.process_time()
    assert sum(1 for _ in nearest_first(range(30_000), lambda: 15_000)) == 30_000
    assert time.process_time() - began < 2  # minutes, if each frame looked at all
