"""Weights that were trained in this session, in the lists that are open."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from napari.components import ViewerModel

from napari_attnseg._widgets.base.session_weights import TRAINED, offer
from napari_attnseg._widgets.base.trained_runs import remember, run_settings
from napari_attnseg._widgets.base.weights_box import WeightsBox
from napari_attnseg._widgets.segment import SegmentWidget
from napari_attnseg.checkpoints import load_checkpoint, save_checkpoint
from napari_attnseg.run_files import CONFIG_FILE


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "run2"
    folder.mkdir()
    (folder / CONFIG_FILE).touch()
    yield folder / "best.safetensors"
    TRAINED.clear()


def test_runs_of_earlier_sessions_are_listed_once(
    tiny_weights: Path, tmp_path: Path, qtbot: Any
) -> None:
    network, card, _ = load_checkpoint(tiny_weights)
    folders = [tmp_path / "here" / "first", tmp_path / "elsewhere" / "second"]
    for folder, dice in zip(folders, (0.23, 0.9), strict=True):
        folder.mkdir(parents=True)
        (folder / CONFIG_FILE).touch()
        training = {"protocol_name": "honest", "val_dice": dice, "data": {"val": 4}}
        file = folder / "best.safetensors"
        save_checkpoint(file, network.state_dict(), replace(card, training=training))
        os.utime(file, (10 * dice, 10 * dice))
        offer(file)
    remember(tmp_path / "never finished")
    TRAINED.clear()  # another session

    def listed() -> list[str]:
        box = WeightsBox()
        qtbot.addWidget(box)
        texts = [box.itemText(i) for i in range(box.count())]
        return [text for text in texts if "in training" in text]

    known = ["second · Dice 0.90 in training", "first · Dice 0.23 in training"]
    assert listed() == known
    offer(folders[1] / "best.safetensors")
    assert listed() == known
    run_settings().setValue("run", str(folders[1]))  # known twice
    assert listed() == known
    TRAINED.clear()
    shutil.rmtree(folders[1])
    assert listed() == known[1:]


def test_a_run_that_was_resumed_has_its_new_dice_everywhere(
    viewer: ViewerModel, qtbot: Any, tiny_weights: Path, run: Path
) -> None:
    network, card, _ = load_checkpoint(tiny_weights)

    def train(dice: float, second: int) -> None:
        training = {"protocol_name": "honest", "val_dice": dice, "data": {"val": 4}}
        save_checkpoint(run, network.state_dict(), replace(card, training=training))
        os.utime(run, (second, second))
        offer(run)

    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget)
    train(0.23, 1)
    inputs, box = widget.inputs, widget.inputs.weights_box
    box.choose(run)
    assert box.currentText() == "run2 · Dice 0.23 in training"
    count = box.count()
    offer(run)  # as it is looked at twice a second
    assert [run] == TRAINED and box.count() == count
    train(0.9, 2)
    assert box.currentText() == "run2 · Dice 0.90 in training"
    assert "Dice 0.90 on the 4 images" in inputs.card.summary.text()
    assert [run] == TRAINED and box.count() == count
