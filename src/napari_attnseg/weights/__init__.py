"""Find the bundled weights by name. No torch."""

from __future__ import annotations

from pathlib import Path

from napari_attnseg.errors import CheckpointError, UnknownNameError

#: Name of the bundled weights that are used if nobody names others.
DEFAULT_WEIGHTS = "compact"
_FOLDER = Path(__file__).parent


def bundled_weights() -> dict[str, Path]:
    """Name → file of every weights file in the package."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.safetensors"))}


def weights_path(source: str | Path) -> Path:
    """File of a bundled name or of a path.

    Raises
    ------
    UnknownNameError
        If `source` looks like a name, but no bundled weights have this name.
    CheckpointError
        If `source` looks like a path, but there is no such file.
    """
    bundled = bundled_weights()
    if str(source) in bundled:
        return bundled[str(source)]
    path = Path(source).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        inside = sorted(path.glob("*.safetensors"))
        found = f"; it holds {', '.join(f.name for f in inside)}" if inside else ""
        raise CheckpointError(
            f"Expected a bundled name ({', '.join(bundled)}) or a .safetensors file, "
            f"but {path} is a folder{found}: give the file."
        )
    if path.suffix or len(path.parts) > 1:
        raise CheckpointError(
            f"Expected a bundled name ({', '.join(bundled)}) or a .safetensors file, "
            f"but there is no file {path}; check the path."
        )
    raise UnknownNameError.for_name("bundled model", str(source), list(bundled))
