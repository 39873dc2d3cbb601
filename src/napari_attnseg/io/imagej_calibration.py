"""Calibration of a TIFF by ImageJ: the values that it shows in place of those stored.

ImageJ stores a CT as unsigned numbers, and how to make HU of them in the description.
The numbers stay as they are stored; a window is meant in the values that are shown, and
is converted to the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_attnseg.errors import InputError
from napari_attnseg.intensity import Window

if TYPE_CHECKING:
    from tifffile import TiffFile

#: Key, in provenance, of a window that was converted, as `Calibration.to_json`.
CALIBRATED_WINDOW = "calibrated_window"
#: Sentence on such a file, with a place for its name.
CALIBRATED_WORDS = (
    "{} has a calibration of ImageJ: the window was taken in the values that ImageJ "
    "shows, not in the numbers that are stored."
)
#: Functions of ImageJ: a straight line, which is also meant where it names none, and no
#: calibration at all.
_STRAIGHT_LINE, _NONE = 0, 20
#: Functions without coefficients: optical densities, and a table of the user.
_WITHOUT = (21, 22)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Values = slope · numbers + intercept; NaN: by another function of ImageJ."""

    slope: float
    intercept: float

    def stored(self, window: Window, name: str) -> Window:
        """Return a window in the numbers of the file, of one in calibrated values.

        Parameters
        ----------
        window : Window
        name : str
            Name of the file, for messages.

        Raises
        ------
        InputError
            If the calibration is no rising straight line.
        """
        if not (np.isfinite([self.slope, self.intercept]).all() and self.slope > 0):
            raise InputError(
                f"Expected a calibration of {name} that is a rising straight line, to "
                "apply a window to its values as ImageJ shows them, but it has another "
                "one: leave out the window, or save the image without calibration "
                "(in ImageJ: Analyze > Calibrate, function None)."
            )
        low, high = (
            (one - self.intercept) / self.slope for one in (window.low, window.high)
        )
        return Window(low, high)

    def to_json(self, window: Window) -> dict[str, float]:
        """Facts for provenance: the window as it was given, slope and intercept."""
        ends = {"low": window.low, "high": window.high}
        return {**ends, "slope": self.slope, "intercept": self.intercept}


def calibration_of(
    file: TiffFile, dtype: np.dtype[Any], white: bool
) -> Calibration | None:
    """Calibration of an open TIFF; None: it has none, as floats in ImageJ.

    Parameters
    ----------
    file : TiffFile
    dtype : dtype
        Of its numbers.
    white : bool
        Whether its smallest number is white, so that numbers are read inverted.
    """
    facts = file.imagej_metadata if file.is_imagej else None
    if not facts or dtype.kind not in "ui":
        return None
    function = facts.get("cf", _STRAIGHT_LINE)
    coefficients = [facts[name] for name in ("c0", "c1") if name in facts]
    if function == _NONE or (len(coefficients) < 2 and function not in _WITHOUT):
        return None
    try:
        intercept, slope = (float(one) for one in coefficients)
    except (TypeError, ValueError):
        intercept = slope = np.nan
    if function != _STRAIGHT_LINE or white:
        intercept = slope = np.nan
    if dtype.kind == "i":  # which ImageJ holds as unsigned numbers
        intercept += slope * (np.iinfo(dtype).max + 1)
    return None if (slope, intercept) == (1, 0) else Calibration(slope, intercept)
