"""All models by name, as data. A new variant is a new line, never a new file."""

from __future__ import annotations

import dataclasses

from napari_attnseg.errors import UnknownNameError
from napari_attnseg.spec import EncoderSpec, ModelSpec

_HALF = (0.5, 0.5, 0.5)
_VITS = ("tiny", "small", "base")

_RESNET34 = EncoderSpec("resnet34.tv_in1k", 384, stem=True)
_SWIN_B = EncoderSpec("swin_base_patch4_window12_384", 384)

_DUAL = ModelSpec(
    name="dual-swin-guided",
    cnn=_RESNET34,
    transformer=_SWIN_B,
    size=384,
    about="The paper's headline: ResNet-34 and Swin-B, Swin-guided gates.",
)

#: Name → fusion, how much wider its decoder's blocks are, and what it is, in the order
#: of the paper's table 3.
_WIDE = (2, 2, 1)  # where both encoders' maps lie side by side
_VARIANTS = {
    "no-attention": ("none", _WIDE, "both encoders' maps side by side, no gates."),
    "res34-guided": (
        "cnn_guided",
        (1, 1, 1),
        "the CNN guides the gates; psi → 1 is the transformer.",
    ),
    "double-attention": (
        "double_attention",
        _WIDE,
        "a gate for each encoder; maps side by side.",
    ),
    "double-weighted": (
        "double_weighted",
        _WIDE,
        "both guided variants side by side; two gates per level.",
    ),
}


def _variants(base: ModelSpec, prefix: str) -> list[ModelSpec]:
    """The paper's other fusions over the same two encoders."""
    return [
        dataclasses.replace(
            base,
            name=f"{prefix}-{name}",
            fusion=fusion,
            decoder=tuple(
                w * width for w, width in zip(wider, base.decoder, strict=True)
            ),
            about=f"As {base.name}, but {about}",
        )
        for name, (fusion, wider, about) in _VARIANTS.items()
    ]


_RESNET34_UNET = ModelSpec(
    name="resnet34-unet",
    cnn=_RESNET34,
    transformer=None,
    size=384,
    architecture="single",
    decoder=(256, 128, 64, 32),
    head=(32, 32),
    about="ResNet-34 alone, U-Net decoder (paper, table 2).",
)
_RESNET34_NO_SKIP = dataclasses.replace(
    _RESNET34_UNET,
    name="resnet34-no-skip",
    cnn=dataclasses.replace(_RESNET34, stem=False),
    skips=False,
    about="ResNet-34 alone, decoded from its coarsest map only.",
)
_SWIN_B_UNET = dataclasses.replace(
    _RESNET34_UNET,
    name="swin-b-unet",
    cnn=EncoderSpec("stem", 384),
    transformer=_SWIN_B,
    decoder=(512, 256, 128, 64),
    about="Swin-B with a stem at full resolution, U-Net decoder (paper, table 2).",
)
_SWIN_B_NO_SKIP = dataclasses.replace(
    _SWIN_B_UNET,
    name="swin-b-no-skip",
    cnn=None,
    bridge=512,
    decoder=(256, 128, 64, 32, 32),
    skips=False,
    about="Swin-B alone, decoded from its coarsest map only.",
)


def _vit(size: str, scratch: bool) -> ModelSpec:
    """A plain ViT, decoded without skips: timm's, or the paper's own to be trained."""
    encoder = EncoderSpec(
        f"vit_{size}_patch16_384", 384, mean=_HALF, std=_HALF, blocks=(12,)
    )
    if scratch:
        own = {"class_token": False, "global_pool": "", "final_norm": False}
        dropout = {"pos_drop_rate": 0.1, "proj_drop_rate": 0.1}
        options = tuple((own | dropout).items())
        encoder = dataclasses.replace(encoder, options=options)
    return ModelSpec(
        name=f"vit-{size}{'-scratch' if scratch else ''}",
        cnn=None,
        transformer=encoder,
        size=384,
        architecture="single",
        decoder=(256, 128, 64, 32),
        head=(32, 32),
        skips=False,
        bridge=512,
        about=f"ViT-{size.capitalize()}/16 alone, no skips (paper, table 1); "
        + ("made to be trained from scratch." if scratch else "timm's, pretrained."),
    )


_R50_VIT = EncoderSpec("vit_base_r50_s16_384", 384, mean=_HALF, std=_HALF)
_TRANSUNET = ModelSpec(
    name="transunet",
    cnn=None,
    transformer=_R50_VIT,
    size=384,
    architecture="transunet",
    decoder=(256, 128, 64, 16),
    head=(),
    bridge=512,
    about="TransUNet (Chen et al. 2024): ResNet-50 and ViT-Base in one, timm's.",
)


