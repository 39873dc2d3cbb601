"""Shuffling one part of a network, and combining its gates."""

from pathlib import Path

import pytest
import torch

from attnseg_training.gates.sanity import PARTS, shuffled
from napari_attnseg import Segmenter
from napari_attnseg.explanations.combination import COMBINATIONS, Levels, levels
from napari_attnseg.spec import STRIDES


@pytest.mark.parametrize("part", PARTS)
def test_only_the_named_part_is_shuffled(tiny_weights: Path, part: str) -> None:
    network = Segmenter.from_checkpoint(tiny_weights, "cpu").network
    before = {name: value.clone() for name, value in network.state_dict().items()}
    other = shuffled(network, part, seed=3)
    for name, module in network.named_children():
        # What is not shuffled is the same module: a copy would cost more than a map.
        assert (other.get_submodule(name) is module) == (name not in PARTS[part])
    after = other.state_dict()
    moved = 0
    for name, value in before.items():
        assert torch.equal(network.state_dict()[name], value)
        if name.startswith(tuple(f"{p}." for p in PARTS[part])):
            moved += not torch.equal(after[name], value)
            assert torch.equal(
                after[name].flatten().sort().values, value.flatten().sort().values
            )
        else:
            assert torch.equal(after[name], value)
    assert moved > 5
    again = shuffled(network, part, seed=3).state_dict()
    assert all(torch.equal(again[name], after[name]) for name in after)


def test_combinations_are_what_they_are_called() -> None:
    psi = torch.tensor([0.2, 0.4, 0.6, 0.9]).view(1, 4, 1, 1).expand(1, 4, 3, 3)
    stakes = torch.tensor([0.0, 1.0, 0.0, 3.0]).view(4, 1, 1)
    weight = torch.zeros(1, 4, 3, 3)
    weight[:, 0, 0, 0] = weight[:, 1, 1, 1] = 2.0
    found = {name: f(Levels(psi, stakes, weight)) for name, f in COMBINATIONS.items()}
    assert all(f.shape == (1, 1, 3, 3) for f in found.values())
    at = {name: float(f[0, 0, 1, 1]) for name, f in found.items()}
    assert at == pytest.approx(
        {
            "mean of all": 0.525,
            "mean of the coarse two": 0.75,
            "product": (0.2 * 0.4 * 0.6 * 0.9) ** 0.25,
            "weighted by measured trust": (0.4 + 3 * 0.9) / 4,
            "weighted by contribution": 0.4,
        }
    )
    assert float(found["weighted by contribution"][0, 0, 0, 0]) == pytest.approx(0.2)


def test_levels_lie_on_the_finest_gate() -> None:
    attention = {s: torch.rand(2, 1, 32 // s, 32 // s) for s in STRIDES}
    parts = {
        s: (-torch.ones(2, 32 // s, 32 // s), psi[:, 0]) for s, psi in attention.items()
    }
    found = levels(attention, {f"1/{s}": float(s) for s in STRIDES}, parts)
    assert found.psi.shape == found.contribution.shape == (2, 4, 8, 8)
    assert torch.equal(found.psi[:, :1], attention[4])
    torch.testing.assert_close(found.contribution[:, 0], 1 + attention[4][:, 0])
    torch.testing.assert_close(found.psi[:, 3], attention[32][:, 0].expand(2, 8, 8))
    assert found.stakes.flatten().tolist() == [4, 8, 16, 32]
