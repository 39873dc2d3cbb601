"""Import of checkpoints that the paper's authors released.

They are pickles of one of the paper's dual networks with other tensor names. They are
read with ``weights_only=True``, so no code in them can run.

Names and shapes in a file do not distinguish all networks: only the released code says
which encoder guides a gate. The user must say what the file does not.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from attnseg_training.release.own_state import is_own, without_prefix
from attnseg_training.release.saved_state import read_state
from attnseg_training.release.untrained import expect_trained
from attnseg_training.release.zero_kernels import zero_kernels
from napari_attnseg.cards import ModelCard
from napari_attnseg.checkpoints import expect_weights_name, save_checkpoint
from napari_attnseg.errors import CheckpointError, UnknownNameError
from napari_attnseg.models.catalog import list_models, model_spec
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import ModelSpec, Preprocessing

#: Networks that were released, by their names in the catalog.
RELEASED = (
    "dual-swin-guided",
    "dual-res34-guided",
    "dual-no-attention",
    "dual-double-attention",
    "dual-double-weighted",
)
#: Part of a released checkpoint → part of `SegmentationNetwork`, for what all of them
#: have. Tensors within a part are matched by their order, which is that of the
#: computation in both, and checked by kind and shape.
COMMON_PARTS = {
    "ResEncoder": "cnn.backbone",
    "SwinEncoder": "transformer.backbone",
    "swin_proj1": "transformer_projection.3",
    "swin_proj2": "transformer_projection.2",
    "swin_proj3": "transformer_projection.1",
    "up1": "decoder.blocks.0",
    "up2": "decoder.blocks.1",
    "up3": "decoder.blocks.2",
    "up4": "decoder.head",
    "final_conv": "decoder.logits",
}
_ONE_GATE = {"attn_swin_to_res": "gate"}
_TWO_GATES = {"attn_res_to_swin": "transformer_gate", "attn_swin_to_res": "cnn_gate"}
#: Fusion → gate of a level in a released checkpoint → gate of a `Fusion`. The authors
#: named the gate of both guided networks alike.
GATES: dict[str, dict[str, str]] = {
    "none": {},
    "transformer_guided": _ONE_GATE,
    "cnn_guided": _ONE_GATE,
    "double_attention": _TWO_GATES,
    "double_weighted": _TWO_GATES,
}
_GATE = re.compile(r"fusion_attn[1-4]\.(\w+)\.")
#: Buffers that follow from the architecture: versions of timm differ in storing them.
DERIVED = ("relative_position_index", "attn_mask")
#: What a card says of data and protocol where nothing is stated.
UNKNOWN = "unknown"


def parts(fusion: str) -> dict[str, str]:
    """Map parts of a released checkpoint with this fusion to parts of our network."""
    gates = {
        f"fusion_attn{n}.{theirs}.{name}": f"fusion.{n - 1}.{ours}.{name.lower()}"
        for n in (4, 3, 2, 1)
        for theirs, ours in GATES[fusion].items()
        for name in ("W_g", "W_x", "psi")
    }
    return COMMON_PARTS | gates


#: Parts of the headline, the Swin-guided network.
PARTS = parts("transformer_guided")


def released_spec(spec: ModelSpec | None = None) -> ModelSpec:
    """Spec of the released dual network: norm before the gate's sigmoid, RGB / 255."""
    spec = spec or model_spec("dual-swin-guided")
    zero, one = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if spec.cnn is None or spec.transformer is None:
        raise CheckpointError(
            f"Expected a dual network, as the authors released no other, got "
            f"{spec.name}; choose one with two encoders."
        )
    return dataclasses.replace(
        spec,
        psi_norm=True,
        cnn=dataclasses.replace(spec.cnn, mean=zero, std=one),
        transformer=dataclasses.replace(spec.transformer, mean=zero, std=one),
    )


