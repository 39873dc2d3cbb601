"""Segment one image: numpy arrays in, numpy arrays out; no torch above this module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from napari_attnseg.boxes import Box
from napari_attnseg.cards import ModelCard
from napari_attnseg.click_heads import StoredHead
from napari_attnseg.decoded_image import decode, ends_of_gates
from napari_attnseg.device_memory import enough_memory
from napari_attnseg.devices import resolve_device
from napari_attnseg.encoded_image import EncodedImage, encode
from napari_attnseg.engines.base import Engine
from napari_attnseg.errors import InputError
from napari_attnseg.forced_gates import Forced, resolve_gates
from napari_attnseg.intensity import Intensity, parse_intensity
from napari_attnseg.model_loading import load_model
from napari_attnseg.prepared_image import PreparedImage, prepare
from napari_attnseg.reader_record import READERS
from napari_attnseg.results import GateKey, Segmentation
from napari_attnseg.tiles import check_tiled, segment_tiles
from napari_attnseg.two_readers import expect_two_readers, read_alone
from napari_attnseg.weights import DEFAULT_WEIGHTS

if TYPE_CHECKING:
    from napari_attnseg.models.network import SegmentationNetwork


@dataclass(frozen=True, slots=True, eq=False)
class Segmenter:
    """A loaded model on one device; calls do not influence each other.

    Create it by `from_checkpoint`. Calling it does the same as `segment`.

    Attributes
    ----------
    engine : Engine
        Engine that computes the network, in eval mode, on the device.
    card : ModelCard
        Card of the weights.
    device : str
        Device of the tensors, by torch's name.
    weights : str
        Name of the weights file, without its folder.
    sha256 : str
        Hash of the weights' tensors.
    click_head : StoredHead or None
        Head that corrects masks by clicks, if the weights have one; see `corrections`.
    """

    engine: Engine
    card: ModelCard
    device: str
    weights: str
    sha256: str
    click_head: StoredHead | None = None

    @property
    def network(self) -> SegmentationNetwork:
        """The network in PyTorch, on the device, whichever engine segments."""
        return self.engine.network

    @property
    def chosen_device(self) -> str:
        """Name that chooses the same device and engine again."""
        return self.engine.device or self.device

    @classmethod
    def from_checkpoint(
        cls,
        source: str | Path = DEFAULT_WEIGHTS,
        device: str = "auto",
        precision: str = "fp32",
    ) -> Segmenter:
        """Load bundled weights by name, or a ``.safetensors`` file.

        Parameters
        ----------
        source : str or Path
            Bundled name or file.
        device : str
            ``auto``, ``cpu``, ``cuda:0``, ``mps`` …, or ``openvino`` for the CPU with
            OpenVINO, if that is installed. OpenVINO compiles and checks new weights
            first, which takes tens of seconds. If that fails, PyTorch computes on the
            CPU; a warning is logged, and the provenance says so. ``auto`` is the
            fastest device; on the CPU it is OpenVINO for weights that were compiled
            before and were faster with it.
        precision : str
            ``fp32``, or ``auto`` for float16 on a GPU; see
            `engines.precision.precision_on`.

        Raises
        ------
        UnknownNameError, CheckpointError, DeviceError
        InputError
            If `precision` is unknown.
        """
        return cls(**load_model(source, device, precision))

    def on(self, device: str) -> Segmenter:
        """Move the model to another device, and return a new segmenter.

        PyTorch computes on the new device. Do not use the old segmenter afterwards.

        Parameters
        ----------
        device : str
            As for `from_checkpoint`, except ``openvino``.

        Raises
        ------
        DeviceError
            If this machine has no such device.
        """
        device = resolve_device(device)
        if device == self.chosen_device:
            return self
        from napari_attnseg.engines.torch import TorchEngine
        from napari_attnseg.models.network import channels_last

        network = channels_last(self.network.to(device))
        return replace(self, engine=TorchEngine(network), device=device)

    def segment(
        self,
        image: ArrayLike,
        rgb: bool | None = None,
        flip: bool = False,
        intensity: Intensity | str | None = None,
        readers: bool = False,
        box: Box | None = None,
        tile: bool = False,
    ) -> Segmentation:
        """Segment one 2D image, or a box of it.

        Parameters
        ----------
        image : array, shape (H, W) or (H, W, 1, 3 or 4)
            Any integer or float type; see `preprocessing.to_rgb`.
        rgb : bool, optional
            Whether the last axis is colour; guessed from the shape.
        flip : bool
            Flip test-time augmentation: the probability is the mean over the image and
            its three mirror images. Costs about four times the time and, while it runs,
            memory. Gate maps stay those of the image itself.
        intensity : Percentiles, Window or str, optional
            How values become [0, 1], instead of the model card's rule:
            ``intensity.Window(low, high)``, ``intensity.Percentiles(low, high)``,
            ``"whole_range"`` or ``"percentiles"``; see `preprocessing.to_rgb`.
        readers : bool
            Whether to compute also the masks by the CNN alone and by the transformer
            alone, as `Segmentation.readers`. This takes two more decodings; the
            encoders run only once.
        box : Box, optional
            The only part of the image to segment. It is treated as an image of its own:
            it is resized to the network's input, and its intensities are mapped without
            the rest. Mask and probability have the size of the whole image and are 0
            outside the box. Gate maps cover the box.
        tile : bool
            Whether to segment the image at its own resolution, in overlapping tiles of
            the network's size, instead of as a whole; see `tiles.segment_tiles`. This
            is for weights that were trained on small structures.

        Raises
        ------
        InputError
            If the image or the rule is invalid, the box is not inside the image, or
            `readers` is used for a model without one gate per level or together with
            `tile`.
        DeviceError
            If the device ran out of memory.
        """
        if readers:
            expect_two_readers(self.engine)
        if tile:
            check_tiled({}, readers)
            return segment_tiles(self, image, rgb, flip, intensity, box)
        encoded = self.encode(image, rgb, flip, intensity, box)
        return self.decode(encoded, readers=readers)

    __call__ = segment

    def encode(
        self,
        image: ArrayLike,
        rgb: bool | None = None,
        flip: bool = False,
        intensity: Intensity | str | None = None,
        box: Box | None = None,
    ) -> EncodedImage:
        """Run both encoders, the expensive half; parameters as of `segment`."""
        prepared = self.prepare(image, rgb, intensity, box)
        return self.encode_prepared([prepared], flip)[0]

    def prepare(
        self,
        image: ArrayLike,
        rgb: bool | None = None,
        intensity: Intensity | str | None = None,
        box: Box | None = None,
        tile: bool = False,
    ) -> PreparedImage:
        """Map intensities and resize, the part of `encode` that runs on the CPU.

        Another thread may prepare images while the network runs. Parameters and errors
        are those of `segment`, except `tile`: whether `image` is one tile of an image.
        """
        rule = parse_intensity(intensity, self.card.preprocessing.intensity)
        size = self.card.preprocessing.size
        with self.engine.computing():
            return prepare(image, rgb, rule, box, size, self.engine.array, tile)

    def encode_prepared(
        self, images: Sequence[PreparedImage], flip: bool = False
    ) -> list[EncodedImage]:
        """Run both encoders on several images at once, which is faster on a GPU only.

        Batches are as large as fit on the device.

        Parameters
        ----------
        images : sequence of PreparedImage
            From `prepare`.
        flip : bool
            As for `segment`.

        Raises
        ------
        DeviceError
            If not even one image fits on the device.
        """
        with self.engine.computing(), self.enough_memory():
            return encode(self.engine, images, flip)

    def decode(
        self,
        encoded: EncodedImage,
        gates: Mapping[GateKey, Forced] | None = None,
        threshold: float | None = None,
        readers: bool = False,
    ) -> Segmentation:
        """Fuse and decode; the cheap half.

        Parameters
        ----------
        encoded : EncodedImage
            From `encode` of the same segmenter.
        gates : mapping of int or (int, str) to float, str or ndarray (h, w), optional
            `AttentionMap.key` (the stride, with the gate's name where a level has two)
            → psi in [0, 1] that replaces the gate's own there: a number, the name of an
            end ("transformer", "CNN"), "mean" for the gate's own mean over the image,
            or an array of the gate's own resolution.
        threshold : float, optional
            Threshold in [0, 1], instead of the model card's.
        readers : bool
            As for `segment`; forced `gates` have no effect on these masks.

        Raises
        ------
        InputError
            If `gates` names a gate that this model does not have, a value does not fit,
            or `readers` is used for a model without one gate per level.
        DeviceError
            If the device ran out of memory.
        """
        result = decode(self, encoded, *self.check(gates, threshold))
        if not readers:
            return result
        alone = read_alone(self, encoded, threshold)
        facts = {**result.provenance, READERS: alone.facts}
        return replace(result, provenance=facts, readers=alone)

    def enough_memory(self) -> AbstractContextManager[None]:
        """Return a context that turns an out-of-memory error into a `DeviceError`."""
        return enough_memory(self.device, self.card.preprocessing.size)

    def check(
        self, gates: Mapping[GateKey, Forced] | None, threshold: float | None
    ) -> tuple[dict[GateKey, Forced], float]:
        """Check options of `decode`, and replace names and defaults by numbers.

        Raises
        ------
        InputError
            As `decode`. The resolution of an array is not checked, because that needs
            an image.
        """
        # float: a numpy number would be written as such into provenance.
        limit = float(self.card.threshold if threshold is None else threshold)
        if not 0 <= limit <= 1:
            raise InputError(f"Expected a threshold in [0, 1], but got {limit}.")
        return resolve_gates(gates, ends_of_gates(self.engine)), limit
