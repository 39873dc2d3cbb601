"""Wrap any timm backbone as an NCHW feature pyramid at strides 4, 8, 16, 32.

No other module uses timm; `timm_in_parts` imports it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.models.timm_in_parts import has_model, import_timm
from napari_attnseg.spec import STRIDES, EncoderSpec

timm = import_timm()


#: How timm's backbones number their stages or blocks: layer1, layers_0, stages.0 …
_STAGE = re.compile(r"\b(?:blocks|layers?|stages)[._]?(\d+)")


class Encoder(nn.Module):
    """Base of the encoders: RGB in [0, 1] to a pyramid of maps.

    Attributes
    ----------
    channels : sequence of int
        Channels of the maps, finest first; four numbers if the encoder gives a pyramid.
    """

    channels: Sequence[int]
    backbone: Any  # a timm model: an nn.Module with attributes of its own
    mean: Tensor
    std: Tensor

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        self.spec = spec
        # Not persistent: they are in the spec, and checkpoints hold learned state only.
        for name, value in (("mean", spec.mean), ("std", spec.std)):
            self.register_buffer(name, torch.tensor(value).view(1, 3, 1, 1), False)

    def prepare(self, image: Tensor) -> Tensor:
        """Resize (N, 3, H, W) RGB in [0, 1] to this encoder's size and normalise."""
        side = self.spec.size
        if image.shape[-2:] != (side, side):
            image = F.interpolate(
                image, (side, side), mode="bilinear", antialias=True
            ).clamp(0, 1)
        return (image - self.mean) / self.std

    def depths(self) -> dict[str, int]:
        """Map each parameter to the number of stages between it and the output.

        For a plain ViT, blocks are counted instead of stages. Parameters before the
        first stage count as one more stage; those after the last stage belong to it.

        Raises
        ------
        InputError
            If the names of this backbone's parameters do not show its stages.
        """
        stages = {
            name: int(found[1])
            for name, _ in self.named_parameters()
            if (found := _STAGE.search(name))
        }
        if not stages:
            raise InputError(
                f"Expected stages or blocks in {self.spec.name!r}, found none by its "
                "parameters' names; leave layer_decay at 1."
            )
        first, last = min(stages.values()), max(stages.values())
        depths, before = {}, last - first + 1
        for name, _ in self.named_parameters():
            if name in stages:
                before = 0
            depths[name] = last - stages[name] if name in stages else before
        return depths

    def from_timm(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Select and rename the tensors of a timm state dict that this backbone has.

        Classifier heads and blocks that are not used here are left out, float16 becomes
        float32, and a ViT's position embedding is resampled to this image size.
        """
        # timm's feature extractor of hierarchical models renames `layers.0` to
        # `layers_0`; apart from that the names agree.
        own = {name.replace(".", "_"): name for name in self.backbone.state_dict()}
        found = {
            own[name.replace(".", "_")]: t.float() if t.is_floating_point() else t
            for name, t in state.items()
            if name.replace(".", "_") in own
        }
        if "pos_embed" in found:
            found["pos_embed"] = timm.layers.resample_abs_pos_embed(
                found["pos_embed"],
                self.backbone.patch_embed.grid_size,
                # Some ViTs' embedding is of patches only.
                num_prefix_tokens=0
                if self.backbone.no_embed_class
                else self.backbone.num_prefix_tokens,
            )
        return found


class HierarchicalEncoder(Encoder):
    """A backbone with stages of its own: ResNet, EfficientNet, Swin and so on."""

    def __init__(self, spec: EncoderSpec, pretrained: bool = False) -> None:
        super().__init__(spec)
        self.backbone = create_backbone(spec, pretrained=pretrained, features_only=True)
        reductions = self.backbone.feature_info.reduction()
        channels = self.backbone.feature_info.channels()
        missing = set(STRIDES) - set(reductions)
        if missing:
            raise InputError(
                f"{spec.name!r} has feature strides {reductions}, but the decoder "
                f"needs {list(STRIDES)}; choose a hierarchical backbone, or give "
                "`blocks` for a plain ViT."
            )
        self._levels = [reductions.index(stride) for stride in STRIDES]
        self.channels = [channels[i] for i in self._levels]
        #: How many of the finest map's channels, its first, are the stem's.
        self.stem_channels = 0
        if spec.stem:
            self._stem_level = reductions.index(2)
            self.stem_channels = channels[self._stem_level]
            self.channels[0] += self.stem_channels

    def forward(self, image: Tensor) -> list[Tensor]:
        """(N, 3, H, W) RGB in [0, 1] → four maps (N, C_i, S/stride, S/stride)."""
        maps = self.backbone(self.prepare(image))
        # Swin and its kin are NHWC, and say so; some others say nothing.
        layout = getattr(self.backbone, "output_fmt", timm.layers.Format.NCHW)
        last = layout == timm.layers.Format.NHWC
        pyramid = [
            maps[i].permute(0, 3, 1, 2) if last else maps[i] for i in self._levels
        ]
        if self.spec.stem:
            stem = F.max_pool2d(maps[self._stem_level], 3, stride=2, padding=1)
            pyramid[0] = torch.cat([stem, pyramid[0]], dim=1)
        return pyramid


class PlainViTEncoder(Encoder):
    """A plain ViT as a pyramid: the tokens of a chosen block for each level.

    After projection, the network resizes these maps to the size of the CNN's maps. The
    ViT's final LayerNorm is applied to all tokens, so that every level has values on
    the same scale at the gates. `tokens` and `pyramid` are two steps because a frozen
    ViT's tokens can be computed once and kept.
    """

    def __init__(self, spec: EncoderSpec, pretrained: bool = False) -> None:
        super().__init__(spec)
        self.backbone = create_backbone(
            spec, pretrained=pretrained, num_classes=0, img_size=spec.size
        )
        depth = len(self.backbone.blocks)
        if not all(1 <= block <= depth for block in spec.blocks):
            raise InputError(
                f"{spec.name!r} has blocks 1 to {depth}; its spec asks for "
                f"{spec.blocks}."
            )
        # Blocks behind the last tapped one are never run, so they are not kept.
        self.backbone.blocks = self.backbone.blocks[: max(spec.blocks)]
        self.taps = sorted(set(spec.blocks))
        self.channels = [self.backbone.embed_dim] * len(spec.blocks)
        #: Rows and columns of its token grid.
        self.grid: tuple[int, int] = self.backbone.patch_embed.grid_size

    def freeze_first(self, blocks: int) -> None:
        """Freeze the embedding and the first `blocks`: eval mode, no gradients."""
        backbone = self.backbone
        embedding = [backbone.pos_embed, *backbone.patch_embed.parameters()]
        tokens = (backbone.cls_token, backbone.reg_token)
        embedding += [token for token in tokens if token is not None]
        for parameter in embedding:
            parameter.requires_grad_(False)
        backbone.blocks[:blocks].requires_grad_(False).eval()

    def tokens(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) RGB in [0, 1] → (N, taps, C, h, w) normalised patch tokens."""
        maps = self.backbone.forward_intermediates(
            self.prepare(image),
            indices=[tap - 1 for tap in self.taps],
            norm=True,
            intermediates_only=True,
        )
        return torch.stack(maps, dim=1)

    def pyramid(self, tokens: Tensor) -> list[Tensor]:
        """Tokens (N, taps, C, h, w) → one map per level, all (N, C, h, w)."""
        by_tap = dict(zip(self.taps, tokens.unbind(1), strict=True))
        return [by_tap[block] for block in self.spec.blocks]

    def forward(self, image: Tensor) -> list[Tensor]:
        """(N, 3, H, W) RGB in [0, 1] → four maps, all at the ViT's own grid."""
        return self.pyramid(self.tokens(image))


class NoEncoder(nn.Module):
    """Placeholder for an encoder that a model lacks, without maps and parameters."""

    channels: Sequence[int] = ()

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return no maps."""
        return []


class ImageEncoder(Encoder):
    """Pass the normalised image on, for networks that are not split in two."""

    channels = (3,)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(N, 3, H, W) RGB in [0, 1] → one map (N, 3, S, S)."""
        return [self.prepare(image)]


def build_encoder(
    spec: EncoderSpec, pretrained: bool = False
) -> HierarchicalEncoder | PlainViTEncoder:
    """Encoder of a spec, with random weights unless `pretrained` (timm's hub weights).

    Raises
    ------
    UnknownNameError
        If timm has no such model.
    InputError
        If the model has no features at strides 4, 8, 16 and 32.
    """
    cls = PlainViTEncoder if spec.blocks else HierarchicalEncoder
    return cls(spec, pretrained)


def synchronise_norms(network: nn.Module) -> None:
    """Let BatchNorm use the batches of all processes (several GPUs), in place.

    Parameters and buffers stay under their names; in evaluation mode and in a single
    process nothing changes.
    """
    timm.layers.convert_sync_batchnorm(network)


def encoder_spec(name: str, size: int) -> EncoderSpec:
    """Make the spec of any timm backbone for an input of `size` pixels per side.

    The normalisation is the backbone's own. A backbone with a fixed input size keeps
    that size. A plain ViT gets about `size` pixels per side. Its tokens come from a
    middle block for the finest level, and from the last block for the others.

    Raises
    ------
    UnknownNameError
        If timm has no such model.
    """
    _known(name)
    base = name.split(".")[0]
    config = timm.registry.get_pretrained_cfg(name)
    blocks: tuple[int, ...] = ()
    if timm.registry.is_model_in_modules(base, ["vision_transformer"]):
        with torch.device("meta"):
            vit = timm.factory.create_model(base)
        depth, patch = len(vit.blocks), vit.patch_embed.patch_size[0]
        blocks = (max(1, depth // 2), depth, depth, depth)
        size = max(1, round(size / patch)) * patch
    elif config.fixed_input_size:
        size = config.input_size[-1]
    return EncoderSpec(name, size, tuple(config.mean), tuple(config.std), blocks)


_TIMMS_CHOICE = ContextVar("timms_choice", default=False)


@contextmanager
def timms_attention() -> Iterator[None]:
    """Context in which encoders are built with timm's own choice of attention."""
    token = _TIMMS_CHOICE.set(True)
    try:
        yield
    finally:
        _TIMMS_CHOICE.reset(token)


#: Options of timm by which a model is filled from a file or a download.
_FILE_OPTIONS = {
    "cache_dir",
    "checkpoint_path",
    "pretrained",
    "pretrained_cfg",
    "pretrained_cfg_overlay",
}


def _known(name: str) -> None:
    if not has_model(timm, name.split(".")[0]):
        raise UnknownNameError.for_name(
            "timm model", name, timm.whole.list_models(), _family(name)
        )
    base, _, tag = name.partition(".")
    try:
        timm.registry.get_pretrained_cfg(name)
    except RuntimeError as error:
        tags = [
            full.partition(".")[2] for full in timm.whole.list_pretrained(f"{base}.*")
        ]
        raise UnknownNameError.for_name(
            f"pretrained tag of {base}", tag, tags
        ) from error


def _family(name: str) -> list[str]:
    """Models of timm whose names begin with, or contain, all of `name`; nearest first.

    Signs between words do not count, so that ``resnet-34`` finds ``resnet34``.
    """

    def plain(text: str) -> str:
        return re.sub(r"[^a-z0-9]", "", text.casefold())

    wanted = plain(name.split(".")[0])
    found = [
        known for known in timm.whole.list_models() if wanted and wanted in plain(known)
    ]
    # What begins so is of the family; a shorter name is more of what was written.
    return sorted(found, key=lambda n: (plain(n).find(wanted), len(n), n))


def create_backbone(spec: EncoderSpec, **options: object) -> Any:
    """Build timm's model of a spec; raises `UnknownNameError` if there is none."""
    _known(spec.name)
    # A card is somebody's file: it is not to have timm open others, or look for them.
    files = {name for name, _ in spec.options} & _FILE_OPTIONS
    if files:
        raise InputError(
            f"Expected no files in the options of {spec.name!r}, got "
            f"{', '.join(sorted(files))}; choose other weights."
        )
    # Swin's fused attention is off by default; on, it is 1.2 times faster on a CPU and
    # differs by 5e-6 in the logits.
    timm.layers.set_fused_attn(True, experimental=not _TIMMS_CHOICE.get())
    return timm.factory.create_model(spec.name, **dict(spec.options), **options)
