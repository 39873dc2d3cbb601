"""DICOM files and videos that tests make, small ones."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: The patient of every file that is made here.
PATIENT, PATIENT_ID = "Quimby^Ada", "QX-40417"


def dicom_set(
    pixels: NDArray[Any], photometric: str = "MONOCHROME2", **more: Any
) -> Any:
    """A data set of one image (H, W[, 3]), or of frames (N, H, W[, 3])."""
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, UltrasoundImageStorage, generate_uid

    colour = photometric not in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
    frames = pixels.ndim - colour > 2
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = UltrasoundImageStorage
    data.SOPInstanceUID = generate_uid()
    data.SeriesInstanceUID = more.pop("SeriesInstanceUID", generate_uid())
    data.PatientName, data.PatientID = PATIENT, PATIENT_ID
    data.Modality = "US"
    data.Rows, data.Columns = pixels.shape[int(frames) : int(frames) + 2]
    if frames:
        data.NumberOfFrames = len(pixels)
    data.SamplesPerPixel = 3 if colour else 1
    if colour:
        data.PlanarConfiguration = 0
    data.PhotometricInterpretation = photometric
    data.BitsAllocated = data.BitsStored = 8 * pixels.itemsize
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(pixels.dtype.kind == "i")
    data.PixelData = np.ascontiguousarray(pixels).tobytes()
    if len(data.PixelData) % 2:
        data.PixelData += b"\0"
    for name, value in more.items():
        setattr(data, name, value)
    return data


def dicom_file(path: Path, pixels: NDArray[Any], *args: Any, **more: Any) -> Path:
    """As `dicom_set`, written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dicom_set(pixels, *args, **more).save_as(path, enforce_file_format=True)
    return path


def numbered(count: int, shape: tuple[int, int] = (48, 64)) -> NDArray[np.uint8]:
    """RGB frames of which each shows its number: 16 bars, bright for a set bit."""
    frames = np.full((count, *shape, 3), 40, np.uint8)
    bar = shape[1] // 16
    for number in range(count):
        for bit in range(16):
            if number >> bit & 1:
                frames[number, :, bit * bar : (bit + 1) * bar] = 215
    return frames


def number_of(frame: NDArray[np.uint8]) -> int:
    """The number that a frame of `numbered` shows."""
    bar = frame.shape[1] // 16
    levels = [frame[:, b * bar : (b + 1) * bar].mean() for b in range(16)]
    return sum(1 << bit for bit, level in enumerate(levels) if level > 128)


def video_file(
    path: Path,
    frames: NDArray[np.uint8],
    codec: str = "libx264",
    times: Sequence[Fraction] | None = None,
    rotation: int = 0,
    pixels: str = "yuv420p",
    **options: str,
) -> Path:
    """A video of these frames, 25 per second, or with frames at these times."""
    import av

    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pixels
        if rotation:
            stream.set_display_rotation(rotation)
        base = Fraction(1, 600)
        if times is not None:
            stream.codec_context.time_base = base
        for i, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            if times is not None:
                picture.pts, picture.time_base = int(times[i] / base), base
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def interlaced_film(path: Path, frames: NDArray[np.uint8]) -> Path:
    """A film that says that each frame holds the rows of two moments."""
    options = {"x264-params": "tff=1", "flags": "+ilme+ildct"}
    return video_file(path, frames, **options)


def cut_film(path: Path, frames: NDArray[np.uint8]) -> Path:
    """An MP4 that ends early.

    Its index comes first, as in streamed files, and promises all frames.
    """
    import av

    noise = np.random.default_rng(0).integers(0, 25, frames.shape, np.uint8)
    whole = video_file(path.with_name(f"whole-{path.name}"), frames + noise, g="6")
    first = {"movflags": "faststart"}
    with (
        av.open(str(whole)) as source,
        av.open(str(path), "w", options=first) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    whole.unlink()
    data = path.read_bytes()
    start = data.index(b"mdat")
    path.write_bytes(data[: start + (len(data) - start) // 2])
    return path


def trimmed_film(path: Path, frames: NDArray[np.uint8], first: int) -> Path:
    """An MP4 that holds all frames, and says that it begins with a later one."""
    import av

    whole = video_file(path.with_name(f"whole-{path.name}"), frames, g="100", bf="0")
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        old = source.streams.video[0]
        stream = target.add_stream_from_template(old)
        shift = round(first / 25 / old.time_base)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                target.mux(packet)
    return path