def _whole(
    name: str, architecture: str, widths: tuple[int, ...], about: str, size: int = 384
) -> ModelSpec:
    """A network that is not cut into encoder and decoder."""
    return ModelSpec(
        name=name,
        cnn=EncoderSpec("image", size),
        transformer=None,
        size=size,
        architecture=architecture,
        widths=widths,
        decoder=(),
        head=(),
        about=about,
    )


_UNET_WIDTHS = (64, 128, 256, 512, 1024)
_WHOLE = [
    _whole("duck-net-17", "duck_net", (17,), "DUCK-Net (Dumitru et al. 2023)."),
    _whole("duck-net-34", "duck_net", (34,), "DUCK-Net, twice as wide."),
    _whole("unet", "unet", _UNET_WIDTHS, "U-Net, MONAI's."),
    _whole("resunet", "resunet", _UNET_WIDTHS, "Residual U-Net, MONAI's."),
    _whole(
        "attention-unet",
        "attention_unet",
        _UNET_WIDTHS,
        "Attention U-Net (Oktay et al. 2018), MONAI's; its gates are not shown.",
    ),
]

_RESNET50 = EncoderSpec("resnet50", 384)
_DEEPLAB = ModelSpec(
    name="deeplabv3plus",
    cnn=_RESNET50,
    transformer=None,
    size=384,
    architecture="deeplabv3plus",
    decoder=(),
    head=(),
    about="DeepLabV3+ on ResNet-50, segmentation_models.pytorch's.",
)
_RESNET50_16 = dataclasses.replace(_RESNET50, options=(("encoder_output_stride", 16),))
_DEEPLAB_NO_SKIP = dataclasses.replace(
    _DEEPLAB,
    name="deeplabv3plus-no-skip",
    architecture="deeplabv3",
    cnn=_RESNET50_16,
    about="DeepLabV3+ without its low-level skip, which is DeepLabV3 at stride 16.",
)

_LITE0 = EncoderSpec("tf_efficientnet_lite0", 256, mean=_HALF, std=_HALF)
_DINOV2_S = EncoderSpec("vit_small_patch14_dinov2", 392, blocks=(6, 12, 12, 12))

_COMPACT = ModelSpec(
    name="compact",
    cnn=_LITE0,
    transformer=_DINOV2_S,
    size=392,
    widths=(48, 64, 96, 128),
    decoder=(96, 64, 48),
    head=(32,),
    about="EfficientNet-Lite0 and a DINOv2-S ViT, lean decoder.",
)

_COMPACT_352 = dataclasses.replace(
    _COMPACT,
    name="compact-352",
    cnn=dataclasses.replace(_LITE0, size=352),
    # 308 / 14 = 352 / 16 = 22: the ViT's tokens lie exactly on the level of stride 16.
    transformer=dataclasses.replace(
        _DINOV2_S, size=308, options=(("drop_path_rate", 0.1),)
    ),
    size=352,
    about="As compact, with a finer CNN and a ViT that is cheap enough to fine-tune.",
)

_COMPACT_256 = dataclasses.replace(
    _COMPACT,
    name="compact-256",
    # 224 / 14 = 256 / 16 = 16 tokens a side.
    transformer=dataclasses.replace(_DINOV2_S, size=224),
    size=256,
    about="As compact, small enough to compare training options over seeds on a CPU.",
)

#: The same encoders alone: what two of them are compared with on a CPU.
_COMPACT_256_CNN = ModelSpec(
    name="compact-256-cnn",
    cnn=_LITE0,
    transformer=None,
    size=256,
    architecture="single",
    decoder=(96, 64, 48, 32),
    head=(32,),
    about="EfficientNet-Lite0 of compact-256 alone, U-Net decoder.",
)
_COMPACT_256_VIT = dataclasses.replace(
    _COMPACT_256_CNN,
    name="compact-256-vit",
    cnn=None,
    transformer=_COMPACT_256.transformer,
    about="The DINOv2-S ViT of compact-256 alone, U-Net decoder.",
)

_NORMALISED = dataclasses.replace(
    _COMPACT_256,
    name="compact-256-norm",
    normalise=True,
    about="As compact-256, both encoders' features normalised before the gates.",
)

_SMOOTH = dataclasses.replace(
    _COMPACT_256,
    name="compact-256-smooth",
    # A quarter of the image's side; of the coarsest level 3×3 locations.
    gate_window=64,
    about="As compact-256, every gate averaged over 64 px before its sigmoid.",
)

