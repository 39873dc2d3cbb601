"""Slices that nobody marked are asked about, and do not become healthy ones unsaid."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from medical_files import numbered, video_file
from PIL import Image
from typer.testing import CliRunner

from attnseg_training.cli import app
from attnseg_training.datasets.frames import frames_to_training_set
from napari_attnseg.errors import InputError

COUNT = 17
FULL = np.zeros((COUNT, 40, 48), np.uint8)
for at in range(2, 15):
    FULL[at, 5 + at // 2 : 30, 10 : 30 + at // 3] = 1


def marked(*slices: int) -> np.ndarray:
    return FULL * np.isin(np.arange(COUNT), slices)[:, None, None]


def volumes(folder: Path, masks: np.ndarray) -> tuple[Path, Path, Path]:
    pixels = np.random.default_rng(0).integers(0, 255, FULL.shape).astype(np.uint8)
    for name, one in (("image", pixels), ("masks", masks.astype(np.uint8))):
        file = nibabel.Nifti1Image(
            one.transpose(2, 1, 0).copy(), np.diag([-1, -1, 3, 1])
        )
        nibabel.save(file, folder / f"{name}.nii.gz")
    return folder / "image.nii.gz", folder / "masks.nii.gz", folder / "set"


@pytest.mark.parametrize("step", [2, 4, 5])
def test_slices_marked_at_a_step_are_asked_about(tmp_path: Path, step: int) -> None:
    slices = range(2, 15, step)
    paths = volumes(tmp_path, marked(*slices))
    words = ["frames", *map(str, paths[:2]), "--out", str(paths[2])]
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, InputError) or done.exit_code == 2
    assert not paths[2].exists()
    said = (
        rf"take turns \(2, {2 + step}, {2 + 2 * step} … .*--skip-empty .*--keep-empty"
    )
    with pytest.raises(InputError, match=said):
        list(frames_to_training_set(*paths))
    done = CliRunner().invoke(app, [*words, "--skip-empty"], catch_exceptions=False)
    assert f"{len(slices)} frames with masks" in done.output
    names = [f"image_{one:06d}" for one in slices]
    assert sorted(one.stem for one in (paths[2] / "masks").iterdir()) == names
    words[-1] += "2"
    done = CliRunner().invoke(app, [*words, "--keep-empty"], catch_exceptions=False)
    assert f"{COUNT} frames with masks" in done.output


def test_the_frames_that_are_taken_decide(tmp_path: Path) -> None:
    told: list[str] = []
    paths = volumes(tmp_path, marked(*range(0, COUNT, 2)))
    made = list(frames_to_training_set(*paths, every=2, tell=told.append))
    assert len(made) == 9 and not told


@pytest.mark.parametrize(
    ("masks", "gap"),
    [
        (FULL, ""),
        (marked(3, 4, 5, 9, 10, 11), "5 and 9"),
        # Two lesions at different places, and several small ones.
        (np.where(np.arange(COUNT)[:, None, None] < 8, FULL, FULL[:, :, ::-1]), ""),
        (marked(2, 3) + np.roll(marked(6), 24, 2) + np.roll(marked(10), 20, 1), ""),
        (FULL * 0, ""),
    ],
)
def test_a_gap_is_told_and_other_slices_are_taken(
    tmp_path: Path, masks: np.ndarray, gap: str
) -> None:
    told: list[str] = []
    made = list(frames_to_training_set(*volumes(tmp_path, masks), tell=told.append))
    assert len(made) == COUNT
    if gap:
        assert told == [
            f"Between slices {gap} of masks.nii.gz, which have a lesion at one place, "
            "all masks are empty and were taken for slices without a lesion: give "
            "--skip-empty if nobody marked them."
        ]
    else:
        assert not told


def test_a_lesion_of_a_film_may_leave_and_return(tmp_path: Path) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(COUNT, (40, 48)))
    (tmp_path / "masks").mkdir()
    for i, mask in enumerate(marked(2, 3, 4, 5, 9, 10, 11, 12)):
        Image.fromarray(mask * 255).save(tmp_path / "masks" / f"film_{i:06d}.png")
    told: list[str] = []
    given = film, tmp_path / "masks", tmp_path / "set"
    made = list(frames_to_training_set(*given, tell=told.append))
    assert len(made) == COUNT and not told
    for i, mask in enumerate(marked(2, 4, 6, 8, 10)):
        Image.fromarray(mask * 255).save(tmp_path / "masks" / f"film_{i:06d}.png")
    with pytest.raises(InputError, match="take turns"):
        list(frames_to_training_set(*given[:2], tmp_path / "other"))
