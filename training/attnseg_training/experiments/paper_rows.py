"""Rows of the paper's tables 1 to 4 as data: models and published numbers.

The published numbers are means over the 120 test images of Kvasir-SEG at 384 px. These
images also chose the epoch (protocol ``paper``).
"""

from __future__ import annotations

from dataclasses import dataclass

METRICS = ("dice", "iou", "precision", "recall")
ENCODERS = ("cnn", "transformer")
#: How a row's encoders start.
SCRATCH, PRETRAINED, STAGE_1 = "scratch", "pretrained", "stage 1"


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One line of a table.

    Attributes
    ----------
    model : str
        Catalog name.
    published : tuple of float
        `METRICS` as printed in the paper.
    start : str
        Initial weights: `SCRATCH`, `PRETRAINED`, or `STAGE_1` (from two models, each
        fine-tuned with one encoder alone).
    augment : bool
        Whether images are augmented.
    frozen : bool
        Whether the encoders are frozen.
    """

    model: str
    published: tuple[float, float, float, float]
    start: str = PRETRAINED
    augment: bool = True
    frozen: bool = False

    @property
    def about(self) -> str:
        """Text of the row: model, initial weights, augmentation, frozen parts."""
        return ", ".join(
            [
                self.model,
                {STAGE_1: "encoders from stage 1"}.get(self.start, self.start),
                "augmented" if self.augment else "not augmented",
                *(["encoders frozen"] if self.frozen else []),
            ]
        )

    def folder(self, model: str) -> str:
        """Name of the folder of a row's runs, which train `model`."""
        parts = [
            model,
            {STAGE_1: "encoders-from-stage-1"}.get(self.start, self.start),
            "augmented" if self.augment else "not-augmented",
            *(["encoders-frozen"] if self.frozen else []),
        ]
        return "-".join(parts)


Four = tuple[float, float, float, float]


def _strategies(
    name: str, scratch: str, pretrained: str, *published: Four
) -> dict[str, PaperRow]:
    """A model's three lines of table 1."""
    plain, augmented, both = published
    return {
        f"{name}, from scratch": PaperRow(scratch, plain, SCRATCH, augment=False),
        f"{name}, augmented": PaperRow(scratch, augmented, SCRATCH),
        f"{name}, pretrained": PaperRow(pretrained, both),
    }


_TABLE_1: dict[str, PaperRow] = {
    **_strategies(
        "ViT-Tiny",
        "vit-tiny-scratch",
        "vit-tiny",
        (0.603, 0.480, 0.718, 0.636),
        (0.724, 0.618, 0.787, 0.782),
        (0.872, 0.809, 0.869, 0.915),
    ),
    **_strategies(
        "ViT-Small",
        "vit-small-scratch",
        "vit-small",
        (0.645, 0.527, 0.709, 0.709),
        (0.697, 0.592, 0.743, 0.759),
        (0.880, 0.810, 0.901, 0.899),
    ),
    **_strategies(
        "ViT-Base",
        "vit-base-scratch",
        "vit-base",
        (0.607, 0.480, 0.670, 0.679),
        (0.674, 0.558, 0.669, 0.801),
        (0.875, 0.807, 0.890, 0.905),
    ),
    **_strategies(
        "ResNet-34",
        "resnet34-unet",
        "resnet34-unet",
        (0.854, 0.788, 0.890, 0.874),
        (0.882, 0.817, 0.894, 0.910),
        (0.893, 0.837, 0.910, 0.910),
    ),
}
_TABLE_2 = {
    "ResNet-34 UNet, skip": PaperRow("resnet34-unet", (0.893, 0.837, 0.910, 0.910)),
    "ResNet-34 UNet, no skip": PaperRow(
        "resnet34-no-skip", (0.883, 0.819, 0.925, 0.886)
    ),
    "DeepLabV3+, skip": PaperRow("deeplabv3plus", (0.890, 0.825, 0.890, 0.923)),
    "DeepLabV3+, no skip": PaperRow(
        "deeplabv3plus-no-skip", (0.880, 0.814, 0.881, 0.923)
    ),
    "Swin, skip": PaperRow("swin-b-unet", (0.899, 0.840, 0.897, 0.935)),
    "Swin, no skip": PaperRow("swin-b-no-skip", (0.890, 0.829, 0.901, 0.920)),
}
_SWIN_GUIDED = PaperRow("dual-swin-guided", (0.907, 0.855, 0.926, 0.921), STAGE_1)
_WEIGHTED = "dual-double-weighted"
_TABLE_3 = {
    "No attention": PaperRow(
        "dual-no-attention", (0.902, 0.844, 0.916, 0.922), STAGE_1
    ),
    "Swin-guided": _SWIN_GUIDED,
    "Res34-guided": PaperRow(
        "dual-res34-guided", (0.904, 0.850, 0.921, 0.919), STAGE_1
    ),
    "Double Attention, frozen": PaperRow(
        "dual-double-attention", (0.906, 0.853, 0.922, 0.923), STAGE_1, frozen=True
    ),
    "Double Attention": PaperRow(
        "dual-double-attention", (0.901, 0.846, 0.907, 0.934), STAGE_1
    ),
    "Double Weighted, frozen": PaperRow(
        _WEIGHTED, (0.903, 0.848, 0.906, 0.934), STAGE_1, frozen=True
    ),
    "Double Weighted": PaperRow(_WEIGHTED, (0.902, 0.841, 0.894, 0.941), STAGE_1),
    # The released code builds the same network for this name: the same run stands here.
    "Weighted Double": PaperRow(_WEIGHTED, (0.900, 0.846, 0.927, 0.909), STAGE_1),
}
_TABLE_4 = {
    "Attention Dual Encoder, Swin-guided": _SWIN_GUIDED,
    "Swin-B, pretrained, skip": _TABLE_2["Swin, skip"],
    "ViT-Small, pretrained": _TABLE_1["ViT-Small, pretrained"],
    "ViT-Base, pretrained": _TABLE_1["ViT-Base, pretrained"],
    "ViT-Tiny, pretrained": _TABLE_1["ViT-Tiny, pretrained"],
    "ResNet-34 UNet, pretrained": _TABLE_2["ResNet-34 UNet, skip"],
    "DUCK-Net, augmented": PaperRow(
        "duck-net-17", (0.889, 0.824, 0.898, 0.917), SCRATCH
    ),
    "DUCK-Net-34, augmented": PaperRow(
        "duck-net-34", (0.881, 0.816, 0.900, 0.905), SCRATCH
    ),
}
#: Number of the paper's table → row → what it is.
PAPER_TABLES: dict[str, dict[str, PaperRow]] = {
    "1": _TABLE_1,
    "2": _TABLE_2,
    "3": _TABLE_3,
    "4": _TABLE_4,
}
