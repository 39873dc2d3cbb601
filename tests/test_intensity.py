"""Intensities are clipped as the card or the user says, and it is recorded as data."""

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_attnseg.cards import ModelCard, read_card
from napari_attnseg.cli import app
from napari_attnseg.errors import InputError
from napari_attnseg.explanations import explain
from napari_attnseg.inference import Segmenter
from napari_attnseg.intensity import (
    DEFAULT_PERCENTILES,
    WHOLE_RANGE,
    IntensityWarning,
    MappingRule,
    Percentiles,
    Window,
    parse_intensity,
    rule_of,
    rule_to_json,
)
from napari_attnseg.intensity_warnings import warnings_of
from napari_attnseg.io.results import load_results
from napari_attnseg.io.run_facts import provenance
from napari_attnseg.metrics import dice
from napari_attnseg.preprocessing import to_rgb
from napari_attnseg.reproduce import command_text, python_text
from napari_attnseg.sample_data import sample_image
from napari_attnseg.spec import Preprocessing
from napari_attnseg.weights import DEFAULT_WEIGHTS, weights_path
from napari_attnseg.whatif import WhatIf

CLIPPED = Percentiles(1, 99)


@pytest.fixture
def ramp() -> np.ndarray:
    """Values 0 to 9999, each once, in a square."""
    return np.arange(10_000, dtype=np.uint16).reshape(100, 100)


@pytest.fixture
def grey() -> np.ndarray:
    """A polyp in grey as a 12-bit camera gives it."""
    return (sample_image("polyp").astype(float).mean(2) * 16).round().astype(np.uint16)


def test_percentiles_become_black_and_white(ramp: np.ndarray) -> None:
    rgb, mapping = to_rgb(ramp, intensity=CLIPPED)
    assert (mapping.rule, mapping.low, mapping.high) == ("percentiles", 100, 9899)
    assert mapping.clipped == pytest.approx(0.02)
    expected = ((ramp.astype(float) - 100) / 9799).clip(0, 1)
    np.testing.assert_allclose(rgb[..., 1], expected, atol=1e-6)


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("size", [5, 100])
def test_one_bright_pixel_changes_next_to_nothing(kind: type, size: int) -> None:
    image = np.random.default_rng(0).normal(1000, 100, (size, size)).astype(kind)
    bright = image.copy()
    bright[1, 2] = 60_000
    before, after = (to_rgb(i, intensity=CLIPPED)[0] for i in (image, bright))
    inside = np.ones(image.shape, bool)
    inside[1, 2] = False
    # Five by five pixels lose one of 25 values; the percentile moves to its neighbour.
    assert np.abs(before - after)[inside].max() < (0.25 if size == 5 else 0.01)
    assert to_rgb(bright)[0][inside].max() < 0.03  # minimum and maximum: black


def test_cards_of_before_keep_minimum_and_maximum(ramp: np.ndarray) -> None:
    data = json.loads(ModelCard(_spec(), Preprocessing(64)).to_json())
    data["preprocessing"] = {"size": 64}
    card = ModelCard.from_json(json.dumps(data))
    assert card.preprocessing.intensity == WHOLE_RANGE
    rgb, mapping = to_rgb(ramp, intensity=card.preprocessing.intensity)
    old = ((ramp.astype(np.float64) - 0.0) / (9999.0 - 0.0)).astype(np.float32)
    np.testing.assert_array_equal(rgb[..., 0], old)
    assert mapping.rule is MappingRule.WHOLE_RANGE and mapping.clipped == 0


def test_a_card_with_percentiles_gives_them_back_and_wrong_ones_are_refused() -> None:
    card = ModelCard(_spec(), Preprocessing(64, 2, 97))
    assert ModelCard.from_json(card.to_json()).preprocessing.intensity == Percentiles(
        2, 97
    )
    card = ModelCard(_spec(), Preprocessing(64, 2, 97, without_border=True))
    again = ModelCard.from_json(card.to_json()).preprocessing.intensity
    assert again == Percentiles(2, 97, without_border=True)
    wrong = ModelCard(_spec(), Preprocessing(64, 97, 2))
    with pytest.raises(ValueError, match="percentiles 97 and 2"):
        ModelCard.from_json(wrong.to_json())


