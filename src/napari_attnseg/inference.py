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
from napari_attnseg.models.network import Level, SegmentationNetwork, channels_last
from napari_attnseg.preprocessing import to_rgb
from napari_attnseg.results import AttentionMap, GateKey, Segmentation, gate_label
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
    pairs : list of tuples of Tensor
        From `SegmentationNetwork.align`, on the segmenter's device.
    shape : (int, int)
        Rows and columns of the source image.
    intensity : str
        How its values were mapped to [0, 1].
    """

    pairs: list[Level]
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
        gates: Mapping[GateKey, float | NDArray[np.floating[Any]]] | None = None,
    ) -> Segmentation:
        """Fuse and decode; the cheap half.

        Parameters
        ----------
        encoded : EncodedImage
            From `encode` of the same segmenter.
        gates : mapping of int or (int, str) to float or ndarray (h, w), optional
            `AttentionMap.key` (the stride, with the gate's name where a level has two)
            → psi in [0, 1] that replaces the gate's own there; an array must have the
            gate's own resolution.

        Raises
        ------
        InputError
            If `gates` names no gate of this model or its values do not fit.
        """
        forced = self._forced(encoded, gates or {})
        fused, used = self.network.fuse(encoded.pairs, forced)
        logits = self.network.logits(fused) / self.card.temperature
        height, width = encoded.shape
        soft = resize(torch.sigmoid(logits), (height, width))[0]
        probability = soft.float().cpu().numpy()
        attention = tuple(
            AttentionMap(
                psi[0, channel].float().cpu().numpy(),
                stride,
                (height / psi.shape[-2], width / psi.shape[-1]),
                gate.low,
                gate.high,
                gate=gate.name,
                **self._finding((stride, gate.name) if gate.name else stride),
            )
            for stride, psi in used.items()
            for channel, gate in enumerate(self.network.gates)
        )
        return Segmentation(
            make_mask(probability, MaskRules(self.card.threshold)),
            probability,
            attention,
            self._provenance(encoded, gates or {}),
        )

    def _finding(self, key: GateKey) -> dict[str, Any]:
        facts = self.card.gates.get(gate_label(key))
        if facts is None:
            return {}
        return {"finding": facts["verdict"], "decorative": facts["decorative"]}

    def _forced(
        self, encoded: EncodedImage, gates: Mapping[GateKey, float | NDArray[Any]]
    ) -> dict[int, Tensor]:
        """Per stride, psi of all its gates (1, gates, h, w): forced, else their own."""
        names = [gate.name for gate in self.network.gates]
        keys: dict[GateKey, tuple[int, int]] = {
            (stride, name) if name else stride: (stride, channel)
            for stride in (STRIDES if names else ())
            for channel, name in enumerate(names)
        }
        for key in gates:
            if key not in keys:
                has = ", ".join(gate_label(k) for k in keys)
                raise InputError(
                    f"There is no gate at {gate_label(key)}; this model has "
                    + (f"gates at {has}." if has else "no gates.")
                )
        own = self.network.psi(encoded.pairs) if gates else {}
        forced: dict[int, Tensor] = {}
        for key, psi in gates.items():
            stride, channel = keys[key]
            value = torch.as_tensor(psi, dtype=torch.float32)
            if not bool(((value >= 0) & (value <= 1)).all()):
                raise InputError(
                    f"Expected psi in [0, 1] for the gate at {gate_label(key)}."
                )
            size = tuple(own[stride].shape[-2:])
            if value.ndim and tuple(value.shape) != size:
                raise InputError(
                    f"Expected one number or an array of shape {size} for the gate at "
                    f"{gate_label(key)}, got shape {tuple(value.shape)}."
                )
            psi_there = forced.setdefault(stride, own[stride].clone())
            psi_there[:, channel] = value.to(self.device)
        return forced

    def _provenance(
        self, encoded: EncodedImage, gates: Mapping[GateKey, object]
    ) -> dict[str, Any]:
        return {
            "model": self.card.spec.name,
            "weights_sha256": self.sha256,
            "device": self.device,
            "precision": "float32",
            "input_size": self.card.preprocessing.size,
            "intensity": encoded.intensity,
            "threshold": self.card.threshold,
            "gates_forced": {
                gate_label(key): value if isinstance(value, (int, float)) else "array"
                for key, value in gates.items()
            },
            "versions": versions(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
        }
