"""The model card, which is stored inside a weights file. No torch.

A card states what the weights are, on which images they were measured, and what they
must not be used for. It is read from the safetensors header alone, so listing models is
cheap.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from napari_attnseg.errors import CheckpointError
from napari_attnseg.old_cards import with_machine_fields
from napari_attnseg.results import NO_GATES, NOT_MEASURED, PatternValue
from napari_attnseg.run_files.names import BEST_WEIGHTS, STATE_FILES
from napari_attnseg.spec import STRIDES, ModelSpec, Preprocessing

FORMAT = "attnseg-1"
#: The card is one JSON text under this key of the safetensors metadata.
CARD_KEY = "attnseg_card"
HASH_KEY = "attnseg_sha256"


class ImageColours(StrEnum):
    """Whether the weights were trained on images in colour."""

    COLOUR = "colour"
    GREY = "grey"
    MIXED = "mixed"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Facts about one set of weights.

    Attributes
    ----------
    spec : ModelSpec
        The network these weights belong to.
    preprocessing : Preprocessing
        Required form of its input.
    classes : tuple of str
        Name of each class, background not counted.
    threshold : float
        Probability at and above which a pixel belongs to the mask.
    temperature : float
        Logits are divided by it before the sigmoid.
    data : str
        Data set, split and sizes it was trained on.
    metrics : dict
        As written by ``attnseg-train evaluate``: ``n``, ``protocol`` and per metric
        ``mean``, ``sd``, ``low``, ``high`` (95 % interval; ``n`` and ``method``, if
        they exist, say from how many images and by which method). Empty: not evaluated.
    gates : dict
        Level (``"1/4"`` ... ``"1/32"``; ``"all"``: the four together) to what
        ``attnseg-train faithfulness`` measured of that gate: among it the flags
        ``pattern``, ``decorative`` and ``agrees`` (earlier cards have the second only)
        and the sentence ``verdict``. Empty: not measured, so its maps carry no
        evidence.
    combination : dict
        Combination of the gates that is shown "at a glance", if any, as
        ``attnseg-train faithfulness`` measured it on validation images: ``name``,
        ``earned``, ``verdict``, ``stakes``, the candidates' numbers, and the images
        as ``measured_on``.
    training : dict
        Recipe, seed, versions, time. ``protocol_name`` (a `TrainingProtocol`) and
        ``split_rule`` (a `SplitRule`) say which images were trained on and which chose
        the epoch; ``protocol`` is the same as a sentence. Training records of earlier
        versions get these fields here (`old_cards`).
    licence : str
        Licence of the weights and of the data behind them.
    use : str
        Intended use.
    limits : str
        Uses to avoid, and known weaknesses.
    summary : str
        Images that the weights are for, in one short sentence without numbers. Empty:
        `card_summary.card_lines` names the classes.
    warning : str
        Caution, in one or two short sentences. Empty: not for diagnosis.
    image_colours : str
        An `ImageColours`, as ``attnseg-train fit`` found the training images.
    readers : dict
        Measurements by ``attnseg-train faithfulness`` of each encoder alone;
        see `reader_record.ReaderRecord`. Empty: not measured.
    expected_dice : dict
        How the Dice of a case is estimated, as ``attnseg-train expected-dice``
        measured it: the JSON of a `reliability.rule.Reliability`. Empty: it is not.
    """

    spec: ModelSpec
    preprocessing: Preprocessing
    classes: tuple[str, ...] = ("lesion",)
    threshold: float = 0.5
    temperature: float = 1.0
    data: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)
    gates: dict[str, Any] = field(default_factory=dict)
    combination: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    licence: str = ""
    use: str = "Research; not a diagnostic device."
    limits: str = ""
    summary: str = ""
    warning: str = ""
    image_colours: str = ImageColours.UNKNOWN
    readers: dict[str, Any] = field(default_factory=dict)
    expected_dice: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "training", with_machine_fields(self.training))

    def verdict(self, stride: int) -> str:
        """Sentence on the measurements of the gate at 1/stride."""
        if not self.spec.has_gates:
            return NO_GATES
        return str(self.gates.get(f"1/{stride}", {}).get("verdict", NOT_MEASURED))

    def pattern(self, stride: int) -> PatternValue:
        """Measured effect of the pattern of the gate at 1/stride on the mask."""
        facts = self.gates.get(f"1/{stride}")
        return PatternValue.NOT_MEASURED if facts is None else PatternValue.of(facts)

    def pattern_of_all(self) -> PatternValue:
        """Measured effect of the patterns of all gates together on the mask."""
        facts = self.gates.get("all")
        if facts is not None:
            return PatternValue.of(facts)
        found = {self.pattern(stride) for stride in STRIDES}
        return found.pop() if len(found) == 1 else PatternValue.NOT_MEASURED

    def effective_share(self, stride: int) -> float | None:
        """Mean effective share of the CNN at the gate at 1/stride; None: unknown.

        psi is a weight. The share of the CNN in the fused features also depends on how
        large the features of both encoders are.
        """
        share = self.gates.get(f"1/{stride}", {}).get("effective_share", {})
        mean = share.get("mean")
        return None if mean is None or math.isnan(mean) else float(mean)

    def to_json(self) -> str:
        """JSON text of the card, with the marker of the format."""
        facts = dataclasses.asdict(self)
        if not self.expected_dice:
            del facts["expected_dice"]  # versions before it can read the card
        return json.dumps({"format": FORMAT, **facts})

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Inverse of `to_json`."""
        data = json.loads(text)
        found = data.pop("format", None)
        if found != FORMAT:
            raise CheckpointError(
                f"The model card has format {found!r}; this version reads {FORMAT!r}. "
                "Update napari-attnseg or export the weights again."
            )
        data["spec"] = ModelSpec.from_json(data["spec"])
        data["preprocessing"] = Preprocessing(**data["preprocessing"])
        data["classes"] = tuple(data["classes"])
        card = cls(**data)
        if not (0 <= card.threshold <= 1 and card.temperature > 0):
            raise ValueError(
                f"threshold {card.threshold}, temperature {card.temperature}"
            )
        own = card.preprocessing
        if not 0 <= own.low_percentile < own.high_percentile <= 100:
            raise ValueError(
                f"percentiles {own.low_percentile} and {own.high_percentile}"
            )
        return card


def versions() -> dict[str, str]:
    """Versions of the packages that compute a result; "source": not installed."""
    found = {}
    for name in ("napari-attnseg", "torch", "timm"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "source"
    return found


def weights_hash(path: Path) -> str:
    """SHA-256 of the tensors, as the file states it; raises as `read_header`."""
    metadata = read_header(path)[0].get("__metadata__", {})
    return str(metadata.get(HASH_KEY, ""))


def read_header(path: Path) -> tuple[dict[str, Any], int]:
    """Header of a safetensors file and the offset where its tensor data starts.

    Raises
    ------
    CheckpointError
        If the file is missing, cut short or of another kind. Nothing is unpickled.
    """
    want = "Expected a .safetensors file written by attnseg-train"
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            first = file.read(8)
            length = int.from_bytes(first, "little")
            if len(first) < 8 or length > min(size, 100_000_000):
                if first[:2] == b"PK" or first[:1] == b"\x80":
                    raise CheckpointError(
                        f"{want}, but {path.name} is a pickle (.pt, .pth, .ckpt), "
                        "which is never opened here because it can run code; "
                        f"{_instead_of_pickle(path)}."
                    )
                raise CheckpointError(
                    f"{want}, but {path.name} is something else or cut short "
                    f"({size} bytes); choose another file or copy it again."
                )
            header = json.loads(file.read(length))
            end = 8 + length + _data_bytes(header)
    except OSError as error:
        raise CheckpointError(
            f"{want}, but {path} cannot be read ({error.strerror}); check the path."
        ) from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{want}, but {path.name} has no safetensors header; choose another file."
        ) from error
    if size != end:
        raise CheckpointError(
            f"{path.name} should have {end} bytes by its header but has {size}: "
            "it was cut short or changed; copy or download it again."
        )
    return header, 8 + length


def _instead_of_pickle(path: Path) -> str:
    """Advice on what to give in place of a pickled state dict or training state."""
    if path.name in STATE_FILES:
        return f"give {BEST_WEIGHTS} beside it, as it is the training state of a run"
    return (
        "if it is the state dict of a network that `attnseg models` lists, or of the "
        "authors' released code, convert it with `attnseg-train import "
        f"{path.name} --as MODEL --out {path.stem}.safetensors`; networks of another "
        "kind cannot be used"
    )


def _data_bytes(header: dict[str, Any]) -> int:
    """Bytes of all tensors; raises an error if the header is not of safetensors."""
    if not isinstance(header.get("__metadata__", {}), dict):
        raise TypeError("__metadata__")
    tensors = [t for name, t in header.items() if name != "__metadata__"]
    return max((int(t["data_offsets"][1]) for t in tensors), default=0)


def read_card(path: Path) -> ModelCard:
    """Model card of a weights file; reads the header only.

    Raises
    ------
    CheckpointError
        If the file was not written by this project.
    """
    header, _ = read_header(path)
    text = header.get("__metadata__", {}).get(CARD_KEY)
    if text is None:
        raise CheckpointError(
            f"{path.name} holds tensors but no attnseg model card; expected weights "
            "written by attnseg-train (encoder weights go to --encoder-weights)."
        )
    try:
        return ModelCard.from_json(text)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"The model card in {path.name} cannot be read ({error}); it may come from "
            "another version: update napari-attnseg or export the weights again."
        ) from error
