"""Tell of folders below ``images/`` that hold images with masks, and are not read."""

from __future__ import annotations

from attnseg_training.datasets.file_names import pictures_in
from attnseg_training.datasets.folder_names import PAIRS
from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.layouts import Files
from attnseg_training.datasets.pairing import paired
from attnseg_training.datasets.rules import Rule
from napari_attnseg.how_many import how_many
from napari_attnseg.io.folders import entries

#: Folders that are told one by one.
FEW = 3


def folders_left_out(files: Files) -> list[Hint]:
    """Give a hint if folders beside images hold further images that have masks.

    Their masks lie in a folder of the same name below ``masks/``, or in ``masks/``
    itself.
    """
    images, masks = (files.root / part for part in PAIRS)
    if files.layout.parts or not images.is_dir() or not masks.is_dir():
        return []
    used = {path.parent for path in files.images.values()}
    folders = [path for path in entries(images) if path.is_dir() and path not in used]
    if not folders:
        return []
    names: list[str] = []
    held: dict[str, int] = {}
    flat = pictures_in(masks)
    for folder in folders:
        here, same = pictures_in(folder), masks / folder.name
        if same.is_dir():
            both = set(here) & set(paired(here, pictures_in(same)))
        else:  # previews of images that are read have their names
            both = (set(here) & set(paired(here, flat))) - set(files.images)
        if both:
            held[f"{PAIRS[0]}/{folder.name}/"] = len(both)
            names += [f"{folder.name}/{name}" for name in sorted(both)]
    if not held:
        return []
    each = ", ".join(f"{n} in {folder}" for folder, n in [*held.items()][:FEW])
    more = len(held) - FEW
    each += f" and others in {how_many(more, 'more folder')}" if more > 0 else ""
    told = f"{how_many(len(names), 'image')}, {each}"
    return [Hint(Rule.FOLDERS_LEFT_OUT, tuple(names), held=told)]
