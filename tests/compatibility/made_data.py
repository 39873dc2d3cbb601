"""Data sets and images that are drawn for the fixtures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from made_files import NAMES, png, write


def scene(seed: int, discs: int = 1) -> tuple[Any, Any]:
    """40×48 px: bright discs on a soft background; small as PNG."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:40, :48]
    mask = np.zeros((40, 48), bool)
    for _ in range(discs):
        row, column = rng.integers(12, 28), rng.integers(10, 38)
        mask |= (y - row) ** 2 + (x - column) ** 2 < 64 / discs + 17
    slope = (x * rng.integers(0, 2) + y) // 2
    image = slope + 30 + rng.integers(0, 8, (40, 48)) + mask * 110
    return image[..., None] + np.array([40, 10, 0]), mask


def draw_data() -> dict[str, Any]:
    """All data folders with real images; what ``layouts.json`` says of them."""
    both = {"splits/train.txt": NAMES[:9], "splits/val.txt": NAMES[9:]}
    lists = {
        "splits/train.txt": NAMES[:6],
        "splits/val.txt": NAMES[6:9],
        "splits/test.txt": NAMES[9:],
    }
    own = {name.replace("splits", "lists"): names for name, names in both.items()}
    layouts: dict[str, dict[str, Any]] = {
        "polyps": both,
        "plain": {},
        "listed": lists,
        "train only": {"splits/train.txt": NAMES},
        "train and test": {
            "splits/train.txt": NAMES[:9],
            "splits/test.txt": NAMES[9:],
        },
        "own lists": {**own, "dataset.toml": 'name = "mine"\nsplits = "lists"\n'},
        "empty lists": {"lists/.keep": [], "dataset.toml": 'splits = "lists"\n'},
        "renamed": {**both, "dataset.toml": 'name = "polyps"\n'},
        "relisted": {**lists, "dataset.toml": 'name = "polyps"\n'},
        "kvasir-seg": {**both, "dataset.toml": 'name = "kvasir-seg"\n'},
        "hyperkvasir": {"dataset.toml": 'name = "hyperkvasir"\n'},
    }
    for name, texts in layouts.items():
        root = Path("data", name)
        for i, image in enumerate(NAMES):
            picture, mask = scene(i)
            png(root / "images" / f"{image}.png", picture)
            png(root / "masks" / f"{image}.png", mask * 255)
        for file, text in texts.items():
            write(root / file, text if isinstance(text, str) else "\n".join(text))
    prefixes = dict.fromkeys(layouts, "")
    # Folders that are splits: DRIVE's, and PraNet's two trees for two data sets.
    for i in range(8):
        part = "training" if i < 6 else "test"
        picture, mask = scene(i)
        png(f"data/drive/{part}/images/{i:02d}_{part}.png", picture)
        png(f"data/drive/{part}/1st_manual/{i:02d}_manual1.png", mask * 255)
    for i in range(12):
        tree, name = [
            ("TrainDataset", f"cju{i}"),
            ("TestDataset/Kvasir", f"cju{i}"),
            ("TrainDataset", f"{i}"),
            ("TestDataset/CVC-ClinicDB", f"{i}"),
        ][2 * (i % 2) + (i > 7)]
        picture, mask = scene(i)
        png(f"data/pranet/{tree}/images/{name}.png", picture)
        png(f"data/pranet/{tree}/masks/{name}.png", mask * 255)
    prefixes |= {"drive": "", "pranet": "kvasir-seg:", "camus": ""}
    draw_camus()
    draw_shapes()
    found = {}
    for name, prefix in prefixes.items():
        root = Path("data", name)
        paths = sorted(p for p in root.rglob("*") if p.is_file())
        found[name] = {
            "root": name,
            "prefix": prefix,
            "files": {
                path.relative_to(root).as_posix(): path.read_text()
                if path.suffix in (".txt", ".toml", "")
                else None
                for path in paths
            },
        }
    return found


def draw_camus() -> None:
    """Six patients as NIfTI, three classes, with the published lists."""
    import nibabel

    for i in range(1, 7):
        patient = f"patient{i:04d}"
        folder = Path("data/camus/database_nifti", patient)
        folder.mkdir(parents=True)
        picture, mask = scene(i)
        labels = mask * (1 + np.arange(48) % 3)
        for end, values in (("", picture[..., 0]), ("_gt", labels)):
            image = nibabel.Nifti1Image(values.astype(np.uint8), np.eye(4))
            nibabel.save(image, folder / f"{patient}_2CH_ED{end}.nii.gz")
    for name, own in (("training", "1234"), ("validation", "5"), ("testing", "6")):
        text = "\n".join(f"patient000{i}" for i in own)
        write(f"data/camus/database_split/subgroup_{name}.txt", text)


def draw_shapes() -> None:
    """Two classes: a square and a disc."""
    y, x = np.mgrid[:40, :48]
    for i in range(12):
        picture, disc = scene(i)
        square = (abs(y - 8) < 5) & (abs(x - 8 - i) < 5)
        picture = np.clip(picture + square[..., None] * (90, 0, 0), 0, 255)
        png(f"data/shapes/images/s{i:02d}.png", picture)
        png(f"data/shapes/masks/s{i:02d}.png", np.where(square, 2, disc))
    write("data/shapes/dataset.toml", 'name = "shapes"\nclasses = ["disc", "square"]\n')


def draw_images() -> None:
    """Images to segment; the file of one is read by a test."""
    png("images/polyp.png", scene(20)[0])
    png("images/two.png", scene(21, 2)[0])
    png("images/grey.png", scene(22)[0][..., 0])
