"""Plain data folders: splits, files of every kind, classes, and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets import load_dataset, read_mask
from napari_attnseg.errors import InputError, UnknownNameError


def names(data: Path, split: str, **options: int) -> set[str]:
    return {s.name for s in load_dataset(data, **options).split(split)}


def test_official_validation_file_is_the_test_set(data_folder: Path) -> None:
    assert names(data_folder, "test") == {"disc09", "disc10", "disc11"}
    train, val = names(data_folder, "train"), names(data_folder, "val")
    assert train | val == {f"disc{i:02d}" for i in range(9)}
    assert len(val) == 1 and not train & val
    assert names(data_folder, "val") == val
    others = {frozenset(names(data_folder, "val", seed=s)) for s in range(5)}
    assert len(others) > 1
    assert "honest" in load_dataset(data_folder).protocol


def test_without_the_listed_test_images_none_is_named(data_folder: Path) -> None:
    (data_folder / "splits" / "val.txt").unlink()
    data = load_dataset(data_folder)
    assert "test" not in data.splits and "no test split" in data.protocol


def test_names_in_lists_may_hold_spaces(data_folder: Path) -> None:
    for part in ("images", "masks"):
        (data_folder / part / "disc11.png").rename(data_folder / part / "disc (1).png")
    (data_folder / "splits" / "val.txt").write_text("disc09\n  disc (1)  \n\n")
    assert names(data_folder, "test") == {"disc09", "disc (1)"}


def test_complete_splits_stay_as_they_are(data_folder: Path) -> None:
    (data_folder / "splits" / "test.txt").write_text("disc00\n")
    (data_folder / "splits" / "train.txt").write_text("disc01\ndisc02\n")
    assert names(data_folder, "train") == {"disc01", "disc02"}
    assert names(data_folder, "val") == {"disc09", "disc10", "disc11"}
    assert names(data_folder, "test") == {"disc00"}


@pytest.mark.parametrize(
    ("first", "second"), [("train", "val"), ("train", "test"), ("val", "test")]
)
def test_no_image_is_in_two_of_the_parts_of_a_run(
    data_folder: Path, first: str, second: str
) -> None:
    lists = {"train": "disc00\ndisc01\n", "val": "disc02\n", "test": "disc03\n"}
    lists["fold"] = "disc00\ndisc02\ndisc03\n"  # any other list may overlap
    for split, text in lists.items():
        (data_folder / "splits" / f"{split}.txt").write_text(text)
    assert names(data_folder, "fold") == {"disc00", "disc02", "disc03"}
    with (data_folder / "splits" / f"{second}.txt").open("a") as file:
        file.write(lists[first])
    with pytest.raises(InputError, match=f"for both {first} and {second}, first"):
        load_dataset(data_folder)


def test_an_empty_split_says_so(data_folder: Path) -> None:
    # One that nothing needs stops nothing before somebody asks for it.
    (data_folder / "splits" / "later.txt").write_text("\n")
    data = load_dataset(data_folder)
    with pytest.raises(InputError, match=r"'later' of .*discs is empty; list images"):
        data.split("later")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_lists_may_begin_with_a_mark(data_folder: Path, encoding: str) -> None:
    (data_folder / "splits" / "val.txt").write_text("disc09\ndisc10", encoding)
    assert names(data_folder, "test") == {"disc09", "disc10"}


@pytest.mark.parametrize(
    ("encoding", "named"), [("utf-16", "UTF-16"), ("latin-1", "another encoding")]
)
@pytest.mark.parametrize("file", ["splits/val.txt", "dataset.toml"])
def test_texts_that_are_no_utf8_are_named(
    data_folder: Path, encoding: str, named: str, file: str
) -> None:
    """PowerShell's ``>`` writes UTF-16."""
    (data_folder / file).write_text("# café", encoding)
    words = f"{data_folder / file} cannot be read, because it is saved as {named}"
    with pytest.raises(InputError) as refused:
        load_dataset(data_folder)
    assert str(refused.value).startswith(words)
    assert str(refused.value).endswith("; save it as UTF-8.")


