"""Labels and folds of docks that are lower than what they hold."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QLabel, QScrollArea, QWidget

from napari_attnseg._widgets.base.controls import Fold, wrapped_label
from napari_attnseg._widgets.base.scroll import scrolled


def test_what_is_opened_is_scrolled_to_and_no_text_takes_no_room(qtbot: Any) -> None:
    dock = QWidget()
    qtbot.addWidget(dock)
    layout = scrolled(dock)
    layout.setSpacing(0)
    above, content, said = QWidget(), QLabel("Gates"), wrapped_label()
    above.setFixedHeight(400)
    content.setFixedHeight(150)
    fold = Fold("What if", content)
    for part in (above, said, fold):
        layout.addWidget(part)
    dock.resize(300, 420)
    dock.show()
    qtbot.waitExposed(dock)
    assert said.height() == 0
    said.setText("Running the encoders once…")
    qtbot.waitUntil(lambda: said.height() > 5)
    area = dock.findChild(QScrollArea)
    assert area is not None

    def seen(part: QWidget) -> bool:
        return bool(part.visibleRegion().boundingRect().height() == part.height())

    fold.open()  # not by hand: the dock stays where it is
    qtbot.wait(100)
    assert area.verticalScrollBar().value() == 0 and not seen(content)
    fold.open(False)
    fold.button.click()
    qtbot.waitUntil(lambda: seen(content) and seen(fold.button))
