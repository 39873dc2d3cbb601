"""Tiny models of real parts, one per architecture, that tests train and run by name."""

import dataclasses

from napari_attnseg.models.catalog import MODELS, UNLISTED
from napari_attnseg.spec import EncoderSpec, ModelSpec

_SMALL = {"size": 64, "decoder": (32, 24, 16, 8), "head": (8, 8)}


def _whole(name: str, widths: tuple[int, ...], **options: object) -> ModelSpec:
    """A network that is not cut into encoder and decoder."""
    encoder = EncoderSpec("image", 64, options=tuple(options.items()))
    return dataclasses.replace(
        MODELS[name], name="", cnn=encoder, size=64, widths=widths, about=""
    )


def _deeplab(name: str) -> ModelSpec:
    cnn = MODELS[name].cnn
    options = (*cnn.options, ("decoder_channels", 32))
    small = dataclasses.replace(cnn, name="tu-test_resnet", size=64, options=options)
    return dataclasses.replace(MODELS[name], cnn=small, size=64)


_FAMILY = {name: spec for name, spec in UNLISTED.items() if name.startswith("tiny")}
#: Name → spec: those of the catalog's `tiny` family, and one per other architecture.
STAND_INS: dict[str, ModelSpec] = _FAMILY | {
    name: dataclasses.replace(spec, name=name)
    for name, spec in {
        "tiny-vit": dataclasses.replace(
            MODELS["vit-tiny-scratch"],
            transformer=EncoderSpec("test_vit", 64, blocks=(2,)),
            bridge=16,
            **_SMALL,
        ),
        "tiny-transunet": dataclasses.replace(
            MODELS["transunet"],
            transformer=dataclasses.replace(
                MODELS["transunet"].transformer,
                size=64,
                options=(("embed_dim", 32), ("depth", 1), ("num_heads", 2)),
            ),
            size=64,
            bridge=16,
            decoder=(16, 16, 8, 8),
        ),
        "tiny-duck-net": _whole("duck-net-17", (2,), scales=2),
        "tiny-unet": _whole("unet", (4, 4, 8, 8, 16)),
        "tiny-resunet": _whole("resunet", (4, 8, 16)),
        "tiny-attention-unet": _whole("attention-unet", (4, 8, 16)),
        "tiny-deeplabv3plus": _deeplab("deeplabv3plus"),
        "tiny-deeplabv3plus-no-skip": _deeplab("deeplabv3plus-no-skip"),
    }.items()
}
