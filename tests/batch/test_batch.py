"""Many images from Python: one outcome each, whatever happens to the others."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

from napari_attnseg.batch import Note, SegmentOptions, result_stems, segment_images
from napari_attnseg.boxes import Box
from napari_attnseg.cli import app
from napari_attnseg.commands.console import Wording, image_sentences
from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.exit_codes import SOME_FAILED
from napari_attnseg.io.results import load_results
from napari_attnseg.tiles import TILES


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole image, a damaged one, and one that asks to be shown rotated."""
    photos = tmp_path / "photos"
    photos.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    Image.fromarray(pixels).save(photos / "a.png")
    (photos / "b.png").write_text("hello")
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(pixels).save(photos / "c.jpg", exif=exif)
    return photos


def test_each_image_has_an_outcome(
    folder: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    out = tmp_path / "out"
    batch = segment_images([folder], out, tiny_weights, "cpu")
    assert len(batch) == 3 and batch.notes == () and not out.exists()
    whole, damaged, rotated = batch
    assert (whole.path, whole.stem) == (folder / "a.png", "a")
    # Untrained weights: what they find is told.
    assert whole.error is None and whole.notes == (Note.WHOLE_IMAGE,)
    assert whole.files[-1] == out / "a.json"
    assert set(whole.files) == set(out.glob("a*"))
    assert damaged.files == () and damaged.error is not None
    assert "b.png cannot be read" in damaged.error
    assert rotated.notes == (Note.EXIF_ORIENTATION, Note.WHOLE_IMAGE)
    assert rotated.error is None
    (result,) = load_results(out / "c.json").segmentations
    # Stored 40×50, shown after a quarter turn.
    assert result.mask.shape == (50, 40)
    assert result.provenance["orientation"] == 6
    (plain,) = load_results(out / "a.json").segmentations
    assert plain.provenance["orientation"] == 1


def test_an_empty_mask_and_a_picture_on_a_canvas_are_told(
    tmp_path: Path, tiny_weights: Path
) -> None:
    """A screenshot of a viewer, say; a round field of view is no such canvas."""
    picture = np.random.default_rng(0).integers(60, 255, (40, 50, 3), np.uint8)
    screenshot = np.zeros((90, 160, 3), np.uint8)
    screenshot[30:70, 80:130] = picture
    screenshot[5:9, 4:40] = 230  # text
    Image.fromarray(screenshot).save(tmp_path / "screen.jpg", quality=90)
    Image.fromarray(picture).save(tmp_path / "plain.png")
    y, x = np.mgrid[:40, :50]
    inside = np.hypot((y - 20) / 20, (x - 25) / 25) < 1
    Image.fromarray(picture * inside[..., None]).save(tmp_path / "round.png")
    out, wording = tmp_path / "out", Wording("segmenting", "segmented", "mask")
    for threshold, told in ((0.0, Note.WHOLE_IMAGE), (1.0, Note.NOTHING_FOUND)):
        how = SegmentOptions(threshold=threshold)
        batch = segment_images([tmp_path], out, tiny_weights, "cpu", how)
        notes = {one.stem: one.notes for one in batch}
        assert notes == {
            "plain": (told,),
            "round": (told,),
            "screen": (told, Note.CANVAS),
        }
        words = [s for one in batch for s in image_sentences(one, wording)]
        assert len(words) == 4 and any("one single colour" in s for s in words)


def test_a_page_of_several_pictures_is_told_and_recorded(
    tmp_path: Path, tiny_weights: Path
) -> None:
    rng = np.random.default_rng(0)
    page = np.full((300, 400, 3), 255, np.uint8)
    for row, column in ((20, 30), (20, 220), (160, 30)):
        page[row : row + 120, column : column + 160] = rng.integers(
            0, 230, (120, 160, 3)
        )
    Image.fromarray(page).save(tmp_path / "page.png")
    out, wording = tmp_path / "out", Wording("segmenting", "segmented", "mask")
    (outcome,) = segment_images([tmp_path], out, tiny_weights, "cpu")
    assert Note.PAGE in outcome.notes and Note.CANVAS not in outcome.notes
    (said,) = [s for s in image_sentences(outcome, wording) if "pictures" in s]
    assert "page.png" in said and "--box" in said
    (result,) = load_results(out / "page.json").segmentations
    assert result.provenance["pictures_on_page"] == 3
    box = SegmentOptions(box=Box(20, 30, 140, 190))
    (outcome,) = segment_images([tmp_path / "page.png"], out, tiny_weights, "cpu", box)
    assert Note.PAGE not in outcome.notes
    (result,) = load_results(out / "page.json").segmentations
    assert "pictures_on_page" not in result.provenance


def test_work_is_done_while_iterating(
    folder: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    out = tmp_path / "out"
    first = next(iter(segment_images([folder], out, tiny_weights, "cpu")))
    assert first.stem == "a" and {p.stem for p in out.glob("*.json")} == {"a"}


def test_options_reach_the_results(
    folder: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    options = SegmentOptions(gates={32: 0.25}, threshold=0.3, objects=True)
    batch = segment_images([folder / "a.png"], tmp_path, tiny_weights, "cpu", options)
    (outcome,) = batch
    assert tmp_path / "a_objects.csv" in outcome.files
    assert np.all(tifffile.imread(tmp_path / "a_gate_1-32.tif") == 0.25)
    (result,) = load_results(tmp_path / "a.json").segmentations
    assert result.provenance["threshold"] == 0.3


def test_a_model_without_gates_is_noted(
    folder: Path, tmp_path: Path, weights_of
) -> None:
    weights = weights_of("tiny-cnn")
    batch = segment_images([folder / "a.png"], tmp_path, weights, "auto")
    assert Note.NO_GATES in batch.notes
    (outcome,) = batch
    assert len(outcome.files) == 3


def test_what_can_be_checked_is_checked_before_any_work(
    folder: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    with pytest.raises(UnknownNameError, match="compact"):
        segment_images([folder], tmp_path / "out", "compakt")
    with pytest.raises(InputError, match="threshold"):
        options = SegmentOptions(threshold=2)
        segment_images([folder], tmp_path / "out", tiny_weights, "cpu", options)
    with pytest.raises(InputError, match="folder of the images"):
        segment_images([folder], folder, tiny_weights, "cpu")
    assert not (tmp_path / "out").exists()


def test_names_of_results_differ() -> None:
    paths = [Path("x/a.png"), Path("x/a.jpg"), Path("b.png")]
    assert list(result_stems(paths).values()) == ["a_png", "a_jpg", "b"]
    with pytest.raises(InputError, match="two runs"):
        result_stems([Path("x/a.png"), Path("y/a.png")])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("a.png", "A.png"),
        ("le\u0301sion.png", "l\u00e9sion.png"),
        ("a.png", "A.PNG"),
        ("x/IMG.png", "y/img.png"),
    ],
)
def test_names_that_are_one_on_other_systems_are_refused(
    first: str, second: str
) -> None:
    with pytest.raises(InputError, match="would have the same name"):
        result_stems([Path(first), Path("b.png"), Path(second)])


def test_names_that_are_kept_apart_by_their_suffix() -> None:
    stems = result_stems([Path("a.png"), Path("A.jpg"), Path("Straße.png")])
    assert list(stems.values()) == ["a_png", "A_jpg", "Straße"]
    # The suffix must not make a name that another one has.
    with pytest.raises(InputError, match=r"a\.png and a_png\.tif|a_PNG"):
        result_stems([Path("a.png"), Path("a.jpg"), Path("a_PNG.tif")])


def test_two_such_files_are_refused_before_any_work(
    folder: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    (folder / "A.png").write_bytes((folder / "a.png").read_bytes())
    if len({path.name for path in folder.iterdir()}) == 3:
        pytest.skip("here they are one file")
    with pytest.raises(InputError, match="would have the same name"):
        segment_images([folder], tmp_path / "out", tiny_weights, "cpu")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_ends_the_batch(
    folder: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    (tmp_path / "file").touch()
    batch = segment_images([folder], tmp_path / "file" / "out", tiny_weights, "cpu")
    (only,) = batch
    assert only.error is not None and "cannot be written" in only.error


def test_tiles_and_a_run_that_is_gone_on_with_from_the_command_line(
    folder: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    out = tmp_path / "out"
    words = ["segment", str(folder), "--out", str(out), "--weights", str(tiny_weights)]
    words += ["--device", "cpu", "--tile"]
    first = CliRunner().invoke(app, words)
    assert first.exit_code == SOME_FAILED, first.output
    assert "2 of 3 images segmented" in first.stderr
    (result,) = load_results(out / "a.json").segmentations
    assert result.provenance[TILES]["columns"] == 1
    made = (out / "a.json").stat().st_mtime_ns
    again = CliRunner().invoke(app, [*words, "--resume"])
    assert "2 of them had been segmented before" in again.stderr
    assert (out / "a.json").stat().st_mtime_ns == made
    # A file of it that is empty or cut short is made again.
    for name, size in (("a_probability.tif", 0), ("a_mask.png", 40)):
        whole = (out / name).read_bytes()
        (out / name).write_bytes(whole[:size])
        again = CliRunner().invoke(app, [*words, "--resume"])
        assert "1 of them had been segmented before" in again.stderr
        assert (out / name).read_bytes() == whole
    # Other settings are another run, and so are other pixels.
    other = CliRunner().invoke(app, [*words, "--resume", "--threshold", "0.3"])
    assert "before" not in other.stderr
    pixels = np.asarray(Image.open(folder / "a.png"))
    Image.fromarray(255 - pixels).save(folder / "a.png")
    changed = [*words, "--resume", "--threshold", "0.3"]
    assert "1 of them had been" in CliRunner().invoke(app, changed).stderr
    with pytest.raises(InputError, match="readers or the tiles"):
        segment_images(
            [folder],
            out,
            tiny_weights,
            "cpu",
            SegmentOptions(tile=True, readers=True),
        )


def test_a_mask_among_the_images_is_told(tmp_path: Path, tiny_weights: Path) -> None:
    mask = np.zeros((80, 90), np.uint8)
    mask[20:40, 30:50] = 255
    Image.fromarray(mask).save(tmp_path / "a.png")
    Image.fromarray(mask // 255).save(tmp_path / "b.png")
    Image.fromarray(mask).save(tmp_path / "c.jpg", quality=60)
    Image.fromarray(np.dstack([mask, mask // 2, mask * 0])).save(tmp_path / "d.png")
    noise = np.random.default_rng(0).integers(0, 2, (80, 90), np.uint8) * 255
    Image.fromarray(noise).save(tmp_path / "noise.png")
    Image.fromarray(mask * 0).save(tmp_path / "empty.png")
    words = ["segment", str(tmp_path), "--out", str(tmp_path / "out")]
    words += ["--weights", str(tiny_weights), "--device", "cpu"]
    said = CliRunner().invoke(app, words).stderr
    for name in ("a.png", "b.png", "c.jpg", "d.png"):
        assert f"{name}: this image looks like a mask" in said
        assert f"{name}: less" not in said and f"{name}: more" not in said
    assert said.count("looks like a mask") == 4
