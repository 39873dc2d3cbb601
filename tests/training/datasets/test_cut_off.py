"""Images that broke off, and were closed by a program, are told by their names."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from attnseg_training.config import TrainConfig
from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.check import check
from attnseg_training.datasets.cut_off import cut_off, end_of
from attnseg_training.datasets.rules import Rule
from attnseg_training.evaluation.evaluate import evaluate
from attnseg_training.fit.callbacks import FitCallbacks
from attnseg_training.fit.fit import fit
from napari_attnseg.errors import InputError
from napari_attnseg.io.images import read_image


def picture(seed: int = 3) -> np.ndarray:
    texture = gaussian_filter(np.random.default_rng(seed).normal(size=(128, 160)), 3)
    grey = 120 + 30 * texture / texture.std()
    return (grey[..., None] * [1.2, 0.8, 0.6]).clip(0, 255).astype(np.uint8)


def encoded(image: np.ndarray, **options: bool) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=92, **options)
    return file.getvalue()


def broken(image: np.ndarray, share: float = 0.6, **options: bool) -> bytes:
    """A JPEG that broke off, closed by an end marker."""
    whole = encoded(image, **options)
    return whole[: int(share * len(whole))] + b"\xff\xd9"


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize("share", [0.35, 0.6, 0.85])
def test_images_that_broke_off_end_with_a_step(share: float) -> None:
    cut = decoded(broken(picture(), share))
    assert end_of(cut) is True
    assert end_of(decoded(encoded(cut))) is True  # saved anew
    assert end_of(np.rot90(cut)) is True
    assert end_of(picture()) is None


def test_padding_and_fields_of_view_are_no_ends() -> None:
    grey, whole = np.full((24, 160, 3), 114, np.uint8), picture()
    assert end_of(np.concatenate([grey, whole, grey])) is None
    assert end_of(np.concatenate([whole, 0 * grey])) is None
    below = np.concatenate([whole, grey])
    assert end_of(below) is False
    assert end_of(np.concatenate([below, np.full((152, 24, 3), 114, np.uint8)], 1)) in (
        False,
        None,
    )
    y, x = np.mgrid[:128, :160]
    view = whole * (np.hypot(y - 55, x - 70) < 60)[..., None].astype(np.uint8)
    assert end_of(view) is None
    # One image is told; of many, these were padded.
    assert cut_off({"a": False}, 1) == ("a",)
    assert cut_off({"a": False, "b": False, "c": True}, 4) == ("c",)


def test_each_command_names_them(
    data_folder: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    whole, names = load_dataset(data_folder), []
    for seed, split in enumerate(("train", "test")):
        one = whole.split(split)[0]
        names.append(one.name)
        one.image.unlink()
        saved_anew = encoded(decoded(broken(picture(seed), 0.6)))
        one.image.with_suffix(".jpg").write_bytes(saved_anew)
        mask = Image.open(one.masks[0]).resize((160, 128), Image.Resampling.NEAREST)
        mask.save(one.masks[0])
    data = load_dataset(data_folder)
    (told,) = (q for q in check(data_folder).questions if q.rule == Rule.CUT_OFF)
    assert set(told.names) == set(names)
    assert all(repr(name) in str(told) for name in names)
    found = evaluate(tiny_weights, data, "test", "cpu").summary()["findings"]
    assert [f["rule"] for f in found] == [Rule.CUT_OFF] and names[1] in found[0]["text"]
    said: list[str] = []
    config = TrainConfig(str(data_folder), "tiny", epochs=1, batch=4, device="cpu")
    fit(config, tmp_path / "run", callbacks=FitCallbacks(warn=said.append))
    assert any("is one colour" in text and names[0] in text for text in said)


def test_a_progressive_jpeg_without_its_last_scans_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    path.write_bytes(encoded(picture(), progressive=True))
    assert read_image(path).shape == (128, 160, 3)
    path.write_bytes(broken(picture(), 0.4, progressive=True))
    with pytest.raises(InputError, match="scans of this progressive JPEG are missing"):
        read_image(path)
