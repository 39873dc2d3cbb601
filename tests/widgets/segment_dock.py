"""What the Segment widget offers, and when its run ends."""

from typing import Any

from napari_attnseg._widgets.segment import SegmentWidget


def texts(box: Any) -> list[str]:
    return [box.itemText(i) for i in range(box.count())]


def images(widget: SegmentWidget) -> list[str]:
    return texts(widget.inputs.image_box)


def wait(widget: SegmentWidget, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: widget.life.worker is None, timeout=60_000)
