"""Every model by name, as data. A new variant is a new line here, never a new file."""

from __future__ import annotations

import dataclasses

from napari_attnseg.errors import UnknownNameError
from napari_attnseg.spec import EncoderSpec, ModelSpec

_HALF = (0.5, 0.5, 0.5)

_DUAL = ModelSpec(
    name="dual-swin-guided",
    cnn=EncoderSpec("resnet34", 384, stem=True),
    transformer=EncoderSpec("swin_base_patch4_window12_384", 384),
    size=384,
    about="The paper's headline: ResNet-34 and Swin-B, Swin-guided gates.",
)

_COMPACT = ModelSpec(
    name="compact",
    cnn=EncoderSpec("tf_efficientnet_lite0", 256, mean=_HALF, std=_HALF),
    transformer=EncoderSpec("vit_small_patch14_dinov2", 392, blocks=(6, 12, 12, 12)),
    size=392,
    widths=(48, 64, 96, 128),
    decoder=(96, 64, 48),
    head=(32,),
    about="The bundled default: EfficientNet-Lite0 and a DINOv2-S ViT, lean decoder.",
)

_COMPACT_352 = dataclasses.replace(
    _COMPACT,
    name="compact-352",
    cnn=dataclasses.replace(_COMPACT.cnn, size=352),
    # 308 / 14 = 352 / 16 = 22: the ViT's tokens lie exactly on the level of stride 16.
    transformer=dataclasses.replace(
        _COMPACT.transformer, size=308, options=(("drop_path_rate", 0.1),)
    ),
    size=352,
    about="As compact, with a finer CNN and a ViT that is cheap enough to fine-tune.",
)

_COMPACT_256 = dataclasses.replace(
    _COMPACT,
    name="compact-256",
    # 224 / 14 = 256 / 16 = 16 tokens a side.
    transformer=dataclasses.replace(_COMPACT.transformer, size=224),
    size=256,
    about="As compact, small enough to compare training options over seeds on a CPU.",
)

_NORMALISED = dataclasses.replace(
    _COMPACT_256,
    name="compact-256-norm",
    normalise=True,
    about="As compact-256, both encoders' features normalised before the gates.",
)

_TINY = ModelSpec(
    name="tiny",
    cnn=EncoderSpec("test_resnet", 64),
    transformer=EncoderSpec(
        "swin_tiny_patch4_window7_224",
        64,
        options=(
            ("embed_dim", 16),
            ("depths", (1, 1, 1, 1)),
            ("num_heads", (1, 2, 4, 8)),
            ("window_size", 2),
            ("img_size", 64),
        ),
    ),
    size=64,
    widths=(16, 24, 32, 48),
    decoder=(40, 24, 16),
    head=(16, 16),
    about="A stand-in with real parts for tests and smoke runs; not for images.",
)

MODELS: dict[str, ModelSpec] = {
    spec.name: spec
    for spec in (_COMPACT, _COMPACT_352, _COMPACT_256, _NORMALISED, _DUAL, _TINY)
}


def model_spec(name: str) -> ModelSpec:
    """Spec of a catalog name.

    Raises
    ------
    UnknownNameError
        If there is no such model; the nearest names are offered.
    """
    try:
        return MODELS[name]
    except KeyError:
        raise UnknownNameError.for_name("model", name, list(MODELS)) from None


def list_models() -> list[str]:
    """Names that `model_spec` knows."""
    return list(MODELS)
