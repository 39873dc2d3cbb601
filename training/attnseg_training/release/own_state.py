"""State dicts of networks of this project that were saved without a model card."""

from __future__ import annotations

from torch import Tensor

from napari_attnseg.errors import CheckpointError
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import ModelSpec

#: Under which name a training module (Lightning) may hold the network.
MODULES = ("model", "network", "net")


def without_prefix(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Remove from the names in a state dict the prefix of a training module."""
    firsts = {name.partition(".")[0] for name in state}
    if len(firsts) == 1 and (first := firsts.pop()) in MODULES:
        return {name.removeprefix(f"{first}."): v for name, v in state.items()}
    return state


def is_own(state: dict[str, Tensor], spec: ModelSpec) -> bool:
    """Whether a state dict has the names and shapes of this project's network.

    Raises
    ------
    CheckpointError
        If nearly all names agree, but a tensor is missing or has another shape.
    """
    own, given = SegmentationNetwork(spec).state_dict(), without_prefix(state)
    known = set(own) & set(given)
    if 2 * len(known) <= len(own):
        return False
    for name in sorted(set(own) ^ set(given)):
        raise CheckpointError(
            f"Expected the tensors of {spec.name} in the checkpoint, but {name} is "
            f"{'missing' if name in own else 'left over'}; choose its network with "
            "--as, or the state dict of the whole network."
        )
    _expect_one_class(own, given, spec.name)
    for name, value in own.items():
        if value.shape != given[name].shape:
            raise CheckpointError(
                f"Expected {name} of shape {tuple(value.shape)}, as {spec.name} has "
                f"it, got {tuple(given[name].shape)}; choose its network with --as."
            )
    return True


def _expect_one_class(
    own: dict[str, Tensor], given: dict[str, Tensor], network: str
) -> None:
    """Refuse a state dict that differs only in the number of classes."""
    differ = [name for name in own if own[name].shape != given[name].shape]
    counts = {len(given[name]) if given[name].ndim else 0 for name in differ}
    if len(counts) != 1 or (count := counts.pop()) < 2:
        return
    if all(
        len(own[name]) == 1 and own[name].shape[1:] == given[name].shape[1:]
        for name in differ
    ):
        raise CheckpointError(
            f"Expected a checkpoint of one class, which import takes, but this one of "
            f"{network} has {count} classes ({', '.join(differ)}); save those tensors "
            "with the row of the class that is meant alone (tensor[k:k + 1]), or train "
            "it here with the classes named in dataset.toml."
        )
