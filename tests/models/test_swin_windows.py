"""Fewer copies of Swin's windows give the same bits, also after parameters changed."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch

from napari_attnseg.models import swin_windows
from napari_attnseg.models.catalog import MODELS
from napari_attnseg.models.encoders import build_encoder
from napari_attnseg.models.swin_windows import spare_copies
from napari_attnseg.spec import EncoderSpec

#: Blocks that shift, and blocks whose only window is the whole map.
SWIN = EncoderSpec("swin_tiny_patch4_window7_224", 224)


@pytest.fixture(scope="module")
def plain() -> torch.nn.Module:
    torch.manual_seed(0)
    small = {"embed_dim": 12, "num_heads": (1, 2, 2, 4), "depths": (2, 1, 1, 1)}
    spec = dataclasses.replace(SWIN, options=tuple(small.items()))
    encoder = build_encoder(spec).eval()
    for name, value in encoder.named_parameters():
        if name.endswith("bias_table"):
            torch.nn.init.normal_(value)
    return encoder


def of(encoder: torch.nn.Module, image: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return torch.cat([maps.flatten() for maps in encoder(image)])


def kept(encoder: torch.nn.Module) -> list[bool]:
    windows = [getattr(one, "_attn", None) for one in encoder.modules()]
    own = [one for one in windows if isinstance(one, swin_windows._Windows)]
    return [one._kept is not None for one in own]


@pytest.mark.parametrize("count", [1, 2])
def test_the_bits_are_those_of_timm(plain: torch.nn.Module, count: int) -> None:
    image = torch.rand(count, 3, 224, 224)
    fast = copy.deepcopy(plain)
    spare_copies(fast)
    spare_copies(fast)  # once is enough
    assert kept(fast) == [False] * 5
    assert torch.equal(of(fast, image), of(plain, image))
    assert kept(fast) == [True] * 5
    assert torch.equal(of(fast, image), of(plain, image))
    assert fast.state_dict().keys() == plain.state_dict().keys()


def test_parameters_that_change_are_noticed(plain: torch.nn.Module) -> None:
    image, fast = torch.rand(1, 3, 224, 224), copy.deepcopy(plain)
    spare_copies(fast)
    before = of(fast, image)
    copied = copy.deepcopy(fast)
    other = copy.deepcopy(plain)
    for encoder in (fast, copied, other):
        with torch.no_grad():
            for name, value in encoder.state_dict().items():
                if name.endswith("bias_table"):
                    value.copy_(value.flip(0))
    wanted = of(other, image)
    assert not torch.equal(wanted, before)
    assert torch.equal(of(fast, image), wanted)
    assert torch.equal(of(copied, image), wanted)
    fast.load_state_dict(plain.state_dict(), assign=True)
    assert torch.equal(of(fast, image), before)


def test_what_learns_is_computed_by_timm(plain: torch.nn.Module) -> None:
    image, fast = torch.rand(1, 3, 224, 224), copy.deepcopy(plain)
    spare_copies(fast)
    sum(maps.sum() for maps in fast(image)).backward()
    grads = {n: p.grad for n, p in fast.named_parameters() if n.endswith("bias_table")}
    assert len(grads) == 5 and all(g.abs().max() > 0 for g in grads.values())
    assert kept(fast) == [False] * 5
    frozen = copy.deepcopy(plain).requires_grad_(False)
    spare_copies(frozen)
    seen = [image.clone().requires_grad_() for _ in range(2)]
    for encoder, one in zip((frozen, plain), seen):
        sum(maps.sum() for maps in encoder(one)).backward()
    assert kept(frozen) == [True] * 5
    torch.testing.assert_close(seen[0].grad, seen[1].grad)
    plain.zero_grad()


def test_the_tiny_model_takes_part() -> None:
    encoder = build_encoder(MODELS["tiny"].transformer).eval()
    spare_copies(encoder)
    assert kept(encoder)


def test_what_inference_kept_takes_part_in_gradients(plain: torch.nn.Module) -> None:
    """As when *Explain* follows *Segment*: parameters are fixed, the image is not."""
    fast = copy.deepcopy(plain).requires_grad_(False)
    fixed = copy.deepcopy(fast)
    spare_copies(fast)
    image = torch.rand(1, 3, 224, 224)
    of(fast, image)
    assert kept(fast) == [True] * 5
    gradients = []
    for encoder in (fast, fixed):
        changed = image.clone().requires_grad_()
        sum(maps.sum() for maps in encoder(changed)).backward()
        gradients.append(changed.grad)
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)
