"""Initial weights of the encoders: from scratch, from timm's hub, or from files."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import safetensors.torch

from attnseg_training.config import TrainConfig, parse_encoder_weights
from napari_attnseg.cards import CARD_KEY, read_card, read_header, weights_hash
from napari_attnseg.checkpoints import expect_finite
from napari_attnseg.errors import CheckpointError, InputError, UnknownNameError
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.encoders import Encoder, encoder_spec
from napari_attnseg.models.fusion import FUSIONS
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.spec import OWN_ENCODERS, ModelSpec

OFFLINE = (
    "give --encoder-weights scratch, or "
    "--encoder-weights cnn=FILE,transformer=FILE with timm state dicts as safetensors"
)


def build_network(spec: ModelSpec, weights: str) -> SegmentationNetwork:
    """Build a network with the given initial weights of its encoders.

    Parameters
    ----------
    spec : ModelSpec
        Network to build.
    weights : str
        ``scratch``, ``pretrained`` or ``cnn=FILE,transformer=FILE``; an encoder that
        is left out starts from scratch. A file holds a timm state dict, or is a
        checkpoint of this project with such an encoder.

    Raises
    ------
    InputError
        If `weights` is none of these, or the hub cannot be reached.
    CheckpointError
        If a file does not fit its encoder.
    """
    if weights == "scratch":
        return SegmentationNetwork(spec)
    if weights == "pretrained":
        if not _names(spec):
            raise InputError(
                f"There are no pretrained weights for {spec.name!r}; give "
                "--encoder-weights scratch."
            )
        try:
            return SegmentationNetwork(spec, pretrained=True)
        except Exception as error:  # the hub's clients raise many kinds
            raise InputError(
                f"The pretrained weights of {_names(spec)} could not be downloaded "
                "from the Hugging Face hub "
                f"({type(error).__name__}); {OFFLINE}."
            ) from error
    network = SegmentationNetwork(spec)
    for encoder, path in parse_encoder_weights(weights).items():
        part = network.cnn if encoder == "cnn" else network.transformer
        if not isinstance(part, Encoder) or not hasattr(part, "backbone"):
            raise InputError(
                f"{spec.name!r} has no {encoder} that weights could be loaded into; "
                "leave it out of --encoder-weights."
            )
        _load(part, path, encoder)
    return network


def weights_for(spec: ModelSpec, weights: str) -> str:
    """Keep the parts of ``cnn=FILE,transformer=FILE`` for encoders of the model."""
    if weights in ("scratch", "pretrained"):
        return weights
    has = {"cnn": spec.cnn, "transformer": spec.transformer}
    fits = [
        f"{part}={path}"
        for part, path in parse_encoder_weights(weights).items()
        if (own := has[part]) is not None and own.name not in OWN_ENCODERS
    ]
    return ",".join(fits) or "scratch"


def earlier_training(weights: str) -> list[dict[str, Any]]:
    """Training records in the cards of encoder files; timm's own files have none."""
    files = (
        []
        if weights in ("scratch", "pretrained")
        else parse_encoder_weights(weights).values()
    )
    return [
        {"weights_sha256": weights_hash(path), **read_card(path).training}
        for path in dict.fromkeys(files)
        if CARD_KEY in read_header(path)[0].get("__metadata__", {})
    ]


def same_network(one: ModelSpec, other: ModelSpec) -> bool:
    """Whether weights of one model fit the other, apart from the names."""
    return dataclasses.replace(one, name=other.name, about=other.about) == other


