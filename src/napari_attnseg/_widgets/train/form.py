"""Form of a training run: data, recipe, initial weights, options."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal  # type: ignore[attr-defined]  # PyQt6's stubs
from qtpy.QtWidgets import (
    QLineEdit,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)
from superqt.utils import signals_blocked

from napari_attnseg._widgets.base.controls import (
    ChoiceBox,
    Fold,
    Form,
    set_tips,
    wrapped_label,
)
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.path_edit import PathEdit
from napari_attnseg._widgets.base.threads import start
from napari_attnseg._widgets.train.cost_row import CostRow
from napari_attnseg._widgets.train.options import (
    Choices,
    declared_settings,
    encoder_files,
    recipes,
    suggest_folder,
    why_no_data,
)
from napari_attnseg._widgets.train.recommended import DEFAULT_RECIPE, RECOMMENDED
from napari_attnseg.devices import available_devices
from napari_attnseg.errors import InputError

#: Initial weights → label. The bundled weights come before these, if there are any.
START_LABELS = {
    "pretrained": "pretrained encoders (downloads them)",
    "encoders": "encoder files…",
    "weights": "a weights file…",
    "scratch": "random weights",
}
BUNDLED = "bundled"
#: Value of the batch box that leaves the batch to the recipe.
AS_IN_RECIPE = 0
#: Largest numbers of the boxes, where a setting has no largest value.
MOST_EPOCHS, MOST_IMAGES = 100_000, 4096


class TrainForm(QWidget):
    """Form for the choices of a run, without its run folder.

    Parameters
    ----------
    life : Lifetime
        Lifetime of the dock; after its end the form is not filled in any more.
    """

    #: Emitted with a run folder that fits data and recipe; None: there is no data.
    suggested = Signal(object)

    def __init__(self, life: Lifetime) -> None:
        super().__init__()
        self._life = life
        self._recipes = recipes()
        self._bundled = ""
        tensors = "Weights (*.safetensors);;All files (*)"
        self.data = PathEdit("Folder with images/ and masks/")
        #: What the data folder lacks; hidden while nothing is known to be missing.
        self.data_note = wrapped_label()
        self.data_note.hide()
        #: Name of a recommended recipe → its button; the last one, of no name, is on
        #: while another recipe is chosen.
        self.recipe_buttons = {
            **{name: QRadioButton(one.title) for name, one in RECOMMENDED.items()},
            "": QRadioButton("Another recipe, under More"),
        }
        self.recipe_box = ChoiceBox()
        self.about = wrapped_label()
        self.start_box = ChoiceBox()
        self.cnn = PathEdit("timm weights of the CNN", tensors)
        self.transformer = PathEdit("timm weights of the transformer", tensors)
        self.weights = PathEdit("Weights of the same model", tensors)
        self.epochs_box = QSpinBox()
        self.device_box = ChoiceBox()
        self.batch_box = QSpinBox()
        self.more_line = QLineEdit()
        self.cost = CostRow(life, self.choices)
        self._lay_out()
        self.data.changed.connect(self._check_data)
        self.data.changed.connect(self.suggest)
        # Also without a change: what was missing may be there now.
        self.data.line.editingFinished.connect(self._check_data)
        self.recipe_box.currentIndexChanged.connect(self._recipe_chosen)
        for name, button in self.recipe_buttons.items():
            button.clicked.connect(partial(self._choose_recipe, name))
        self.data.changed.connect(self.cost.forget)
        self.start_box.currentIndexChanged.connect(self.cost.forget)
        self.epochs_box.valueChanged.connect(self.cost.forget)
        self.start_box.currentIndexChanged.connect(self._show_files)
        self._describe()
        # In a thread: it imports torch, which takes seconds.
        start(available_devices, self._fill_devices)
        start(declared_settings, self._use_declarations)

    def _lay_out(self) -> None:
        self.data.line.setPlaceholderText("with images/ and masks/")
        self.recipe_box.addItems(list(self._recipes))
        self.recipe_box.setCurrentText(DEFAULT_RECIPE)
        self.epochs_box.setRange(1, MOST_EPOCHS)
        self.batch_box.setRange(AS_IN_RECIPE, MOST_IMAGES)
        self.batch_box.setSpecialValueText("as in the recipe")
        self.device_box.addItem("auto")
        self.more_line.setPlaceholderText("--one-sided 0.3 --seed 1")
        # Some are replaced by the trainer's own words, as soon as it has answered.
        set_tips(
            {
                self.data: "Folder with images, and masks of the same names.",
                self.recipe_box: "Model and settings that were tried together.",
                **{
                    button: RECOMMENDED[name].about if name else "All other recipes."
                    for name, button in self.recipe_buttons.items()
                },
                self.start_box: "What the model knows before it sees your images.",
                self.cnn: "File with weights of its first encoder.",
                self.transformer: "File with weights of its second encoder.",
                self.weights: "Weights of the same model, which are trained further.",
                self.epochs_box: "Number of passes through all training images.",
                self.device_box: "Compute device: auto takes a GPU if there is one.",
                self.batch_box: "Images per step; larger batches need more memory.",
                self.more_line: "Further options of attnseg-train fit.",
            }
        )
        self._form = form = Form()
        form.addRow("Data", self.data)
        form.addRow(self.data_note)
        buttons = QVBoxLayout()
        for button in self.recipe_buttons.values():
            buttons.addWidget(button)
        form.addRow("Recipe", buttons)
        form.addRow(self.about)
        form.addRow("Start from", self.start_box)
        form.addRow("CNN", self.cnn)
        form.addRow("Transformer", self.transformer)
        form.addRow("Weights", self.weights)
        form.addRow("Epochs", self.epochs_box)
        form.addRow(self.cost)
        inner = QWidget()
        more = Form(inner)
        more.addRow("All recipes", self.recipe_box)
        more.addRow("Device", self.device_box)
        more.addRow("Images per step", self.batch_box)
        more.addRow("Options", self.more_line)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        self.more = Fold("More", inner)
        layout.addWidget(self.more)

    def _choose_recipe(self, name: str) -> None:
        """Take a recommended recipe; of no name, show the list of all."""
        if name:
            self.recipe_box.setCurrentText(name)
        else:
            self.more.open()

    def choices(self, out: str) -> Choices:
        """Collect the choices for a run in the folder `out`.

        Raises
        ------
        InputError
            If something is missing.
        """
        if not self.data.text:
            raise InputError("Choose a data folder with images/ and masks/ first.")
        if not Path(self.data.text).is_dir():
            raise InputError(
                "Expected a data folder with images/ and masks/, but there is no "
                f"folder {self.data.text}; choose another one."
            )
        if not out:
            raise InputError("Choose a run folder first: weights and log go there.")
        return Choices(
            Path(self.data.text),
            Path(out),
            self._recipes[self.recipe_box.currentText()],
            self._start(),
            self.epochs_box.value(),
            self.batch_box.value(),
            self.device_box.currentText(),
            self.more_line.text(),
        )

    def _start(self) -> tuple[str, ...]:
        match self.start_box.currentData():
            case "pretrained":
                return ("--encoder-weights", "pretrained")
            case "encoders":
                return encoder_files(self.cnn.text, self.transformer.text)
            case "weights":
                if not self.weights.text:
                    raise InputError("Choose the weights file to start from first.")
                return ("--init", self.weights.text)
            case "bundled":
                return ("--init", self._bundled)
        return ()

    def suggest(self) -> None:
        """Emit `suggested` with a run folder for the data and recipe."""
        if not self.data.text:
            return
        if not Path(self.data.text).is_dir():
            self.suggested.emit(None)
        else:
            recipe = self.recipe_box.currentText()
            self.suggested.emit(suggest_folder(Path(self.data.text), recipe))

    def _check_data(self) -> None:
        why = why_no_data(self.data.text) if self.data.text else ""
        self.data_note.setText(why)
        self.data_note.setVisible(bool(why))

    def show_run(self, data: str, model: str) -> None:
        """Take data and recipe of a run as defaults, which do not count as chosen."""
        self.data.prefill(data)
        self._check_data()
        fitting = [name for name, one in self._recipes.items() if one.model == model]
        best = [name for name in RECOMMENDED if name in fitting] or fitting
        if best:
            with signals_blocked(self.recipe_box):
                self.recipe_box.setCurrentText(best[0])
            self._describe()

    def _recipe_chosen(self, index: int = 0) -> None:
        self._describe()
        self.suggest()

    def _describe(self) -> None:
        recipe = self._recipes[self.recipe_box.currentText()]
        first = RECOMMENDED.get(recipe.name)
        self.recipe_buttons[recipe.name if first else ""].setChecked(True)
        self.cost.forget()
        self.about.setText(first.about if first else recipe.about)
        self.epochs_box.setValue((first and first.epochs) or recipe.epochs)
        before = first.start if first else self.start_box.currentData()
        self.start_box.clear()
        self._bundled = recipe.bundled or ""
        if self._bundled:
            self.start_box.addItem(f"bundled weights ({self._bundled})", BUNDLED)
        for start_from, label in START_LABELS.items():
            self.start_box.addItem(label, start_from)
        self.start_box.setCurrentIndex(max(0, self.start_box.findData(before)))

    def _show_files(self) -> None:
        chosen = self.start_box.currentData()
        for edit, at in (
            (self.cnn, "encoders"),
            (self.transformer, "encoders"),
            (self.weights, "weights"),
        ):
            self._form.setRowVisible(edit, chosen == at)

    def _use_declarations(self, settings: dict[str, dict[str, Any]]) -> None:
        """Take help and ranges of the controls from the settings of the trainer."""
        if self._life.ended or not settings:
            return
        controls: dict[str, tuple[QWidget, ...]] = {
            "data": (self.data,),
            "encoder_weights": (self.cnn, self.transformer),
            "init": (self.weights,),
            "epochs": (self.epochs_box,),
            "batch": (self.batch_box,),
            "device": (self.device_box,),
        }
        for name, widgets in controls.items():
            for widget in widgets:
                widget.setToolTip(settings[name]["help"])
        low = settings["epochs"]["minimum"]
        self.epochs_box.setMinimum(int(low) if low is not None else 0)
        for name, box in (("epochs", self.epochs_box), ("batch", self.batch_box)):
            high = settings[name]["maximum"]
            if high is not None:
                box.setMaximum(int(high))

    def _fill_devices(self, names: list[str]) -> None:
        if not self._life.ended:
            self.device_box.addItems(names[1:])
