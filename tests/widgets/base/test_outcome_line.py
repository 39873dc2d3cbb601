"""The line that says what a run found, as it is laid out."""

from typing import Any

from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication, QVBoxLayout, QWidget

from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.outcome_line import OutcomeLine


def test_a_longer_line_is_not_cut_until_qt_has_time(
    viewer: ViewerModel, segment: Any, qtbot: Any
) -> None:
    image, life, window = segment(), Lifetime(), QWidget()
    qtbot.addWidget(window)
    line = OutcomeLine(viewer, life)
    layout = QVBoxLayout(window)
    layout.addWidget(line)
    layout.addStretch()
    window.resize(160, 400)  # where it takes several lines
    window.show()
    line.follow(image)
    qtbot.waitUntil(lambda: bool(line.text()))
    line.setText("short")
    QApplication.processEvents()
    one = line.height()
    line._tell()
    assert line.height() >= line.heightForWidth(line.width()) > one
    life.end()
