"""The menu of a run follows its mask layer, and outlives it."""

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication

from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.run_menu import RunMenu
from napari_attnseg._widgets.layers.metadata import record_of, set_record
from napari_attnseg._widgets.layers.runs import find_results


@pytest.fixture
def life() -> Iterator[Lifetime]:
    life = Lifetime()
    yield life
    life.end()


def copied(menu: RunMenu) -> str:
    menu.copy_command()
    return str(QApplication.clipboard().text())


def test_a_mask_that_was_made_anew_is_repeated_after_it_is_gone(
    qtbot: Any, viewer: ViewerModel, segment: Callable[..., Any], life: Lifetime
) -> None:
    segment()
    mask = find_results(viewer.layers)[0].mask
    menu = RunMenu(viewer, life)
    qtbot.addWidget(menu)
    menu.show_run(mask)
    for threshold in (0.123, 0.456):
        record = record_of(mask)
        assert record is not None
        set_record(mask, record.with_provenance(threshold=threshold))
        mask.name = f"at {threshold}"
        if threshold == 0.456:
            viewer.layers.remove(mask)
        assert f"--threshold {threshold}" in copied(menu)


def test_a_mask_that_is_deleted_is_freed(
    qtbot: Any, viewer: ViewerModel, segment: Callable[..., Any], life: Lifetime
) -> None:
    image = segment()
    mask = find_results(viewer.layers)[0].mask
    menu = RunMenu(viewer, life)
    qtbot.addWidget(menu)
    menu.show_run(mask)
    data = weakref.ref(mask.data)
    viewer.layers.selection.active = image  # napari holds the one that was active last
    viewer.layers.remove(mask)
    del mask
    gc.collect()
    assert data() is None and "attnseg segment" in copied(menu)
