"""napari's layer list draws the thumbnails that layers have."""

from typing import Any

import numpy as np
from napari._qt.containers import QtLayerListModel
from napari._qt.containers.qt_layer_model import ThumbnailRole
from napari.components import ViewerModel

from napari_attnseg._widgets.layers.runs import find_results


def test_the_layer_list_draws_thumbnails_and_no_other_memory(
    viewer: ViewerModel, segment: Any, qtbot: Any
) -> None:
    segment("film", frames=3)
    (result,) = find_results(viewer.layers)
    model = QtLayerListModel(viewer.layers)

    def drawn(row: int) -> bytes:
        picture = model.index(row, 0).data(ThumbnailRole)
        # As while napari paints: something else is allocated before it is drawn.
        junk = [bytes([1 + i]) * 4096 for i in range(5)]
        bits = picture.constBits()
        if hasattr(bits, "setsize"):  # PyQt's pointers have no size of their own
            bits.setsize(picture.sizeInBytes())
        assert junk
        return bytes(bits)

    def check() -> None:
        names = [model.index(i, 0).data() for i in range(len(viewer.layers))]
        for layer in result.layers:
            known = np.array(layer.thumbnail).tobytes()
            assert all(drawn(names.index(layer.name)) == known for _ in range(20))

    check()
    # The slider moves while a map is hidden: its thumbnail follows once it is shown.
    gate = result.gates[32]
    before = np.array(gate.thumbnail)
    gate.data[2] = 1 - gate.data[2]
    viewer.dims.set_point(0, 2)
    check()
    gate.visible = True
    assert not np.array_equal(gate.thumbnail, before)
    check()
