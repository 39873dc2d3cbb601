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
        "",
        "timm name of a CNN, which replaces that of the model; empty: that of "
        "the model.",
    )
    transformer: str = setting(
        "",
        "timm name of a transformer, which replaces that of the model; empty: that "
        "of the model.",
    )
    fusion: str = setting(
        "",
        "Fusion of both encoders' maps, which replaces that of the model; empty: "
        "that of the model.",
        details="Names are in napari_attnseg.models.fusion.FUSIONS.",
    )
    protocol: str = setting(
        "honest",
        "honest: validation images choose the epoch; all: they are trained on, "
        "too, and the last epoch is kept; paper: the test images choose the epoch, "
        "as in the publication.",
        details="With honest, test images are not used. With all, no images choose "
        "the epoch: it is for a last run, with settings that honest runs "
        "have found. With paper, all images except the test images are "
        "trained on, so that no images are left for a test.",
        choices=PROTOCOLS,
    )
    epochs: int = setting(
        50, "Number of passes over the training images.", minimum=1, unit="epochs"
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
        "Random seed of the validation split, if one has to be drawn, and of the "
        "fixed views of a frozen transformer.",
        details="It is separate from seed, so that runs with different seeds have "
        "the same split and views.",
        minimum=0,
        maximum=MAX_SEED,
        option=False,
    )
    folds: int = setting(
        0,
        "Number of parts into which the training images are divided; one part is "
        "left out. 0: all images are trained on.",
        details="This is for measurements on images that were not trained on, such "
        "as trust_labels. The validation images stay the same.",
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
        "frozen transformer sees a fixed number (views) of augmentations "
        "of each image, and its tokens for them are kept on disk in the "
        "run folder.",
        choices=FREEZABLE,
    )
    freeze_blocks: int = setting(
        0,
        "Number of first blocks of a plain ViT that are not trained.",
        details="Patch and position embedding are frozen with them.",
        minimum=0,
        unit="blocks",
        option=False,
    )
    freeze_norm: bool = setting(
        False,
        "Keep the stored BatchNorm statistics of the CNN unchanged.",
        details="This is for small batches. It also saves time, because BatchNorm "
        "is the most expensive part of a small CNN on a CPU.",
        flags="--freeze-norm/--live-norm",
    )
    unit_input: bool = setting(
        False,
        "Give the encoders RGB in [0, 1] without normalisation, as the released "
        "code does.",
        details="Otherwise it is normalised by the mean and SD with which each "
        "encoder was pretrained.",
        option=False,
    )
