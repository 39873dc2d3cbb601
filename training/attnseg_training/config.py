"""What a training run is, as data: TOML both ways, an unknown key is an error."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from napari_attnseg.errors import InputError

PROTOCOLS = ("honest", "all", "paper")
FREEZABLE = ("cnn", "transformer")
TRUST_GATES = ("together", "one")
#: Types of settings, in words.
_KINDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    tuple: "a list of names",
}


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """One training run.

    Attributes
    ----------
    data : str
        Folder with ``images/``, ``masks/`` and, optionally, ``splits/``.
    model : str
        Catalog name.
    cnn, transformer : str
        timm names of other encoders than the model's; empty: its own.
    protocol : str
        ``honest``: the epoch is chosen on validation images, test images are left
        alone. ``all``: validation images are trained on too, so nothing chooses and the
        last epoch is kept: a last run, with settings that honest ones have found.
        ``paper``: as published, all but the test images are trained on, and the
        test images choose the epoch, so that nothing is left to test on.
    epochs, batch : int
        Passes over the training part; images per step.
    seed : int
        Of the weights, the order of images and their augmentation.
    split_seed : int
        Of the validation part, where one has to be carved out, and of a frozen
        transformer's fixed views. Kept apart from `seed`, so that runs with different
        seeds share both.
    device : str
        ``auto``, ``cpu``, ``cuda:0`` …
    encoder_weights : str
        ``scratch``, ``pretrained`` (timm's hub) or ``cnn=FILE,transformer=FILE``.
    freeze : tuple of str
        Encoders that are not trained: no gradients, eval mode. A frozen transformer
        sees `views` fixed augmentations of each image, and what it computes of them
        is kept on disk in the run folder.
    freeze_blocks : int
        First blocks of a plain ViT that are not trained, patch and position embedding
        with them: the cheapest part to leave as it was pretrained.
    freeze_norm : bool
        Keep the CNN's BatchNorm at its stored statistics: small batches, and the
        dearest part of a small CNN on a CPU.
    unit_input : bool
        Give the encoders RGB in [0, 1] as it is (the released code), instead of by the
        mean and SD that each was pretrained with.
    augment : bool
        Warp and recolour images; off only to see what that is worth.
    scale : float
        Multi-scale training: warped images are enlarged by up to this factor, or made
        smaller by as much; 1: as they are.
    views : int
        Fixed augmentations per image with a frozen transformer.
    cache : str
        Folder where a frozen transformer's tokens are kept for other runs on the same
        data; empty: in the run folder, until the run ends.
    loss : str
        ``bce_dice`` (cross-entropy and Dice per image), ``bce_dice_published`` (Dice
        over the whole batch, the paper's), ``structure``, ``bce_lovasz`` or
        ``bce_dice_boundary``: `attnseg_training.losses`.
    deep_supervision : float
        Weight of the same loss on logits of each decoder block; 0: none. What makes
        these logits is not part of the model that is saved.
    accumulate : int
        Pieces in which a batch goes through the network, to fit into memory; one step
        per batch all the same. BatchNorm sees a piece at a time.
    lr, encoder_lr, transformer_lr : float
        Peak learning rate of everything else, of the encoders, and of the transformer
        where it differs from the CNN's (0: it does not). AdamW.
    layer_decay : float
        The encoders' rates are multiplied by it once for every stage (CNN, Swin) or
        block (ViT) between a weight and the encoder's output; 1: equal rates.
    weight_decay : float
        On matrices and kernels only, not on norms and biases.
    warmup : float
        Share of all steps with a linearly rising rate; a cosine to 0 follows.
    ema : float
        Decay per step of the averaged weights, which are what is evaluated and saved.
    save_every : float
        Minutes between training states within an epoch, so that a killed run loses no
        more; each takes as much disk as the weights four times. Two are kept.
    snapshot_every : int
        Epochs between pictures of what is found on up to four validation images, in
        ``snapshots/`` of the run folder; 0: none.
    tracker : str
        Experiment tracker that gets each epoch's numbers: tensorboard, wandb, mlflow
        or another one that accelerate knows; empty: none.
    bf16 : bool
        Forward and backward in bfloat16 where torch's autocast does so; weights,
        optimiser and loss stay in float32. Pays on GPUs and on CPUs with AVX512-BF16
        or AMX, and slows down others.
    threads : int
        CPU threads; 0 leaves torch's choice.
    init : str
        Weights file of the same model to start from; empty: none. `encoder_weights`
        is then ignored.
    one_sided : float
        Share of images in which a rectangle of one encoder's input is replaced by
        another image's or by noise (`gate_training`).
    encoder_dropout : float
        Share of steps in which psi is forced to 0 or to 1 everywhere.
    trust_weight : float
        Weight of the loss that trains psi towards the better encoder; 0: none.
    trust_gates : str
        Which encoder is the better one: ``together`` tries that at all gates at once
        and trains each of them; ``one`` at one gate at a time.
    """

    data: str
    model: str = "compact"
    cnn: str = ""
    transformer: str = ""
    protocol: str = "honest"
    epochs: int = 50
    batch: int = 8
    seed: int = 0
    split_seed: int = 0
    device: str = "auto"
    encoder_weights: str = "scratch"
    freeze: tuple[str, ...] = ()
    freeze_blocks: int = 0
    freeze_norm: bool = False
    unit_input: bool = False
    augment: bool = True
    scale: float = 1.4
    views: int = 4
    cache: str = ""
    loss: str = "bce_dice"
    deep_supervision: float = 0.0
    accumulate: int = 1
    lr: float = 1e-3
    encoder_lr: float = 3e-4
    transformer_lr: float = 0.0
    layer_decay: float = 1.0
    weight_decay: float = 0.05
    warmup: float = 0.05
    ema: float = 0.998
    save_every: float = 5.0
    snapshot_every: int = 5
    tracker: str = ""
    bf16: bool = False
    threads: int = 0
    init: str = ""
    one_sided: float = 0.0
    encoder_dropout: float = 0.0
    trust_weight: float = 0.0
    trust_gates: str = "together"

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _expect_kind(field, getattr(self, field.name))
        for name in ("seed", "split_seed", "threads"):
            if getattr(self, name) < 0:
                raise InputError(
                    f"Expected {name} of at least 0, got {getattr(self, name)}."
                )
        for name in ("epochs", "batch", "views", "accumulate"):
            if getattr(self, name) < 1:
                raise InputError(
                    f"Expected {name} of at least 1, got {getattr(self, name)}."
                )
        for name in ("one_sided", "encoder_dropout", "layer_decay"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(
                    f"Expected {name} between 0 and 1, got {getattr(self, name)}."
                )
        if self.trust_gates not in TRUST_GATES:
            raise InputError(
                f"Expected trust_gates {' or '.join(TRUST_GATES)}, got "
                f"{self.trust_gates!r}."
            )
        if not 1 <= self.scale <= 4:
            raise InputError(f"Expected scale between 1 and 4, got {self.scale}.")
        if self.protocol not in PROTOCOLS:
            raise InputError(
                f"Expected the protocol honest, all or paper, got {self.protocol!r}."
            )
        unknown = set(self.freeze) - set(FREEZABLE)
        if unknown:
            raise InputError(
                f"Expected freeze to name {' or '.join(FREEZABLE)}, got "
                f"{sorted(unknown)}."
            )
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
    def measured_on(self) -> str:
        """On which images each epoch is measured, in words."""
        words = {"all": "validation, trained on", "paper": "test"}
        return words.get(self.protocol, "validation")

    def measured(self, n: int) -> str:
        """`n` such images, in words."""
        if self.on_all:
            return f"{n} images of {self.measured_on}"
        return f"{n} {self.measured_on} images"

    def to_toml(self) -> str:
        """TOML text of every field."""
        return tomli_w.dumps(dataclasses.asdict(self))


def _expect_kind(field: dataclasses.Field[Any], value: object) -> None:
    """A setting has its default's type; a whole number is a number too, a bool none."""
    default = "" if field.default is dataclasses.MISSING else field.default  # data
    kind = type(default)
    fits = isinstance(value, (int, float) if kind is float else kind)
    if isinstance(value, tuple):
        fits = fits and all(isinstance(part, str) for part in value)
    if not fits or isinstance(value, bool) != (kind is bool):
        raise InputError(f"Expected {_KINDS[kind]} for {field.name}, got {value!r}.")


RECIPES = Path(__file__).parent / "recipes"


def recipe_path(source: str) -> Path:
    """TOML file of a bundled recipe's name or of a path."""
    bundled = RECIPES / f"{source}.toml"
    return bundled if bundled.is_file() else Path(source)


def read_toml(path: Path) -> dict[str, object]:
    """Fields set in a TOML file, checked by name.

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
    known = {field.name for field in dataclasses.fields(TrainConfig)}
    unknown = sorted(set(fields) - known)
    if unknown:
        raise InputError(
            f"{path.name} has unknown settings {unknown}; known are {sorted(known)}."
        )
    # TOML has lists for tuples.
    return {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}


def without_folders(weights: str) -> str:
    """`weights` with file names only, for the model card."""
    if weights in ("scratch", "pretrained"):
        return weights
    return ",".join(f"{name}={path.name}" for name, path in _parse(weights).items())


def _parse(weights: str) -> dict[str, Path]:
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