#: Both encoders trained throughout: each can do the job alone.
_COMPACT_384 = dataclasses.replace(
    _COMPACT,
    name="compact-384",
    cnn=dataclasses.replace(_LITE0, size=384),
    transformer=dataclasses.replace(
        _DINOV2_S, blocks=(3, 6, 9, 12), options=(("drop_path_rate", 0.1),)
    ),
    size=384,
    learnt_norm=True,
    about="Two encoders that can each do the job; a finer CNN, four blocks of the ViT.",
)
_COMPACT_384_CNN = dataclasses.replace(
    _COMPACT_256_CNN,
    name="compact-384-cnn",
    cnn=_COMPACT_384.cnn,
    size=384,
    # As compact-384 decodes: on a CPU a finer decoder costs more than the encoder.
    widths=_COMPACT_384.widths,
    decoder=_COMPACT_384.decoder,
    about="EfficientNet-Lite0 of compact-384 alone, with its decoder.",
)
_COMPACT_384_VIT = dataclasses.replace(
    _COMPACT_384_CNN,
    name="compact-384-vit",
    cnn=None,
    transformer=_COMPACT_384.transformer,
    about="The DINOv2-S ViT of compact-384 alone, with its decoder.",
)

#: As cheap as `compact`: its CNN at 256 px beside the ViT of `compact-384`.
_COMPACT_NORM = dataclasses.replace(
    _COMPACT,
    name="compact-norm",
    transformer=_COMPACT_384.transformer,
    learnt_norm=True,
    about="That of the bundled weights: as compact, with four blocks of the ViT, and "
    "features are normalised.",
)

_TINY_CNN = EncoderSpec("test_resnet", 64)
_TINY = ModelSpec(
    name="tiny",
    cnn=_TINY_CNN,
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
    for spec in (
        *(_COMPACT, _COMPACT_352, _COMPACT_256, _NORMALISED, _SMOOTH),
        *(*_variants(_COMPACT_256, "compact-256"), _COMPACT_256_CNN, _COMPACT_256_VIT),
        *(_COMPACT_384, _COMPACT_384_CNN, _COMPACT_384_VIT, _COMPACT_NORM),
        *(_DUAL, *_variants(_DUAL, "dual")),
        *(_RESNET34_UNET, _RESNET34_NO_SKIP, _SWIN_B_UNET, _SWIN_B_NO_SKIP),
        *(_vit(size, scratch) for size in _VITS for scratch in (True, False)),
        _TRANSUNET,
        *_WHOLE,
        *(_DEEPLAB, _DEEPLAB_NO_SKIP),
        _TINY,
    )
}

#: Known by name and in no list: the rest of the families of `compact-384` and `tiny`,
#: the latter for trying out what trains several models. Tests add stand-ins of the
#: other architectures.
UNLISTED: dict[str, ModelSpec] = {
    spec.name: spec
    for spec in (
        *_variants(_COMPACT_384, "compact-384"),
        *_variants(_TINY, "tiny"),
        dataclasses.replace(
            _RESNET34_UNET,
            name="tiny-cnn",
            cnn=dataclasses.replace(_TINY_CNN, stem=True),
            size=64,
            decoder=(32, 24, 16, 8),
            head=(8, 8),
        ),
        dataclasses.replace(
            _SWIN_B_UNET,
            name="tiny-swin",
            cnn=EncoderSpec("stem", 64),
            transformer=_TINY.transformer,
            size=64,
            decoder=(32, 24, 16, 8),
            head=(8, 8),
        ),
    )
}


#: Other encoders for the paper's models: name of one of the paper's dual and
#: single-encoder models → the same over those encoders.
FAMILIES: dict[str, dict[str, str]] = {
    family: {
        _DUAL.name: guided,
        **{f"dual-{name}": f"{family}-{name}" for name in _VARIANTS},
        _RESNET34_UNET.name: cnn,
        _SWIN_B_UNET.name: transformer,
    }
    for family, guided, cnn, transformer in (
        ("dual", _DUAL.name, _RESNET34_UNET.name, _SWIN_B_UNET.name),
        ("compact-256", "compact-256", "compact-256-cnn", "compact-256-vit"),
        ("compact-384", "compact-384", "compact-384-cnn", "compact-384-vit"),
        ("tiny", "tiny", "tiny-cnn", "tiny-swin"),
    )
}


def single_models(name: str) -> tuple[str, str]:
    """Names of the models with only the CNN, and only the transformer, of a dual model.

    Raises
    ------
    UnknownNameError
        If the catalog has no such models for this name.
    """
    known = []
    for family in FAMILIES.values():
        alone = family[_RESNET34_UNET.name], family[_SWIN_B_UNET.name]
        dual = [model for model in family.values() if model not in alone]
        if name in dual:
            return alone
        known += dual
    raise UnknownNameError.for_name("dual model with encoders alone", name, known)


def model_spec(name: str) -> ModelSpec:
    """Spec of a catalog name.

    Raises
    ------
    UnknownNameError
        If there is no such model; the nearest names are offered.
    """
    found = MODELS.get(name) or UNLISTED.get(name)
    if found is None:
        raise UnknownNameError.for_name("model", name, list(MODELS))
    return found


def list_models() -> list[str]:
    """Names that `model_spec` knows."""
    return list(MODELS)
