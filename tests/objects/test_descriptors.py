"""What is measured of objects, on shapes whose numbers are known."""

import csv
import io
import math
import re

import numpy as np
import pytest
from scipy import ndimage
from skimage.draw import disk
from skimage.filters import gaussian
from skimage.measure import regionprops

from napari_attnseg.distances import distances
from napari_attnseg.errors import InputError
from napari_attnseg.intensity import Percentiles, Window, rule_to_json
from napari_attnseg.objects.descriptors import DESCRIPTORS, PixelSize, columns, csv_text
from napari_attnseg.objects.measure import measure, measure_segmentation, separate
from napari_attnseg.objects.sentences import grouped, sentences
from napari_attnseg.results import AttentionMap, Segmentation
from napari_attnseg.uncertainty import band_width, binary_entropy, case_doubt

SHAPE = (200, 240)


def disc(row: int = 90, column: int = 110, radius: int = 40) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[disk((row, column), radius, shape=SHAPE)] = 1
    return mask


def rectangle(height: int, width: int) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[50 : 50 + height, 60 : 60 + width] = 1
    return mask


def one(mask: np.ndarray, *args, **more):
    (record,) = measure(separate(mask), *args, **more)
    return record


def test_a_disc_is_round_and_as_large_as_it_should_be() -> None:
    record = one(disc())
    values = record.values
    assert values["area"] == pytest.approx(math.pi * 40**2, rel=0.01)
    assert values["% of frame"] == pytest.approx(100 * values["area"] / (200 * 240))
    assert values["equivalent diameter"] == pytest.approx(80, rel=0.01)
    assert values["Feret diameter"] == pytest.approx(80, abs=1.5)
    assert values["eccentricity"] < 0.1 and values["solidity"] > 0.97
    assert record.centroid == pytest.approx((90, 110))
    assert "calibration" in record.reasons["calibrated area"]


def test_feret_of_a_rectangle_is_its_diagonal_in_both_units() -> None:
    values = one(rectangle(30, 40), pixel=PixelSize(0.5, 2.0, "mm")).values
    assert values["Feret diameter"] == pytest.approx(50)
    assert values["calibrated Feret diameter"] == pytest.approx(math.hypot(15, 80))
    assert values["calibrated area"] == pytest.approx(1200)
    assert values["solidity"] == pytest.approx(1)


def test_pixels_that_are_not_square_make_a_square_of_a_rectangle() -> None:
    assert one(rectangle(20, 40)).values["eccentricity"] > 0.8
    values = one(rectangle(20, 40), pixel=PixelSize(2, 1)).values
    assert values["eccentricity"] < 0.1
    assert math.isnan(values["calibrated area"])  # a ratio is no calibration


def test_shape_is_what_scikit_image_finds_by_a_look_at_every_pixel() -> None:
    rng = np.random.default_rng(2)
    blobs = separate(gaussian(rng.random(SHAPE), 3) > 0.505)
    expected = {region.label: region for region in regionprops(blobs)}
    for record in measure(blobs):
        region = expected[record.label]
        assert record.values["area"] == region.area
        assert record.centroid == pytest.approx(region.centroid)
        if not math.isnan(record.values["solidity"]):
            assert record.values["solidity"] == pytest.approx(region.solidity)


def test_psi_outside_is_the_mean_over_all_pixels_beyond_every_band() -> None:
    mask = np.maximum(disc(), disc(30, 200, 20))
    far = distances(mask == 0) > band_width(SHAPE)
    np.testing.assert_array_equal(
        far, ndimage.distance_transform_edt(mask == 0) > band_width(SHAPE)
    )
    # Coarser than the image, not by a whole number; and finer than it.
    for shape in ((7, 9), (300, 500)):
        psi = np.random.default_rng(0).random(shape, np.float32)
        stride = (SHAPE[0] / shape[0], SHAPE[1] / shape[1])
        found = measure(separate(mask), gates=[AttentionMap(psi, 8, stride)])
        rows, columns = (
            np.minimum(((np.arange(n) + 0.5) / s).astype(int), m - 1)
            for n, s, m in zip(SHAPE, stride, shape, strict=True)
        )
        expected = psi[np.ix_(rows, columns)][far].mean()
        for record in found:
            assert record.values["psi 1/8 outside"] == pytest.approx(expected)


def test_objects_touch_by_corners_and_classes_are_apart() -> None:
    mask = np.array([[1, 0, 2, 2], [0, 1, 2, 0], [0, 0, 0, 0], [1, 0, 0, 0]])
    assert len(np.unique(separate(mask))) == 1 + 3
    records = measure(separate(mask), mask=mask)
    assert sorted(record.value for record in records) == [1, 1, 2]
    assert measure(separate(np.zeros(SHAPE, int))) == []
    assert csv_text([]).startswith("object,")


