"""Show the card of the chosen weights: two lines, and the whole card folded below."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_attnseg._widgets.base.controls import Fold, wrapped_label
from napari_attnseg._widgets.preferences import is_initial, start_with
from napari_attnseg.card_summary import card_lines
from napari_attnseg.cards import ModelCard, read_card
from napari_attnseg.errors import AttnSegError
from napari_attnseg.reader_record import ReaderRecord
from napari_attnseg.reader_words import useless_sentences
from napari_attnseg.reliability.estimate import details_of
from napari_attnseg.results import NO_GATES
from napari_attnseg.spec import STRIDES


class CardView(QWidget):
    """View of a model card: intended use, measured quality and limits of weights."""

    def __init__(self) -> None:
        super().__init__()
        self._weights: Path | None = None
        #: The card that is shown; None without weights that can be read.
        self.card: ModelCard | None = None
        self.summary, self.warning = wrapped_label(), wrapped_label()
        #: The whole card.
        self.text = wrapped_label()
        self.start_button = QPushButton()
        self.start_button.setToolTip(
            "Choose these weights whenever a widget opens. Trying weights once does "
            "not change that."
        )
        inside = QWidget()
        folded = QVBoxLayout(inside)
        folded.setContentsMargins(0, 0, 0, 0)
        folded.addWidget(self.text)
        folded.addWidget(self.start_button)
        self.fold = Fold("About these weights", inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for part in (self.summary, self.warning, self.fold):
            layout.addWidget(part)
        self.start_button.clicked.connect(self._start_with)

    def show_weights(self, weights: Path | None) -> None:
        """Show the card of a weights file, or why it cannot be read."""
        self._weights, self.card = weights, None
        lines, text = ("", ""), ""
        if weights is not None:
            try:
                self.card = card = read_card(weights)
                lines, text = card_lines(card), describe_card(card)
            except AttnSegError as error:
                lines = (str(error), "")
        for label, line in zip((self.summary, self.warning), lines, strict=True):
            label.setText(line)
            label.setVisible(bool(line))
        self.text.setText(text)
        self.fold.setVisible(bool(text))
        self._show_start()

    def _start_with(self) -> None:
        if self._weights is not None:
            start_with(self._weights)
        self._show_start()

    def _show_start(self) -> None:
        initial = None if self._weights is None else is_initial(self._weights)
        self.start_button.setVisible(initial is not None)
        self.start_button.setEnabled(not initial)
        self.start_button.setText(
            "These weights are chosen at every start"
            if initial
            else "Choose these weights at every start"
        )


def describe_card(card: ModelCard) -> str:
    """Text of a model card: model, data, Dice with interval, limits, intended use."""
    lines = [f"{card.spec.name}: {card.data or 'training data not stated'}"]
    dice = card.metrics.get("dice")
    if dice:
        lines.append(
            f"Dice {dice['mean']:.3f} [{dice['low']:.3f}, {dice['high']:.3f}], "
            f"n = {card.metrics['n']}, {card.metrics['dataset']}"
        )
    else:
        lines.append("Not evaluated on held-out images.")
    if "measured" in card.expected_dice:
        lines.append(details_of(card.expected_dice["measured"]))
    if card.limits:
        lines.append(f"Limits: {card.limits}")
    if not card.spec.has_gates:
        lines.append(NO_GATES)
    else:
        lines.append(
            "What its gates mean was measured: choose a gate map to read the result."
            if card.gates
            else "What its gates mean has not been measured."
        )
        shares = {stride: card.effective_share(stride) for stride in reversed(STRIDES)}
        known = [f"1/{k} {s:.2f}" for k, s in shares.items() if s is not None]
        if known:
            lines.append(
                "psi is a weight; effective share of the CNN in what is fused, by "
                f"feature norms: {', '.join(known)}."
            )
    lines += useless_sentences(ReaderRecord(card.readers))
    lines.append(card.use)
    return "\n".join(lines)
