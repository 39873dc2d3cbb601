"""A dock widget that ends with its dock, and joins other docks as a tab."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QTimer
from qtpy.QtWidgets import QDockWidget, QFormLayout, QMainWindow, QWidget

from napari_attnseg._widgets.base.deleted_images import DeletedImages
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.moved_images import MovedImages
from napari_attnseg._widgets.base.renamed_images import RenamedImages
from napari_attnseg._widgets.layers.display import no_brush_box
from napari_attnseg._widgets.preferences import preferences

#: Callbacks for the destruction of a widget. Held here: Python's garbage collector
#: would clear them along with the widget, and Qt, in the same sweep, would call them.
_AT_DESTRUCTION: set[Callable[[], None]] = set()


#: A frame around what has the keyboard: napari's own style draws none.
_FOCUS = """
QPushButton:focus, QComboBox:focus, QAbstractSpinBox:focus, QCheckBox:focus,
QLineEdit:focus, QTableView:focus, Pointing:focus {{ border: 1px solid {colour}; }}
QSlider::handle:focus {{ border: 2px solid {colour}; }}
"""


class DockWidget(QWidget):
    """A dock widget whose `life` ends when napari closes it.

    Parameters
    ----------
    viewer : napari.Viewer
        The widget follows its theme, and results follow their images in it.
    """

    #: Title of its tab: seven tabs fit a small screen only if each is one word.
    tab = ""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = viewer
        self._life = life = Lifetime()
        no_brush_box(viewer)
        self._deleted_images = DeletedImages(viewer, life)
        self._moved_images = MovedImages(viewer, life)
        self._renamed_images = RenamedImages(viewer, life)
        # napari takes long to read them for the first time: not in the midst of a run.
        QTimer.singleShot(0, preferences)
        self._show_focus()
        theme = viewer.events.theme
        theme.connect(self._show_focus)
        life.at_end.append(partial(theme.disconnect, self._show_focus))

        def destroyed() -> None:
            life.end()
            _AT_DESTRUCTION.discard(destroyed)

        _AT_DESTRUCTION.add(destroyed)
        self.destroyed.connect(destroyed)

    def set_in_front(self, front: bool) -> None:
        """React when the dock becomes the front tab or not; does nothing by default."""

    @property
    def life(self) -> Lifetime:
        """Worker and connections of the widget, which end when it closes."""
        return self._life

    def showEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Copy the tool tips of controls to their labels."""
        super().showEvent(event)
        for form in self.findChildren(QFormLayout):
            for row in range(form.rowCount()):
                item = form.itemAt(row, QFormLayout.ItemRole.FieldRole)
                field = None if item is None else item.widget()
                label = None if field is None else form.labelForField(field)
                if field is not None and label is not None:
                    label.setToolTip(field.toolTip())

    def _show_focus(self, event: Any = None) -> None:
        colour = get_theme(self._viewer.theme).text.as_hex()
        self.setStyleSheet(_FOCUS.format(colour=colour))

    def changeEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """End when napari takes the widget out of its dock, as it does to close it."""
        if event.type() == QEvent.Type.ParentChange:
            if self.parent() is None:
                self._life.end()
            elif not self._life.ended:
                # Not now: napari places the dock next.
                QTimer.singleShot(0, partial(_join_others, weakref.ref(self)))
        super().changeEvent(event)


def _join_others(ref: weakref.ref[DockWidget]) -> None:
    """Name the dock, make it a tab beside this plugin's others, and bring it to front.

    napari puts one dock below the other, which leaves too little height for each.
    """
    widget = ref()
    if widget is None or widget._life.ended:
        return
    with suppress(RuntimeError):  # Qt has destroyed it meanwhile
        dock: Any = widget.parent()
        while dock is not None and not isinstance(dock, QDockWidget):
            dock = dock.parent()
        if dock is None or not isinstance(window := dock.parent(), QMainWindow):
            return
        dock.setWindowTitle(widget.tab)
        # A tab behind is not hidden for Qt: only its dock is told.
        dock.visibilityChanged.connect(partial(_tell_front, ref))
        if window.tabifiedDockWidgets(dock):
            return
        area = window.dockWidgetArea(dock)
        beside = [
            other
            for other in window.findChildren(QDockWidget)
            if other is not dock
            and other.isVisible()
            and not other.isFloating()
            and window.dockWidgetArea(other) == area
            and other.findChild(DockWidget) is not None
        ]
        if beside:
            window.tabifyDockWidget(beside[-1], dock)
            dock.show()
            dock.raise_()


def _tell_front(ref: weakref.ref[DockWidget], front: bool) -> None:
    widget = ref()
    if widget is None or widget._life.ended:
        return
    with suppress(RuntimeError):  # Qt has destroyed it meanwhile
        window: Any = widget.window()
        if not window.isMinimized():
            widget.set_in_front(front)
