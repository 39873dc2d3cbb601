"""An image that is moved after its run takes its results along."""

from typing import Any

import numpy as np
from napari.components import ViewerModel

from napari_attnseg._widgets.base.lifetime import Lifetime
from napari_attnseg._widgets.base.moved_images import MovedImages
from napari_attnseg._widgets.base.renamed_images import RenamedImages
from napari_attnseg._widgets.layers.own_image import images_of

TURN = np.array([[0.8, -0.6], [0.6, 0.8]])


def test_results_lie_on_their_image_wherever_it_is_moved(
    viewer: ViewerModel, segment: Any
) -> None:
    lives = [Lifetime(), Lifetime()]  # two docks: nothing is moved twice
    followers = [MovedImages(viewer, life) for life in lives]
    moved = segment("moved", scale=(2, 3), translate=(5, 7))
    still = segment("still")
    own = images_of(viewer.layers)

    def covered(of: Any) -> list[Any]:
        """Pixels of the image at two corners of each of its results."""
        return [
            of.world_to_data(layer.data_to_world(corner))
            for layer, image in own.items()
            if image is of
            for corner in ((0, 0), np.array(layer.data.shape) - 1)
        ]

    before, others = covered(moved), covered(still)
    assert len(before) >= 6
    mask = next(layer for layer in own if layer.name == "mask · moved")
    for name, value in {
        "translate": (100, 50),
        "scale": (0.5, 4),
        "rotate": 30,
        "shear": (0.3,),
        "affine": np.block([[TURN, np.array([[4.0], [9.0]])], [np.zeros(2), 1]]),
    }.items():
        where = mask.data_to_world((3, 4))
        setattr(moved, name, value)
        assert not np.allclose(mask.data_to_world((3, 4)), where), name
        np.testing.assert_allclose(covered(moved), before, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(covered(still), others)
    for life in lives:
        life.end()
    moved.translate = (0, 0)
    assert not np.allclose(covered(moved), before)
    assert len(followers) == 2


def test_results_are_renamed_with_their_image_unless_somebody_named_them(
    viewer: ViewerModel, segment: Any
) -> None:
    lives = [Lifetime(), Lifetime()]
    followers = [RenamedImages(viewer, life) for life in lives]
    image = segment("polyp (1)")
    segment("other")
    own = [x for x, of in images_of(viewer.layers).items() if of is image]
    mask = next(x for x in own if x.name.startswith("mask"))
    gate = next(x for x in own if x.name.startswith("gate"))
    gate.name = "my favourite · map"
    image.name = "case 7"
    assert mask.name == "mask · case 7" and gate.name == "my favourite · map"
    assert "probability · case 7" in [x.name for x in own]
    assert sum(x.name.endswith(" · other") for x in viewer.layers) == 6
    for life in lives:
        life.end()
    image.name = "again"
    assert mask.name == "mask · case 7" and followers
