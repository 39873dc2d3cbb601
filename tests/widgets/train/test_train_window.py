"""The Train widget in a real window: start a tiny run and see what comes of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from napari.components import ViewerModel
from napari.utils.theme import get_theme
from qtpy.QtCore import QSettings, Qt
from qtpy.QtWidgets import QWidget

from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.session_weights import TRAINED
from napari_attnseg._widgets.segment import SegmentWidget
from napari_attnseg._widgets.train.cost import cost_sentence
from napari_attnseg._widgets.train.form import START_LABELS, TrainForm
from napari_attnseg._widgets.train.options import declared_settings
from napari_attnseg._widgets.train.process import end_children
from napari_attnseg._widgets.train.recommended import RECOMMENDED
from napari_attnseg._widgets.train.status import NOTHING, Look
from napari_attnseg._widgets.train.widget import TrainWidget
from napari_attnseg.cards import read_card
from napari_attnseg.run_files import RunState


@pytest.fixture
def viewer(
    make_napari_viewer_proxy: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Any]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    # The folder shown last is remembered, but not from one test to another.
    form = QSettings.Format.IniFormat
    QSettings.setPath(form, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    yield make_napari_viewer_proxy(show=True)
    TRAINED.clear()
    end_children()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A form asks nobody for devices and settings, and is gone at once."""
    monkeypatch.setattr("napari_attnseg._widgets.train.form.start", lambda *_: None)


TRAIN = "Train segmentation model"


def open_widget(viewer: Any, name: str) -> Any:
    _, widget = viewer.window.add_plugin_dock_widget("napari-attnseg", name)
    assert isinstance(widget, QWidget)
    return widget


def close_all(viewer: Any, qtbot: Any, *widgets: Any) -> None:
    viewer.window.remove_dock_widget("all")
    qtbot.waitUntil(lambda: not any(w.reading for w in widgets))


def choose(widget: TrainWidget, data: Path, epochs: int) -> None:
    widget.form.data.set(data)
    widget.form.recipe_box.setCurrentText("tiny")
    widget.form.start_box.setCurrentText(START_LABELS["scratch"])
    widget.form.epochs_box.setValue(epochs)
    widget.form.batch_box.setValue(4)


def test_trains_and_hands_its_weights_to_segment(
    viewer: Any,
    qtbot: Any,
    data_folder: Path,
    messages: list[str],
    request: pytest.FixtureRequest,
) -> None:
    segment: SegmentWidget = open_widget(viewer, "Segment image")
    widget: TrainWidget = open_widget(viewer, TRAIN)
    choose(widget, data_folder, 2)
    assert Path(widget.folder.text) == data_folder.parent / "discs-tiny"
    widget.start_button.click()
    qtbot.waitUntil(lambda: widget.stop_button.isVisible(), timeout=10_000)
    assert not widget.form.isVisible() and widget.view.progress.isVisible()
    qtbot.waitUntil(lambda: widget.shown.state == "done", timeout=180_000)

    drawn = widget.view.curves.lines
    assert set(drawn) == {"training loss", "validation loss", "validation Dice"}
    dice = [epoch.val_dice for epoch in widget.shown.epochs]
    assert drawn["validation Dice"] == dice and len(dice) == 2
    assert (
        widget.view.curves.isVisible()
        and "Done: 2 epochs" in widget.view.state_line.text()
    )
    said = widget.view.log.toPlainText()
    assert said == widget.shown.log and said.count("epoch 2/2: ") == 1
    assert not widget.stop_button.isVisible() and not widget.start_button.isEnabled()
    assert widget.why.isVisible() and "choose another" in widget.why.text()
    # Segment was open all the time; one that is opened now knows them too.
    for one in (segment, open_widget(viewer, "Explain segmentation")):
        box = one.inputs.weights_box
        index = box.findText("discs-tiny", Qt.MatchFlag.MatchStartsWith)
        assert box.itemData(index) == data_folder.parent / "discs-tiny/best.safetensors"
        assert f"Dice {max(dice):.2f} in training" in box.itemText(index)
        assert box.currentText() == "compact · Dice 0.88"
    # It is trained on in a folder of its own.
    widget.on_epochs.setValue(1)
    assert widget.on_row.isVisible()
    request.getfixturevalue("forked_runs")
    widget.on_button.click()
    more = data_folder.parent / "discs-tiny-on"
    assert Path(widget.folder.text) == more and not widget.on_row.isVisible()
    qtbot.waitUntil(lambda: widget.shown.state == "done", timeout=180_000)
    assert len(widget.shown.epochs) == 1
    was = f"Before this run: {max(dice):.3f}."
    assert was in widget.view.state_line.text()
    card = read_card(more / "best.safetensors").training
    assert card["config"]["epochs"] == 1 and card["started_from"]["val_dice"] in dice
    assert messages == []
    # A theme of napari is followed.
    for theme in ("light", "dark"):
        viewer.theme = theme
        colour = tuple(c / 255 for c in get_theme(theme).background.as_rgb_tuple())
        assert widget.view.curves.figure.get_facecolor()[:3] == pytest.approx(colour)
    close_all(viewer, qtbot, widget)


