"""The switch "In tiles, at full resolution"."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox


class TileSwitch(QCheckBox):
    """Choice to segment an image in overlapping tiles of the network's size."""

    def __init__(self) -> None:
        super().__init__("In tiles, at full resolution")
        self.setToolTip(
            "Segment the image at its own resolution, in overlapping tiles of the "
            "network's size, instead of as a whole. For weights that were trained on "
            "small structures; other weights miss the context. The time grows with the "
            "number of pixels."
        )
