"""Loading MedSAM from a local folder in Hugging Face's format; never the network."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from napari_attnseg.errors import InputError

CONFIG, WEIGHTS = FILES = ("config.json", "model.safetensors")
#: Its main branch has a pickle only; this revision is where the file was converted.
GET = (
    f"get both with: hf download wanglab/medsam-vit-base {' '.join(FILES)} --revision "
    "a0a0e4bf38278213a0df876d2378f5736731a15e --local-dir FOLDER"
)


def load_sam(folder: Path) -> tuple[Any, dict[str, str]]:
    """A ``transformers.SamModel`` in eval mode, and the SHA-256 of each of `FILES`.

    Raises
    ------
    InputError
        If transformers or a file is missing, or it is another model or damaged.
    """
    # First of all: beside some builds of torchvision, importing transformers needs what
    # this import cures.
    from napari_attnseg.models import encoders  # noqa: F401

    try:
        import transformers
    except ImportError as error:
        raise InputError(
            "MedSAM needs transformers, which is not installed; install it with "
            'pip install "napari-attnseg[medsam]".'
        ) from error
    missing = " and ".join(name for name in FILES if not (folder / name).is_file())
    if missing:
        pickle = (folder / "pytorch_model.bin").is_file()
        why = " (a pickle is never opened because it can run code)" if pickle else ""
        raise InputError(f"There is no {missing} of MedSAM in {folder}{why}; {GET}.")
    # Its bars would break ours, and what it would report is raised below.
    transformers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    try:
        kind = json.loads((folder / CONFIG).read_text(encoding="utf-8"))["model_type"]
        if kind != "sam":
            raise ValueError(f"its model type is {kind!r}, not 'sam'")
        model, report = transformers.SamModel.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            dtype=torch.float32,
            attn_implementation="sdpa",
        )
        absent = {*report["missing_keys"], *report["mismatched_keys"]}
        if absent:  # which transformers fills with random numbers
            raise ValueError(f"it lacks {len(absent)} tensors")
    # There are as many kinds as there are damaged files; each means the same to a user.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{folder} holds no MedSAM ({reason}); {GET}.") from error
    return model.eval(), {name: _sha256(folder / name) for name in FILES}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
