"""One image and its masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from attnseg_training.datasets import cut_outs
from attnseg_training.datasets.grey_sheets import read_among
from attnseg_training.datasets.masks import MaskReading, read
from attnseg_training.datasets.nifti import (
    Spacing,
    is_nifti,
    may_be_turned,
    nifti_spacing,
    read_nifti,
)
from attnseg_training.datasets.rules import Rule, RuleError, UnclearMaskError
from napari_attnseg.errors import InputError
from napari_attnseg.intensity import WHOLE_RANGE, Intensity, IntensityMapping
from napari_attnseg.io.file_kinds import header_size
from napari_attnseg.io.images import UprightImage
from napari_attnseg.io.orientation import as_stored, upright
from napari_attnseg.io.readers import open_frames, read_picture
from napari_attnseg.io.readers.formats import FileFormat, file_format
from napari_attnseg.io.readers.window import rule_for
from napari_attnseg.preprocessing import to_rgb

#: Units of files as `Spacing` names them.
_UNITS = {"mm": "mm", "micrometer": "micron", "meter": "meter"}


@dataclass(frozen=True, slots=True, eq=False)
class SampleRead:
    """An image and its masks that were read.

    Attributes
    ----------
    rgb : ndarray of uint8, shape (H, W, 3)
    mapping : IntensityMapping
        How the image's intensities became `rgb`.
    planes : ndarray of uint8, shape (classes, H, W)
        0 and 1.
    ignored : ndarray of bool, shape (H, W), or None
        Pixels that are neither a class nor background, or None.
    readings : tuple of MaskReading
        Readings of each mask file.
    fits_both_ways : bool
        Whether image and mask ask to be shown in different orientations, their sizes
        agree with and without turning, and the user did not say which is right.
    affine_alone : bool
        Whether only one of image and mask is NIfTI, its affine asks to show it turned
        or mirrored, or it has none and is square, and the user did not say that both
        belong together as they are stored.
    other_pictures : bool
        Whether the image's file holds another picture besides the first.
    all_bits : bool
        Whether pixels of a DICOM image have more bits than its header says.
    """

    rgb: NDArray[np.uint8]
    mapping: IntensityMapping
    planes: NDArray[np.uint8]
    ignored: NDArray[np.bool_] | None
    readings: tuple[MaskReading, ...]
    fits_both_ways: bool
    affine_alone: bool = False
    other_pictures: bool = False
    all_bits: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """One image and its masks.

    Attributes
    ----------
    name : str
        Unique in its data set.
    image : Path
        Image file.
    masks : tuple of Path
        Mask files: one per class if `apart`, otherwise files that are merged. Empty:
        nothing in the image is lesion.
    values : tuple of int
        Mask value of each class; empty for one class: see `masks.read`.
    apart : bool
        Whether each class has its own mask file; classes may overlap then.
    ignore : int or None
        Mask value of what is neither a class nor background.
    orientation : str
        ``stored``: masks belong to the stored pixels of their images, whatever
        orientation the files ask for. ``shown``: image and mask are each turned as they
        ask. Empty: not stated; read as ``shown``.
    stated : bool
        Whether ``dataset.toml`` says which classes there are.
    threshold : float or None
        Number above which masks of one class are lesion; None: this follows from each
        mask.
    background : tuple of int
        Mask values of background besides 0, if classes have `values`.
    among : tuple of Path
        Masks of the data set, which tell whether a grey one alone is background.
    """

    name: str
    image: Path
    masks: tuple[Path, ...]
    values: tuple[int, ...] = ()
    apart: bool = False
    ignore: int | None = None
    orientation: str = ""
    stated: bool = False
    threshold: float | None = None
    background: tuple[int, ...] = ()
    among: tuple[Path, ...] = field(default=(), compare=False, repr=False)

    @property
    def classes(self) -> int:
        """Number of classes, background not counted."""
        return len(self.masks) if self.apart else len(self.values) or 1

    def read(
        self, intensity: Intensity = WHOLE_RANGE
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """RGB uint8 (H, W, 3) and mask uint8 (H, W): 0 background, c + 1 class c.

        Where classes overlap, the last one counts. Parameters and errors are those of
        `read_planes`.
        """
        rgb, planes = self.read_planes(intensity)
        numbers = np.arange(1, len(planes) + 1, dtype=np.uint8)[:, None, None]
        mask: NDArray[np.uint8] = (planes * numbers).max(0)
        return rgb, mask

    def read_planes(
        self, intensity: Intensity = WHOLE_RANGE
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Read RGB uint8 (H, W, 3) and masks uint8 (classes, H, W) of 0 and 1.

        Parameters
        ----------
        intensity : Percentiles or Window
            Intensity rule of the model that the image is for; see
            `preprocessing.to_rgb`.

        Raises
        ------
        RuleError
            If sizes of image and mask differ, or it is unclear what is lesion in a
            mask.
        InputError
            If a file cannot be read.
        """
        rgb, planes, _ = self.read_all(intensity)
        return rgb, planes

    def read_all(
        self, intensity: Intensity = WHOLE_RANGE
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_] | None]:
        """Read planes as `read_planes`, with ignored pixels: bool (H, W), or None."""
        read = self.read_with_traits(intensity)
        for trait in (trait for one in read.readings for trait in one.traits):
            if trait.alone is not None:  # only other masks tell whether it is empty
                raise UnclearMaskError(Rule.UNCLEAR_COLOURS, trait.alone.text)
        return read.rgb, read.planes, read.ignored

    def read_with_traits(
        self,
        intensity: Intensity = WHOLE_RANGE,
        masks: Sequence[MaskReading] | None = None,
    ) -> SampleRead:
        """Read planes as `read_planes` does, with the traits and all other findings.

        Parameters
        ----------
        intensity : Percentiles or Window
            As for `read_planes`.
        masks : sequence of MaskReading, optional
            Earlier result of `read_masks`, so that masks are not read again.
        """
        image = self._read_upright()
        rgb, mapping = self._rgb(image, intensity)
        masks = self.read_masks() if masks is None else masks
        cut_outs.expect_none(zip(self.masks, masks, strict=True), image.pixels)
        readings = [self._turned(one, image) for one in masks]
        for reading in readings:
            self._expect_size(reading, image)
        more = image.holds_others, image.has_more_bits
        if not readings:
            nothing = np.zeros((self.classes, *rgb.shape[:2]), np.uint8)
            return SampleRead(rgb, mapping, nothing, None, (), False, False, *more)
        square = rgb.shape[0] == rgb.shape[1]
        both = not self.orientation and any(
            one.orientation != image.orientation
            and (square or (one.orientation > 4) == (image.orientation > 4))
            for one in readings
        )
        united = self.united(readings)
        alone = self.orientation != "stored" and self._is_turned_alone()
        return SampleRead(rgb, mapping, *united, tuple(readings), both, alone, *more)

    def _is_turned_alone(self) -> bool:
        """Whether a NIfTI image or mask may be turned, and the other has no affine.

        There is nothing to compare that with: each is read as it is stored.
        """
        if is_nifti(self.image):
            alone = not all(is_nifti(path) for path in self.masks)
            return alone and may_be_turned(self.image)
        return any(is_nifti(path) and may_be_turned(path) for path in self.masks)

    def _turned(self, mask: MaskReading, image: UprightImage) -> MaskReading:
        """A mask as its image is shown, if both belong together as they are stored."""
        own, turn = mask.orientation, image.orientation
        if self.orientation != "stored" or own == turn:
            return mask
        planes = upright(as_stored(mask.planes, own, rows=1), turn, rows=1)
        void = mask.ignored
        if void is not None:
            void = upright(as_stored(void, own), turn)
        return replace(mask, planes=planes, ignored=void, orientation=turn)

    def united(
        self, readings: Sequence[MaskReading]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
        """Unite masks of all files: classes (classes, H, W), and ignored pixels."""
        each = [reading.planes for reading in readings]
        planes = np.concatenate(each) if self.apart else np.maximum.reduce(each)
        ignored = [one.ignored for one in readings if one.ignored is not None]
        if not ignored:
            return planes, None
        void = np.logical_or.reduce(ignored)
        planes[:, void] = 0
        return planes, void

    def read_masks(self) -> list[MaskReading]:
        """Read each mask file, in order; raises the errors of `masks.read`."""
        values = () if self.apart else self.values
        like = self.image if is_nifti(self.image) else None
        said = values, self.ignore, like, self.stated, self.threshold, True
        readings = []
        for path in self.masks:
            try:
                mask = read(path, *said, self.background)
                if not values and self.threshold is None:
                    mask = read_among(mask, self.among, self.ignore)
                readings.append(mask)
            except UnclearMaskError as error:
                raise cut_outs.refused(error, path, self.read_raw) from error
        return readings

    def expect_sizes(self, readings: Sequence[MaskReading]) -> None:
        """Raise an error as `read_all` if sizes differ, mostly without decoding."""
        size = header_size(self.image)
        if size and any(one.planes.shape[1:] != size for one in readings):
            self.read_with_traits()  # which decides, and says what is wrong

    def read_raw(self) -> NDArray[np.generic]:
        """Read only the image, upright, with the numbers that are stored."""
        return self._read_upright().pixels

    def read_rgb(self, intensity: Intensity = WHOLE_RANGE) -> NDArray[np.uint8]:
        """Read only the image, as RGB uint8 (H, W, 3); see `read_planes`."""
        return self.read_mapped(intensity)[0]

    def read_mapped(
        self, intensity: Intensity = WHOLE_RANGE
    ) -> tuple[NDArray[np.uint8], IntensityMapping]:
        """Read the image as `read_rgb` does, with the mapping of its intensities."""
        return self._rgb(self._read_upright(), intensity)

    @property
    def spacing(self) -> Spacing | None:
        """Size of a pixel, if the file gives it: NIfTI, DICOM, OME-Zarr."""
        if is_nifti(self.image):
            return nifti_spacing(self.image)
        if file_format(self.image) in (None, FileFormat.RASTER):
            return None
        with open_frames(self.image) as frames:
            facts = frames.facts
        if facts.spacing is None:
            return None
        return Spacing(*facts.spacing, _UNITS.get(facts.unit, "unknown"))

    def _read_upright(self) -> UprightImage:
        if is_nifti(self.image):
            return UprightImage(read_nifti(self.image), 1)
        try:
            return read_picture(self.image)
        except InputError as error:
            if self.image.name in str(error):
                raise
            raise InputError(f"{self.image.name} cannot be used: {error}") from error

    def _expect_size(self, mask: MaskReading, image: UprightImage) -> None:
        size, found = image.pixels.shape[:2], mask.planes.shape[1:]
        if found == size:
            return
        turn = max(image.orientation, mask.orientation)
        if found == size[::-1] and turn > 4 and self.orientation != "stored":
            asks = "image" if image.orientation > 4 else "mask"
            raise RuleError(
                Rule.ORIENTATION,
                f"The {asks} of {self.name!r} asks to be shown turned by 90° (EXIF, "
                f"XMP or TIFF orientation {turn}), but then image and mask differ in "
                'size; save both upright, or write orientation = "stored" into '
                "dataset.toml if masks were drawn on stored pixels.",
            )
        raise RuleError(
            Rule.SIZE,
            f"The mask of {self.name!r} has {found[0]}×{found[1]} px, its image "
            f"{size[0]}×{size[1]}; expected the same size: export the mask again.",
        )

    def _rgb(
        self, image: UprightImage, intensity: Intensity
    ) -> tuple[NDArray[np.uint8], IntensityMapping]:
        try:
            rule = rule_for(image.facts, intensity)
            rgb, mapping = to_rgb(image.pixels, intensity=rule)
        except InputError as error:
            raise InputError(f"{self.image.name} cannot be used: {error}") from error
        return (rgb * 255).round().astype(np.uint8), mapping