@pytest.mark.usefixtures("forked_runs")
def test_reconnects_to_a_run_that_goes_on(
    viewer: Any, qtbot: Any, data_folder: Path
) -> None:
    widget: TrainWidget = open_widget(viewer, TRAIN)
    choose(widget, data_folder, 500)
    widget.start_button.click()
    qtbot.waitUntil(lambda: len(widget.shown.epochs) > 0, timeout=180_000)
    close_all(viewer, qtbot, widget)
    seen = len(widget.shown.epochs)

    again: TrainWidget = open_widget(viewer, TRAIN)
    qtbot.waitUntil(lambda: len(again.shown.epochs) > seen, timeout=60_000)
    assert len(widget.shown.epochs) == seen  # nothing is connected any more
    again.stop_button.click()
    qtbot.waitUntil(lambda: again.shown.state == "stopped", timeout=60_000)
    assert again.resume_button.isVisible() and not again.start_button.isEnabled()
    assert again.form.data.text == str(data_folder)
    again.form.data.line.editingFinished.emit()  # as on the way to a button
    assert Path(again.folder.text) == data_folder.parent / "discs-tiny"
    again.resume_button.click()
    seen = len(again.shown.epochs)
    qtbot.waitUntil(lambda: len(again.shown.epochs) > seen, timeout=60_000)
    close_all(viewer, qtbot, again)


@pytest.mark.usefixtures("forked_runs")
def test_what_is_missing_or_wrong_is_said(
    viewer: Any, qtbot: Any, data_folder: Path, messages: list[str]
) -> None:
    widget: TrainWidget = open_widget(viewer, TRAIN)
    box = widget.form.epochs_box
    # The trainer's own words and ranges, when it has answered.
    help_text = declared_settings()["epochs"]["help"]
    qtbot.waitUntil(lambda: box.toolTip() == help_text, timeout=60_000)
    assert box.minimum() == declared_settings()["epochs"]["minimum"]
    assert not widget.start_button.isEnabled() and widget.why.isVisible()
    assert "grey because no data folder is chosen" in widget.why.text()
    widget.form.data.line.setText("nowhere")  # not yet left
    assert "no run folder is chosen" in widget.why.text()
    choose(widget, data_folder / "nowhere", 2)
    widget.folder.line.setText("run")
    assert widget.start_button.isEnabled() and not widget.why.isVisible()
    widget.start_button.click()
    assert "there is no folder" in messages[-1]
    widget.folder.line.setText("")
    widget.form.data.set(data_folder / "images")
    assert widget.folder.text == str(data_folder / "images-tiny")
    widget.start_button.click()
    qtbot.waitUntil(lambda: widget.shown.state == "failed", timeout=60_000)
    assert "Expected a data folder with images/ and masks/" in messages[-1]
    assert widget.view.state_line.text() == messages[-1]
    assert widget.form.isVisible() and widget.start_button.isEnabled()
    close_all(viewer, qtbot, widget)


