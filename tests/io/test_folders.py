"""Which names are one, and what a folder has besides what is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_attnseg.errors import InputError
from napari_attnseg.io.folders import entries, left_out, left_out_words, name_key
from napari_attnseg.io.images import find_images
from napari_attnseg.io.readers import find_sets


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.czi", r"\(\.czi\), which is not read: .* as TIFF or OME-TIFF\."),
        ("b.ND2", r"\(\.nd2\), which is not read: .* as TIFF or OME-TIFF\."),
        ("c.ndpi", r"\(\.ndpi\), which is not read: .* as TIFF or OME-TIFF\."),
        ("d.mgz", r"FreeSurfer, which is not read: convert it to NIfTI"),
        ("e.heic", r"the format HEIC, which is not read: export it as PNG\."),
        ("f.xyz", "choose another folder"),
    ],
)
def test_a_folder_of_one_other_kind_has_a_way_out(
    tmp_path: Path, name: str, words: str
) -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" if name == "e.heic" else b""
    (tmp_path / name).write_bytes(heic + bytes(200))
    for find in (find_images, find_sets):
        with pytest.raises(InputError, match=words):
            find([tmp_path])


def test_names_that_people_take_for_equal_have_one_key() -> None:
    assert name_key("Le\u0301sion") == name_key("LÉSION") == name_key("lésion")
    assert name_key("lesion") != name_key("lésion")
    assert name_key("a1") != name_key("a01")
    assert name_key("ΟΔΟΣ") == name_key("οδος") == name_key("οδοσ")
    for one, other in (("straße", "strasse"), ("ﬁb", "fib"), ("x²", "x2")):
        assert name_key(one) != name_key(other)


def test_what_is_left_out_is_counted_by_kind(tmp_path: Path) -> None:
    for name in ("a.png", "b.PNG", "x.dcm", "y.DCM", "z.nii.gz", "notes", ".hidden"):
        (tmp_path / name).touch()
    for name in ("Thumbs.db", ".DS_Store", "._a.png"):
        (tmp_path / name).touch()
    (tmp_path / "below").mkdir()
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "c.png").touch()
    (tmp_path / "again.png").symlink_to(tmp_path / "a.png")
    (tmp_path / "broken.png").symlink_to(tmp_path / "gone.png")
    used = [tmp_path / "a.png", tmp_path / "b.PNG", tmp_path / "used" / "c.png"]
    counts = left_out([tmp_path], used)
    assert counts == {
        ".dcm": 2,
        ".nii.gz": 1,
        "broken_link": 1,
        "folder": 1,
        "hidden": 1,
        "no_suffix": 1,
        "same_file": 1,
    }
    assert left_out_words({".dcm": 3, "folder": 1}) == "3 .dcm, 1 folder left out"
    assert left_out_words(counts).count(",") == 6
    assert left_out([tmp_path / "used"], used) == {}
    assert left_out_words({}) == ""
    told = "2 .dcm, 1 .pdf left out; export pictures in documents as PNG"
    assert left_out_words({".dcm": 2, ".pdf": 1}) == told


def test_a_link_and_its_target_are_one_image(tmp_path: Path) -> None:
    (tmp_path / "b.png").touch()
    (tmp_path / "a.png").symlink_to("b.png")
    (tmp_path / "c.png").symlink_to("b.png")
    found = find_images([tmp_path])
    assert [path.name for path in found] == ["b.png"]
    assert left_out([tmp_path], found) == {"same_file": 2}


def test_a_folder_without_images_says_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "x.dcm").touch()
    with pytest.raises(InputError, match=r"1 \.dcm left out"):
        find_images([tmp_path])


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(InputError, match=r"can be read at .*Permission denied"):
        entries(tmp_path)


def test_a_folder_of_images_inside_is_named(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    for read in (lambda: find_images([tmp_path]), lambda: find_sets([tmp_path])):
        with pytest.raises(
            InputError, match=r"2 folders left out\); choose .*images\."
        ):
            read()
    (tmp_path / "images").rmdir()
    with pytest.raises(InputError, match="choose another folder"):
        find_images([tmp_path])
