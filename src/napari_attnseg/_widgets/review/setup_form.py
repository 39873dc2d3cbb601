"""Form of a new review: folder, reviewer, and whether it is a reader study."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QSettings
from qtpy.QtWidgets import (
    QCheckBox,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_attnseg._widgets.base.controls import Form, set_tips, wrapped_label
from napari_attnseg._widgets.base.path_edit import PathEdit
from napari_attnseg.errors import InputError
from napari_attnseg.review.study import Study

_FOLDER, _READER = "folder", "reader"


class SetupForm(QWidget):
    """Form that is shown until a review begins."""

    def __init__(self) -> None:
        super().__init__()
        self.hint = wrapped_label(
            "Review masks case by case: results of attnseg segment, or images with "
            "masks from elsewhere. Every decision is saved at once beside them."
        )
        self.folder = PathEdit("Results, or images to review")
        self.masks = PathEdit("Masks with the names of the images")
        self.reader = QLineEdit()
        self.study_box = QCheckBox("Reader study: random order, times are recorded")
        self.hide_box = QCheckBox("Hide masks until they are asked for")
        self.seed = QLineEdit()
        self.start_button = QPushButton("Begin or go on")
        self.masks.line.setPlaceholderText("beside the images")
        self.seed.setPlaceholderText("drawn and recorded")
        self.reader.setPlaceholderText("initials")
        self.hide_box.setChecked(True)
        set_tips(
            {
                self.folder: "A results folder, a folder of images, or a folder "
                "with images/ and masks/.",
                self.masks: "Only if the masks lie in another folder.",
                self.reader: "Decisions are saved in a file of this name.",
                self.study_box: "A study has a file of its own, and continues with the "
                "settings it began with.",
                self.hide_box: "Expected Dice and case names are hidden with them.",
                self.seed: "Seed of the random order.",
                self.start_button: "Open the first case that is not decided.",
            }
        )
        self._form = form = Form()
        form.addRow("Folder", self.folder)
        form.addRow("Masks", self.masks)
        form.addRow("Reviewer", self.reader)
        form.addRow(self.study_box)
        form.addRow(self.hide_box)
        form.addRow("Seed", self.seed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.hint)
        layout.addLayout(form)
        layout.addWidget(self.start_button)
        self.study_box.toggled.connect(self._show_study)
        self._show_study(False)
        stored = _settings()
        self.folder.prefill(str(stored.value(_FOLDER, "") or ""))
        self.reader.setText(str(stored.value(_READER, "") or ""))

    def _show_study(self, study: bool) -> None:
        self.hide_box.setVisible(study)
        self._form.setRowVisible(self.seed, study)

    def place(self) -> tuple[Path, Path | None]:
        """Folder and folder of masks.

        Raises
        ------
        InputError
            If no folder is chosen.
        """
        if not self.folder.text:
            raise InputError("Choose the folder to review first.")
        masks = self.masks.text
        return Path(self.folder.text), Path(masks) if masks else None

    def study(self) -> Study | None:
        """Settings of the study; None for a review.

        Raises
        ------
        InputError
            If the seed is not a whole number.
        """
        if not self.study_box.isChecked():
            return None
        written = self.seed.text().strip()
        if written and not written.isdecimal():
            raise InputError(
                f"Expected a whole number as seed, but got {written!r}; leave it empty "
                "to have one drawn."
            )
        seed = int(written) if written else None
        return Study(seed, self.hide_box.isChecked())

    def remember(self) -> None:
        """Remember folder and reviewer for the next time."""
        stored = _settings()
        stored.setValue(_FOLDER, self.folder.text)
        stored.setValue(_READER, self.reader.text().strip())


def _settings() -> QSettings:
    # As a file on every system: a test can point it elsewhere.
    return QSettings(
        QSettings.Format.IniFormat,
        QSettings.Scope.UserScope,
        "napari-attnseg",
        "review",
    )