@pytest.mark.usefixtures("forked_runs")
def test_three_recipes_in_plain_words_come_first(
    viewer: Any, qtbot: Any, data_folder: Path
) -> None:
    form = open_widget(viewer, TRAIN).form
    *first, other = form.recipe_buttons.values()
    assert [b.text() for b in first] == ["Quick try", "On a CPU", "On a graphics card"]
    assert first[1].isChecked() and form.recipe_box.currentText() == "compact-norm"
    starts = {}
    for button in first:
        button.click()
        starts[form.recipe_box.currentText()] = form.start_box.currentData()
        assert "Needs" in form.about.text() and form.about.isVisibleTo(form)
    assert starts == {
        "tiny": "scratch",
        "compact-norm": "bundled",
        "compact-gpu": "pretrained",
    }
    assert not form.recipe_box.isVisibleTo(form)  # the rest is under More
    other.click()
    assert form.recipe_box.isVisibleTo(form)
    form.recipe_box.setCurrentText("compact-352")
    assert other.isChecked() and "105 minutes" in form.about.text()
    first[0].click()
    assert form.epochs_box.value() == 5

    # How long it takes here is measured here, and what is missing is said.
    form.cost.button.click()
    assert "Choose a data folder" in form.cost.answer.text()
    form.data.set(data_folder)
    form.cost.button.click()
    assert not form.cost.button.isEnabled()
    qtbot.waitUntil(form.cost.button.isEnabled, timeout=120_000)
    answer = form.cost.answer.text()
    assert "for 5 epochs of 8 training images on " in answer
    form.epochs_box.setValue(6)  # of which that was no answer
    assert not form.cost.answer.isVisibleTo(form)
    assert {path.name for path in data_folder.parent.iterdir()} == {"discs", "settings"}


@pytest.mark.usefixtures("alone")
def test_what_a_data_folder_lacks_is_said_when_it_is_chosen(
    qtbot: Any, tmp_path: Path, data_folder: Path
) -> None:
    form = TrainForm(Lifetime())
    qtbot.addWidget(form)
    suggested: list[Any] = []
    form.suggested.connect(suggested.append)

    def said(folder: Path) -> str:
        form.data.line.setText(str(folder))
        form.data.line.editingFinished.emit()
        assert form.data_note.isVisibleTo(form) == bool(form.data_note.text())
        return form.data_note.text()

    assert said(tmp_path / "nowhere") == f"There is no folder {tmp_path / 'nowhere'}."
    assert suggested == [None]
    (tmp_path / "half" / "images").mkdir(parents=True)
    assert said(tmp_path / "half") == "This folder has no masks/ in it."
    (tmp_path / "half" / "masks").mkdir()
    assert said(tmp_path / "half") == "images/ and masks/ are empty."
    assert "no images/ and no masks/" in said(tmp_path / "half" / "masks")
    assert said(data_folder) == ""
    assert suggested[-1] == data_folder.parent / "discs-compact-norm"


@pytest.mark.usefixtures("alone")
def test_data_that_is_not_there_clears_the_run_that_is_done(
    qtbot: Any, tmp_path: Path
) -> None:
    widget = TrainWidget(ViewerModel())
    qtbot.addWidget(widget)
    widget.folder.prefill(tmp_path)
    widget._show(Look(RunState.DONE, "Done: 2 epochs."))
    assert "Done" in widget.view.state_line.text()
    widget.form.data.set(tmp_path / "nowhere")
    assert widget.folder.text == "" and widget.shown == NOTHING
    assert "Done" not in widget.view.state_line.text()
    widget.life.end()


@pytest.mark.usefixtures("alone")
def test_a_later_session_shows_the_recipe_of_the_run(qtbot: Any) -> None:
    form = TrainForm(Lifetime())
    qtbot.addWidget(form)
    suggested: list[Any] = []
    form.suggested.connect(suggested.append)
    assert form.recipe_box.currentText() == "compact-norm"
    form.show_run("somewhere", "tiny")
    assert form.recipe_box.currentText() == "tiny" and suggested == []
    assert form.about.text() == RECOMMENDED["tiny"].about
    assert "no folder somewhere" in form.data_note.text()


def test_what_a_run_costs_counts_its_start() -> None:
    found = {
        "train": 8,
        "device": "cpu",
        "steps": 2,
        "seconds_per_step": 0.5,
        "memory_bytes": None,
    }
    # 20 s for the answer, of which its few steps took a part.
    said = cost_sentence(found, 5, 20.0)
    assert "for 5 epochs of 8 training images on cpu" in said
    assert " s of them for the start" in said
    # No more than the steps took: there is no start worth a word.
    assert "for the start" not in cost_sentence(found, 5, 0.5)