def run_spec(config: TrainConfig, classes: int = 1) -> ModelSpec:
    """Return the spec of the trained model, with encoders and fusion of the settings.

    Parameters
    ----------
    config : TrainConfig
        Settings of the run.
    classes : int
        Number of classes of the data; each has a logit map.

    Raises
    ------
    UnknownNameError
        If the catalog or timm has no such model, or there is no such fusion.
    InputError
        If an encoder or the fusion is to be replaced in a model without two encoders.
    """
    spec = dataclasses.replace(model_spec(config.model), classes=classes)
    given = {"cnn": config.cnn, "transformer": config.transformer}
    named = {part: name for part, name in given.items() if name}
    if (named or config.fusion) and spec.architecture != "dual":
        raise InputError(
            "--cnn, --transformer and --fusion change a model of two encoders; "
            f"{spec.name!r} is none: choose a dual model."
        )
    changed: dict[str, Any] = {
        part: encoder_spec(name, spec.size) for part, name in named.items()
    }
    if config.fusion:
        if config.fusion not in FUSIONS:
            raise UnknownNameError.for_name("fusion", config.fusion, list(FUSIONS))
        changed["fusion"] = named["fusion"] = config.fusion
    if changed:
        changed["name"] = "-".join([spec.name, *named.values()])
        changed["about"] = f"As {spec.name}, with {' and '.join(named.values())}."
        spec = dataclasses.replace(spec, **changed)
    return _unit_input(spec) if config.unit_input else spec


def _unit_input(spec: ModelSpec) -> ModelSpec:
    """Replace the normalisation by none: encoders take RGB in [0, 1]."""
    unit: dict[str, Any] = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    parts: dict[str, Any] = {
        part: dataclasses.replace(encoder, **unit)
        for part, encoder in (("cnn", spec.cnn), ("transformer", spec.transformer))
        if encoder is not None
    }
    return dataclasses.replace(spec, **parts)


def announce_download(spec: ModelSpec | None = None) -> str:
    """Describe what ``pretrained`` downloads, and where the files are stored.

    Without a spec the sentence is for several models, one after the other.
    """
    home = os.environ.get("HF_HOME", "~/.cache/huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE", f"{home}/hub")).expanduser()
    return (
        f"About to download the weights of {_names(spec) if spec else 'encoders'} from "
        f"the Hugging Face hub, unless they are already in {cache}."
    )


def _names(spec: ModelSpec) -> str:
    return " and ".join(e.name for e in spec.encoders if e.name not in OWN_ENCODERS)


#: First bytes of other kinds of weights files → what these are.
_OTHER_KINDS = {
    b"PK": "is a pickle (.pt, .pth) or another archive, which is never opened because "
    "it can run code; save its state dict with safetensors.torch.save_file",
    b"\x80": "is a pickle (.pt, .pth), which is never opened because it can run code; "
    "save its state dict with safetensors.torch.save_file",
    b"\x89HDF": "is an HDF5 file (.h5), as Keras writes it, which holds no timm state "
    "dict; choose timm's safetensors file of this encoder",
}


def _what_it_is(path: Path, error: Exception) -> str:
    """Say what is at a path where a safetensors file was expected, and what to do."""
    if not path.exists():
        return "is not there; check the path"
    if path.is_dir():
        return "is a folder; choose a file in it"
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as unreadable:
        return f"cannot be read ({unreadable.strerror}); check the file"
    for first, kind in _OTHER_KINDS.items():
        if start.startswith(first):
            return kind
    return f"is another kind of file, or damaged ({error}); choose another one"


def _load(encoder: Encoder, path: Path, part: str) -> None:
    """Load timm's keys; classifier heads and unused blocks of the file are ignored.

    Of a checkpoint of this project, `part` ("cnn" or "transformer") is used.
    """
    try:
        state = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(
            f"Expected encoder weights as a safetensors file, but {path} "
            f"{_what_it_is(path, error)}."
        ) from error
    expect_finite(state, path.name)
    prefix = f"{part}.backbone."
    trained = {n.removeprefix(prefix): t for n, t in state.items() if prefix in n}
    wanted = encoder.backbone.state_dict()
    found = encoder.from_timm(trained or state)
    missing = sorted(set(wanted) - set(found))
    wrong = [n for n, v in found.items() if v.shape != wanted[n].shape]
    if missing or wrong:
        name = (missing + wrong)[0]
        raise CheckpointError(
            f"{path.name} does not fit this encoder: {len(missing)} tensors are "
            f"missing and {len(wrong)} have another shape, first {name!r}; choose the "
            "timm state dict of the same model."
        )
    encoder.backbone.load_state_dict(found)
