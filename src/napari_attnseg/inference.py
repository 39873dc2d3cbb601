"""Segmenting one image: numpy in, numpy out. Torch stops here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from napari_attnseg.cards import ModelCard, versions
from napari_attnseg.checkpoints import load_checkpoint
from napari_attnseg.devices import resolve_device
from napari_attnseg.errors import DeviceError, InputError
from napari_attnseg.masks import MaskRules, make_mask
from napari_attnseg.models.network import SegmentationNetwork, channels_last
from napari_attnseg.preprocessing import to_rgb
from napari_attnseg.results import AttentionMap, Segmentation
from napari_attnseg.spec import STRIDES
from napari_attnseg.weights import weights_path


def resize(image: Tensor, size: int | tuple[int, int]) -> Tensor:
    """Bilinear resize of (N, C, H, W), antialiased where it shrinks, [0, 1] kept."""
    target = (size, size) if isinstance(size, int) else size
    if tuple(image.shape[-2:]) == target:
        return image
    return F.interpolate(image, target, mode="bilinear", antialias=True).clamp(0, 1)


@dataclass(frozen=True, slots=True, eq=False)
class EncodedImage:
    """Both encoders' maps of one image: what `Segmenter.decode` starts from.

    Attributes
    ----------
    pairs : list of (Tensor, Tensor)
        From `SegmentationNetwork.align`, on the segmenter's device.
    shape : (int, int)
        Rows and columns of the source image.
    intensity : str
        How its values were mapped to [0, 1].
    """

    pairs: list[tuple[Tensor, Tensor]]
    shape: tuple[int, int]
    intensity: str


@dataclass(frozen=True, slots=True, eq=False)
class Segmenter:
    """A loaded model on one device. Stateless: calls do not influence each other.

    Use `from_checkpoint`. Calling it is `segment`.
    """

    network: SegmentationNetwork
    card: ModelCard
    device: str
    sha256: str

    @classmethod
    def from_checkpoint(
        cls, source: str | Path = "compact", device: str = "auto"
    ) -> Segmenter:
        """Load bundled weights by name, or a ``.safetensors`` file.

        Parameters
        ----------
        source : str or Path
            Bundled name or file.
        device : str
            ``auto``, ``cpu``, ``cuda:0``, ``mps`` …

        Raises
        ------
        UnknownNameError, CheckpointError, DeviceError
        """
        device = resolve_device(device)
        network, card, sha256 = load_checkpoint(weights_path(source), device)
        return cls(channels_last(network), card, device, sha256)

    def segment(self, image: ArrayLike, rgb: bool | None = None) -> Segmentation:
        """Segment one 2D image.

        Parameters
        ----------
        image : array, shape (H, W), (H, W, 3) or (H, W, 4)
            Any integer or float type; see `preprocessing.to_rgb`.
        rgb : bool, optional
            Whether the last axis is colour; guessed from the number of axes.

        Raises
        ------
        InputError
            If it is not such an image.
        DeviceError
            If the device ran out of memory.
        """
        return self.decode(self.encode(image, rgb))

    __call__ = segment

    @torch.inference_mode()
    def encode(self, image: ArrayLike, rgb: bool | None = None) -> EncodedImage:
        """Run both encoders; the expensive half. Raises as `segment`."""
        pixels, intensity = to_rgb(image, rgb)
        batch = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        batch = resize(batch, self.card.preprocessing.size).to(self.device)
        try:
            pairs = self.network.align(self.network.encode(batch))
        except torch.OutOfMemoryError as error:
            raise DeviceError(
                f"{self.device} ran out of memory; close other programs that use it, "
                "or choose the device 'cpu'."
            ) from error
        return EncodedImage(pairs, (pixels.shape[0], pixels.shape[1]), intensity)

    @torch.inference_mode()
    def decode(
        self,
        encoded: EncodedImage,
        gates: Mapping[int, float | NDArray[np.floating[Any]]] | None = None,
    ) -> Segmentation:
        """Fuse and decode; the cheap half.

        Parameters
        ----------
        encoded : EncodedImage
            From `encode` of the same segmenter.
        gates : mapping of int to float or ndarray (h, w), optional
            Stride → psi in [0, 1] that replaces the gate's own there; an array must
            have the gate's own resolution.

        Raises
        ------
        InputError
            If `gates` names no gate of this model or its values do not fit.
        """
        forced = {
            stride: self._forced(encoded, stride, psi)
            for stride, psi in (gates or {}).items()
        }
        fused, used = self.network.fuse(encoded.pairs, forced)
        logits = self.network.logits(fused) / self.card.temperature
        height, width = encoded.shape
        soft = resize(torch.sigmoid(logits), (height, width))[0]
        probability = soft.float().cpu().numpy()
        low, high = self.network.ends
        attention = tuple(
            AttentionMap(
                psi[0, 0].float().cpu().numpy(),
                stride,
                (height / psi.shape[-2], width / psi.shape[-1]),
                low,
                high,
                **self._finding(stride),
            )
            for stride, psi in used.items()
        )
        return Segmentation(
            make_mask(probability, MaskRules(self.card.threshold)),
            probability,
            attention,
            self._provenance(encoded, gates or {}),
        )

    def _finding(self, stride: int) -> dict[str, Any]:
        facts = self.card.gates.get(f"1/{stride}")
        if facts is None:
            return {}
        return {"finding": facts["verdict"], "decorative": facts["decorative"]}

    def _forced(
        self, encoded: EncodedImage, stride: int, psi: float | NDArray[Any]
    ) -> Tensor:
        if stride not in STRIDES:
            raise InputError(
                f"There is no gate at 1/{stride}; this model has gates at "
                f"{', '.join(f'1/{s}' for s in STRIDES)}."
            )
        value = torch.as_tensor(psi, dtype=torch.float32)
        if not bool(((value >= 0) & (value <= 1)).all()):
            raise InputError(f"Expected psi in [0, 1] for the gate at 1/{stride}.")
        size = tuple(encoded.pairs[STRIDES.index(stride)][0].shape[-2:])
        if value.ndim and tuple(value.shape) != size:
            raise InputError(
                f"Expected one number or an array of shape {size} for the gate at "
                f"1/{stride}, got shape {tuple(value.shape)}."
            )
        return value.to(self.device)

    def _provenance(
        self, encoded: EncodedImage, gates: Mapping[int, object]
    ) -> dict[str, Any]:
        return {
            "model": self.card.spec.name,
            "classes": list(self.card.classes),
            "weights_sha256": self.sha256,
            "device": self.device,
            "precision": "float32",
            "input_size": self.card.preprocessing.size,
            "intensity": encoded.intensity,
            "threshold": self.card.threshold,
            "gates_forced": {
                f"1/{stride}": value if isinstance(value, (int, float)) else "array"
                for stride, value in gates.items()
            },
            "versions": versions(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
