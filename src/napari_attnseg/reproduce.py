"""A run's provenance as Python or as a command that repeats it exactly. No Qt."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_attnseg.cards import weights_hash
from napari_attnseg.errors import AttnSegError
from napari_attnseg.forced_gates import gate_text
from napari_attnseg.images import array_sha256, read_image
from napari_attnseg.result_files import gate_file
from napari_attnseg.results import gate_key
from napari_attnseg.weights import bundled_weights

#: Larger files are not read to see whether they still hold what was segmented.
CHECKED_BYTES = 50_000_000


def python_text(facts: Mapping[str, Any], weights: Path | None = None) -> str:
    """Python that repeats a run and says whether it came out the same.

    Parameters
    ----------
    facts : mapping
        The run's provenance, as in ``layer.metadata["attnseg"]`` and in the JSON.
    weights : Path, optional
        File of the weights; provenance names it without its folder.
    """
    stack = isinstance(facts["mask_sha256"], list)
    file, problem = _image(facts)
    source, missing = _weights(facts, weights)
    options = _options(facts)
    flip = ", flip=True" if facts.get("flip_augmented") else ""
    first = facts["image_sha256"][0] if stack else facts["image_sha256"]
    lines = [
        *_heading(facts),
        "from pathlib import Path",
        "",
        *(["import tifffile", ""] if "tifffile" in options else []),
        "from napari_attnseg import Segmenter",
        "from napari_attnseg.images import array_sha256, read_image",
        "",
        *missing,
        f"segmenter = Segmenter.from_checkpoint({source!r}, {facts['device']!r})",
        f"if segmenter.sha256 != {facts['weights_sha256']!r}:",
        "    raise SystemExit('These are other weights than those of the run.')",
        *problem,
        f"image = read_image(Path({file!r}))",
        f"if array_sha256(image{'[0]' if stack else ''}) != {first!r}:",
        "    raise SystemExit('These are other pixels than those of the run.')",
        "",
    ]
    if stack:
        lines += [
            "results = [",
            f"    segmenter.decode(segmenter.encode(frame{flip}), {options})",
            "    for frame in image",
            "]",
            "found = [array_sha256(result.mask) for result in results]",
        ]
    else:
        lines += [
            f"result = segmenter.decode(segmenter.encode(image{flip}), {options})",
            "found = array_sha256(result.mask)",
        ]
    lines += [
        f"same = found == {facts['mask_sha256']!r}",
        "print('The same mask.' if same else 'Another mask: see the versions above.')",
    ]
    return "\n".join(lines) + "\n"


def command_text(facts: Mapping[str, Any], weights: Path | None = None) -> str:
    """``attnseg segment`` with the options of a run; parameters as `python_text`.

    What a command cannot repeat is said in comments instead.
    """
    if isinstance(facts["mask_sha256"], list):
        return _comment(
            "A stack was segmented; attnseg segment takes single images. Save its "
            "frames as files, or use Copy as Python."
        )
    if "array" in facts["gates_forced"].values():
        return _comment(
            "A gate was forced inside a region, which a command cannot say: use Copy "
            "as Python."
        )
    file, problem = _image(facts)
    source, missing = _weights(facts, weights)
    words = ["attnseg", "segment", file, "--out", "results"]
    words += ["--weights", source, "--device", facts["device"]]
    words += ["--threshold", repr(facts["threshold"])]
    if facts.get("flip_augmented"):
        words.append("--flip")
    for level, psi in facts["gates_forced"].items():
        words += ["--gate", gate_text(level, psi)]
    line = subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
    return "\n".join([*missing, *problem, line]) + "\n"


def _options(facts: Mapping[str, Any]) -> str:
    gates = ", ".join(
        f"{gate_key(gate)!r}: {_psi(gate, psi)}"
        for gate, psi in facts["gates_forced"].items()
    )
    forced = f"gates={{{gates}}}, " if gates else ""
    return f"{forced}threshold={facts['threshold']!r}"


def _psi(gate: str, psi: float | str) -> str:
    if psi == "array":  # not in provenance; save the results to have it
        return f"tifffile.imread('NAME_{gate_file(gate)}')"
    return repr(psi)


def _heading(facts: Mapping[str, Any]) -> list[str]:
    versions = ", ".join(f"{name} {v}" for name, v in facts["versions"].items())
    lines = [
        f"# Repeats a run of {facts['date']}",
        f"# with {versions}.",
    ]
    if "array" in facts["gates_forced"].values():
        lines.append(
            "# A gate was forced inside a region: save the results, and put the path "
            "of that gate's .tif below."
        )
    return lines


def _weights(facts: Mapping[str, Any], file: Path | None) -> tuple[str, list[str]]:
    """Bundled name or path of the weights, and a comment if the path is not known."""
    name = Path(facts["weights"]).stem
    bundled = bundled_weights().get(name)
    if bundled is not None and weights_hash(bundled) == facts["weights_sha256"]:
        return name, []
    if file is not None:
        return str(file), []
    text = f"Put the path of {facts['weights']} here."
    return facts["weights"], _comment(text).splitlines()


def _image(facts: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The image's file, and a comment where it is not what was segmented."""
    source = str(facts["source"])
    path = Path(source)
    how = (
        "save the image layer in napari (File > Save Selected Layers...) and put the "
        "path of that file here."
    )
    if not path.is_file():
        text = f"The image was the layer {source!r}, which came from no file: {how}"
        if len(path.parts) > 1:
            text = f"There is no file {source} any more: {how}"
            return source, _comment(text).splitlines()
        return f"{source}.tif", _comment(text).splitlines()
    wanted = facts["image_sha256"]
    if isinstance(wanted, str) and path.stat().st_size < CHECKED_BYTES:
        try:
            same = array_sha256(read_image(path)) == wanted
        except AttnSegError:
            same = False
        if not same:
            text = f"{path.name} does not hold the pixels that were segmented: {how}"
            return source, _comment(text).splitlines()
    return source, []


def _comment(text: str) -> str:
    return f"# {text}\n"
