"""Settings of a training run: `TrainConfig`, to and from TOML."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from attnseg_training.learning_settings import LearningSettings
from attnseg_training.settings import check_settings, setting, settings_of
from napari_attnseg.errors import InputError
from napari_attnseg.how_many import how_many
from napari_attnseg.io.text_files import read_utf_8
from napari_attnseg.io.toml_text import parse_toml
from napari_attnseg.run_files import measured_on

TRUST_GATES = ("together", "one")
#: Rules of `attnseg_training.datasets.rules` that stop a run unless they are allowed.
ALLOWABLE = (
    *("mostly-empty", "mostly-full", "mostly-inverted", "mostly-outlines"),
    *("mostly-lines", "mostly-padded", "mostly-patterned", "mostly-out-of-order"),
    *("mostly-sloped", "mostly-interpolated", "burnt-in", "burnt-in-text"),
)


@dataclass(frozen=True, slots=True)
class TrainConfig(LearningSettings):
    """One training run.

    The settings are grouped: `ModelSettings`, `LearningSettings`, and in this class
    those of the run itself and of the gates. Each field declares its range, unit and
    help once. The options of the command line are made from these declarations, and
    ``attnseg-train settings`` lists all of them.

    Raises
    ------
    InputError
        If a value has another type than the default of its setting, is out of range,
        or an encoder with random weights is to be frozen.
    """

    save_every: float = setting(
        5.0,
        "Minutes between training states within an epoch.",
        details="A killed run loses at most this time. Each state takes four times "
        "the disk space of the weights; two are kept.",
        minimum=0,
        unit="min",
        may_change=True,
    )
    measure_every: int = setting(
        1,
        "Epochs between measurements on the validation images; the last epoch is "
        "always measured.",
        details="Only measured epochs have a row in log.csv and a training state, "
        "and can be the best. On a GPU, measuring can take longer than an "
        "epoch.",
        minimum=1,
        unit="epochs",
        option=False,
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
        details="Forward and backward pass run in bfloat16 wherever torch's "
        "autocast chooses it; weights, optimiser and loss stay in float32. "
        "Other CPUs become slower by it.",
    )
    threads: int = setting(
        0,
        "Number of CPU threads; 0: torch's choice.",
        minimum=0,
        maximum=1024,
        unit="threads",
        may_change=True,
    )
    init: str = setting(
        "",
        "Weights file of the same model to start from; empty: none.",
        details="encoder_weights is then ignored.",
    )
    one_sided: float = setting(
        0.0,
        "Fraction of images in which a rectangle of one encoder's input is damaged.",
        details="The rectangle is replaced by another image or by noise (gate "
        "objectives).",
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
    gate_fields: float = setting(
        0.0,
        "Fraction of steps with random gates: psi is 0 or 1 at random in each region.",
        details="Regions and levels are drawn for each image, so that the decoder "
        "learns to use either encoder anywhere.",
        minimum=0,
        maximum=1,
        option=False,
    )
    trust_weight: float = setting(
        0.0,
        "Weight of the loss that trains psi towards the better encoder; 0: none.",
        minimum=0,
    )
    trust_gates: str = setting(
        "together",
        "How the better encoder is found: together (at all gates at once), or one "
        "(at one gate in each step).",
        choices=TRUST_GATES,
    )

    trust_labels: str = setting(
        "",
        "File of trust-labels, which say where each encoder errs on images that it "
        "was not trained on; empty: psi is trained by measurements in each step.",
        option=False,
    )
    allow: tuple[str, ...] = setting(
        (),
        "Rule that the data may break: masks that are mostly-empty, mostly-full, "
        "mostly-inverted, mostly-outlines, mostly-lines, mostly-padded, "
        "mostly-patterned, mostly-out-of-order, mostly-sloped or mostly-interpolated, "
        "or have a piece in "
        "common that looks burnt-in, or burnt-in-text. May be repeated.",
        details="Without it a run stops before its first step if more than half of "
        "the masks are empty, full, inverted, only outlines, thin lines, white "
        "along an edge, filled with a pattern, whole if columns are read for rows, "
        "slopes, or of interpolated numbers, or if many have a piece at exactly the "
        "same pixels, or shapes of characters. Allowed rules are recorded.",
        choices=ALLOWABLE,
        may_change=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.fold >= self.folds > 0 or self.folds == 1:
            raise InputError(
                "Expected folds of 2 or more and a fold below it, got "
                f"folds = {self.folds}, fold = {self.fold}."
            )
        if self.freeze and self.encoder_weights == "scratch" and not self.init:
            raise InputError(
                "A frozen encoder with random weights learns nothing; give "
                "--encoder-weights pretrained or cnn=FILE,transformer=FILE, or --init."
            )

    @property
    def on_all(self) -> bool:
        """Whether the run trains on the validation images, too."""
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
        """Text for `n` of the images on which each epoch is measured, for display."""
        if self.on_all:
            return f"{how_many(n, 'image')} of {self.measured_on}"
        return how_many(n, f"{self.measured_on} image")

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
        fields = parse_toml(read_utf_8(path))
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
        If the text has another form.
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
