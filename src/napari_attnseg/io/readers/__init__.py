"""Open files with images of every kind through one interface.

The viewer, the commands and the trainer all use it. `find_sets` lists what there is to
read, `open_frames` opens one of these sets without reading all of it, and
`read_picture` reads a file that holds one image.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_attnseg.errors import InputError
from napari_attnseg.io.colour_profiles import COLOUR_PROFILE
from napari_attnseg.io.images import UprightImage, read_upright
from napari_attnseg.io.readers.formats import FileFormat, file_format
from napari_attnseg.io.readers.frames import Frames
from napari_attnseg.io.readers.sets import FileSet, find_sets, set_of

__all__ = ["READERS", "FileSet", "Frames", "find_sets", "open_frames", "read_picture"]


def _raster(files: FileSet) -> Frames:
    from napari_attnseg.io.readers.raster import open_raster

    return open_raster(files.paths[0], files.paths[0].name)


def _dicom(files: FileSet) -> Frames:
    from napari_attnseg.io.readers.dicom import DicomFrames

    return DicomFrames(files.paths, files.name, files.assumed)


def _video(files: FileSet) -> Frames:
    from napari_attnseg.io.readers.video import VideoFrames

    return VideoFrames(files.paths[0], files.paths[0].name)


def _nifti(files: FileSet) -> Frames:
    from napari_attnseg.io.readers.nifti import NiftiFrames

    return NiftiFrames(files.paths[0], files.paths[0].name)


def _ome_tiff(files: FileSet) -> Frames:
    from napari_attnseg.io.readers.ome_tiff import OmeTiffFrames

    return OmeTiffFrames(files.paths[0], files.paths[0].name)


def _ome_zarr(files: FileSet) -> Frames:
    from napari_attnseg.io.readers.ome_zarr import OmeZarrFrames

    return OmeZarrFrames(files.paths[0], files.paths[0].name)


#: Kind of file → what opens it. Each reader's library is imported when it is needed.
READERS: dict[FileFormat, Callable[[FileSet], Frames]] = {
    FileFormat.RASTER: _raster,
    FileFormat.DICOM: _dicom,
    FileFormat.VIDEO: _video,
    FileFormat.NIFTI: _nifti,
    FileFormat.OME_TIFF: _ome_tiff,
    FileFormat.OME_ZARR: _ome_zarr,
}


def open_frames(files: FileSet | Path) -> Frames:
    """Open a file or a series of files; frames are decoded on demand.

    Raises
    ------
    InputError
        If it cannot be read, or the library for it is missing.
    """
    found = set_of(files) if isinstance(files, Path) else files
    return READERS[found.kind](found)


def read_picture(files: FileSet | Path, frame: int | None = None) -> UprightImage:
    """Read one image of a file or series of any kind, upright.

    Parameters
    ----------
    files : FileSet or Path
    frame : int, optional
        Number of the frame, from 0; None: the file must hold only one image.

    Raises
    ------
    InputError
        If it cannot be read, holds several images, or has no such frame.
    """
    path = files if isinstance(files, Path) else files.paths[0]
    if file_format(path) in (None, FileFormat.RASTER) and not frame:
        return read_upright(path)
    with open_frames(files) as frames:
        if frame is None and len(frames) != 1:
            raise InputError(
                f"Expected one image in {frames.name}, but it holds {len(frames)} "
                "frames; choose one with attnseg explain --frame, segment all of them "
                "with attnseg segment, or take them out with attnseg-train frames."
            )
        at = frame or 0
        if at >= len(frames):
            raise InputError(
                f"Expected a frame of {frames.name} from 0 to {len(frames) - 1}, but "
                f"got {at}; choose one of them."
            )
        facts = frames.facts
        turn = int(facts.said.get("orientation", 1))
        profile = facts.said.get(COLOUR_PROFILE)
        return UprightImage(frames[at], turn, facts=facts, profile=profile)