def test_eight_bit_and_unit_floats_stay_bit_for_bit() -> None:
    image = sample_image("polyp")
    rgb, mapping = to_rgb(image, intensity=Percentiles(*DEFAULT_PERCENTILES))
    np.testing.assert_array_equal(rgb, image.astype(np.float32) / np.float32(255))
    assert mapping.rule is MappingRule.DIVIDED_BY_255 and not mapping.warnings
    floats = (image / 255).astype(np.float32)
    rgb, mapping = to_rgb(floats, intensity=CLIPPED)
    np.testing.assert_array_equal(rgb, floats)
    assert mapping.rule is MappingRule.AS_THEY_ARE


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float64, bool])
def test_a_window_holds_for_every_type(kind: type) -> None:
    values = np.array([[0, 1, 50], [100, 120, 120]]).astype(kind)
    rgb, mapping = to_rgb(values, intensity=Window(0, 100))
    expected = (values.astype(float) / 100).clip(0, 1)
    np.testing.assert_allclose(rgb[..., 0], expected, atol=1e-7)
    assert (mapping.rule, mapping.low, mapping.high) == ("window", 0, 100)
    assert mapping.clipped == pytest.approx(np.mean(values.astype(float) > 100))


def test_as_an_untouched_8_bit_layer_is_displayed_is_as_it_is_read() -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    shown = to_rgb(values, intensity=Window(0, 255))[0]
    np.testing.assert_array_equal(shown, to_rgb(values)[0])


def test_a_small_object_on_nothing_is_not_clipped_away() -> None:
    image = np.zeros((100, 100), np.uint16)
    image[4:8, 4:8] = 900  # 0.16 % of the pixels: both percentiles are 0
    rgb, mapping = to_rgb(image, intensity=CLIPPED)
    np.testing.assert_array_equal(rgb[..., 0], image / 900)
    assert mapping.rule is MappingRule.WHOLE_RANGE


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.float32])
@pytest.mark.parametrize("colour", [False, True])
def test_a_constant_border_is_left_out(kind: type, colour: bool) -> None:
    """A CT in a round field of view, and a frame: only what is inside counts."""
    inside = np.random.default_rng(0).integers(
        1000, 1400, (100, 80, 3 if colour else 1)
    )
    inside = inside.astype(kind) if colour else inside[..., 0].astype(kind)
    rows, columns = np.ogrid[-1:1:100j, -1:1:80j]
    outside = rows**2 + columns**2 > 1
    frame = np.ones((100, 80), bool)
    frame[9:-9, 9:-9] = False
    for border, value in ((outside, -2000 if kind != np.uint16 else 0), (frame, 9000)):
        image = inside.copy()
        image[border] = value
        rgb, mapping = to_rgb(image, intensity=Percentiles(1.5, 98.5, True))
        counted = inside[~border]
        low = np.percentile(counted, 1.5, method="higher")
        high = np.percentile(counted, 98.5, method="lower")
        assert (mapping.low, mapping.high) == (low, high) and 1000 < low < high < 1400
        assert mapping.border == pytest.approx(border.mean())
        assert f"without its border ({mapping.border:.1%})" in str(mapping)
        assert set(rgb[border].ravel()) == {float(value > 1400)}
        # Without that the border takes at least one end of the range.
        plain = to_rgb(image, intensity=Percentiles(1.5, 98.5))[1]
        assert value in (plain.low, plain.high) and plain.border == 0


def test_without_a_constant_border_all_pixels_count(grey: np.ndarray) -> None:
    rule = Percentiles(1.5, 98.5, without_border=True)
    plain = Percentiles(1.5, 98.5)
    half = np.random.default_rng(0).integers(1, 5000, (40, 40)).astype(np.uint16)
    half[:20] = 0  # not more than half of the outermost pixels
    half[20, 0] = 7
    one_colour = np.broadcast_to(np.array([1, 2, 3], np.uint16), (4, 5, 3))
    for image in (grey, half, one_colour):
        found, expected = (to_rgb(image, intensity=each) for each in (rule, plain))
        np.testing.assert_array_equal(found[0], expected[0])
        assert found[1] == expected[1]


@pytest.mark.parametrize("low_high", [(-200, -200), (300, -200), (0, np.inf)])
def test_no_window(low_high: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="low < high"):
        Window(*low_high)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("whole-range", WHOLE_RANGE),
        ("PERCENTILES", Percentiles(*DEFAULT_PERCENTILES, without_border=True)),
        ("percentiles=0.5,99", Percentiles(0.5, 99)),
        ("percentiles=0.5, 99, without-border", Percentiles(0.5, 99, True)),
    ],
)
def test_rules_are_read_by_name(text: str, rule: Percentiles) -> None:
    assert parse_intensity(text, WHOLE_RANGE) == rule
    found = parse_intensity("percentiles", Percentiles(3, 98))
    assert found == Percentiles(3, 98, without_border=True)
    assert parse_intensity(None, Percentiles(3, 98)) == Percentiles(3, 98)


