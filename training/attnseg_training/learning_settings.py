"""Settings of augmentation, loss and optimiser."""

from __future__ import annotations

from dataclasses import dataclass

from attnseg_training.model_settings import ModelSettings
from attnseg_training.settings import setting

#: Names of `attnseg_training.losses.LOSSES`, which needs torch.
LOSS_NAMES = (
    "bce_dice",
    "bce_dice_published",
    "structure",
    "bce_lovasz",
    "bce_dice_boundary",
)


@dataclass(frozen=True, slots=True)
class LearningSettings(ModelSettings):
    """Settings of a training step."""

    augment: bool = setting(
        True,
        "Augment images by geometric and colour transformations.",
        details="Switch it off only to measure its effect.",
    )
    scale: float = setting(
        1.4,
        "Largest factor of the random scaling of images.",
        details="Images are enlarged or shrunk by up to this factor; 1: no scaling.",
        minimum=1,
        maximum=4,
        option=False,
    )
    views: int = setting(
        4,
        "Number of fixed augmentations per image with a frozen transformer.",
        minimum=1,
        unit="views",
        option=False,
    )
    cache: str = setting(
        "",
        "Folder in which the tokens of a frozen transformer are kept for other runs "
        "on the same data; empty: in the run folder, until the run ends.",
        option=False,
        may_change=True,
    )
    loss: str = setting(
        "bce_dice",
        "Loss function.",
        details="bce_dice is cross-entropy plus Dice per image; bce_dice_published "
        "uses the Dice of the whole batch, as the paper does. See "
        "attnseg_training.losses.",
        choices=LOSS_NAMES,
        checked=False,  # `loss_function` suggests a name
    )
    deep_supervision: float = setting(
        0.0,
        "Weight of the same loss on logits of each decoder block; 0: none.",
        details="The layers that make these logits are not part of the saved model.",
        minimum=0,
        option=False,
    )
    auxiliary_heads: float = setting(
        0.0,
        "Weight of the same loss on logits of each encoder alone; 0: none.",
        details="Each encoder gets a small head of its own, so that it learns to "
        "segment alone. The heads are not part of the saved model.",
        minimum=0,
        option=False,
    )
    accumulate: int = setting(
        1,
        "Number of parts of a batch that are computed one after another, to save "
        "memory.",
        details="There is still one step per batch. BatchNorm sees one part at a time.",
        minimum=1,
        unit="parts",
        may_change=True,
    )
    lr: float = setting(
        1e-3,
        "Peak learning rate of AdamW for all parameters except those of the encoders.",
        minimum=0,
    )
    encoder_lr: float = setting(3e-4, "Peak learning rate of the encoders.", minimum=0)
    transformer_lr: float = setting(
        0.0,
        "Peak learning rate of the transformer; 0: the value of encoder_lr.",
        minimum=0,
        option=False,
    )
    layer_decay: float = setting(
        1.0,
        "Factor of the encoders' learning rates per stage (CNN, Swin) or block (ViT) "
        "between a weight and the encoder's output; 1: equal rates.",
        minimum=0,
        maximum=1,
        option=False,
    )
    weight_decay: float = setting(
        0.05,
        "Weight decay of matrices and kernels; normalisation layers and biases "
        "have none.",
        minimum=0,
        option=False,
    )
    warmup: float = setting(
        0.05,
        "Fraction of all steps in which the learning rate rises linearly; then it "
        "falls to 0 as a cosine.",
        minimum=0,
        maximum=1,
        option=False,
    )
    ema: float = setting(
        0.998,
        "Decay per step of the exponential moving average (EMA) of the weights, which "
        "is evaluated and saved.",
        minimum=0,
        maximum=1,
        option=False,
    )
