"""What would fail in the first step is found before it, in words."""

import dataclasses

import pytest
import torch
from stand_ins import STAND_INS

from attnseg_training.config import TrainConfig
from attnseg_training.fit.first_step import check_first_step
from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.encoders import encoder_spec

ONE_BY_ONE = {"tiny-deeplabv3plus", "tiny-deeplabv3plus-no-skip"}


@pytest.mark.parametrize("name", ["tiny", *STAND_INS])
def test_every_architecture_passes(name: str) -> None:
    spec = model_spec(name)
    before = torch.random.get_rng_state()
    check_first_step(spec, TrainConfig("data", batch=2), 100)
    assert torch.equal(torch.random.get_rng_state(), before)
    one = TrainConfig("data", batch=1)
    if name not in ONE_BY_ONE:
        check_first_step(spec, one, 100)
        return
    with pytest.raises(InputError, match="give --batch 2 or more"):
        check_first_step(spec, one, 100)
    # Also the smallest part of a batch, and of the images.
    parts = TrainConfig("data", batch=4, accumulate=3)
    with pytest.raises(InputError, match="--batch 6 or more and a lower --accumulate"):
        check_first_step(spec, parts, 100)
    with pytest.raises(InputError, match="1×1 pixel"):
        check_first_step(spec, TrainConfig("data", batch=8), 1)
    check_first_step(spec, TrainConfig("data", batch=4, accumulate=2), 100)


def test_what_is_refused_really_fails() -> None:
    from napari_attnseg.models.network import SegmentationNetwork

    for name in ONE_BY_ONE:
        network = SegmentationNetwork(model_spec(name)).train()
        with pytest.raises(ValueError):
            network(torch.rand(1, 3, 64, 64))
        assert network(torch.rand(2, 3, 64, 64)).logits.shape == (2, 1, 64, 64)


def test_maps_that_do_not_fit_are_refused() -> None:
    # 100 px gives maps of 25, 13, 7 and 4 px.
    tiny = model_spec("tiny")
    spec = dataclasses.replace(tiny, cnn=dataclasses.replace(tiny.cnn, size=100))
    with pytest.raises(InputError, match="do not fit each other"):
        check_first_step(spec, TrainConfig("data"), 100)
    vit = dataclasses.replace(tiny, cnn=encoder_spec("test_vit", 64))
    with pytest.raises(InputError, match="'test_vit' is a plain ViT"):
        check_first_step(vit, TrainConfig("data"), 100)


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("swin_tiny", ["swin_tiny_patch4_window7_224"]),
        ("Swin-Tiny", ["swin_tiny_patch4_window7_224"]),
        ("resnet-34", ["resnet34", "resnet34d"]),
        ("dinov2", ["vit_small_patch14_dinov2", "vit_base_patch14_dinov2"]),
        ("efficientnet", ["efficientnet_b0", "efficientnet_b1", "more"]),
        ("resnet_34x", ["resnet34"]),  # by spelling
    ],
)
def test_near_names_are_of_the_family(name: str, offered: list[str]) -> None:
    with pytest.raises(UnknownNameError) as caught:
        encoder_spec(name, 64)
    hint = str(caught.value).partition("Did you mean ")[2]
    for one in offered:
        assert one in hint
