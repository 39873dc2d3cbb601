"""The line that says what a run found, as it is laid out."""

from typing import Any

from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication, QVBoxLayout, QWidget

from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.outcome_line import OutcomeLine
from napari_attnseg._widgets.layers.outcome import EMPTIED
from napari_attnseg._widgets.layers.own_image import hide


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


def test_it_speaks_of_the_result_whose_mask_is_on_screen(
    viewer: ViewerModel, segment: Any, add_result: Any, qtbot: Any
) -> None:
    image, life = segment(), Lifetime()
    earlier = viewer.layers["mask · image"]
    earlier.data[:] = 0
    hide(earlier)  # as the next run does to one that was edited by hand
    later = add_result(viewer, image)[-1]
    line = OutcomeLine(viewer, life)
    qtbot.addWidget(line)
    line.follow(image)
    qtbot.waitUntil(lambda: "object" in line.text())
    # As Inspect does when the earlier one is chosen there, and then the later one.
    for hidden, shown, words in ((later, earlier, EMPTIED), (earlier, later, "object")):
        hide(hidden)
        shown.visible = True
        qtbot.waitUntil(lambda words=words: words in line.text(), timeout=2000)
    hide(later)
    qtbot.wait(100)
    assert "object" in line.text()
    life.end()
