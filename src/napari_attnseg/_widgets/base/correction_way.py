"""Choose the corrector of clicks: the weights' own, similarity, or MedSAM. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_attnseg.devices import available_devices
from napari_attnseg.intensity import Intensity

if TYPE_CHECKING:
    from napari_attnseg.corrections import Corrector
    from napari_attnseg.medsam import Medsam


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """A choice of corrector; by default the one that the weights allow.

    Attributes
    ----------
    similarity : bool
        Whether to use the similarity rule even if the weights have a click head.
    folder : Path or None
        Folder of MedSAM, which stays loaded while this choice exists; None: no MedSAM.
    """

    similarity: bool = False
    folder: Path | None = None
    _loaded: dict[str, Medsam] = field(default_factory=dict)

    def by_medsam(
        self,
        pixels: NDArray[Any],
        rgb: bool | None,
        intensity: Intensity,
        device: str,
        classes: int,
    ) -> Corrector:
        """Make the MedSAM corrector of one frame, if possible on the device of its run.

        Raises
        ------
        InputError
            If transformers or a file is missing, or it is another model.
        DeviceError
            If the device is out of memory.
        """
        from napari_attnseg.corrections.by_medsam import MedsamCorrector
        from napari_attnseg.medsam import Medsam

        assert self.folder is not None
        device = device if device in available_devices() else "auto"
        if device not in self._loaded:
            self._loaded[device] = Medsam.from_folder(self.folder, device)
        sam = self._loaded[device]
        seen = sam.encode(pixels, rgb, intensity)
        return MedsamCorrector(sam, seen, (pixels.shape[0], pixels.shape[1]), classes)
