"""Import of checkpoints that the paper's authors released.

They are pickles of a Swin-guided dual network with other tensor names. They are read
with ``weights_only=True``, so no code in them can run.
"""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import torch
from torch import Tensor

from napari_attnseg.cards import ModelCard
from napari_attnseg.checkpoints import save_checkpoint
from napari_attnseg.errors import CheckpointError
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import ModelSpec, Preprocessing

#: Part of a released checkpoint → part of `SegmentationNetwork`. Tensors within a part
#: are matched by their order, which is that of the computation in both, and checked by
#: kind and shape.
PARTS = {
    "ResEncoder": "cnn.backbone",
    "SwinEncoder": "transformer.backbone",
    "swin_proj1": "transformer_projection.3",
    "swin_proj2": "transformer_projection.2",
    "swin_proj3": "transformer_projection.1",
    **{
        f"fusion_attn{n}.attn_swin_to_res.{name}": f"fusion.{n - 1}.gate.{name.lower()}"
        for n in (4, 3, 2, 1)
        for name in ("W_g", "W_x", "psi")
    },
    "up1": "decoder.blocks.0",
    "up2": "decoder.blocks.1",
    "up3": "decoder.blocks.2",
    "up4": "decoder.head",
    "final_conv": "decoder.logits",
}
#: Buffers that follow from the architecture: versions of timm differ in storing them.
DERIVED = ("relative_position_index", "attn_mask")
#: Under which key a training script may have put the state dict.
WRAPPERS = ("state_dict", "model_state_dict", "model")


def released_spec(spec: ModelSpec | None = None) -> ModelSpec:
    """Spec of the released dual network: norm before the gate's sigmoid, RGB / 255."""
    spec = spec or model_spec("dual-swin-guided")
    zero, one = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if spec.cnn is None or spec.transformer is None:
        raise CheckpointError("Only dual networks were released under these names.")
    return dataclasses.replace(
        spec,
        psi_norm=True,
        cnn=dataclasses.replace(spec.cnn, mean=zero, std=one),
        transformer=dataclasses.replace(spec.transformer, mean=zero, std=one),
    )


def import_released(path: Path, out: Path, spec: ModelSpec | None = None) -> str:
    """Convert a released checkpoint to a weights file.

    Returns the SHA-256 of the tensors.

    Parameters
    ----------
    path : Path
        The ``.pth`` file.
    out : Path
        Weights file to write.
    spec : ModelSpec, optional
        Network it belongs to; the paper's headline as released.

    Raises
    ------
    CheckpointError
        If the file cannot be read without running code, or does not fit.
    InputError
        If `out` cannot be written.
    """
    spec = released_spec(spec)
    state = rename(_read(path), SegmentationNetwork(spec).state_dict(), path.name)
    card = ModelCard(
        spec,
        Preprocessing(spec.size),
        data="Kvasir-SEG, the official 880 training images (as released)",
        training={"imported_from": path.name},
        limits="Imported; not evaluated here. The 120 test images chose its epoch.",
    )
    return save_checkpoint(out, state, card)


def rename(
    theirs: dict[str, Tensor], ours: dict[str, Tensor], source: str
) -> dict[str, Tensor]:
    """Rename the tensors of a released checkpoint.

    Parameters
    ----------
    theirs, ours : dict of str to Tensor
        State dicts, in the order of the networks' parts.
    source : str
        What to call the file in messages.

    Raises
    ------
    CheckpointError
        If a part is missing, or has other tensors than ours.
    """
    renamed: dict[str, Tensor] = {}
    for their_part, our_part in PARTS.items():
        found, wanted = _part(theirs, their_part), _part(ours, our_part)
        if len(found) != len(wanted):
            raise CheckpointError(
                f"Expected {len(wanted)} tensors under {their_part!r} in {source}, "
                f"found {len(found)}; choose a checkpoint of the released Swin-guided "
                "dual network."
            )
        for (name, value), (own, like) in zip(found, wanted, strict=True):
            kind = name.rpartition(".")[2]
            if kind != own.rpartition(".")[2] or value.shape != like.shape:
                raise CheckpointError(
                    f"Expected {own} of shape {tuple(like.shape)} but {source} has "
                    f"{name} of shape {tuple(value.shape)} in its place; choose a "
                    "checkpoint of the released Swin-guided dual network."
                )
            renamed[own] = value
    rest = [n for n in ours if n not in renamed and not n.endswith(DERIVED)]
    if rest:
        raise CheckpointError(
            f"{source} has nothing for {rest[0]}; the network is not the released one."
        )
    return ours | renamed


def _part(state: dict[str, Tensor], prefix: str) -> list[tuple[str, Tensor]]:
    return [
        (name, value)
        for name, value in state.items()
        if name.startswith(f"{prefix}.") and not name.endswith(DERIVED)
    ]


def _read(path: Path) -> dict[str, Tensor]:
    want = "Expected a PyTorch checkpoint (.pth) of tensors only"
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise CheckpointError(
            f"{want}, but {path} cannot be read ({error.strerror}); check the path."
        ) from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise CheckpointError(
            f"{want}, but {path.name} is something else, damaged, or holds objects "
            "that could run code, which are never loaded; save its state_dict alone."
        ) from error
    for wrapper in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict):
        raise CheckpointError(
            f"{want}, but {path.name} holds a {type(content).__name__}; save its "
            "state_dict."
        )
    # As saved from a network in DataParallel.
    return {
        str(name).removeprefix("module."): value
        for name, value in content.items()
        if isinstance(value, Tensor)
    }
