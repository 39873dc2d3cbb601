"""A vertical scroll area for dock widgets that are higher than their dock."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from napari_attnseg._widgets.base.controls import restart, timer

#: Pixels: of a dock between others at least its first controls are seen.
LEAST = 150
#: Pixels: of a dock that nobody made wider.
WIDTH = 390


class VerticalScroll(QScrollArea):
    """Scroll area that is as wide as its content, so it only scrolls vertically.

    Parameters
    ----------
    content : QWidget
        The widget to scroll.
    """

    def __init__(self, content: QWidget) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(content)
        # What is wider than the dock is cut at its end, and not scrolled sideways.
        content.setMinimumWidth(1)
        self._later = timer(0, self._fit)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 (Qt's name)
        """Follow the height of the content."""
        if event.type() == QEvent.Type.LayoutRequest and watched is self.widget():
            # Qt asks for its height now, before what lies deeper in it has followed.
            restart(self._later)
        return bool(super().eventFilter(watched, event))

    def _fit(self) -> None:
        content = self.widget()
        if content is None:
            return
        if content.height() < content.heightForWidth(content.width()):
            self.setWidgetResizable(True)  # makes it measure the content again

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        # By itself it is the wider the longer its texts are; the canvas needs the room.
        hint = super().sizeHint()
        hint.setWidth(max(self.minimumSizeHint().width(), WIDTH))
        return hint

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        content, bar = self.widget(), self.verticalScrollBar()
        hint = super().minimumSizeHint()
        if content is not None and bar is not None:
            width = content.minimumSizeHint().width() + bar.sizeHint().width()
            hint.setWidth(max(hint.width(), width))
            hint.setHeight(min(LEAST, content.minimumSizeHint().height()))
        return hint


def reveal(widget: QWidget) -> None:
    """Scroll as little as is needed to see a widget whole, with what is above it."""
    part: Any = widget.parentWidget()
    while part is not None and not isinstance(part, QScrollArea):
        part = part.parentWidget()
    if part is not None and widget.isVisible():
        part.ensureWidgetVisible(widget, 0, 4)


def scrolled(widget: QWidget) -> QVBoxLayout:
    """Layout for the parts of a widget, inside a scroll area that fills the widget.

    Without it, several docks above each other would make napari's window higher than
    the screen.
    """
    content = QWidget()
    outer = QVBoxLayout(widget)
    outer.setContentsMargins(0, 0, 0, 0)
    outer.addWidget(VerticalScroll(content))
    return QVBoxLayout(content)
