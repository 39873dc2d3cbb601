"""Read and write weights: one safetensors file with the model card and a hash.

Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from napari_attnseg.cards import CARD_KEY, HASH_KEY, ModelCard, read_card, read_header
from napari_attnseg.click_heads import PREFIX, network_end
from napari_attnseg.errors import CheckpointError, InputError
from napari_attnseg.io.atomic import write_bytes
from napari_attnseg.models.initial_values import without_initial_values
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.threads import tell_torch

#: Ending of a weights file.
SUFFIX = ".safetensors"


def checkpoint_bytes(
    state: Mapping[str, Tensor], card: ModelCard, half: bool = False
) -> tuple[bytes, str]:
    """Content of a weights file, and the SHA-256 of its tensor data.

    Parameters
    ----------
    state : mapping of str to Tensor
        State dict of ``SegmentationNetwork(card.spec)``.
    card : ModelCard
        Model card to store with it.
    half : bool
        Store floating tensors as float16 (half the size; they load as float32).
    """
    tensors = {
        name: (t.half() if half and t.is_floating_point() else t).cpu().contiguous()
        for name, t in state.items()
    }
    # The hash covers the data part only, which does not depend on the metadata.
    plain = safetensors.torch.save(tensors)
    start = 8 + int.from_bytes(plain[:8], "little")
    digest = hashlib.sha256(plain[start:]).hexdigest()
    metadata = {CARD_KEY: card.to_json(), HASH_KEY: digest}
    return safetensors.torch.save(tensors, metadata), digest


def expect_finite(state: Mapping[str, Tensor], name: str) -> None:
    """Check that tensors are numbers with which a network can compute.

    Parameters
    ----------
    state : mapping of str to Tensor
        State dict.
    name : str
        Name of the file, for the message.

    Raises
    ------
    CheckpointError
        If a tensor holds NaN or infinity, or a running variance is negative.
    """
    for key, tensor in state.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            found = "values that are NaN or infinite"
        elif key.endswith("running_var") and bool((tensor < 0).any()):
            found = "negative variances"
        else:
            continue
        raise CheckpointError(
            f"Expected finite numbers in the weights {name}, but its tensor {key} has "
            f"{found}, as after a training that diverged; choose weights saved before "
            "that, or train again with a lower learning rate."
        )


def expect_weights_name(path: Path) -> None:
    """Check the suffix of a weights file that is to be written.

    Raises
    ------
    InputError
        If the name has another suffix than ``.safetensors``; it may have none.
    """
    if path.suffix.casefold() not in (SUFFIX, ""):
        raise InputError(
            f"Expected a weights file to write that ends in {SUFFIX}, the only format "
            f"there is, got {path.name}; choose {path.with_suffix(SUFFIX).name}."
        )


def save_checkpoint(
    path: Path, state: Mapping[str, Tensor], card: ModelCard, half: bool = False
) -> str:
    """Write `checkpoint_bytes` atomically; returns the SHA-256 of the tensor data.

    Raises
    ------
    CheckpointError
        If `state` has values that are not finite; see `expect_finite`.
    InputError
        If it cannot be written; an earlier file stays.
    """
    expect_finite(state, path.name)
    data, digest = checkpoint_bytes(state, card, half)
    write_bytes(path, data)
    return digest


def load_checkpoint(
    path: Path, device: str = "cpu"
) -> tuple[SegmentationNetwork, ModelCard, str]:
    """Network in eval mode, its card and the hash of its tensors.

    A click head in the file is ignored, and is not part of the hash; see `click_heads`.

    Raises
    ------
    CheckpointError
        If the file is damaged, of another kind, does not fit its own card, or has
        values that are not finite.
    """
    tell_torch()
    card = read_card(path)
    header, start = read_header(path)
    data = path.read_bytes()
    network_data = memoryview(data)[start : start + network_end(header)]
    digest = hashlib.sha256(network_data).hexdigest()
    if digest != header["__metadata__"].get(HASH_KEY):
        raise CheckpointError(
            f"The tensors in {path.name} do not have the hash that was stored with "
            "them: the file was changed or damaged; copy or download it again."
        )
    try:
        state = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise CheckpointError(
            f"{path.name} is not a valid safetensors file ({error}); copy it again."
        ) from error
    expect_finite(state, path.name)
    try:
        with without_initial_values():
            network = SegmentationNetwork(card.spec)
    except (AssertionError, OSError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"The network of the model card in {path.name} cannot be built ({error}); "
            "it may come from another version: export the weights again."
        ) from error
    try:
        # Floats become float32: half is how they are stored, not how they compute.
        # Copied: in memory of torch's own, where numbers do not depend on where a
        # tensor lies in the file.
        network.load_state_dict(
            {
                name: tensor.to(
                    torch.float32 if tensor.is_floating_point() else tensor.dtype,
                    copy=True,
                )
                for name, tensor in state.items()
                if not name.startswith(PREFIX)
            },
            assign=True,
        )
    except RuntimeError as error:
        first = str(error).splitlines()[1:2]
        raise CheckpointError(
            f"The tensors in {path.name} do not fit the network of its own card "
            f"({''.join(first).strip()}); it may come from another version: export the "
            "weights again."
        ) from error
    return network.eval().requires_grad_(False).to(torch.device(device)), card, digest
