"""A corrected mask goes to a training set with one click."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QSettings
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_attnseg._widgets.base.training_set import send_mask
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.images import read_image


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The training set that a user chooses, once."""
    form = QSettings.Format.IniFormat
    QSettings.setPath(form, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    chosen = tmp_path / "Meyer set"
    chosen.mkdir()
    answers = [str(chosen)]
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: answers.pop())
    return chosen


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Questions that were asked and answered with yes."""
    seen: list[str] = []

    def answer(parent: Any, title: str, question: str) -> Any:
        seen.append(question)
        return QMessageBox.StandardButton.Yes

    monkeypatch.setattr(QMessageBox, "question", answer)
    return seen


def test_one_click_writes_the_shown_slice(
    viewer: ViewerModel,
    segment: Callable[..., Any],
    opened: Callable[[], Any],
    qtbot: Any,
    folder: Path,
    asked: list[str],
) -> None:
    image = segment("Meyer, Anna", frames=2)
    sent = opened().training_set
    mask = find_results(viewer.layers)[0].mask
    viewer.dims.set_current_step(0, 1)
    mask.data[1, :5] = 1 - mask.data[1, :5]
    assert "a training set" in sent.button.text()
    sent.button.click()
    qtbot.waitUntil(lambda: "Written into" in sent.said.text(), timeout=10_000)
    (written,) = (folder / "images").iterdir()
    assert np.array_equal(read_image(written), image.data[1])
    found = read_image(folder / "masks" / written.name)
    assert np.array_equal(found > 0, mask.data[1] > 0)
    text = (folder / "corrections" / f"{written.stem}.json").read_text()
    record = json.loads(text)
    assert record["corrected_by_hand"] and record["frame"] == 1 and record["date"]
    assert record["image_sha256"] == array_sha256(image.data[1])
    assert record["model"] == "tiny" and record["weights_sha256"]
    assert "Meyer" not in text and "Meyer" not in written.name
    assert asked == []

    # The folder is remembered; the same image again, and an empty mask, are asked for.
    assert "Meyer set" in sent.button.text()
    mask.data[1] = 0
    sent.button.click()
    qtbot.waitUntil(lambda: len(asked) == 2, timeout=10_000)
    assert "Nothing is marked" in asked[0] and "set already" in asked[1]
    qtbot.waitUntil(lambda: "Written into" in sent.said.text(), timeout=10_000)
    assert not read_image(folder / "masks" / written.name).any()
    # What the model made and nobody painted is not called corrected.
    viewer.dims.set_current_step(0, 0)
    sent.button.click()
    qtbot.waitUntil(lambda: "Written into" in sent.said.text(), timeout=10_000)
    files = folder.glob("corrections/*")
    records = [json.loads(file.read_text()) for file in files]
    by_hand = {record["frame"]: record["corrected_by_hand"] for record in records}
    assert by_hand == {0: False, 1: True}


def test_no_is_heeded_and_the_command_takes_any_mask(
    viewer: ViewerModel,
    qtbot: Any,
    folder: Path,
    messages: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    no = QMessageBox.StandardButton.No
    monkeypatch.setattr(QMessageBox, "question", lambda *_: no)
    pixels = np.random.default_rng(0).integers(0, 255, (40, 48), np.uint8)
    viewer.add_image(pixels)
    send_mask(viewer)
    assert "Select the layer of a mask" in messages[-1]
    labels = viewer.add_labels(np.zeros((40, 48), int))
    send_mask(viewer)
    qtbot.waitUntil(lambda: "the mask is empty" in messages[-1], timeout=10_000)
    assert list(folder.iterdir()) == []
    labels.data[:9] = 3  # drawn by somebody
    send_mask(viewer)
    qtbot.waitUntil(lambda: "Written into" in messages[-1], timeout=10_000)
    (written,) = (folder / "masks").iterdir()
    assert set(np.unique(read_image(written))) == {0, 255}
    before = written.read_bytes()
    labels.data[:] = 1
    send_mask(viewer)
    qtbot.waitUntil(lambda: "are kept" in messages[-1], timeout=10_000)
    assert written.read_bytes() == before
