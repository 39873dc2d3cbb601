"""Python code or a command that repeats a run exactly, from its provenance. No Qt."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_attnseg.axes import AXIS_READING
from napari_attnseg.boxes import box_of
from napari_attnseg.cards import weights_hash
from napari_attnseg.forced_gates import gate_text
from napari_attnseg.intensity import (
    WITHOUT_BORDER,
    Intensity,
    IntensityKind,
    Window,
    is_fixed,
    rule_of,
)
from napari_attnseg.io.readers.facts import FILE_FACTS
from napari_attnseg.io.results import gate_file
from napari_attnseg.io.saved_results import saved_gates
from napari_attnseg.masks import MEDSAM, RULES, MaskRules, rules_of
from napari_attnseg.reader_record import READERS
from napari_attnseg.reproduce_clicks import clicks_code
from napari_attnseg.reproduce_image import OPENING, comment, image_of_run, reading_code
from napari_attnseg.results import gate_key
from napari_attnseg.tiles import TILES
from napari_attnseg.weights import bundled_weights

#: What is said instead of Python, and beside a command, of a mask of MedSAM's.
REFINED = (
    "The mask was refined by MedSAM, which only a command repeats: use Copy as command."
)
REMADE = (
    "The mask was made anew from MedSAM's probability, which no command repeats; this "
    "gives the mask before that."
)
STORED = (
    "The image was segmented as it is stored, as napari showed it; attnseg segment "
    "turns it upright, and the mask lies on that: use Copy as Python for the same "
    "pixels."
)
EDITED = (
    "The mask was edited by hand, which no command repeats; this gives the mask before "
    "that."
)


def python_text(
    facts: Mapping[str, Any],
    weights: Path | None = None,
    saved: Path | None = None,
    edited: bool = False,
) -> str:
    """Write Python code that repeats a run and compares the mask with the first one.

    Parameters
    ----------
    facts : mapping
        The run's provenance, as in ``layer.metadata["attnseg"]`` and in the JSON.
    weights : Path, optional
        File of the weights; provenance names it without its folder.
    saved : Path, optional
        JSON file that the run was saved as. If a gate was forced inside a region, its
        map is in a file beside the JSON.
    edited : bool
        Whether somebody painted in the mask.
    """
    if MEDSAM in facts:
        return comment(REFINED)
    stack = isinstance(facts["mask_sha256"], list)
    file, problem, upright = image_of_run(facts, saved, facts)
    source, missing = _weights(facts, weights)
    gates, unsaved = _gates(facts, saved)
    read = reading_code(file, facts, upright)
    frame = f"[{int(facts['frame'])}]" if "frame" in facts else ""
    options = _options(facts, gates)
    tiled = TILES in facts
    remade = RULES in facts
    flip = ", flip=True" if facts.get("flip_augmented") else ""
    rule = _intensity(facts)
    how = f"{flip}, intensity={rule!r}" if rule is not None else flip
    box = box_of(facts)
    how += "" if box is None else f", box={box!r}"
    hashes, masks = facts["image_sha256"], facts["mask_sha256"]
    # Of a stack those frames that were segmented.
    done = [i for i, sha256 in enumerate(hashes) if sha256] if stack else [0]
    first = hashes[done[0]] if stack else hashes
    made = [masks[i] for i in done] if stack else masks
    frames = "image" if len(done) == len(hashes) else f"(image[i] for i in {done})"
    lines = [
        *_heading(facts),
        *(comment(EDITED).splitlines() if edited else []),
        *unsaved,
        "from pathlib import Path",
        "",
        "from napari_attnseg import Segmenter",
        *(
            ["from napari_attnseg.axes import read_array"]
            if AXIS_READING in facts
            else []
        ),
        *(["from napari_attnseg.boxes import Box"] if box is not None else []),
        "from napari_attnseg.hashing import array_sha256",
        *(
            [f"from napari_attnseg.intensity import {type(rule).__name__}"]
            if rule is not None
            else []
        ),
        "from napari_attnseg.io.images import read_image",
        *([OPENING] if FILE_FACTS in facts else []),
        *(["from napari_attnseg.masks import MaskRules, remake"] if remade else []),
        *(["from napari_attnseg.tiles import segment_tiles"] if tiled else []),
        "",
        *missing,
        f"segmenter = Segmenter.from_checkpoint({source!r}, {facts['device']!r}"
        f"{', ' + repr('auto') if _in_fewer_bits(facts) else ''})",
        f"if segmenter.sha256 != {facts['weights_sha256']!r}:",
        "    raise SystemExit('These are other weights than those of the run.')",
        *problem,
        f"image = {read}{frame}",
        f"if array_sha256(image{f'[{done[0]}]' if stack else ''}) != {first!r}:",
        "    raise SystemExit('These are other pixels than those of the run.')",
        "",
    ]
    if stack:
        lines += [
            "results = [",
            f"    {_call('frame', how, options, tiled)}",
            f"    for frame in {frames}",
            "]",
        ]
        if remade:  # of what the viewer keeps of a stack
            lines += [
                f"rules = {rules_of(facts)!r}",
                "results = [remake(result, rules, 'float16') for result in results]",
            ]
        lines += [
            "found = [array_sha256(result.mask) for result in results]",
        ]
    else:
        lines += [
            f"result = {_call('image', how, options, tiled)}",
        ]
        if remade:
            lines.append(f"result = remake(result, {rules_of(facts)!r})")
        lines.append("found = array_sha256(result.mask)")
    lines += [
        f"same = found == {made!r}",
        "print('The same mask.' if same else 'Another mask: see the versions above.')",
        *clicks_code(facts, f"segmenter.encode(image{how})"),
    ]
    return "\n".join(lines) + "\n"


def _call(image: str, how: str, options: str, tiled: bool) -> str:
    """Code that segments what is called `image`."""
    if tiled:
        return f"segment_tiles(segmenter, {image}{how}, {options})"
    return f"segmenter.decode(segmenter.encode({image}{how}), {options})"


def command_text(
    facts: Mapping[str, Any],
    weights: Path | None = None,
    saved: Path | None = None,
    edited: bool = False,
) -> str:
    """Write ``attnseg segment`` with the options of a run; parameters as `python_text`.

    Comments name what a command cannot repeat.
    """
    stack = isinstance(facts["mask_sha256"], list) and FILE_FACTS not in facts
    if stack or "frame" in facts:
        return comment(
            "A stack was segmented; attnseg segment takes single images. Save its "
            "frames as files, or use Copy as Python."
        )
    file, problem, upright = image_of_run(facts, saved, {})
    problem += [] if upright else comment(STORED).splitlines()
    source, missing = _weights(facts, weights)
    gates, unsaved = _gates(facts, saved)
    sam, unknown = _medsam(facts)
    rules = rules_of(facts[MEDSAM]["prompted_by"] if MEDSAM in facts else facts)
    # What begins with a dash would be taken for an option.
    file = f"./{file}" if file.startswith("-") else file
    words = ["attnseg", "segment", file, "--out", "results"]
    words += ["--weights", source, "--device", facts["device"]]
    words += ["--precision", "auto"] if _in_fewer_bits(facts) else []
    words += ["--threshold", repr(rules.threshold)]
    words += ["--smooth", repr(rules.smoothing)] if rules.smoothing else []
    words += ["--min-size", repr(rules.min_size)] if rules.min_size else []
    words += ["--fill-holes"] if rules.fill_holes else []
    words += ["--keep-largest"] if rules.largest else []
    if facts.get("flip_augmented"):
        words.append("--flip")
    words += ["--readers"] if READERS in facts else []
    words += _intensity_words(_intensity(facts))
    box = box_of(facts)
    words += [] if box is None else ["--box", str(box)]
    words += ["--tile"] if TILES in facts else []
    for level, psi in gates.items():
        words += ["--gate", gate_text(level, psi)]
    words += sam
    line = subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
    said = comment(EDITED).splitlines() if edited else []
    return "\n".join([*said, *unsaved, *missing, *unknown, *problem, line]) + "\n"


def _gates(
    facts: Mapping[str, Any], saved: Path | None
) -> tuple[dict[str, float | str | Path], list[str]]:
    """Forced value of each gate, and a comment if a map of psi was not saved."""
    files = {} if saved is None else saved_gates(saved, facts["date"])
    gates: dict[str, float | str | Path] = dict(facts["gates_forced"])
    unknown = False
    for level, psi in gates.items():
        if psi == "array":  # not in provenance
            gates[level] = files.get(level, Path(f"NAME_{gate_file(level)}"))
            unknown |= level not in files
    text = (
        "A gate was forced inside a region: save the results, and put the path of that "
        "gate's .tif below."
    )
    return gates, comment(text).splitlines() if unknown else []


def _options(facts: Mapping[str, Any], gates: Mapping[str, float | str | Path]) -> str:
    forced = ", ".join(
        f"{gate_key(level)!r}: {_psi(psi, 'frame' in facts)}"
        for level, psi in gates.items()
    )
    forced = f"gates={{{forced}}}, " if forced else ""
    return f"{forced}threshold={facts['threshold']!r}"


def _psi(psi: float | str | Path, of_stack: bool) -> str:
    if isinstance(psi, Path):
        return f"read_image(Path({str(psi)!r})){'[0]' if of_stack else ''}"
    return repr(psi)


def _intensity(facts: Mapping[str, Any]) -> Intensity | None:
    """The rule of the run; None where every rule but a window gives the same."""
    rule = rule_of(facts)
    return rule if isinstance(rule, Window) or not is_fixed(facts) else None


def _intensity_words(rule: Intensity | None) -> list[str]:
    if rule is None:
        return []
    if isinstance(rule, Window):
        return ["--window", repr(rule.low), repr(rule.high)]
    if rule.whole:
        return ["--intensity", str(IntensityKind.WHOLE_RANGE)]
    border = f",{WITHOUT_BORDER}" if rule.without_border else ""
    ends = f"{rule.low!r},{rule.high!r}{border}"
    return ["--intensity", f"{IntensityKind.PERCENTILES}={ends}"]


def _heading(facts: Mapping[str, Any]) -> list[str]:
    versions = ", ".join(f"{name} {v}" for name, v in facts["versions"].items())
    said = (f"Repeats a run of {facts['date']}", f"with {versions}.")
    return [line for text in said for line in comment(text).splitlines()]


def _weights(facts: Mapping[str, Any], file: Path | None) -> tuple[str, list[str]]:
    """Bundled name or path of the weights, and a comment if the path is not known."""
    name = Path(facts["weights"]).stem
    bundled = bundled_weights().get(name)
    if bundled is not None and weights_hash(bundled) == facts["weights_sha256"]:
        return name, []
    if file is not None:
        return str(file), []
    text = f"Put the path of {facts['weights']} here."
    return facts["weights"], comment(text).splitlines()


def _in_fewer_bits(facts: Mapping[str, Any]) -> bool:
    return bool(facts.get("precision", "float32") != "float32")


def _medsam(facts: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Options that refine by MedSAM, and comments on what is not known of it."""
    if MEDSAM not in facts:
        return [], []
    sam = facts[MEDSAM]
    hashes = ", ".join(
        f"{name} {sha256}" for name, sha256 in sam["files_sha256"].items()
    )
    text = f"Put the path of MedSAM's folder {sam['name']} below (SHA-256: {hashes})."
    said = comment(text).splitlines()
    if rules_of(facts) != MaskRules(facts["threshold"]):
        said += comment(REMADE).splitlines()
    return ["--medsam", sam["name"], "--medsam-margin", repr(sam["margin"])], said
