"""Masks in DICOM, and frames of films, series and volumes as a training set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
from masks_of_frames import mask_of, samples_of
from medical_files import dicom_file, interlaced_film, numbered, video_file
from PIL import Image
from typer.testing import CliRunner

from attnseg_training.cli import app as trainer
from attnseg_training.datasets.check import check
from attnseg_training.datasets.counted_findings import counts
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.frames import frames_to_training_set
from attnseg_training.datasets.rules import Rule
from napari_attnseg.cli import app
from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.frame_parts import FrameParts
from napari_attnseg.io.images import read_image
from napari_attnseg.io.readers import open_frames
from napari_attnseg.io.stack_results import StackNames, StackResults


def test_frames_of_a_film_by_the_masks_of_its_results(tmp_path: Path) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(9, (40, 48)), crf="1")
    (tmp_path / "film").mkdir()
    for i in (0, 4, 8):
        name = tmp_path / "film" / f"frame_{i:06d}_mask.png"
        Image.fromarray(mask_of(i) * 255).save(name)
    out = tmp_path / "set"
    words = ["frames", str(film), str(tmp_path / "film"), "--out", str(out)]
    done = CliRunner().invoke(trainer, words, catch_exceptions=False)
    assert done.exit_code == 0 and "3 frames with masks" in done.output
    samples = samples_of(out)
    assert sorted(samples) == ["film_000000", "film_000004", "film_000008"]
    with open_frames(film) as frames:
        rgb, mask = samples["film_000004"].read()
        np.testing.assert_array_equal(rgb, frames[4])
    np.testing.assert_array_equal(mask, mask_of(4))
    other = tmp_path / "film" / "frame_000009_mask.png"
    Image.fromarray(mask_of(0)).save(other)
    with pytest.raises(InputError, match="but got mask 9"):
        list(frames_to_training_set(film, tmp_path / "film", tmp_path / "b"))
    # With a table, only masks that have a row: another may be from a killed run.
    (tmp_path / "film_frames.csv").write_text("frame,area_px\n0,9\n8,9\n4,")
    made = list(frames_to_training_set(film, tmp_path / "film", tmp_path / "c"))
    assert made == ["film_000000", "film_000008"]


def test_an_interlaced_film_is_told_once(tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    for i in range(3):
        Image.fromarray(mask_of(i) * 255).save(masks / f"frame_{i:06d}_mask.png")
    for name, make in (("a", interlaced_film), ("b", video_file)):
        film = make(tmp_path / f"{name}.mp4", numbered(3, (40, 48)))
        told: list[str] = []
        list(frames_to_training_set(film, masks, tmp_path / name, tell=told.append))
        assert ["is interlaced" in one for one in told] == [True] * (name == "a")


def test_frames_of_one_film_in_two_splits_are_told(tmp_path: Path) -> None:
    out = tmp_path / "set"
    for film in ("one", "two", "three"):
        path = video_file(tmp_path / f"{film}.mp4", numbered(4, (40, 48)))
        masks = tmp_path / film
        masks.mkdir()
        for i in range(4):
            Image.fromarray(mask_of(i) * 255).save(masks / f"frame_{i:06d}_mask.png")
        assert len(list(frames_to_training_set(path, masks, out))) == 4
    (out / "splits").mkdir()

    def told(**splits: list[str]) -> list[str]:
        for split, names in splits.items():
            (out / "splits" / f"{split}.txt").write_text("\n".join(names))
        report = check(out)
        assert Rule.SAME_CASE not in {hint.rule for hint in report.questions}
        return [text for kind, _, text in report.found if kind == "same-film"]

    one, two, three = (
        [f"{film}_{i:06d}" for i in range(4)] for film in ("one", "two", "three")
    )
    assert told(train=one, val=two, test=three) == []
    (text,) = told(train=[*one[:2], *two[:3]], val=one[2:], test=[*two[3:], *three])
    assert text.startswith(
        "Frames of one film, volume or series are in different splits: 'one_000000' "
        "and 'one_000002', 'two_000000' and 'two_000003'; "
    )
    # So are those that are carved out, and what training says counts them.
    (out / "splits" / "val.txt").unlink()
    (out / "splits" / "test.txt").unlink()
    assert len(told(train=[*one, *two, *three])) == 1
    seen = {split: MasksSeen() for split in ("train", "val")}
    for sample in samples_of(out).values():
        split = "val" if sample.name == "one_000002" else "train"
        seen[split].add_read(sample, sample.read_with_traits())
    assert counts(seen)["same-film"] == 1


def test_slices_of_a_volume_with_its_window(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(-900, 2000, (4, 40, 48))
    image = nibabel.Nifti1Image(values.astype(np.int16).T, np.eye(4))
    image.header["cal_min"], image.header["cal_max"] = -160, 240
    nibabel.save(image, tmp_path / "a.nii.gz")
    masks = np.stack([mask_of(i) for i in range(4)])
    nibabel.save(nibabel.Nifti1Image(masks.T, np.eye(4)), tmp_path / "m.nii.gz")
    given = tmp_path / "a.nii.gz", tmp_path / "m.nii.gz", tmp_path / "set"
    assert list(frames_to_training_set(*given, every=2)) == ["a_000000", "a_000002"]
    rgb, mask = samples_of(tmp_path / "set")["a_000002"].read()
    np.testing.assert_array_equal(mask, mask_of(2))
    expected = np.clip((values[2] + 160) / 400, 0, 1) * 255
    np.testing.assert_allclose(rgb[..., 0], expected, atol=0.51)


def test_dicom_seg_of_a_film_and_as_a_mask(tmp_path: Path) -> None:
    """As ``attnseg export`` writes it, by highdicom."""
    pytest.importorskip("highdicom")
    pixels = numbered(5, (40, 48))
    study = {"StudyInstanceUID": "1.2.3", "FrameTime": 40}
    film = dicom_file(tmp_path / "film.dcm", pixels, "RGB", **study)
    names = StackNames(tmp_path / "r", "film")
    names.folder.mkdir()
    stack = StackResults(names, {"source": str(film)}, ("frame",), False, 25)
    for i in (1, 3):
        run = {"classes": ["polyp"], "threshold": 0.5, "weights": "a", "model": {}}
        stack.add(i, FrameParts(mask_of(i), {"frame": i}), run)
    stack.close(True)
    words = ["export", str(names.folder), "--format", "dicom"]
    words += ["--out", str(tmp_path / "seg"), "--source", str(film)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    out = tmp_path / "set"
    assert len(list(frames_to_training_set(film, tmp_path / "seg", out))) == 2
    samples = samples_of(out)
    for i in (1, 3):
        (name,) = (one for one in samples if one.endswith(f"_{i:06d}"))
        rgb, mask = samples[name].read()
        np.testing.assert_array_equal(mask, mask_of(i))
        np.testing.assert_array_equal(rgb, pixels[i])
        found = read_image(samples[name].image)
        assert array_sha256(found) == array_sha256(pixels[i])
    # The same file is a mask of one image.
    seg = tmp_path / "seg" / "film_000003_seg.dcm"
    data = tmp_path / "data"
    for part in ("images", "masks"):
        (data / part).mkdir(parents=True)
    for i in (0, 1):
        Image.fromarray(pixels[i]).save(data / "images" / f"{i}.png")
    (data / "masks" / "0.dcm").write_bytes(seg.read_bytes())
    dicom_file(data / "masks" / "1.dcm", mask_of(1) * 255)
    found = samples_of(data)
    np.testing.assert_array_equal(found["0"].read()[1], mask_of(3))
    np.testing.assert_array_equal(found["1"].read()[1], mask_of(1))
    with pytest.raises(InputError, match="not among the given ones"):
        other = dicom_file(tmp_path / "other.dcm", pixels, "RGB")
        list(frames_to_training_set(other, tmp_path / "seg", tmp_path / "c"))


@pytest.mark.parametrize(
    ("directions", "exchanged", "turned"),
    [
        ((-1, 1), False, np.flipud),  # dcm2niix; what numpy.rot90 shows as well
        ((1, 1), False, lambda mask: mask[::-1, ::-1]),
        ((1, -1), False, np.fliplr),
        ((-1, -1), True, np.transpose),
        ((-1, 1), True, lambda mask: mask.T[::-1]),
    ],
)
def test_painted_pictures_of_a_turned_volume_are_asked_about(
    tmp_path: Path, directions: tuple[int, int], exchanged: bool, turned: Callable
) -> None:
    """Slices (H, W) are stored with these directions of x and y; masks as shown."""
    stored = np.zeros((40, 40, 3), np.uint8)
    stored[3:15, 8:30] = 1
    affine = np.diag([*directions, 2.0, 1.0])
    if exchanged:  # the first stored axis goes along y
        affine = affine[:, [1, 0, 2, 3]]
    volume = nibabel.Nifti1Image(stored.transpose(1, 0, 2) * 100, affine)
    nibabel.save(volume, tmp_path / "volume.nii.gz")
    (tmp_path / "masks").mkdir()
    for i in range(3):
        mask = Image.fromarray(np.ascontiguousarray(turned(stored[..., i]) * 255))
        mask.save(tmp_path / "masks" / f"slice_{i:03d}.png")
    given = tmp_path / "volume.nii.gz", tmp_path / "masks"
    with pytest.raises(InputError, match="which view masks in masks were drawn"):
        list(frames_to_training_set(*given, tmp_path / "a"))
    for said, right in (("shown", stored[..., 1]), ("stored", turned(stored[..., 1]))):
        out, told = tmp_path / said, list[str]()
        out.mkdir()
        (out / "dataset.toml").write_text(f'orientation = "{said}"\n')
        list(frames_to_training_set(*given, out, tell=told.append))
        _, mask = samples_of(out)["volume_000001"].read()
        np.testing.assert_array_equal(mask, right)
        assert len(told) == (said == "shown")


def test_pictures_of_a_size_that_only_one_view_has_are_not_asked_about(
    tmp_path: Path,
) -> None:
    mask = mask_of(2)
    affine = np.diag([-1.0, -1.0, 2.0, 1.0])[:, [1, 0, 2, 3]]
    volume = nibabel.Nifti1Image(np.stack([mask.T * 100] * 2, -1), affine)
    nibabel.save(volume, tmp_path / "volume.nii.gz")
    for name, drawn in (("seen", mask.T), ("kept", mask)):
        (tmp_path / name).mkdir()
        for i in range(2):
            Image.fromarray(drawn * 255).save(tmp_path / name / f"slice_{i}.png")
        told, out = list[str](), tmp_path / f"set-{name}"
        given = tmp_path / "volume.nii.gz", tmp_path / name, out
        list(frames_to_training_set(*given, tell=told.append))
        _, found = samples_of(out)["volume_000001"].read()
        np.testing.assert_array_equal(found, mask)
        assert len(told) == 1 and "asks for another view" in told[0]


def test_palettes_of_programs_that_follow_objects_are_read_by_index(
    tmp_path: Path,
) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(3, (40, 48)))
    (tmp_path / "masks").mkdir()
    both = mask_of(1)
    both[22:35, 32:44] = 2
    for i, mask in enumerate((mask_of(0), both, 0 * both)):
        picture = Image.fromarray(mask, "P")
        picture.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0] + [0] * 759)
        picture.save(tmp_path / "masks" / f"{i:05d}.png")
    out, told = tmp_path / "a", list[str]()
    list(frames_to_training_set(film, tmp_path / "masks", out, tell=told.append))
    for i, right in enumerate((mask_of(0), both > 0, 0 * both)):
        _, mask = samples_of(out)[f"film_{i:06d}"].read()
        np.testing.assert_array_equal(mask, right)
    assert len(told) == 1 and "holds the numbers 1, 2" in told[0]
    named = tmp_path / "b"
    named.mkdir()
    (named / "dataset.toml").write_text("classes = {polyp = 1, tool = 2}\n")
    list(frames_to_training_set(film, tmp_path / "masks", named))
    _, mask = samples_of(named)["film_000001"].read()
    np.testing.assert_array_equal(mask, both)


def test_a_palette_whose_first_colour_is_not_black_is_refused(tmp_path: Path) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(2, (40, 48)))
    (tmp_path / "masks").mkdir()
    for i in range(2):
        picture = Image.fromarray(mask_of(i), "P")
        picture.putpalette([0, 0, 128, 128, 0, 0] + [0] * 762)
        picture.save(tmp_path / "masks" / f"{i:05d}.png")
    with pytest.raises(InputError, match=r"00000\.png, but it holds colours"):
        list(frames_to_training_set(film, tmp_path / "masks", tmp_path / "a"))
