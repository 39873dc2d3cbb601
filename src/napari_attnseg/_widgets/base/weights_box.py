"""List of weights: bundled ones, those that were trained here, chosen files."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt

from napari_attnseg._widgets.base.controls import ChoiceBox
from napari_attnseg._widgets.base.session_weights import TRAINED
from napari_attnseg._widgets.base.trained_runs import trained_weights
from napari_attnseg.card_summary import dice_words, weights_name
from napari_attnseg.cards import read_card
from napari_attnseg.errors import AttnSegError
from napari_attnseg.weights import bundled_weights

CHOOSE_FILE = "choose a file…"


class WeightsBox(ChoiceBox):
    """List of weights files by run name, with measured Dice; each file appears once.

    The data of an entry is its file; the last entry, `CHOOSE_FILE`, has None.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip(
            "The trained model, and how well it found the masks of images that it was "
            "not trained on: a Dice of 1 is perfect."
        )
        self.addItem(CHOOSE_FILE, None)
        for path in (*bundled_weights().values(), *TRAINED, *trained_weights()):
            self.offer(path)
        self.setCurrentIndex(0)

    def offer(self, path: Path) -> int:
        """Add a weights file if the list lacks it; returns its index in the list."""
        same = path.resolve()
        for index in range(self.count()):
            known = self.itemData(index)
            if known is not None and known.resolve() == same:
                self.setItemText(index, _entry(path))  # trained on since
                return index
        index = self.count() - 1
        self.insertItem(index, _entry(path), path)
        # Runs in two folders may have one name.
        self.setItemData(index, str(path), Qt.ItemDataRole.ToolTipRole)
        return index

    def choose(self, path: Path) -> None:
        """Choose a weights file; add it first if the list does not have it."""
        self.setCurrentIndex(self.offer(path))


def _entry(path: Path) -> str:
    try:
        return f"{weights_name(path)} · {dice_words(read_card(path))}"
    except AttnSegError:
        return f"{weights_name(path)} · cannot be read"
