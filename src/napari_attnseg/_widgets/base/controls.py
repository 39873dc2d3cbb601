"""Small controls that several docks use: a slider, a label, a timer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from qtpy.QtCore import QEvent, QRect, QSize, Qt, QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)
from superqt import QLabeledDoubleSlider

#: Key → number of steps; superqt's own slider takes no keys.
KEYS = {
    Qt.Key.Key_Left: -1,
    Qt.Key.Key_Down: -1,
    Qt.Key.Key_Right: 1,
    Qt.Key.Key_Up: 1,
    Qt.Key.Key_PageDown: -10,
    Qt.Key.Key_PageUp: 10,
    Qt.Key.Key_Home: -1000,
    Qt.Key.Key_End: 1000,
}

#: The title of a fold looks like a text that can be clicked.
_TITLE = """
QPushButton { text-align: left; background: transparent; padding: 2px; }
QPushButton:!focus { border: none; }
"""


class UnitSlider(QLabeledDoubleSlider):
    """A slider from 0 to 1 that is moved by the mouse and by keys.

    Parameters
    ----------
    step : float
        Change per press of an arrow key.
    parent : QWidget, optional
    """

    def __init__(self, step: float, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._step = step
        self.setRange(0.0, 1.0)
        self.setSingleStep(step)  # type: ignore[arg-type]  # its stubs
        self.setDecimals(2)
        # The bar in it takes the focus; the frame around it would be one stop more.
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.bar = self.findChild(QSlider)
        self.bar.installEventFilter(self)

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 (Qt's name)
        """Move the slider when one of `KEYS` is pressed on its bar."""
        if event.type() == QEvent.Type.KeyPress and event.key() in KEYS:
            wanted = self.value() + KEYS[event.key()] * self._step
            self.setValue(round(min(max(wanted, 0.0), 1.0), 2))
            return True
        return bool(super().eventFilter(watched, event))


class ChoiceBox(QComboBox):
    """A list to choose from; long entries are elided and do not widen its dock."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.setMinimumContentsLength(12)


class Form(QFormLayout):
    """Form whose rows adapt their height to wrapped texts."""

    def setGeometry(self, rect: QRect) -> None:  # noqa: N802 (Qt's name)
        """Place the rows."""
        # Qt takes the heights of the width that it was asked for last, which may be
        # another; it keeps two answers, and works out anew what is neither of them.
        for width in (rect.width() + 2, rect.width() + 1, rect.width()):
            self.heightForWidth(width)
        super().setGeometry(rect)


class _WrappedLabel(QLabel):
    """A label without height while it has no text: no gap in its dock."""

    def setText(self, text: str | None) -> None:  # noqa: N802 (Qt's name)
        """Show a text, with the height that it needs."""
        super().setText(text)
        # Qt tells only the next layout, and that one not while it is at work: the
        # heights that the layouts around it remember would stay those of before.
        part: QWidget | None = self
        while part is not None and not isinstance(part, QScrollArea):
            part.updateGeometry()
            part = part.parentWidget()

    def heightForWidth(self, width: int) -> int:  # noqa: N802 (Qt's name)
        """Height, in pixels, of the text at a width."""
        return super().heightForWidth(width) if self.text() else 0

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Size of the text."""
        return super().sizeHint() if self.text() else QSize(0, 0)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """Least size of the text."""
        return super().minimumSizeHint() if self.text() else QSize(0, 0)


def wrapped_label(text: str = "") -> QLabel:
    """A label that wraps its text, which can be selected and copied."""
    label = _WrappedLabel(text)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def row_of(*parts: QWidget) -> QHBoxLayout:
    """Horizontal layout of widgets."""
    row = QHBoxLayout()
    for part in parts:
        row.addWidget(part)
    return row


class Fold(QWidget):
    """A foldable part of a widget; a click on its title opens (▼) or closes (▶) it.

    Parameters
    ----------
    title : str
    content : QWidget
        Content, hidden while the part is closed, so that its controls cannot get the
        keyboard focus.
    opened : bool
        Whether it is open at first.
    """

    def __init__(self, title: str, content: QWidget, opened: bool = False) -> None:
        super().__init__()
        self._title, self.content = title, content
        self.button = QPushButton()
        self.button.setCheckable(True)
        self.button.setStyleSheet(_TITLE)
        self.button.setToolTip(f"Show or hide: {title}")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.button)
        layout.addWidget(content)
        self.button.toggled.connect(self._show)
        # Later: the scroll area learns only then how high it is. Gone with the widget.
        self._opened = QTimer(self)
        self._opened.setSingleShot(True)
        self._opened.setInterval(50)
        self._opened.timeout.connect(self._reveal)
        self.button.clicked.connect(lambda: self._opened.start())
        self.button.setChecked(opened)
        self._show(opened)

    def open(self, opened: bool = True) -> None:
        """Open it, or close it."""
        self.button.setChecked(opened)

    def _show(self, opened: bool) -> None:
        self.button.setText(f"{'▼' if opened else '▶'} {self._title}")
        self.content.setVisible(opened)

    def _reveal(self) -> None:
        """Scroll to what was opened, which may be below the end of its dock."""
        area = self.parentWidget()
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is not None and self.button.isChecked():
            area.ensureWidgetVisible(self.content, 0, 0)
            area.ensureWidgetVisible(self.button, 0, 0)


def set_tips(tips: Mapping[QWidget, str]) -> None:
    """Set the tool tips of controls."""
    for control, text in tips.items():
        control.setToolTip(text)


def timer(milliseconds: int, call: Any) -> QTimer:
    """Timer that calls a function once after its last start; 0 ms: when Qt is idle."""
    made = QTimer()
    made.setSingleShot(True)
    made.setInterval(milliseconds)
    made.timeout.connect(call)
    return made


def repeating(milliseconds: int, call: Any) -> QTimer:
    """Running timer that calls a function repeatedly until it is stopped."""
    made = QTimer()
    made.setInterval(milliseconds)
    made.timeout.connect(call)
    made.start()
    return made


def restart(waiting: QTimer) -> None:
    """Start a timer again, unless Qt has destroyed it: napari is closing."""
    with suppress(RuntimeError):
        waiting.start()


def halt(waiting: QTimer) -> None:
    """Stop a timer, unless Qt has destroyed it: napari is closing."""
    with suppress(RuntimeError):
        waiting.stop()