@pytest.mark.parametrize(
    "text", ["window", "percentiles=1", "percentiles=a,b", "percentiles=1,99,2", "x"]
)
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="whole_range"):
        parse_intensity(text, WHOLE_RANGE)


# -- the warning -----------------------------------------------------------------------


def test_a_range_that_hides_the_image_is_said(grey: np.ndarray) -> None:
    narrow = (IntensityWarning.NARROW_RANGE,)
    bright = grey.copy()
    bright[3, 3] = 65_535
    assert to_rgb(bright)[1].warnings == narrow
    assert to_rgb(bright, intensity=CLIPPED)[1].warnings == ()
    assert to_rgb(grey)[1].warnings == ()
    dim = (grey / 65_535 / 4).astype(np.float32)  # within [0, 1], so never stretched
    assert to_rgb(dim)[1].warnings == narrow


@pytest.mark.parametrize("step", [1, 17, 85])
def test_few_levels_over_the_whole_range_are_not_narrow(step: int) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (64, 64)) // step * step
    assert not to_rgb(levels.astype(np.uint8))[1].warnings
    few = (levels // 8 + 40).astype(np.uint8)
    assert to_rgb(few)[1].warnings == (IntensityWarning.NARROW_RANGE,)


@pytest.mark.parametrize(("divisor", "narrow"), [(1, False), (2, False), (4, True)])
def test_a_dim_8_bit_image_is_said(divisor: int, narrow: bool) -> None:
    values = np.arange(256, dtype=np.uint8).repeat(16).reshape(64, 64) // divisor
    warnings = (IntensityWarning.NARROW_RANGE,) if narrow else ()
    assert to_rgb(values)[1].warnings == warnings


def test_a_border_of_extreme_values_asks_for_a_window(grey: np.ndarray) -> None:
    grey[:8] = grey[-8:] = grey[:, :8] = grey[:, -8:] = 65_535
    rule = Percentiles(*DEFAULT_PERCENTILES)
    assert to_rgb(grey, intensity=rule)[1].warnings == (IntensityWarning.NARROW_RANGE,)


def test_ct_with_air_metal_and_padding_asks_for_a_window(grey: np.ndarray) -> None:
    tissue = (grey / grey.max() * 160 - 60).astype(np.int16)
    ct = tissue.copy()
    ct[:20], ct[60:70, 60:70], ct[-10:] = -1024, 3071, -3024
    default = Percentiles(*DEFAULT_PERCENTILES)
    for rule in (WHOLE_RANGE, CLIPPED, default, Percentiles(2, 98)):
        assert to_rgb(ct, intensity=rule)[1].warnings == (
            IntensityWarning.NARROW_RANGE,
        )
    rgb, mapping = to_rgb(ct, intensity=Window(-60, 100))
    assert mapping.warnings == ()
    np.testing.assert_allclose(
        rgb[20:-10, :60, 0], (tissue[20:-10, :60] + 60) / 160, atol=1e-6
    )


# -- runs ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def segmenter(tiny_weights: Path) -> Segmenter:
    return Segmenter.from_checkpoint(tiny_weights, "cpu")


RULES = [
    Window(100, 2000),
    Percentiles(2, 98),
    "whole_range",
    None,
    Percentiles(2, 98, without_border=True),
]


@pytest.mark.parametrize("rule", RULES)
def test_what_was_asked_and_done_is_in_provenance_and_repeated(
    segmenter: Segmenter,
    tiny_weights: Path,
    grey: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rule: Any,
) -> None:
    photo = tmp_path / "photo.tif"
    tifffile.imwrite(photo, grey)
    result = segmenter(grey, intensity=rule)
    facts = json.loads(json.dumps(provenance([result], str(photo))))
    meant = WHOLE_RANGE if rule in (None, "whole_range") else rule
    assert rule_of(facts) == meant and facts["intensity_rule"] == rule_to_json(meant)
    mapping = to_rgb(grey, intensity=meant)[1]
    assert facts["intensity_mapping"] == mapping.to_json()
    assert facts["intensity"] == str(mapping)

    names: dict[str, Any] = {}
    exec(compile(python_text(facts, tiny_weights), "copied", "exec"), names)
    np.testing.assert_array_equal(names["result"].probability, result.probability)
    _, *arguments = shlex.split(command_text(facts, tiny_weights))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    saved = load_results(tmp_path / "results" / "photo.json").segmentations[0]
    np.testing.assert_array_equal(saved.probability, result.probability)
    assert rule_of(saved.provenance) == meant

    again = WhatIf(segmenter, grey, intensity=rule_of(facts)).own
    np.testing.assert_array_equal(again.probability, result.probability)


def test_rules_make_different_inputs(segmenter: Segmenter, grey: np.ndarray) -> None:
    found = [segmenter(grey, intensity=rule).probability for rule in RULES[:3]]
    assert not np.array_equal(found[0], found[1])
    assert not np.array_equal(found[1], found[2])


def test_results_of_before_are_repeated_with_the_whole_range(
    segmenter: Segmenter, grey: np.ndarray, tiny_weights: Path
) -> None:
    facts = provenance([segmenter(grey)], "photo.tif")
    del facts["intensity_rule"], facts["intensity_mapping"]
    assert rule_of(facts) == WHOLE_RANGE and warnings_of(facts) == ()
    assert "intensity=Percentiles(low=0.0, high=100.0, " in python_text(facts)
    assert "--intensity whole_range" in command_text(facts)
    facts["intensity"] = "Divided by 255"  # nothing changes an 8-bit image
    assert "Percentiles" not in python_text(facts)
    assert "--intensity" not in command_text(facts)


def test_an_explanation_sees_what_the_segmenter_sees(
    segmenter: Segmenter, grey: np.ndarray
) -> None:
    rule = Window(100, 2000)
    found = explain(segmenter, grey, "gate", 32, intensity=rule)
    psi = segmenter(grey, intensity=rule).attention[-1]
    np.testing.assert_allclose(found.values, psi.values, atol=1e-6)
    assert rule_of(found.provenance) == rule
    assert not np.allclose(found.values, explain(segmenter, grey, "gate", 32).values)


@pytest.mark.parametrize("command", ["segment", "explain"])
def test_the_command_line_takes_a_window_and_warns(
    command: str, grey: np.ndarray, tmp_path: Path, tiny_weights: Path
) -> None:
    bright = grey.astype(np.int16)
    bright[3, 3] = 32_000
    tifffile.imwrite(tmp_path / "scan.tif", bright)
    more = ["--method", "gate"] if command == "explain" else []
    name = "scan_gate.json" if command == "explain" else "scan.json"

    def run(*options: str) -> Any:
        words = [command, str(tmp_path / "scan.tif"), "--out", str(tmp_path / "out")]
        words += ["--weights", str(tiny_weights), *more, *options]
        return CliRunner().invoke(app, words)

    done = run()
    assert done.exit_code == 0 and "scan.tif: less than three tenths" in done.stderr
    facts = json.loads((tmp_path / "out" / name).read_text())["provenance"]
    assert facts["intensity_mapping"]["warnings"] == ["narrow_range"]
    done = run("--window", "-100", "1400")
    assert done.exit_code == 0 and "tenth" not in done.stderr
    facts = json.loads((tmp_path / "out" / name).read_text())["provenance"]
    assert rule_of(facts) == Window(-100, 1400)
    assert facts["intensity_mapping"]["clipped"] == pytest.approx(
        np.mean(tifffile.imread(tmp_path / "scan.tif") > 1400)
    )


def test_wrong_rules_are_one_sentence(grey: np.ndarray, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "scan.tif", grey)
    for options, words in (
        (["--window", "5", "1"], "low < high, but got 5 and 1"),
        (["--window", "1", "5", "--intensity", "percentiles"], "but got both"),
        (["--intensity", "bright"], "but got 'bright'"),
    ):
        out = tmp_path / "out"
        given = ["segment", str(tmp_path / "scan.tif"), "--out", str(out), *options]
        done = CliRunner().invoke(app, given)
        assert done.exit_code != 0 and isinstance(done.exception, InputError)
        assert words in str(done.exception) and not out.exists()


# -- the bundled model -----------------------------------------------------------------


def test_the_bundled_model_finds_the_polyp_beside_one_bright_pixel() -> None:
    path = weights_path(DEFAULT_WEIGHTS)
    rule = read_card(path).preprocessing.intensity
    assert rule == Percentiles(*DEFAULT_PERCENTILES, without_border=True)
    bundled = Segmenter.from_checkpoint(path, "cpu")
    image = sample_image("polyp")
    expected = bundled(image).mask
    assert expected.any()
    wide = image.astype(np.uint16) * 16
    wide[3, 3] = 65_535
    assert dice(expected, bundled(wide).mask) >= 0.98
    assert dice(expected, bundled(wide, intensity="whole_range").mask) < 0.5


def _spec() -> Any:
    from napari_attnseg.models.catalog import model_spec

    return model_spec("tiny")
