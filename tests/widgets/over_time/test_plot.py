"""The plot of Plot over time, as it is drawn."""

from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from napari_attnseg._widgets.over_time.curves import Curve, Panel
from napari_attnseg._widgets.over_time.plot import LINE, OverTime


@pytest.mark.parametrize("frame", [0, 10])
def test_the_line_is_whole_at_the_borders(qtbot: Any, frame: int) -> None:
    plot = OverTime()
    qtbot.addWidget(plot)
    plot.show_panels(range(11), [Panel("area", [Curve("area", [1.0] * 11)])], 11)

    def width() -> int:
        """Columns in which the line is."""
        plot.draw()
        pixels = np.asarray(plot.buffer_rgba())[..., :3].astype(float)
        near = np.abs(pixels - np.multiply(to_rgb(LINE), 255)).max(-1) < 60
        return int((near.sum(0) > 50).sum())

    plot.show_frame(5)
    whole = width()
    plot.show_frame(frame)
    assert width() >= whole > 0


def test_a_value_between_gaps_is_a_dot(qtbot: Any) -> None:
    """No line reaches it, however many there are."""
    plot = OverTime()
    qtbot.addWidget(plot)
    whole = Curve("whole", [1.0] * 300)
    gaps = Curve("gaps", [1.0, float("nan")] * 150)
    plot.show_panels(range(300), [Panel("both", [whole, gaps])], 300)
    lines = {line.get_label(): line for line in plot.figure.axes[0].lines}
    assert lines["whole"].get_marker() == "None"
    assert lines["gaps"].get_marker() == "o"
