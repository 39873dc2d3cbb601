"""Networks laid out as the authors' released ones, written after their description.

Names of tensors, the order of computation and what each gate does are those of the
released code; nothing of `SegmentationNetwork` but the encoders' parts is used, so that
equal numbers say that the two are the same network.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_attnseg.models.encoders import create_backbone
from napari_attnseg.spec import EncoderSpec, ModelSpec


class _ResEncoder(nn.Module):
    """Stem with its max-pool, then four stages."""

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        net = create_backbone(spec, num_classes=0)
        self.input_layer = nn.Sequential(net.conv1, net.bn1, net.act1, net.maxpool)
        for stage in ("layer1", "layer2", "layer3", "layer4"):
            setattr(self, stage, getattr(net, stage))

    def forward(self, image: Tensor) -> list[Tensor]:
        maps = [self.input_layer(image)]
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            maps.append(stage(maps[-1]))
        return [torch.cat(maps[:2], dim=1), *maps[2:]]


class _Gate(nn.Module):
    """psi of gating signal g and input x; `weighted`: what it leaves of x, g fills."""

    def __init__(self, channels: int, inner: int, weighted: bool) -> None:
        super().__init__()
        self.W_g = nn.Sequential(nn.Conv2d(channels, inner, 1), nn.BatchNorm2d(inner))
        self.W_x = nn.Sequential(nn.Conv2d(channels, inner, 1), nn.BatchNorm2d(inner))
        self.psi = nn.Sequential(
            nn.Conv2d(inner, 1, 1), nn.BatchNorm2d(1), nn.Sigmoid()
        )
        self.weighted = weighted

    def forward(self, g: Tensor, x: Tensor) -> Tensor:
        psi = self.psi(torch.relu(self.W_g(g) + self.W_x(x)))
        return psi * x + (1 - psi) * g if self.weighted else psi * x


class _Fusion(nn.Module):
    """Both guided networks have one gate, of one name; the double ones have two."""

    def __init__(self, channels: int, fusion: str) -> None:
        super().__init__()
        self.fusion = fusion
        weighted = fusion != "double_attention"
        if fusion.startswith("double"):
            self.attn_res_to_swin = _Gate(channels, channels // 8, weighted)
            self.attn_swin_to_res = _Gate(channels, channels // 8, weighted)
        else:
            self.attn_swin_to_res = _Gate(channels, channels, weighted)

    def forward(self, res: Tensor, swin: Tensor) -> Tensor:
        if self.fusion == "transformer_guided":
            return self.attn_swin_to_res(g=swin, x=res)
        if self.fusion == "cnn_guided":
            return self.attn_swin_to_res(g=res, x=swin)
        gated = self.attn_swin_to_res(g=swin, x=res), self.attn_res_to_swin(res, swin)
        return torch.cat(gated, dim=1)


def _conv(inputs: int, outputs: int) -> list[nn.Module]:
    conv = nn.Conv2d(inputs, outputs, 3, padding=1)
    return [conv, nn.BatchNorm2d(outputs), nn.ReLU()]


class _Up(nn.Module):
    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.double_conv = nn.Sequential(
            *_conv(inputs + skip, outputs), *_conv(outputs, outputs)
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return self.double_conv(torch.cat([x, skip], dim=1))


class Released(nn.Module):
    """Released network with the encoders and widths of a spec."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.ResEncoder = _ResEncoder(spec.cnn)
        self.SwinEncoder = create_backbone(spec.transformer, features_only=True)
        swin = self.SwinEncoder.feature_info.channels()
        with torch.no_grad():
            maps = self.ResEncoder.eval()(torch.zeros(1, 3, spec.size, spec.size))
        res = [x.shape[1] for x in maps]
        assert res[0] == swin[0], "the finest level is not projected"
        self.swin_proj1 = nn.Conv2d(swin[3], res[3], 1)
        self.swin_proj2 = nn.Conv2d(swin[2], res[2], 1)
        self.swin_proj3 = nn.Conv2d(swin[1], res[1], 1)
        self.gated = spec.fusion != "none"
        if self.gated:
            for level in (4, 3, 2, 1):
                fusion = _Fusion(res[level - 1], spec.fusion)
                setattr(self, f"fusion_attn{level}", fusion)
        both = spec.fusion == "none" or spec.fusion.startswith("double")
        skips = [(1 + both) * width for width in res]
        a, b, c = spec.decoder
        self.up1 = _Up(skips[3], skips[2], a)
        self.up2 = _Up(a, skips[1], b)
        self.up3 = _Up(b, skips[0], c)
        up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        first, second = spec.head
        self.up4 = nn.Sequential(up, *_conv(c, first), up, *_conv(first, second))
        self.final_conv = nn.Conv2d(second, spec.classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        """RGB in [0, 1] (N, 3, H, W) → logits (N, classes, H, W)."""
        res = self.ResEncoder(image)
        swin = [x.permute(0, 3, 1, 2) for x in self.SwinEncoder(image)]
        swin[1] = self.swin_proj3(swin[1])
        swin[2] = self.swin_proj2(swin[2])
        swin[3] = self.swin_proj1(swin[3])
        fused = [
            getattr(self, f"fusion_attn{level}")(r, s)
            if self.gated
            else torch.cat([r, s], dim=1)
            for level, (r, s) in enumerate(zip(res, swin, strict=True), 1)
        ]
        x = self.up1(fused[3], fused[2])
        x = self.up3(self.up2(x, fused[1]), fused[0])
        return self.final_conv(self.up4(x))


def released(spec: ModelSpec) -> Released:
    """Network with random weights and BatchNorm statistics of its own."""
    torch.manual_seed(5)
    network = Released(spec).train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0  # the statistics of the last batch
    with torch.no_grad():
        network(torch.rand(4, 3, spec.size, spec.size))
    return network.eval()
