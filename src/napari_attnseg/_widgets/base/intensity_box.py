"""Choice of which values of an image become black and white."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from napari_attnseg._widgets.base.controls import ChoiceBox
from napari_attnseg._widgets.layers.metadata import file_facts
from napari_attnseg.errors import InputError
from napari_attnseg.intensity import Intensity, IntensityKind, Window


class IntensityChoice(StrEnum):
    """Rules for intensities that the form offers, as Preferences store them.

    Attributes
    ----------
    AS_TRAINED
        By the rule that came with the weights.
    WHOLE_RANGE, PERCENTILES
        As in `IntensityKind`.
    DISPLAYED
        Between the contrast limits of the layer.
    """

    AS_TRAINED = "as_trained"
    WHOLE_RANGE = IntensityKind.WHOLE_RANGE.value
    PERCENTILES = IntensityKind.PERCENTILES.value
    DISPLAYED = "displayed"


class IntensityBox(ChoiceBox):
    """List of the rules for intensities."""

    def __init__(self) -> None:
        super().__init__()
        for name, choice in (
            ("as the weights were trained", IntensityChoice.AS_TRAINED),
            ("whole range", IntensityChoice.WHOLE_RANGE),
            ("percentiles", IntensityChoice.PERCENTILES),
            ("as displayed (contrast limits)", IntensityChoice.DISPLAYED),
        ):
            self.addItem(name, choice.value)
        self.setToolTip(
            "Which values become black and white. 8-bit images and floats in [0, 1] "
            "stay as they are, unless you choose the contrast limits of the layer."
        )

    @property
    def choice(self) -> str:
        """The chosen rule by its text in the list, which Preferences store."""
        return self.currentText()

    def choose(self, choice: str) -> None:
        """Choose a rule by its text; an unknown text chooses the first one."""
        self.setCurrentIndex(max(self.findText(choice), 0))

    def rule(self, layer: Any) -> Intensity | str | None:
        """The rule for an image layer, as `Segmenter.segment` takes it.

        Raises
        ------
        InputError
            If the image is in colour and the rule is "as displayed".
        """
        chosen = IntensityChoice(self.currentData())
        if chosen is IntensityChoice.AS_TRAINED:
            # As attnseg segment does.
            window = (file_facts(layer) or {}).get("window")
            return None if window is None else Window(*window)
        if chosen is not IntensityChoice.DISPLAYED:
            return str(chosen)
        if layer.rgb:
            raise InputError(
                f"Expected a grey image to read as displayed, but {layer.name!r} is in "
                "colour and has no contrast limits; choose another intensity."
            )
        low, high = layer.contrast_limits
        return Window(float(low), float(high))
