"""Two readers: the masks by one encoder alone, in Python, by the command, in files."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import attnseg
from PIL import Image

from napari_attnseg import Segmentation, Segmenter
from napari_attnseg.errors import InputError
from napari_attnseg.io.results import Results, load_results, save_results
from napari_attnseg.masks import MaskRules, make_mask, remake
from napari_attnseg.reader_record import Reader, ReaderState
from napari_attnseg.readers import (
    KINDS,
    Disagreement,
    disagreement,
    mask_agreement,
    mean_psi,
    regions,
)
from napari_attnseg.spec import STRIDES

IMAGE = np.random.default_rng(1).integers(0, 255, (50, 70, 3), np.uint8)
RECORD = {
    "dice": {"transformer": {"mean": 0.31, "low": 0.2, "high": 0.4, "n": 88}},
    "right": {"cnn": {"mean": float("nan"), "low": None, "high": None, "n": 0}},
    "psi_auroc": {"mean": 0.7, "low": 0.6, "high": 0.8, "n": 88},
}


@pytest.fixture(scope="module")
def segmenter(tiny_weights: Path) -> Segmenter:
    """Untrained, with the threshold in the middle of what it gives."""
    found = Segmenter.from_checkpoint(tiny_weights, "cpu")
    middle = float(np.median(found(IMAGE).probability))
    card = replace(found.card, threshold=middle, readers=RECORD)
    return replace(found, card=card)


@pytest.fixture(scope="module")
def result(segmenter: Segmenter) -> Segmentation:
    return segmenter(IMAGE, readers=True)


def test_readers_are_the_network_with_psi_forced(
    segmenter: Segmenter, result: Segmentation, weights_of: Callable[..., Path]
) -> None:
    assert segmenter(IMAGE).readers is None
    readers, encoded = result.readers, segmenter.encode(IMAGE)
    for reader, psi in ((Reader.CNN, 1.0), (Reader.TRANSFORMER, 0.0)):
        forced = segmenter.decode(encoded, dict.fromkeys(STRIDES, psi))
        assert np.array_equal(readers[reader].mask, forced.mask)
        assert np.array_equal(readers[reader].probability, forced.probability)
    assert not np.array_equal(readers.cnn.mask, readers.transformer.mask)
    assert result.provenance["readers"] == readers.facts
    assert result.provenance["gates_forced"] == {}
    assert readers.record.state(Reader.TRANSFORMER) is ReaderState.USELESS
    # The ends of a gate may be the other way round; names say which is which.
    other = Segmenter.from_checkpoint(weights_of("tiny-res34-guided"), "cpu")
    found = other(IMAGE, readers=True).readers
    cnn = other.decode(other.encode(IMAGE), dict.fromkeys(STRIDES, 0.0))
    assert np.array_equal(found.cnn.probability, cnn.probability)


def test_masks_are_compared_pixel_by_pixel_and_class_by_class() -> None:
    cnn = np.array([[1, 1, 0, 2, 0, 0], [0, 0, 0, 0, 0, 1]])
    transformer = np.array([[1, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0]])
    found = disagreement(cnn, transformer)
    names = [[KINDS[k] for k in row] for row in found]
    same, only, other = (
        Disagreement.NONE,
        Disagreement.ONLY_CNN,
        Disagreement.ONLY_TRANSFORMER,
    )
    assert names[0] == [same, only, other, Disagreement.OTHER_CLASS, same, same]
    assert names[1] == [same, same, same, same, same, only]
    # Regions that touch are parted by kind.
    assert regions(found).max() == 4 and len(np.unique(regions(found)[0, 1:4])) == 3
    assert mask_agreement(cnn, transformer) == pytest.approx(2 / 7)
    assert mask_agreement(cnn * 0, cnn * 0) == 1
    levels = [np.array([[0.0, 1.0]]), np.array([[0.5]])]
    assert mean_psi(levels, (1, 4)).tolist() == [[0.25, 0.25, 0.75, 0.75]]


def test_readers_are_made_again_with_the_mask(result: Segmentation) -> None:
    rules = MaskRules(result.provenance["threshold"], smoothing=3, largest=True)
    again = remake(result, rules)
    expected = make_mask(result.readers.cnn.probability, rules)
    assert np.array_equal(again.readers.cnn.mask, expected)
    assert again.provenance["readers"] == again.readers.facts
    assert again.readers.facts != result.readers.facts


@pytest.mark.parametrize("frames", [None, 1, 2])
def test_readers_are_saved_and_read_back(
    result: Segmentation, tmp_path: Path, frames: int | None
) -> None:
    results = [result] * (frames or 1)
    given = Results("a", "a", results, frames)
    files = save_results(given, tmp_path, "a")
    facts = json.loads(files[-1].read_text())["readers"]
    one = facts["dice"]["cnn_transformer"]
    assert (one[1] if frames == 2 else one) == result.readers.dice
    area = facts["disagreement"]["area_px"]
    differs = int((result.readers.disagreement > 0).sum())
    assert (area[1] if frames == 2 else area) == differs > 0
    assert facts["record"]["right"]["cnn"]["mean"] is None  # JSON has no NaN
    for back in load_results(files[-1]).segmentations:
        assert back.provenance == {**result.provenance, "source": "a"}
        for reader in Reader:
            mine, its = result.readers[reader], back.readers[reader]
            assert np.array_equal(mine.mask, its.mask)
            assert np.array_equal(mine.probability, its.probability)
        assert back.readers.record.dice("transformer") == RECORD["dice"]["transformer"]
        assert back.readers.record.right("cnn") is None
        assert back.readers.record.psi_tells == result.readers.record.psi_tells
    # Without readers, those of before go: they would describe another run.
    plain = [replace(result, readers=None)] * (frames or 1)
    files = save_results(replace(given, segmentations=plain), tmp_path, "a")
    assert {file.name for file in tmp_path.iterdir()} == {file.name for file in files}
    assert load_results(files[-1]).segmentations[0].readers is None


def test_the_command_writes_them_or_says_why_not(
    tiny_weights: Path, weights_of: Callable[..., Path], tmp_path: Path
) -> None:
    image, out = tmp_path / "a.png", tmp_path / "out"
    Image.fromarray(IMAGE).save(image)
    words = ["segment", image, "--out", out, "--device", "cpu", "--readers"]
    done = attnseg(*words, "--weights", tiny_weights)
    assert done.returncode == 0, done.stderr
    facts = json.loads((out / "a.json").read_text())
    assert (out / facts["readers"]["cnn"]["mask"]).name == "a_mask_cnn.png"
    differs = np.asarray(Image.open(out / "a_mask_disagree.png"))
    masks = [
        np.asarray(Image.open(out / f"a_mask_{reader.key}.png")) for reader in Reader
    ]
    assert np.array_equal(differs > 0, masks[0] != masks[1])
    none = attnseg(*words, "--weights", weights_of("tiny-unet"))
    assert none.returncode == 2
    assert "one gate per level" in none.stderr and "'tiny-unet' has no gates" in (
        " ".join(none.stderr.split())
    )
    taken = tmp_path / "b"
    taken.mkdir()
    (taken / "a_mask_cnn.png").touch()
    words[3] = taken
    refused = attnseg(*words, "--weights", tiny_weights)
    assert refused.returncode == 2 and "would be replaced" in refused.stderr


def test_two_gates_per_level_are_no_two_readers(
    weights_of: Callable[..., Path],
) -> None:
    double = Segmenter.from_checkpoint(weights_of("tiny-double-weighted"), "cpu")
    with pytest.raises(InputError, match="has 2 gates per level"):
        double(IMAGE, readers=True)