@pytest.mark.parametrize("folder", ["images", "masks"])
def test_two_files_of_one_name_are_refused(data_folder: Path, folder: str) -> None:
    with Image.open(data_folder / folder / "disc03.png") as picture:
        picture.save(data_folder / folder / "disc03.tif")
    with pytest.raises(InputError, match=r"disc03\.png and disc03\.tif.*remove one"):
        load_dataset(data_folder)


def test_folder_without_splits(data_folder: Path) -> None:
    for file in (data_folder / "splits").iterdir():
        file.unlink()
    (data_folder / "splits").rmdir()
    assert len(names(data_folder, "all")) == 12
    assert len(names(data_folder, "val")) == 1
    with pytest.raises(UnknownNameError, match="train"):
        names(data_folder, "trian")


def test_sample_reads_image_and_mask(data_folder: Path) -> None:
    image, mask = load_dataset(data_folder).split("test")[0].read()
    assert image.shape == (40, 48, 3) and image.dtype == np.uint8
    assert set(np.unique(mask)) == {0, 1}
    assert image[mask == 1].mean() > image[mask == 0].mean() + 100


@pytest.mark.parametrize("high", [1, 255])
@pytest.mark.parametrize("mode", ["L", "1", "P", "RGB"])
def test_masks_of_every_kind(tmp_path: Path, mode: str, high: int) -> None:
    truth = np.zeros((8, 8), bool)
    truth[2:5, 3:7] = True
    if mode == "1":
        picture = Image.fromarray(truth)
    elif mode == "P":
        picture = Image.fromarray(truth.astype(np.uint8), "L").convert("P")
        picture.putdata(truth.astype(np.uint8).ravel().tolist())
    else:
        picture = Image.fromarray((truth * high).astype(np.uint8)).convert(mode)
    picture.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), truth)


def test_jpeg_mask_loses_its_ringing(tmp_path: Path) -> None:
    truth = np.zeros((64, 64), bool)
    truth[16:40, 20:50] = True
    path = tmp_path / "m.jpg"
    Image.fromarray((truth * 255).astype(np.uint8)).save(path, quality=50)
    assert len(np.unique(np.asarray(Image.open(path)))) > 2
    np.testing.assert_array_equal(read_mask(path), truth)


def test_masks_beyond_black_and_white(tmp_path: Path) -> None:
    truth = np.zeros((8, 8), bool)
    truth[2:5, 3:7] = True

    def read(values: np.ndarray, mode: str = "", palette: list[int] | None = None):
        picture = Image.fromarray(values)
        if mode:
            picture = Image.fromarray(values, mode)
            picture.putpalette(palette)
        picture.save(tmp_path / "m.png")
        return read_mask(tmp_path / "m.png")

    for high in (1, 255, 65535):
        np.testing.assert_array_equal(read(truth.astype(np.uint16) * high), truth)
    # Two values are background and foreground, whichever they are.
    np.testing.assert_array_equal(read(truth.astype(np.uint8) * 38), truth)
    # A grey picture that was saved with a palette in another order ...
    turned = (~truth).astype(np.uint8)
    white_first = [255] * 3 + [0] * 3
    np.testing.assert_array_equal(read(turned, "P", white_first), truth)
    # ... and class numbers with colours, where dark red is no background.
    coloured = [0, 0, 0, 128, 0, 0]
    picture = read(truth.astype(np.uint8), "P", coloured)
    np.testing.assert_array_equal(picture, truth)


@pytest.mark.parametrize("kind", ["L", "LA", "RGBA", "P", "16 bit", "LZW"])
def test_images_of_every_kind(data_folder: Path, kind: str) -> None:
    path = data_folder / "images" / "disc09.png"
    grey = np.asarray(Image.open(path).convert("L"))
    if kind == "16 bit":
        Image.fromarray(grey.astype(np.uint16) * 200).save(path)
    elif kind == "LZW":
        path.unlink()
        path = path.with_suffix(".tif")
        Image.fromarray(grey).save(path, compression="tiff_lzw")
    else:
        Image.open(path).convert(kind).save(path)
    image, mask = load_dataset(data_folder).split("test")[0].read()
    assert image.shape == (40, 48, 3) and image.dtype == np.uint8
    assert image[mask == 1].mean() > image[mask == 0].mean() + 90