def import_released(
    path: Path,
    out: Path,
    spec: ModelSpec | None = None,
    trained_on: str = "",
    state_name: str = "",
    tell: Callable[[str], None] = lambda _: None,
) -> str:
    """Convert a released checkpoint, or a state dict of this project, to weights.

    Returns the SHA-256 of the tensors.

    Parameters
    ----------
    path : Path
        The ``.pth`` file.
    out : Path
        Weights file to write.
    spec : ModelSpec, optional
        Network to which the checkpoint belongs. It may be one of this project if names
        and shapes fit. By default it is the released network that the file fits, if
        there is only one.
    trained_on : str
        Data and protocol of the training, for the card; empty: unknown.
    state_name : str
        Name of the state dict, if the file holds several.
    tell : callable
        Called with a sentence if some of the weights seem never to have been trained,
        are 0 throughout, or lie under an unusual key.

    Raises
    ------
    CheckpointError
        If the file is damaged, cannot be read without running code, does not fit, holds
        quantised, infinite or constant weights or several state dicts and `state_name`
        does not say which, or fits several released networks and `spec` does not say
        which.
    InputError
        If `out` cannot be written.
    """
    expect_weights_name(out)
    state = read_state(path, state_name, tell)
    if doubt := expect_trained(state, path.name):
        tell(doubt)
    if doubt := zero_kernels(state, path.name):
        tell(doubt)
    if spec and is_own(state, spec):
        card = _card(spec, path.name, trained_on)
        return save_checkpoint(out, without_prefix(state), card)
    if spec and spec.fusion not in GATES:
        raise CheckpointError(
            f"{path.name} does not have the tensors of {spec.name}, and no network "
            "with its gates was released; choose another network with --as."
        )
    choices = [spec] if spec else _with_gates_of(state, path.name)
    found = released_spec(choices[0])
    renamed = rename(state, _state_dict(found), path.name, found.fusion)
    if len(choices) > 1:
        names = [choice.name for choice in choices]
        raise CheckpointError(
            f"{path.name} fits {' and '.join(names)} alike, whose tensors have the "
            "same names and shapes but a different meaning; say which network it is: "
            f"{' or '.join(f'--as {name}' for name in names)}."
        )
    return save_checkpoint(out, renamed, _card(found, path.name, trained_on))


def _card(spec: ModelSpec, source: str, trained_on: str) -> ModelCard:
    return ModelCard(
        spec,
        Preprocessing(spec.size),
        data=trained_on or UNKNOWN,
        training={
            "imported_from": source,
            # What the user states is no run of ours: nothing is decided from it.
            "stated": bool(trained_on),
            "protocol": trained_on or UNKNOWN,
            "protocol_name": None,
            "split_rule": None,
        },
        limits="Imported; not evaluated here.",
    )


def network_named(name: str) -> ModelSpec:
    """Return the spec for `import_released` from a catalog name.

    Raises
    ------
    UnknownNameError
        If there is no such network; the nearest names are offered.
    """
    if name not in list_models():
        raise UnknownNameError.for_name("network", name, list_models())
    return model_spec(name)


def _with_gates_of(state: dict[str, Tensor], source: str) -> list[ModelSpec]:
    """Released networks with the gates that a checkpoint names."""
    gates = {found[1] for name in state if (found := _GATE.match(name))}
    specs = map(model_spec, RELEASED)
    fits = [spec for spec in specs if set(GATES[spec.fusion]) == gates]
    if not fits:
        raise CheckpointError(
            f"Expected gates named attn_swin_to_res, attn_res_to_swin or none in "
            f"{source}, found {', '.join(sorted(gates))}; choose a checkpoint of one "
            "of the released dual networks."
        )
    return fits


def _state_dict(spec: ModelSpec) -> dict[str, Tensor]:
    return SegmentationNetwork(spec).state_dict()


def rename(
    theirs: dict[str, Tensor],
    ours: dict[str, Tensor],
    source: str,
    fusion: str = "transformer_guided",
) -> dict[str, Tensor]:
    """Rename the tensors of a released checkpoint.

    Parameters
    ----------
    theirs, ours : dict of str to Tensor
        State dicts, in the order of the networks' parts.
    source : str
        Name of the file in messages.
    fusion : str
        Fusion of the network, a key of `GATES`.

    Raises
    ------
    CheckpointError
        If a part is missing or unknown, or has other tensors than ours.
    """
    renamed: dict[str, Tensor] = {}
    named = parts(fusion)
    for their_part, our_part in named.items():
        found, wanted = _part(theirs, their_part), _part(ours, our_part)
        if len(found) != len(wanted):
            other = "" if found else ", so that it is of another network"
            raise CheckpointError(
                f"Expected {len(wanted)} tensors under {their_part!r} in {source}, "
                f"found {len(found)}{other}; choose a checkpoint of the released "
                "network, or another network with --as."
            )
        for (name, value), (own, like) in zip(found, wanted, strict=True):
            kind = name.rpartition(".")[2]
            if kind != own.rpartition(".")[2] or value.shape != like.shape:
                raise CheckpointError(
                    f"Expected {own} of shape {tuple(like.shape)} but {source} has "
                    f"{name} of shape {tuple(value.shape)} in its place; choose a "
                    "checkpoint of the released network, or another network with --as."
                )
            renamed[own] = value
    rest = [n for n in ours if n not in renamed and not n.endswith(DERIVED)]
    if rest:
        raise CheckpointError(
            f"{source} has nothing for {rest[0]}; the network is not the released one."
        )
    prefixes = tuple(f"{part}." for part in named)
    for name in theirs:
        if not name.startswith(prefixes) and not name.endswith(DERIVED):
            raise CheckpointError(
                f"{source} has {name}, for which this network has no place; choose "
                "another network with --as."
            )
    return ours | renamed


def _part(state: dict[str, Tensor], prefix: str) -> list[tuple[str, Tensor]]:
    return [
        (name, value)
        for name, value in state.items()
        if name.startswith(f"{prefix}.") and not name.endswith(DERIVED)
    ]
