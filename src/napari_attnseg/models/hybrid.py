"""Hybrid encoder of TransUNet: a ViT on the last map of a ResNet."""

from __future__ import annotations

from torch import Tensor

from napari_attnseg.errors import InputError
from napari_attnseg.models.encoders import Encoder, create_backbone
from napari_attnseg.spec import EncoderSpec


class HybridEncoder(Encoder):
    """timm's hybrid of a ResNetV2 and a ViT (Chen et al. 2024, TransUNet).

    Maps at strides 2, 4 and 8 are the ResNet's, the one at 16 is the ViT's tokens.
    """

    def __init__(self, spec: EncoderSpec, pretrained: bool = False) -> None:
        super().__init__(spec)
        self.backbone = create_backbone(
            spec, pretrained=pretrained, num_classes=0, img_size=spec.size
        )
        resnet = getattr(self.backbone.patch_embed, "backbone", None)
        if resnet is None or len(resnet.stages) != 3:
            raise InputError(
                f"{spec.name!r} is no ViT behind three stages of a ResNet; choose one "
                "such as vit_base_r50_s16_384."
            )
        stages = [stage["num_chs"] for stage in resnet.feature_info]
        self.channels = [*stages[:3], self.backbone.embed_dim]

    def forward(self, image: Tensor) -> list[Tensor]:
        """(N, 3, H, W) RGB in [0, 1] → four maps (N, C_i, S/2^i, S/2^i), i = 1 … 4."""
        vit = self.backbone
        resnet = vit.patch_embed.backbone
        x = resnet.stem.norm(resnet.stem.conv(self.prepare(image)))
        maps = [x]
        x = resnet.stem.pool(x)
        for stage in resnet.stages:
            x = stage(x)
            maps.append(x)
        x = vit.patch_embed.proj(resnet.norm(maps.pop()))
        grid = x.shape[-2:]
        x = vit.norm_pre(vit.patch_drop(vit._pos_embed(x.flatten(2).transpose(1, 2))))
        tokens = vit.norm(vit.blocks(x))[:, vit.num_prefix_tokens :]
        return [*maps, tokens.transpose(1, 2).unflatten(2, grid)]
