"""A button that estimates how long the chosen run takes here, and the answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_attnseg._widgets.base.controls import set_tips, wrapped_label
from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.threads import start
from napari_attnseg._widgets.train.cost import CostQuestion
from napari_attnseg._widgets.train.options import Choices
from napari_attnseg.errors import InputError


class CostRow(QWidget):
    """Row that shows what a run costs, as the trainer estimates it.

    Parameters
    ----------
    life : Lifetime
        Cancels the estimate when it ends.
    choices : callable
        Called with a run folder; returns the choices for a run in it.
    """

    def __init__(self, life: Lifetime, choices: Callable[[str], Choices]) -> None:
        super().__init__()
        self._life, self._choices = life, choices
        self._question: CostQuestion | None = None
        self.button = QPushButton("How long here?")
        #: The answer, or why there is none; hidden until it is asked for.
        self.answer = wrapped_label()
        set_tips(
            {
                self.button: "Trains a few steps with these choices, and says how long "
                "the whole run would take. Nothing is written.",
            }
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.button)
        layout.addWidget(self.answer)
        self.answer.hide()
        self.button.clicked.connect(self.ask)
        life.at_end.append(self._cancel)

    def ask(self) -> None:
        """Estimate what the chosen run would cost on this computer; takes a while."""
        try:
            # Nothing is written: any folder that is not there does.
            choices = self._choices(str(Path.home() / "nothing-is-written"))
            options = choices.options()
        except InputError as error:
            self._say(str(error))
            return
        question = self._question = CostQuestion(options, choices.epochs)
        self._say("Does a few steps…")
        self.button.setEnabled(False)

        def answered(text: str) -> None:
            # Not what was asked of other choices.
            if not self._life.ended and question is self._question:
                self._say(text)
                self.button.setEnabled(True)

        start(question.ask, answered)

    def forget(self) -> None:
        """Remove the answer, which belonged to other choices."""
        self._cancel()
        self._question = None
        self.answer.hide()
        self.button.setEnabled(True)

    def _say(self, text: str) -> None:
        self.answer.setText(text)
        self.answer.show()

    def _cancel(self) -> None:
        if self._question is not None:
            self._question.cancel()
