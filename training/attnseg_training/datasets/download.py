"""Download a data set whose licence allows it, on request."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

from attnseg_training.datasets.catalog import DATASETS
from attnseg_training.datasets.spec import Archive
from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.io.atomic import write_text


def archive_of(name: str) -> Archive:
    """Archive that is downloaded for a data set.

    Raises
    ------
    UnknownNameError
        If there is no such data set.
    InputError
        If its licence does not allow everybody to download it.
    """
    if name not in DATASETS:
        raise UnknownNameError.for_name("data set", name, list(DATASETS))
    spec = DATASETS[name]
    if spec.archive is None:
        public = [known for known, one in DATASETS.items() if one.archive]
        raise InputError(
            f"{name} is not downloaded ({spec.licence}); get it from "
            f"{spec.url or 'whoever has it'}, or choose one of {', '.join(public)}."
        )
    return spec.archive


def download(name: str, out: Path, progress: bool = True) -> Path:
    """Download, verify and unpack a data set; `out` is complete or does not appear.

    Parameters
    ----------
    name : str
        Name in `DATASETS`.
    out : Path
        Folder to make; it must not exist, or be empty.
    progress : bool
        Show a bar on stderr.

    Raises
    ------
    InputError
        If it cannot be downloaded or written, differs from the expected file, or `out`
        is not empty.
    """
    from torch.hub import download_url_to_file

    archive = archive_of(name)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            f"Expected a new or empty folder, but {out} is in use; choose another one."
        )
    by_hand = (
        f"try again, or fetch {archive.url} with a browser and unpack it by yourself"
    )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent) as folder:
            file = Path(folder) / "archive.zip"
            download_url_to_file(archive.url, str(file), archive.sha256, progress)
            with zipfile.ZipFile(file) as packed:
                packed.extractall(folder)
            root = Path(folder) / archive.root
            write_text(root / "dataset.toml", f'name = "{name}"\n')
            if out.exists():  # empty; Windows does not rename over it
                out.rmdir()
            root.rename(out)
    except (RuntimeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"Expected {archive.url} with the SHA-256 that is known of it, but: "
            f"{error}; nothing was kept: {by_hand} and look at it with "
            "attnseg-train check."
        ) from error
    except OSError as error:
        raise InputError(
            f"{archive.url} could not be downloaded to {out} ({error}); {by_hand}."
        ) from error
    return out
