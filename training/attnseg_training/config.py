"""Settings of a training run: `TrainConfig`, to and from TOML."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from attnseg_training.settings import (
    check_settings,
    required_setting,
    setting,
    settings_of,
)
from napari_attnseg.errors import InputError
from napari_attnseg.protocols import TrainingProtocol
from napari_attnseg.run_files import measured_on

PROTOCOLS = tuple(str(protocol) for protocol in TrainingProtocol)
#: torch's and numpy's generators take more, but not both.
MAX_SEED = 2**32 - 1
FREEZABLE = ("cnn", "transformer")
TRUST_GATES = ("together", "one")
#: Rules of `attnseg_training.datasets.rules` that stop a run unless they are allowed.
ALLOWABLE = ("mostly-empty", "mostly-full", "mostly-inverted", "mostly-outlines")
#: Names of `attnseg_training.losses.LOSSES`, which needs torch.
LOSS_NAMES = (
    "bce_dice",
    "bce_dice_published",
    "structure",
    "bce_lovasz",
    "bce_dice_boundary",
)


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training run.

    Each field declares its range, unit and help once; the options of the command line
    are made from it, and ``attnseg-train settings`` lists all of them.

    Raises
    ------
    InputError
        If a value has another type than the default of its setting, is out of range,
        or an encoder with random weights is to be frozen.
    """

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
    augment: bool = setting(
        True,
        "Augment images by geometric and colour transformations.",
        details="Switch it off only to measure what it is worth.",
    )
    scale: float = setting(
        1.4,
        "Largest factor of the random scaling of images.",
        details="Images are enlarged by up to this factor or shrunk by as much; 1: "
        "neither.",
        minimum=1,
        maximum=4,
        option=False,
    )
    views: int = setting(
        4,
        "Fixed augmentations per image with a frozen transformer.",
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
        details="bce_dice is cross-entropy and Dice per image, bce_dice_published "
        "has the Dice of the whole batch as in the paper; see "
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
    accumulate: int = setting(
        1,
        "Parts of a batch that are computed one after another, to need less memory.",
        details="There is one step per batch all the same. BatchNorm sees one part "
        "at a time.",
        minimum=1,
        unit="parts",
        may_change=True,
    )
    lr: float = setting(
        1e-3,
        "Peak learning rate of AdamW for all but the encoders.",
        minimum=0,
    )
    encoder_lr: float = setting(3e-4, "Peak learning rate of the encoders.", minimum=0)
    transformer_lr: float = setting(
        0.0,
        "Peak learning rate of the transformer; 0: encoder_lr.",
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
        "Weight decay of matrices and kernels; norms and biases have none.",
        minimum=0,
        option=False,
    )
    warmup: float = setting(
        0.05,
        "Fraction of all steps with a linearly rising learning rate; a cosine to 0 "
        "follows.",
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
    save_every: float = setting(
        5.0,
        "Minutes between training states within an epoch.",
        details="A killed run loses no more than that. Each state takes four times "
        "the disk space of the weights; two are kept.",
        minimum=0,
        unit="min",
        may_change=True,
    )
    snapshot_every: int = setting(
        5,
        "Epochs between pictures of the masks of up to four validation images, in "
        "snapshots/ of the run folder; 0: none.",
        minimum=0,
        unit="epochs",
        option=False,
        may_change=True,
    )
    tracker: str = setting(
        "",
        "Experiment tracker of accelerate that gets the numbers of each epoch: "
        "tensorboard, wandb, mlflow … (its package is needed); empty: none.",
        may_change=True,
    )
    bf16: bool = setting(
        False,
        "Train in bfloat16 (GPUs, and CPUs with AVX512-BF16 or AMX).",
        details="Forward and backward pass run in bfloat16 where torch's autocast "
        "does so; weights, optimiser and loss stay in float32. It slows down other "
        "CPUs.",
    )
    threads: int = setting(
        0,
        "CPU threads; 0: torch's choice.",
        minimum=0,
        maximum=1024,
        unit="threads",
        may_change=True,
    )
    init: str = setting(
        "",
        "Weights file of the same model to start from; empty: none.",
        details="encoder_weights is ignored then.",
    )
    one_sided: float = setting(
        0.0,
        "Fraction of images in which a rectangle of one encoder's input is damaged.",
        details="It is replaced by another image or by noise (gate objectives).",
        minimum=0,
        maximum=1,
    )
    encoder_dropout: float = setting(
        0.0,
        "Fraction of steps that use one encoder alone: psi is forced to 0 or to 1 "
        "everywhere.",
        minimum=0,
        maximum=1,
    )
    trust_weight: float = setting(
        0.0,
        "Weight of the loss that trains psi towards the better encoder; 0: none.",
        minimum=0,
    )
    trust_gates: str = setting(
        "together",
        "How the better encoder is found: together, at all gates at once, or one, at "
        "one gate at a time.",
        choices=TRUST_GATES,
    )

    allow: tuple[str, ...] = setting(
        (),
        "Rule that the data may break: masks that are mostly-empty, mostly-full, "
        "mostly-inverted or mostly-outlines. May be repeated.",
        details="Without it a run stops before its first step where more than half of "
        "the masks are empty, full, inverted or nothing but outlines. What was allowed "
        "is recorded.",
        choices=ALLOWABLE,
        may_change=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.freeze and self.encoder_weights == "scratch" and not self.init:
            raise InputError(
                "A frozen encoder with random weights learns nothing; give "
                "--encoder-weights pretrained or cnn=FILE,transformer=FILE, or --init."
            )

    @property
    def on_all(self) -> bool:
        """Whether validation images are trained on, so that they choose nothing."""
        return self.protocol == "all"

    @property
    def downloads(self) -> bool:
        """Whether the encoders start from weights of timm's hub."""
        return self.encoder_weights == "pretrained" and not self.init

    @property
    def measured_on(self) -> str:
        """Images on which each epoch is measured, for display."""
        return measured_on(self.protocol)

    def measured(self, n: int) -> str:
        """Name `n` such images, for display."""
        if self.on_all:
            return f"{n} images of {self.measured_on}"
        return f"{n} {self.measured_on} images"

    def to_toml(self) -> str:
        """TOML text of all settings."""
        return tomli_w.dumps(dataclasses.asdict(self))


RECIPES = Path(__file__).parent / "recipes"


def recipe_path(source: str) -> Path:
    """Return the TOML file of a bundled recipe's name, or of a path."""
    bundled = RECIPES / f"{source}.toml"
    return bundled if bundled.is_file() else Path(source)


def read_toml(path: Path, of: type[TrainConfig] = TrainConfig) -> dict[str, Any]:
    """Read the settings that a TOML file gives, checked by name.

    Parameters
    ----------
    path : Path
        File to read.
    of : type
        Class that declares the settings.

    Raises
    ------
    InputError
        If it cannot be read, is not TOML, or has an unknown key.
    """
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"Expected a TOML file of training settings at {path}, but: {error}."
        ) from error
    known = settings_of(of).keys()
    unknown = sorted(set(fields) - known)
    if unknown:
        raise InputError(
            f"{path.name} has unknown settings {unknown}; known are {sorted(known)}."
        )
    # TOML has lists for tuples.
    return {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}


def without_folders(weights: str) -> str:
    """Return `weights` with file names only, for the model card."""
    if weights in ("scratch", "pretrained"):
        return weights
    return ",".join(
        f"{name}={path.name}" for name, path in parse_encoder_weights(weights).items()
    )


def parse_encoder_weights(weights: str) -> dict[str, Path]:
    """Parse ``cnn=FILE,transformer=FILE``: encoder → file.

    Raises
    ------
    InputError
        If it has another form.
    """
    files = {}
    for part in weights.split(","):
        encoder, _, name = part.partition("=")
        if encoder not in ("cnn", "transformer") or not name:
            raise InputError(
                "Expected encoder weights as 'scratch', 'pretrained' or "
                f"'cnn=FILE,transformer=FILE', got {weights!r}."
            )
        files[encoder] = Path(name).expanduser()
    return files