def test_what_touches_the_frame_has_an_area_but_no_extent() -> None:
    record = one(disc(row=10))
    assert record.values["area"] > 0
    for name in ("Feret diameter", "equivalent diameter", "eccentricity", "solidity"):
        assert math.isnan(record.values[name])
        assert "touches the frame" in record.reasons[name]
    everything = one(np.ones(SHAPE, np.uint8), np.zeros(SHAPE))
    assert everything.values["% of frame"] == 100
    assert math.isnan(everything.values["boundary sharpness"])


def test_one_pixel_is_counted_and_little_else() -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[100, 100] = 1
    photo = np.random.default_rng(0).integers(0, 255, (*SHAPE, 3), dtype=np.uint8)
    gate = AttentionMap(np.full((50, 60), 0.5, np.float32), 4, (4, 4))
    record = one(mask, photo, np.full((1, *SHAPE), 0.5), [gate])
    assert record.values["area"] == 1
    assert record.values["Feret diameter"] == pytest.approx(math.sqrt(2))
    assert record.values["doubt"] == pytest.approx(1, abs=1e-5)
    for name in ("solidity", "texture entropy", "boundary sharpness"):
        assert "fewer than 16" in record.reasons[name]
    assert "smaller than one pixel" in record.reasons["psi 1/4 inside"]
    assert record.values["psi 1/4 outside"] == 0.5


def test_sharpness_of_a_step_and_of_the_same_step_blurred() -> None:
    mask = disc()
    step = 0.2 + 0.5 * mask
    sharp = one(mask, step).values["boundary sharpness"]
    assert sharp == pytest.approx(0.5 * 35, rel=0.1)
    soft = one(mask, gaussian(step, 4)).values["boundary sharpness"]
    # The slope of a step under a Gaussian of the total width.
    assert soft == pytest.approx(50 / math.sqrt(2 * math.pi * 17), rel=0.1)
    assert one(mask, np.full(SHAPE, 0.5)).values["boundary sharpness"] == 0


def test_colour_highlights_and_texture() -> None:
    mask = disc()
    photo = np.zeros((*SHAPE, 3), np.uint8)
    photo[mask > 0] = (255, 0, 0)
    values = one(mask, photo).values
    # CIELAB of sRGB red.
    assert values["mean L*"] == pytest.approx(53.24, abs=0.1)
    assert values["mean a*"] == pytest.approx(80.09, abs=0.1)
    assert values["mean b*"] == pytest.approx(67.2, abs=0.1)
    assert values["SD of a*"] == pytest.approx(0, abs=1e-3)
    assert values["highlights"] == values["texture contrast"] == 0
    assert values["texture entropy"] == 0 and values["texture homogeneity"] == 1
    photo[80:100, 100:120] = 250
    values = one(mask, photo).values
    assert values["highlights"] == pytest.approx(100 * 400 / mask.sum())
    # Stripes of two grey levels, 31 apart: along them equal, across them not.
    stripes = np.zeros(SHAPE)
    stripes[::2] = 1
    values = one(rectangle(40, 40), stripes).values
    assert values["texture contrast"] == pytest.approx(31**2 * 0.75, rel=0.01)
    assert values["texture entropy"] == pytest.approx(2, abs=0.3)


def test_grey_has_no_colour_whatever_its_channels() -> None:
    grey = np.random.default_rng(0).integers(0, 255, SHAPE, dtype=np.uint8)
    for image in (grey, np.stack([grey] * 3, -1)):
        record = one(disc(), image)
        assert record.reasons["mean a*"] == record.reasons["highlights"]
        assert "grey" in record.reasons["mean a*"]
        assert record.values["mean brightness"] == pytest.approx(50, abs=2)


def test_psi_inside_on_the_border_and_outside() -> None:
    mask = disc()
    band = band_width(SHAPE)
    psi = np.full(SHAPE, 0.25, np.float32)
    psi[disk((90, 110), 40 + band + 2)] = 0.5
    psi[disk((90, 110), 40 - band - 1)] = 0.75
    fine = AttentionMap(psi, 4, (1, 1))
    coarse = AttentionMap(np.full((5, 6), 0.6, np.float32), 32, (40, 40))
    values = one(mask, gates=[fine, coarse]).values
    assert values["psi 1/4 inside"] == pytest.approx(0.75, abs=0.02)
    assert values["psi 1/4 on the border"] == pytest.approx(0.5, abs=0.02)
    assert values["psi 1/4 outside"] == pytest.approx(0.25, abs=0.02)
    assert values["psi 1/32 inside"] == pytest.approx(0.6)
    # The value of the map's cell that a pixel lies in, the right way round.
    ramp = np.repeat(np.arange(5, dtype=np.float32)[:, None] / 10, 6, 1)
    upper = one(disc(45), gates=[AttentionMap(ramp, 32, (40, 40))]).values
    lower = one(disc(150), gates=[AttentionMap(ramp, 32, (40, 40))]).values
    assert upper["psi 1/32 inside"] < 0.15 < 0.3 < lower["psi 1/32 inside"]


