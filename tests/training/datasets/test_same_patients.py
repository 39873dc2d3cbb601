"""Images of one patient in two splits, as a header or a table says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from medical_files import dicom_file
from PIL import Image

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.check import check
from attnseg_training.datasets.hints import Hint
from attnseg_training.datasets.rules import Rule
from attnseg_training.datasets.same_patients import same_patients

NAMES = [f"im{i}" for i in range(9)]
IMAGES = {name: Path(f"images/{name}.png") for name in NAMES}
#: Patients 0, 1, 2 have three images each; the first split holds whole patients.
WHOLE = {"train": NAMES[:6], "val": NAMES[6:]}
MIXED = {"train": NAMES[:5], "val": NAMES[5:]}
GROUPS = (("im3", "im5"),)


def table(form: str = "{}.png;P{};40", head: str = "image;patient_id;age") -> str:
    rows = (form.format(name, i // 3) for i, name in enumerate(NAMES))
    return "\n".join((head, *rows)) + "\n"


def told(folder: Path, text: str, splits: dict, coding: str = "utf-8") -> list[Hint]:
    (folder / "about.csv").write_text(text, encoding=coding)
    return same_patients(splits, IMAGES, folder)


@pytest.mark.parametrize(
    ("text", "coding"),
    [
        (table(), "utf-8"),
        (table("images/{},x{}", "Bild,Subject"), "utf-8-sig"),
        (table('"{}"\t"HAM_{}"', "image_id\tlesion_id"), "utf-16"),
        ("sep=;\r\n" + table().replace("\n", "\r\n"), "latin-1"),
        ("Größe der Läsionen;;\n;;\n" + table(), "latin-1"),
        ("Images, by patient, of 2020\n" + table(), "utf-8"),
        (table(head='image;"patient\nid";age').replace("\n", "_", 1), "utf-8"),
    ],
)
def test_a_table_tells_patients(tmp_path: Path, text: str, coding: str) -> None:
    (hint,) = told(tmp_path, text, MIXED, coding)
    assert (hint.rule, hint.groups) == (Rule.SAME_PATIENT, GROUPS)
    assert "P1" not in str(hint)
    assert told(tmp_path, text, WHOLE, coding) == []


@pytest.mark.parametrize(
    "text",
    [
        table(head="image;centre;age"),
        table(head="image;lesion;age"),
        table("other{};P{};40"),
        table("{};unknown"),
        "image;patient\n" + "".join(f"{n};{i % 2}\n" for i, n in enumerate(NAMES)),
        "image;patient\n" + "".join(f"{n};{n}\n" for n in NAMES),
        "image;patient\n" + "".join(f"im{i % 3};P{i}\n" for i in range(9)),
    ],
)
def test_other_tables_tell_none(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, text, MIXED) == []


def test_dicom_headers_tell_patients_or_examinations(tmp_path: Path) -> None:
    def made(place: str, patients: int, studies: int) -> list[Hint]:
        root = tmp_path / place
        (root / "masks").mkdir(parents=True)
        for i, name in enumerate(NAMES):
            more = {"PatientID": f"QX-{i // patients}"}
            more["StudyInstanceUID"] = f"1.2.{i // studies}"
            pixels = np.random.default_rng(i).integers(0, 256, (20, 24), np.uint8)
            dicom_file(root / "images" / f"{name}.dcm", pixels, **more)
            mask = np.zeros((20, 24), np.uint8)
            mask[5:12, 4 + i : 14] = 255
            Image.fromarray(mask).save(root / "masks" / f"{name}.png")
        drawn = load_dataset(root).hints
        asked = [h for h in check(root).questions if h.rule == Rule.SAME_PATIENT]
        assert list(drawn) == asked
        return asked

    for hints in (made("patients", 3, 1), made("studies", 9, 3)):
        (hint,) = hints
        assert len(hint.groups) == 1 and "QX" not in str(hint)
    assert made("apart", 1, 1) == []
