"""Line edit for a path, with a button that opens a file dialog."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal  # type: ignore[attr-defined]  # PyQt6's stubs
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QWidget


class PathEdit(QWidget):
    """Line edit for a path, with a button that opens a file dialog.

    Parameters
    ----------
    title : str
        Title of the dialog.
    files : str
        Name filter of the files to choose from; empty: folders are chosen.
    """

    #: Emitted when another path was chosen or typed.
    changed = Signal()

    def __init__(self, title: str, files: str = "") -> None:
        super().__init__()
        self._title, self._files, self._before = title, files, ""
        self.line = QLineEdit()
        self.button = QPushButton("Choose…")
        what = "a file" if files else "a folder"
        self.button.setToolTip(
            f"Choose {what} in a dialog, instead of typing its path."
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.button)
        self.button.clicked.connect(self._choose)
        self.line.editingFinished.connect(self._edited)

    @property
    def text(self) -> str:
        """Path with `~` expanded; empty if there is none."""
        written = self.line.text().strip()
        return str(Path(written).expanduser()) if written else ""

    def set(self, path: Path | str) -> None:
        """Set the path as if it had been chosen."""
        self.line.setText(str(path))
        self._edited()

    def prefill(self, path: Path | str) -> None:
        """Set a default path, which does not count as chosen."""
        self.line.setText(str(path))
        self._before = self.text

    def _edited(self) -> None:
        # Qt says "finished" also when the line was only passed through.
        if self.text != self._before:
            self._before = self.text
            self.changed.emit()

    def _choose(self) -> None:
        if self._files:
            start = str(Path(self.text).parent) if self.text else ""
            name, _ = QFileDialog.getOpenFileName(self, self._title, start, self._files)
        else:
            name = QFileDialog.getExistingDirectory(self, self._title, self.text)
        if name:
            self.set(name)