def test_probability_and_doubt() -> None:
    mask = disc()
    probability = np.where(mask, 0.9, 0.0)[None]
    probability[0, 90, 110] = 0.6
    values = one(mask, probability=probability).values
    assert values["mean probability"] == pytest.approx(0.9, abs=1e-3)
    assert values["minimum probability"] == pytest.approx(0.6)
    assert 0.3 < values["doubt"] < binary_entropy(np.array([0.9]))[0] + 1e-3
    assert values["doubt"] == pytest.approx(case_doubt(probability, mask))
    assert math.isnan(case_doubt(probability, np.zeros(SHAPE)))
    entropy = binary_entropy(np.array([0, 0.5, 1, 0.11], np.float16))
    np.testing.assert_allclose(entropy, [0, 1, 0, 0.5], atol=1e-3)


def test_a_sentence_changes_with_the_mask_and_says_the_records_numbers() -> None:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 255, (*SHAPE, 3), dtype=np.uint8)
    probability = rng.random((1, *SHAPE))
    gates = [AttentionMap(rng.random((50, 60), np.float32), 4, (4, 4))]
    told = {}
    for mask in (disc(), rectangle(33, 47)):
        record = one(mask, photo, probability, gates, PixelSize(0.5, 0.5, "mm"))
        for sentence in sentences(record):
            if not sentence.names:
                continue
            told.setdefault(sentence.names, set()).add(sentence.text)
            for name in sentence.names:
                shown = grouped(record.values[name])
                assert re.search(
                    rf"(?<![\d.]){re.escape(shown)}(?![\d.]\d)", sentence.text
                )
                assert float(shown.replace(",", "")) == pytest.approx(
                    record.values[name], rel=0.006
                )
    assert len(told) >= 10
    for names, texts in told.items():
        assert len(texts) == 2, names  # the mask was swapped, so was every sentence


def test_brightness_says_of_which_range_it_is() -> None:
    """A 16-bit image is stretched to its own range, which is not the full one."""
    deep = np.full(SHAPE, 200, np.uint16)
    deep[disc() > 0] = 1200
    for photo, said in (
        (deep, "% of the way from the image's lowest to its highest value"),
        ((deep // 5).astype(np.uint8), "94.1 % of the full range"),
    ):
        record = one(disc(), photo)
        assert said in " ".join(sentence.text for sentence in sentences(record))


def test_a_result_is_measured_as_its_run_read_the_image() -> None:
    """One hot pixel must not make an object dark that the model saw bright."""
    deep = np.full(SHAPE, 200, np.uint16)
    deep[disc() > 0] = 1200
    hot = deep.copy()
    hot[0, 0] = 65_535
    for rule, brightness, said in (
        (Percentiles(1.5, 98.5), 100, "value 200 to 1200"),
        (Window(200, 2200), 50, "value 200 to 2200"),
    ):
        facts = {"intensity_rule": rule_to_json(rule)}
        result = Segmentation(disc(), disc()[None].astype(np.float32), (), facts)
        (record,) = measure_segmentation(result, hot)
        assert record.values["mean brightness"] == pytest.approx(brightness)
        assert f" % of the way from the image's {said} " in " ".join(
            sentence.text for sentence in sentences(record)
        )
    assert one(disc(), hot).values["mean brightness"] < 2  # lowest to highest


def test_no_millimetre_without_calibration_and_nothing_missing_in_silence() -> None:
    said = " ".join(sentence.text for sentence in sentences(one(disc(10))))
    assert not re.search(r"\bmm\b", said)
    record = one(disc(10))
    missing = [name for name, value in record.values.items() if math.isnan(value)]
    assert missing and all(name in said for name in missing)
    assert set(record.reasons) == set(missing)


def test_csv_has_every_number_and_empty_cells_for_the_rest() -> None:
    records = measure(separate(disc() + disc(30, 30, 10)), frame=3)
    rows = list(csv.DictReader(io.StringIO(csv_text(records))))
    assert [row["object"] for row in rows] == ["1", "2"]
    assert {row["frame"] for row in rows} == {"3"}
    assert float(rows[1]["area (px)"]) == records[1].values["area"]
    assert rows[0]["doubt (bit)"] == ""
    calibrated = measure(separate(disc()), pixel=PixelSize(1, 1, "µm"))
    assert {"area (µm²)", "area (px)"} < set(columns(calibrated))
    assert len(columns(calibrated)) == len(DESCRIPTORS) + 4


def test_another_size_is_refused_in_words() -> None:
    with pytest.raises(InputError, match="image of the labels' size"):
        measure(separate(disc()), np.zeros((10, 10)))
    with pytest.raises(InputError, match="probability of the labels' size"):
        measure(separate(disc()), probability=np.zeros((1, 10, 10)))
