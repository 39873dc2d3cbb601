"""A box of an image is segmented as its crop is, and nothing outside it counts."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import attnseg
from PIL import Image

from napari_attnseg.boxes import BOX, Box, box_of, parse_box
from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.io.results import load_results
from napari_attnseg.masks import MaskRules, make_mask, remake
from napari_attnseg.objects.measure import measure_segmentation
from napari_attnseg.reader_record import Reader
from napari_attnseg.reproduce import command_text, python_text
from napari_attnseg.results import Segmentation

BOX_SEEN = Box(5, 12, 37, 60)
RULES = MaskRules(0.0, 2.0, 3, True, True)


@pytest.fixture(scope="module")
def segmenter(tiny_weights: Path) -> Segmenter:
    return Segmenter.from_checkpoint(tiny_weights, "cpu")


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def halved(segmenter: Segmenter, image: np.ndarray) -> Segmenter:
    """The untrained model at a threshold that half of the box reaches."""
    found = segmenter(BOX_SEEN.crop(np.moveaxis(image, 2, 0)).transpose(1, 2, 0))
    middle = round(float(np.median(found.probability)), 4)
    return replace(segmenter, card=replace(segmenter.card, threshold=middle))


@pytest.fixture(scope="module")
def both(halved: Segmenter, image: np.ndarray) -> tuple[Segmentation, Segmentation]:
    """Of the box, and of the image cropped by hand."""
    crop = image[5:37, 12:60].copy()
    return halved(image, box=BOX_SEEN, readers=True), halved(crop, readers=True)


def test_it_equals_segmenting_the_crop_and_lies_in_place(
    both: tuple[Segmentation, Segmentation],
) -> None:
    boxed, crop = both
    assert boxed.mask.shape == (50, 70) and boxed.probability.shape == (1, 50, 70)
    assert boxed.readers is not None and crop.readers is not None
    pairs = [(boxed.mask, crop.mask), (boxed.probability, crop.probability)]
    pairs += [(boxed.readers[one].mask, crop.readers[one].mask) for one in Reader]
    for found, wanted in pairs:
        np.testing.assert_array_equal(found[..., 5:37, 12:60], wanted)
        outside = np.array(found)
        outside[..., 5:37, 12:60] = 0
        assert not outside.any()
    assert 0 < np.count_nonzero(boxed.mask) < 32 * 48
    for gate, other in zip(boxed.attention, crop.attention, strict=True):
        np.testing.assert_array_equal(gate.values, other.values)
        assert gate.stride == other.stride
        assert (gate.origin, other.origin) == ((5, 12), (0, 0))
    assert boxed.provenance[BOX] == [5, 12, 37, 60] and BOX not in crop.provenance
    assert box_of(boxed.provenance) == BOX_SEEN


def test_rules_see_nothing_outside_the_box(
    both: tuple[Segmentation, Segmentation],
) -> None:
    # At a threshold of 0 all that was seen belongs to the mask, and no more.
    boxed, crop = (remake(one, RULES) for one in both)
    np.testing.assert_array_equal(BOX_SEEN.crop(boxed.mask), crop.mask)
    assert crop.mask.all() and boxed.mask.sum() == crop.mask.sum()
    rules = replace(RULES, threshold=float(np.median(both[1].probability)))
    boxed, crop = (remake(one, rules) for one in both)
    np.testing.assert_array_equal(BOX_SEEN.crop(boxed.mask), crop.mask)
    plain = make_mask(both[0].probability, rules)
    assert not np.array_equal(BOX_SEEN.crop(plain), crop.mask)  # zeros are smoothed in


def test_objects_are_measured_where_the_model_saw_them(
    halved: Segmenter, image: np.ndarray
) -> None:
    result = halved(image, box=BOX_SEEN)
    crop = halved(image[5:37, 12:60].copy())
    mask = np.zeros((50, 70), np.uint8)
    mask[15:23, 30:40] = 1
    inner, by_hand = (
        measure_segmentation(replace(one, mask=part), pixels)[0]
        for one, part, pixels in (
            (result, mask, image),
            (crop, mask[5:37, 12:60], image[5:37, 12:60]),
        )
    )
    assert by_hand.centroid == (inner.centroid[0] - 5, inner.centroid[1] - 12)
    own = [name for name in inner.values if name.startswith(("psi", "doubt", "mean p"))]
    assert len(own) > 12 and inner.values["psi 1/4 on the border"] > 0
    for name in own:
        assert inner.values[name] == pytest.approx(
            by_hand.values[name], abs=1e-6, nan_ok=True
        ), name

    mask[15:23, 30:40] = 0
    mask[15:30, 55:65] = 1  # painted beyond the box
    (beyond,) = measure_segmentation(replace(result, mask=mask), image)
    assert "outside the box" in beyond.reasons["mean probability"]
    assert "outside the box" in beyond.reasons["psi 1/4 inside"]
    mask[15:30, 60:65] = 0
    (cut,) = measure_segmentation(replace(result, mask=mask), image)
    assert "edge of the box" in cut.reasons["eccentricity"]
    assert not np.isnan(cut.values["doubt"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2,3", "'1,2,3'"),
        ("a,b,c,d", "'a,b,c,d'"),
        ("0,0,15,40", "at least 16×16"),
        ("20,20,4,4", "smaller ones first"),
        ("-1,0,30,40", "-1,0,30,40"),
        ("0,0,51,40", "50 rows and 70 columns"),
    ],
)
def test_a_box_that_cannot_be_used_is_refused_in_a_sentence(
    text: str, said: str, tmp_path: Path, image: np.ndarray, tiny_weights: Path
) -> None:
    Image.fromarray(image).save(tmp_path / "a.png")
    done = attnseg(
        *("segment", tmp_path / "a.png", "--out", tmp_path / "out", "--box", text),
        *("--weights", tiny_weights, "--device", "cpu"),
    )
    assert done.returncode == 2 and said in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "out").exists()


def test_numbers_have_to_be_whole(segmenter: Segmenter, image: np.ndarray) -> None:
    assert parse_box("0, 1, 16, 17") == Box(*np.array([0, 1, 16, 17]))
    with pytest.raises(InputError, match="whole numbers"):
        Box(0, 0, 20.5, 20)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="image"):
        segmenter.segment(np.zeros(40), box=BOX_SEEN)


def test_files_are_written_read_and_repeated(
    tmp_path: Path,
    image: np.ndarray,
    tiny_weights: Path,
    both: tuple[Segmentation, Segmentation],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    photo, out = tmp_path / "a.png", tmp_path / "results"
    Image.fromarray(image).save(photo)
    threshold = str(both[0].provenance["threshold"])
    done = attnseg(
        *("segment", photo, "--out", out, "--box", "5,12,37,60", "--objects"),
        *("--weights", tiny_weights, "--device", "cpu", "--threshold", threshold),
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads((out / "a.json").read_text())
    assert facts["provenance"]["box"] == [5, 12, 37, 60]
    assert "nothing is claimed" in facts["box_is"] and not facts["mask_edited"]
    (found,) = load_results(out / "a.json").segmentations
    np.testing.assert_array_equal(found.mask, both[0].mask)
    for gate, wanted in zip(found.attention, both[0].attention, strict=True):
        np.testing.assert_array_equal(gate.values, wanted.values)
        assert (gate.origin, gate.stride) == (wanted.origin, wanted.stride)
    first = found.provenance
    command = shlex.split(command_text(first, tiny_weights))
    assert command[command.index("--box") + 1] == "5,12,37,60"
    exec(compile(python_text(first, tiny_weights), "copied", "exec"), {})
    assert capsys.readouterr().out == "The same mask.\n"
    # A folder that somebody changed is refused, not misread.
    facts["provenance"]["box"] = [5, 12, 37, 71]
    (out / "a.json").write_text(json.dumps(facts))
    with pytest.raises(InputError, match="inside the image"):
        load_results(out / "a.json")


def test_a_box_and_medsam_are_not_combined(
    tmp_path: Path, image: np.ndarray, tiny_weights: Path
) -> None:
    Image.fromarray(image).save(tmp_path / "a.png")
    done = attnseg(
        *("segment", tmp_path / "a.png", "--out", tmp_path, "--box", "0,0,20,20"),
        *("--weights", tiny_weights, "--medsam", tmp_path),
    )
    assert done.returncode == 2 and "leave out the box or MedSAM" in done.stderr
