"""Refinement by MedSAM, prompted with bounding boxes of the mask. Optional.

As in the authors' MedSAM_Inference.py (github.com/bowang-lab/MedSAM), the image is
stretched to 1024×1024 with cubic interpolation, and its values are mapped to [0, 1]
from its minimum and maximum, without ImageNet's mean and SD. The box is stretched in
the same way. There is one mask per box; its sigmoid is resized bilinearly to the image
and cut at 0.5. The file preprocessor_config.json in the folder is not read: that of
wanglab/medsam-vit-base is for the original SAM (longest side, padding, ImageNet's mean
and SD), and contradicts the authors' code. There are two differences to that code.
Nothing is rounded to 8 bits in between. Values that the run's intensity rule clips are
clipped first, because a single very bright pixel would make all others black.

References
----------
J. Ma, Y. He, F. Li, L. Han, C. You, B. Wang, Segment anything in medical images, Nature
Communications 15:654, 2024.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import find_objects
from skimage.transform import resize
from torch import Tensor

from napari_attnseg.devices import resolve_device
from napari_attnseg.errors import DeviceError, InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.intensity import WHOLE_RANGE, Intensity
from napari_attnseg.masks import (
    MEDSAM,
    RULES,
    MaskRules,
    expect_probability,
    make_mask,
    rules_of,
)
from napari_attnseg.objects.measure import separate
from napari_attnseg.preprocessing import to_rgb
from napari_attnseg.reader_record import READERS
from napari_attnseg.results import Segmentation
from napari_attnseg.threads import tell_torch

#: Probability at and above which a pixel belongs to the refined mask.
THRESHOLD = 0.5
#: Side of the square that `MARGIN` is given for.
SIDE = 1024
#: The box is wider than the object by so many pixels of `SIDE` on each side. Training
#: drew 0 to 20 (the authors' train_one_gpu.py, ``bbox_shift=20``). For the models that
#: they compare with on 2D images they add a fixed 20 (infer_SAM_2D_npz.py) or 5 of 224,
#: which is 23 (infer_deeplabv3_res50_2D.py); MedSAM_Inference.py takes a box as it is.
MARGIN = 20.0

#: Edges in pixels: left, top, right, bottom; the last two are the first pixels outside.
Box = tuple[int, int, int, int]
CONFIG, WEIGHTS = FILES = ("config.json", "model.safetensors")
#: Its main branch has a pickle only; this revision is where the file was converted.
GET = (
    f"get both with: hf download wanglab/medsam-vit-base {' '.join(FILES)} --revision "
    "a0a0e4bf38278213a0df876d2378f5736731a15e --local-dir FOLDER"
)


@dataclass(frozen=True, slots=True, eq=False)
class Medsam:
    """A loaded MedSAM on one device; use `from_folder`.

    Attributes
    ----------
    model : transformers.SamModel
        Network in eval mode, on the device.
    name : str
        Name of the folder.
    files : mapping of str to str
        SHA-256 of each file by its name.
    device : str
    margin : float
        See `MARGIN`.
    """

    model: Any
    name: str
    files: Mapping[str, str]
    device: str
    margin: float = MARGIN

    @classmethod
    def from_folder(
        cls, folder: str | Path, device: str = "auto", margin: float = MARGIN
    ) -> Medsam:
        """Load a local folder in Hugging Face's format; nothing is downloaded.

        Raises
        ------
        InputError
            If transformers or a file is missing, it is another model, or the margin is
            negative.
        DeviceError
            If there is no such device.
        """
        if not 0 <= margin < np.inf:
            raise InputError(f"Expected a margin of 0 pixels or more, got {margin}.")
        tell_torch()
        device, path = resolve_device(device), Path(folder)
        model, files = load_sam(path)
        return cls(model.to(device), path.resolve().name, files, device, margin)

    @property
    def how(self) -> str:
        """Description of the refinement, for the protocol of an evaluation."""
        return (
            f"MedSAM ({self.name}, {WEIGHTS} with SHA-256 {self.files[WEIGHTS]}), "
            "prompted with a box around each connected object of the model's own mask, "
            f"wider by {self.margin:g} of {SIDE} pixels on each side"
        )

    @property
    def facts(self) -> dict[str, Any]:
        """JSON-ready provenance: files, device, margin, version."""
        return {
            "name": self.name,
            "files_sha256": dict(self.files),
            "device": self.device,
            "margin": self.margin,
            "transformers": version("transformers"),
        }

    @torch.inference_mode()
    def encode(
        self,
        image: ArrayLike,
        rgb: bool | None = None,
        intensity: Intensity = WHOLE_RANGE,
    ) -> Tensor:
        """Embed an image, the expensive half; parameters as of `Segmenter.encode`.

        `intensity` is the rule of the run whose mask is refined.
        """
        side = self.model.config.vision_config.image_size
        pixels, _ = to_rgb(image, rgb, intensity)
        square = resize(pixels, (side, side), order=3, anti_aliasing=True)
        low, high = square.min(), square.max()
        unit = ((square - low) / max(high - low, 1e-8)).astype(np.float32)
        batch = torch.from_numpy(unit).permute(2, 0, 1)[None].to(self.device)
        try:
            seen: Tensor = self.model.get_image_embeddings(batch)
        except torch.OutOfMemoryError as error:
            raise DeviceError(
                f"{self.device} ran out of memory with MedSAM; close other programs "
                "that use it, or choose the device 'cpu'."
            ) from error
        return seen

    @torch.inference_mode()
    def refine(self, result: Segmentation, seen: Tensor) -> Segmentation:
        """Replace mask and probability; gate maps stay those of the first model.

        `Segmentation.readers` is left out, because no encoder of that model made
        MedSAM's mask.

        Parameters
        ----------
        result : Segmentation
            Result of the image, at any size. Each connected object of its mask is a
            prompt, and the refined object has the same class. Without any object, the
            mask stays empty.
        seen : Tensor
            From `encode`.

        Returns
        -------
        Segmentation
            The probability is the maximum over the objects of a class, 0 if there are
            none. ``provenance["medsam"]`` holds the boxes, the files, and how the first
            mask was made.
        """
        found = np.zeros(result.probability.shape, np.float32)
        boxes = mask_boxes(result.mask)
        for label, box in boxes:
            one = self._probability(box, result.mask.shape, seen)
            np.maximum(found[label - 1], one, out=found[label - 1])
        expect_probability(found, "MedSAM")
        mask = make_mask(found, MaskRules(THRESHOLD))
        own = dict(result.provenance)
        note = f"mask and probability are of {self.how}; gate maps are of that model"
        said = {
            "note": note if boxes else f"{note}; its mask is empty and stays so",
            **self.facts,
            "boxes": [{"class": label, "box": list(box)} for label, box in boxes],
            "prompted_by": {
                RULES: asdict(rules_of(own)),
                "mask_sha256": array_sha256(result.mask),
            },
        }
        for key in (RULES, READERS):  # of the mask before
            own.pop(key, None)
        own |= {"threshold": THRESHOLD, "mask_sha256": array_sha256(mask), MEDSAM: said}
        return replace(
            result, mask=mask, probability=found, provenance=own, readers=None
        )

    def _probability(
        self, box: Box, shape: tuple[int, ...], seen: Tensor
    ) -> NDArray[np.float32]:
        side = self.model.config.vision_config.image_size
        corners = prompt(box, shape, side, self.margin * side / SIDE)
        boxes = torch.tensor([[corners]], dtype=torch.float32, device=self.device)
        logits = self.model(
            image_embeddings=seen, input_boxes=boxes, multimask_output=False
        ).pred_masks[0]
        at_image = F.interpolate(torch.sigmoid(logits), shape, mode="bilinear")
        probability: NDArray[np.float32] = at_image[0, 0].cpu().numpy()
        return probability


def mask_boxes(mask: NDArray[np.integer[Any]]) -> list[tuple[int, Box]]:
    """Class and bounding box of every connected object of a mask (H, W)."""
    objects = separate(mask)
    found = []
    for number, (rows, columns) in enumerate(find_objects(objects), start=1):
        inside = objects[rows, columns] == number
        box = (columns.start, rows.start, columns.stop, rows.stop)
        found.append((int(mask[rows, columns][inside][0]), box))
    return found


def prompt(
    box: Box, shape: tuple[int, ...], side: int, margin: float
) -> tuple[float, ...]:
    """Convert a box of an image (H, W) to (x, y, x, y) in MedSAM's square input."""
    scale = np.array([side / shape[1], side / shape[0]])
    first = np.array(box[:2]) * scale
    last = np.maximum(np.array(box[2:]) * scale - 1, first)
    corners = np.concatenate([first - margin, last + margin]).clip(0, side)
    return tuple(corners.tolist())


def load_sam(folder: Path) -> tuple[Any, dict[str, str]]:
    """A ``transformers.SamModel`` in eval mode, and the SHA-256 of each of `FILES`.

    Raises
    ------
    InputError
        If transformers or a file is missing, or it is another model or damaged.
    """
    from napari_attnseg.models.timm_in_parts import import_cured

    try:
        import_cured("torchvision")  # transformers swallows the error that is cured
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
