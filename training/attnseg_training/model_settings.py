"""Settings of data, network, protocol and initial weights."""

from __future__ import annotations

from dataclasses import dataclass

from attnseg_training.settings import required_setting, setting
from napari_attnseg.protocols import TrainingProtocol

PROTOCOLS = tuple(str(protocol) for protocol in TrainingProtocol)
#: torch's and numpy's generators take more, but not both.
MAX_SEED = 2**32 - 1
FREEZABLE = ("cnn", "transformer")


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Model, data and initial weights of a run."""

    data: str = required_setting(
        "Folder with images/, masks/ and, optionally, splits/.", may_change=True
    )
    model: str = setting(
        "compact", "Catalog name of the model; `attnseg models` lists them."
    )
    cnn: str = setting(
        "", "timm name of a CNN that replaces the model's own; empty: the model's."
    )
    transformer: str = setting(
        "",
        "timm name of a transformer that replaces the model's own; empty: the model's.",
    )
    fusion: str = setting(
        "",
        "Fusion of both encoders' maps that replaces the model's own; empty: the "
        "model's.",
        details="Names are in napari_attnseg.models.fusion.FUSIONS.",
    )
    protocol: str = setting(
        "honest",
        "honest: validation images choose the epoch; all: they are trained on too and "
        "the last epoch is kept; paper: as published, the test images choose.",
        details="With honest, test images are left alone. With all nothing chooses: "
        "it is for a last run, with settings that honest ones have found. With "
        "paper, all but the test images are trained on, so that nothing is left to "
        "test on.",
        choices=PROTOCOLS,
    )
    epochs: int = setting(
        50, "Passes over the training images.", minimum=1, unit="epochs"
    )
    batch: int = setting(8, "Images per step.", minimum=1, unit="images")
    seed: int = setting(
        0,
        "Random seed of weights, order and augmentation.",
        minimum=0,
        maximum=MAX_SEED,
    )
    split_seed: int = setting(
        0,
        "Random seed of the validation split, where one has to be drawn, and of the "
        "fixed views of a frozen transformer.",
        details="Kept apart from seed, so that runs with different seeds share both.",
        minimum=0,
        maximum=MAX_SEED,
        option=False,
    )
    folds: int = setting(
        0,
        "Number of parts into which the training images are cut, of which one is left "
        "out; 0: all are trained on.",
        details="For what is to be measured on images that were not trained on, such "
        "as trust_labels. The validation images stay what they are.",
        minimum=0,
        unit="parts",
        option=False,
    )
    fold: int = setting(
        0,
        "The part that is left out, from 0.",
        minimum=0,
        option=False,
    )
    device: str = setting(
        "auto", "Compute device: auto, cpu, cuda:0, mps …", may_change=True
    )
    encoder_weights: str = setting(
        "scratch",
        "Initial weights of the encoders: scratch; pretrained, which downloads timm's; "
        "or cnn=FILE,transformer=FILE, timm state dicts as safetensors.",
    )
    freeze: tuple[str, ...] = setting(
        (),
        "Encoder that is not trained: cnn or transformer. May be repeated.",
        details="A frozen encoder has no gradients and stays in evaluation mode. A "
        "frozen transformer sees views fixed augmentations of each image, and what "
        "it computes of them is kept on disk in the run folder.",
        choices=FREEZABLE,
    )
    freeze_blocks: int = setting(
        0,
        "Number of first blocks of a plain ViT that are not trained.",
        details="Patch and position embedding are frozen with them: the cheapest "
        "part to leave as it was pretrained.",
        minimum=0,
        unit="blocks",
        option=False,
    )
    freeze_norm: bool = setting(
        False,
        "Keep the BatchNorm statistics of the CNN as they are stored.",
        details="For small batches; BatchNorm is also the most expensive part of a "
        "small CNN on a CPU.",
        flags="--freeze-norm/--live-norm",
    )
    unit_input: bool = setting(
        False,
        "Give the encoders RGB in [0, 1] as it is, as the released code does.",
        details="Otherwise it is normalised by the mean and SD that each encoder was "
        "pretrained with.",
        option=False,
    )
