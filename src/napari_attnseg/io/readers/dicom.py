"""DICOM: one image, the frames of one file, or the files of one series.

A file's header is read when it is opened; a frame is read and decoded when it is asked
for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import InputError
from napari_attnseg.io.colour_profiles import (
    COLOUR_PROFILE,
    in_srgb,
    is_usable,
    profile_name,
)
from napari_attnseg.io.readers import dicom_header as headers
from napari_attnseg.io.readers.dicom_bits import bits_at, has_words, values_of
from napari_attnseg.io.readers.dicom_colours import (
    Colours,
    colours_of,
    is_jpeg,
    rgb_pixels,
    stored_samples,
)
from napari_attnseg.io.readers.dicom_file import (
    guarded,
    read_header,
    read_whole,
    silent,
)
from napari_attnseg.io.readers.dicom_jpeg import (
    is_ycbcr_called_rgb,
    jpeg_samples,
    stream_of,
    ycbcr_pixels,
)
from napari_attnseg.io.readers.dicom_planes import looks_like_planes
from napari_attnseg.io.readers.facts import Assumed, FileFacts, FrameAxis, NotUsed
from napari_attnseg.io.readers.formats import FileFormat
from napari_attnseg.io.readers.frames import Frames

#: Distances of slices may differ by this share of the mean one.
_EVEN = 0.05
#: Sizes of pixels that differ by a smaller share are rounded differently.
_SAME = 1e-3


#: Attributes without which no pixels are decoded.
_OF_PIXELS = (
    *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation"),
    *("BitsAllocated", "BitsStored", "PixelRepresentation"),
)


class DicomFrames(Frames):
    """Frames of DICOM files, one file after another.

    Parameters
    ----------
    paths : sequence of Path
        One file, or the files of a series in order.
    name : str
        Name for messages.
    assumed : tuple of Assumed
        Assumptions about their order.

    Raises
    ------
    InputError
        If a file cannot be read, or no installed library decodes it.
    """

    def __init__(
        self, paths: Sequence[Path], name: str, assumed: tuple[Assumed, ...] = ()
    ) -> None:
        self._paths = list(paths)
        self._headers = [read_header(path) for path in paths]
        #: Number of the file that was read as a whole last, and what it holds.
        self._read: tuple[int, Any] | None = None
        # pydicom interprets an element when it is first looked at.
        with guarded():
            for header in self._headers:
                _expect_decoder(header)
            #: Which file each frame is in, and which of its frames.
            self._places = [
                (file, frame)
                for file, header in enumerate(self._headers)
                for frame in range(int(header.get("NumberOfFrames") or 1))
            ]
            self._colours = {
                file: colours
                for file, header in enumerate(self._headers)
                if (colours := self._found_colours(file, header)) is not None
            }
            self._ycbcr = {
                file
                for file, header in enumerate(self._headers)
                if file not in self._colours
                and is_ycbcr_called_rgb(self._paths[file], header)
            }
            #: Whether all bits of a word are its value, whatever BitsStored says.
            self._all_bits = self._found_all_bits()
            facts = self._described(assumed)
        super().__init__(name, facts)

    def _found_colours(self, file: int, header: Any) -> Colours | None:
        path = self._paths[file]
        return colours_of(path, header, _syntax(header), lambda: self._samples(file, 0))

    def _samples(self, file: int, frame: int) -> NDArray[Any]:
        """Colours (H, W, 3) of a frame as they are stored, whatever they are called."""
        path, header = self._paths[file], self._headers[file]
        if is_jpeg(_syntax(header)):
            return jpeg_samples(stream_of(path, header, frame))
        return stored_samples(self._whole(file) or path, frame)

    def _found_all_bits(self) -> bool:
        known = [self._headers[file] for file, _ in self._places]
        found = set()
        for index in bits_at(known):
            file, frame = self._places[index]
            try:
                words = self._words(file, frame)
            except Exception:  # said when the frame is decoded
                continue
            found.add(values_of(words, self._headers[file])[1])
        return True in found

    def _words(self, file: int, frame: int) -> NDArray[Any]:
        """Stored words of a frame, with all of their bits."""
        from pydicom.pixels import pixel_array

        source = self._whole(file) or self._paths[file]
        return np.asarray(pixel_array(source, index=frame, correct_unused_bits=False))

    def _stored(self, file: int, frame: int) -> NDArray[Any]:
        """Stored values of a frame."""
        from pydicom.pixels import pixel_array

        if has_words(self._headers[file]):
            return values_of(
                self._words(file, frame), self._headers[file], self._all_bits
            )[0]
        source = self._whole(file) or self._paths[file]
        return np.asarray(pixel_array(source, index=frame))

    def _described(self, assumed: tuple[Assumed, ...]) -> FileFacts:
        first, count = self._headers[0], len(self._places)
        said: dict[str, Any] = {
            "modality": str(first.get("Modality") or ""),
            "photometric": str(first.get("PhotometricInterpretation") or ""),
            "transfer_syntax": _syntax(first).name,
            "lossy": str(first.get("LossyImageCompression") or "") == "01"
            or _is_lossy(first),
            "burned_in": str(first.get("BurnedInAnnotation") or "").lower() or None,
            "files": len(self._paths),
        }
        took, left = list(assumed), list[NotUsed]()
        if "TransferSyntaxUID" not in first.file_meta:
            took.append(Assumed.TRANSFER_SYNTAX)
        if self._ycbcr:
            took.append(Assumed.YCBCR_STREAM)
        if self._colours:
            took.append(Assumed.COLOURS_BY_DATA)
        if looks_like_planes(self._paths[0], first):
            took.append(Assumed.COLOURS_BY_PIXEL)
        if self._all_bits:
            took.append(Assumed.ALL_BITS)
        size = self._size()
        took += size.assumed
        left += size.not_used
        if headers.has_impossible_size(first):
            left.append(NotUsed.IMPOSSIBLE)
        inverse = str(first.get("PresentationLUTShape") or "") == "INVERSE"
        if inverse and self._is_grey and not self._is_inverted(0):
            left.append(NotUsed.PRESENTATION_INVERSE)
        said["spacing_source"] = size.source or None
        if regions := headers.regions_of(first):
            said["ultrasound_regions"] = regions
        window = self._window(left)
        times, nominal = headers.times_of(first, count if len(self._paths) == 1 else 1)
        took += nominal
        positions = self._positions(left)
        if any(headers.padding_of(one) for one in self._headers) and self._is_grey:
            left.append(NotUsed.PADDING)
        if any(0x6000 <= tag.group <= 0x60FF for tag in first.keys()):  # noqa: SIM118
            left.append(NotUsed.OVERLAYS)
        if not self._is_grey and _colour_bits(first) > 8:
            left.append(NotUsed.BITS)
        profiles = {headers.profile_of(one) for one in self._headers} - {None}
        if names := sorted({name for one in profiles if (name := profile_name(one))}):
            said[COLOUR_PROFILE] = ", ".join(names)
        if not all(is_usable(one) for one in profiles if one is not None):
            left.append(NotUsed.PROFILE)
        return FileFacts(
            FileFormat.DICOM,
            count,
            int(first.Rows),
            int(first.Columns),
            1 if self._is_grey else 3,
            FrameAxis.UNKNOWN
            if count == 1
            else headers.axis_of(first, times, positions),
            times,
            positions,
            size.spacing,
            size.unit,
            window,
            said,
            tuple(dict.fromkeys(took)),
            tuple(dict.fromkeys(left)),
            headers.identifiers_of(first),
        )

    @property
    def _is_grey(self) -> bool:
        first = self._headers[0]
        kind = str(first.get("PhotometricInterpretation") or "")
        return int(first.get("SamplesPerPixel") or 1) == 1 and kind != "PALETTE COLOR"

    def _window(self, left: list[NotUsed]) -> tuple[float, float] | None:
        """The window of all frames; of different ones, from the lowest to the highest.

        A stack is shown, and segmented, with one.
        """
        if not self._is_grey or _is_one_bit(self._headers[0]):
            return None
        found = [
            (headers.window_of(self._headers[file], frame), file, frame)
            for file, frame in self._places
        ]
        left += found[0][0].not_used
        windows = [
            self._shown(one.window, file, frame)
            for one, file, frame in found
            if one.window is not None
        ]
        if len(windows) < len(found):
            return None
        if len(set(windows)) > 1:
            left.append(NotUsed.OTHER_WINDOWS)
        return min(low for low, _ in windows), max(high for _, high in windows)

    def _shown(
        self, window: tuple[float, float], file: int, frame: int
    ) -> tuple[float, float]:
        """A window in the values of `_frame`: those of MONOCHROME1 are inverted."""
        if not self._is_inverted(file):
            return window
        total = self._ends(file, frame)
        return total - window[1], total - window[0]

    def _size(self) -> headers.Size:
        """Size of the pixels of all frames; none where they differ."""
        first, *others = [headers.size_of(self._headers[f], i) for f, i in self._places]
        for one in others:
            same = one.unit == first.unit and (one.spacing is None) == (
                first.spacing is None
            )
            if same and first.spacing is not None and one.spacing is not None:
                same = np.allclose(one.spacing, first.spacing, rtol=_SAME, atol=0)
            if not same:
                return headers.Size(not_used=(NotUsed.SPACINGS_DIFFER,))
        return first

    def _positions(self, left: list[NotUsed]) -> tuple[float, ...] | None:
        if len(self._places) < 2:
            return None
        found = [headers.position_of(self._headers[f], i) for f, i in self._places]
        known = [one for one in found if one is not None]
        if len(known) < len(found) or len(set(known)) < len(known):
            if len(set(known)) > 1:  # those of a film all lie at one place
                left.append(NotUsed.UNEVEN_SLICES)
            return None
        steps = np.abs(np.diff(known))
        if np.ptp(steps) > _EVEN * steps.mean():
            left.append(NotUsed.UNEVEN_SLICES)
        return tuple(known)

    def _bits(self, header: Any) -> int:
        name = "BitsAllocated" if self._all_bits else "BitsStored"
        return int(header.get(name) or 8)

    def _is_inverted(self, file: int) -> bool:
        kind = self._headers[file].get("PhotometricInterpretation")
        return bool(kind == "MONOCHROME1")

    def _ends(self, file: int, frame: int) -> float:
        """Sum of the lowest and the highest value that the file can store, rescaled."""
        header = self._headers[file]
        bits = self._bits(header)
        signed = int(header.get("PixelRepresentation") or 0)
        low = -(2 ** (bits - 1)) if signed else 0
        slope, intercept = headers.slope_of(header, frame)
        return float((low + low + 2**bits - 1) * slope + 2 * intercept)

    def _frame(self, index: int) -> NDArray[Any]:
        """A frame with its colours, of 8 bits by now, in sRGB."""
        file, _ = self._places[index]
        profile = headers.profile_of(self._headers[file])
        return in_srgb(self._decoded(index), profile)

    def _decoded(self, index: int) -> NDArray[Any]:
        from pydicom.pixels import apply_color_lut

        file, frame = self._places[index]
        header = self._headers[file]
        with silent():
            try:
                if file in self._ycbcr:
                    return ycbcr_pixels(self._paths[file], header, frame)
                if file in self._colours:
                    return rgb_pixels(self._samples(file, frame), self._colours[file])
                stored = self._stored(file, frame)
                if header.get("PhotometricInterpretation") == "PALETTE COLOR":
                    colours = np.asarray(apply_color_lut(stored, header))
                    return _eight_bits(colours, 8 * colours.itemsize)
                if not self._is_grey:
                    return _eight_bits(stored[..., :3], self._bits(header))
                values = headers.rescaled(stored, header, frame)
                values = headers.filled(values, stored, header)
                values = self._brightening(values, file, frame)
                # Of one bit, 1 is white; pydicom gives it as one of 8 bits.
                return values * np.uint8(255) if _is_one_bit(header) else values
            except InputError:
                raise
            except Exception as error:  # as for the header
                lacking = [name for name in _OF_PIXELS if name not in header]
                reason = f"it lacks {', '.join(lacking)}" if lacking else ""
                count = len(self._paths)
                which = f" (file {file + 1} of {count}, in order)" if count > 1 else ""
                raise InputError(
                    f"Frame {frame if count == 1 else index} of {self.name}{which} "
                    f"cannot be decoded ({reason or type(error).__name__}, "
                    f"{_syntax(header).name}); expected a whole DICOM file: replace it."
                ) from None

    def _whole(self, file: int) -> Any:
        """The whole file, if pydicom decodes no single frame of it; else None.

        It wants the transfer syntax, and cannot look up frames in deflated bytes.
        """
        syntax, meta = _syntax(self._headers[file]), self._headers[file].file_meta
        if "TransferSyntaxUID" in meta and not syntax.is_deflated:
            return None
        if self._read is None or self._read[0] != file:
            self._read = file, read_whole(self._paths[file], syntax)
        return self._read[1]

    def _brightening(self, values: NDArray[Any], file: int, frame: int) -> NDArray[Any]:
        """Values of which larger ones are brighter."""
        if not self._is_inverted(file):
            return values
        total = self._ends(file, frame)
        if values.dtype.kind == "f":
            return np.asarray(np.float32(total) - values)
        inverted = int(total) - values.astype(np.int64)
        return inverted.astype(values.dtype)


def _eight_bits(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """The upper eight bits of colours; palettes mostly have 16."""
    return (values >> max(bits - 8, 0)).astype(np.uint8)


def _is_one_bit(header: Any) -> bool:
    return int(header.get("BitsAllocated") or 0) == 1


def _colour_bits(header: Any) -> int:
    entries = header.get("RedPaletteColorLookupTableDescriptor")
    return int(entries[2]) if entries else int(header.get("BitsStored") or 8)


def _syntax(header: Any) -> Any:
    """Transfer syntax; without file meta information, the one that the bytes show."""
    from pydicom import uid

    said = header.file_meta.get("TransferSyntaxUID")
    if said:
        return said
    implicit, little = header.original_encoding
    if not little:
        return uid.ExplicitVRBigEndian
    return uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian


def _is_lossy(header: Any) -> bool:
    from pydicom.uid import JPEGBaseline8Bit, JPEGExtended12Bit

    return _syntax(header) in (JPEGBaseline8Bit, JPEGExtended12Bit)


def _expect_decoder(header: Any) -> None:
    """Say which transfer syntax cannot be decoded.

    Raises
    ------
    InputError
    """
    from pydicom.pixels import get_decoder

    syntax = _syntax(header)
    try:
        decodable = get_decoder(syntax).is_available
    except NotImplementedError:
        decodable = False
    if not decodable:
        film = "MPEG" in syntax.name or "HEVC" in syntax.name
        advice = (
            "export it as an MP4 film"
            if film
            else "save it in another one, such as Explicit VR Little Endian"
        )
        raise InputError(
            "Expected a DICOM transfer syntax that the installed decoders read, but "
            f"its pixels are stored as {syntax.name} ({syntax}); {advice}."
        )