def two_classes(root: Path, high: tuple[int, int] = (1, 2)) -> None:
    """Give the discs' folder masks of two labels: upper half and lower half."""
    for path in (root / "masks").iterdir():
        mask = np.asarray(Image.open(path)) > 0
        lower = np.arange(len(mask))[:, None] >= 20
        labels = np.where(mask, np.where(lower, high[1], high[0]), 0)
        Image.fromarray(labels.astype(np.uint8)).save(path)


def test_dataset_toml_names_the_classes(data_folder: Path) -> None:
    two_classes(data_folder, (60, 200))
    toml = data_folder / "dataset.toml"
    toml.write_text('name = "halves"\nclasses = {upper = 60, lower = 200}\n')
    data = load_dataset(data_folder)
    assert (data.name, data.classes) == ("halves", ("upper", "lower"))
    sample = data.split("test")[0]
    _, planes = sample.read_planes()
    assert planes.shape == (2, 40, 48) and planes.any((1, 2)).all()
    assert not (planes[0] & planes[1]).any()
    _, mask = sample.read()
    assert set(np.unique(mask)) == {0, 1, 2}
    # A list counts from 1: then 60 and 200 are no classes, and none may get lost.
    toml.write_text('classes = ["upper", "lower"]\n')
    with pytest.raises(InputError, match=r"values 0 and 1, 2 .* also 60, 200"):
        load_dataset(data_folder).split("test")[0].read()
    toml.write_text('classes = ["polyp"]\n')
    assert load_dataset(data_folder).classes == ("polyp",)
    toml.write_text('clases = ["polyp"]\n')
    with pytest.raises(InputError, match=r"clases.*known are name, classes, splits"):
        load_dataset(data_folder)
    for wrong in ('["a", "a"]', "{a = 0}", "{a = 1, b = 1}", "3", "[1]"):
        toml.write_text(f"classes = {wrong}\n")
        with pytest.raises(InputError, match="list of different names"):
            load_dataset(data_folder)


def test_classes_in_folders_of_their_own_may_overlap(data_folder: Path) -> None:
    toml = 'classes = ["disc", "image"]\nsplits = "other"\n'
    (data_folder / "dataset.toml").write_text(toml)
    (data_folder / "splits").rename(data_folder / "other")
    masks = data_folder / "masks"
    for folder in ("disc", "image"):
        (masks / folder).mkdir()
    for path in list(masks.glob("*.png")):
        Image.fromarray(np.full((40, 48), 255, np.uint8)).save(
            masks / "image" / path.name
        )
        path.rename(masks / "disc" / path.name)
    data = load_dataset(data_folder)
    assert "other/val.txt" in data.protocol
    _, planes = data.split("test")[0].read_planes()
    assert planes[1].all() and 0 < planes[0].mean() < 1


def test_the_split_of_a_folder_never_changes(data_folder: Path) -> None:
    # Published numbers stand on it: seed 0 and seed 1 of the same nine names.
    found = [names(data_folder, "val", seed=seed) for seed in (0, 1)]
    assert found == [{"disc07"}, {"disc05"}]


def test_broken_folders_are_named(data_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="images/ and masks/"):
        load_dataset(tmp_path / "nowhere")
    mask = data_folder / "masks" / "disc03.png"
    Image.fromarray(np.zeros((40, 47), np.uint8)).save(mask)
    data = load_dataset(data_folder)
    sample = next(s for p in data.splits.values() for s in p if s.name == "disc03")
    with pytest.raises(InputError, match=r"40×47.*40×48"):
        sample.read()
    mask.write_text("not an image")
    with pytest.raises(InputError, match=r"disc03\.png"):
        sample.read()
    mask.unlink()
    with pytest.raises(InputError, match=r"1 of .* masks are missing.*disc03"):
        load_dataset(data_folder)
