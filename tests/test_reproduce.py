"""What "Copy as Python" and "Copy as command" give repeats the run bit for bit."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

from napari_attnseg.cards import weights_hash
from napari_attnseg.cli import app
from napari_attnseg.corrections import Click, clicks_to_json, correct
from napari_attnseg.corrections.of_model import corrector_of
from napari_attnseg.inference import Segmenter
from napari_attnseg.io.images import read_image
from napari_attnseg.io.results import Results, load_results, save_results
from napari_attnseg.io.run_facts import provenance
from napari_attnseg.masks import MaskRules, remake, rules_of
from napari_attnseg.reproduce import EDITED, command_text, python_text
from napari_attnseg.results import Segmentation
from napari_attnseg.sample_data import sample_image
from napari_attnseg.weights import DEFAULT_WEIGHTS, weights_path

GATES: dict[int, float | str] = {32: 0.3, 8: "transformer", 16: "mean"}


@pytest.fixture(scope="module")
def segmenter(tiny_weights: Path) -> Segmenter:
    return Segmenter.from_checkpoint(tiny_weights, "cpu")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "a photo.png"
    Image.fromarray(sample_image("polyp")).save(path)
    return path


def run_python(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(text, "copied", "exec"), names)
    return names


def assert_same(a: Segmentation, b: Segmentation) -> None:
    np.testing.assert_array_equal(a.mask, b.mask)
    np.testing.assert_array_equal(a.probability, b.probability)
    for one, other in zip(a.attention, b.attention, strict=True):
        np.testing.assert_array_equal(one.values, other.values)


@pytest.mark.parametrize("gates", [{}, GATES])
def test_a_run_is_repeated_bit_for_bit(
    segmenter: Segmenter,
    tiny_weights: Path,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    gates: Mapping[int, float | str],
) -> None:
    encoded = segmenter.encode(sample_image("polyp"))
    result = segmenter.decode(encoded, gates, 0.47)
    facts = provenance([result], str(photo))
    repeated = run_python(python_text(facts, tiny_weights))["result"]
    assert_same(repeated, result)
    assert "The same mask." in capsys.readouterr().out

    program, *arguments = shlex.split(command_text(facts, tiny_weights))
    assert program == "attnseg"
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    (from_files,) = load_results(tmp_path / "results" / "a photo.json").segmentations
    assert_same(from_files, result)


@pytest.mark.parametrize("stored", [True, False])
def test_a_photo_that_is_to_be_turned_is_repeated_as_it_was_segmented(
    segmenter: Segmenter, tiny_weights: Path, tmp_path: Path, stored: bool
) -> None:
    file, exif = tmp_path / "turned.png", Image.Exif()
    exif[274] = 6
    Image.fromarray(sample_image("polyp")).save(file, exif=exif)
    # napari's own reader shows what is stored, the command turns it upright.
    pixels = read_image(file, upright=not stored)
    result = segmenter.decode(segmenter.encode(pixels))
    facts = provenance([result], str(file))
    text = python_text(facts, tiny_weights)
    assert_same(run_python(text)["result"], result)
    assert ("upright=False" in text) == stored
    assert ("turns it upright" in command_text(facts, tiny_weights)) == stored


def test_an_image_that_was_given_from_another_folder_is_found(
    tiny_weights: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["segment", photo.name, "--out", "out", "--weights", str(tiny_weights)]
    assert CliRunner().invoke(app, command).exit_code == 0
    saved = tmp_path / "out" / "a photo.json"
    (result,) = load_results(saved).segmentations
    facts = provenance([result], photo.name)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert "came from no file" in python_text(facts, tiny_weights)
    repeated = run_python(python_text(facts, tiny_weights, saved))
    assert repeated["same"] and str(photo) in command_text(facts, tiny_weights, saved)


def test_a_stack_is_repeated_by_python_only(
    segmenter: Segmenter, tiny_weights: Path, tmp_path: Path
) -> None:
    stack = np.random.default_rng(0).integers(0, 4000, (3, 40, 50), dtype=np.uint16)
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, stack, photometric="minisblack")
    results = [segmenter(frame) for frame in stack]
    facts = provenance(results, str(path))
    repeated = run_python(python_text(facts, tiny_weights))
    assert repeated["same"]
    for a, b in zip(results, repeated["results"], strict=True):
        assert_same(a, b)
    assert command_text(facts, tiny_weights).startswith("# A stack")


def test_a_mask_that_was_made_anew_is_repeated(
    segmenter: Segmenter,
    tiny_weights: Path,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = segmenter(sample_image("polyp"))
    cut = float(np.quantile(own.probability, 0.7))
    rules = MaskRules(cut, 1.5, 40, fill_holes=True, largest=True)
    made = remake(own, rules)
    assert 0 < made.mask.sum() != (own.probability >= cut).sum()
    facts = provenance([made], str(photo))
    assert_same(run_python(python_text(facts, tiny_weights))["result"], made)
    assert "The same mask." in capsys.readouterr().out
    monkeypatch.chdir(tmp_path)
    _, *arguments = shlex.split(command_text(facts, tiny_weights))
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    (read,) = load_results(tmp_path / "results" / "a photo.json").segmentations
    assert_same(read, made)
    assert rules_of(read.provenance) == rules
    said = json.loads((tmp_path / "results" / "a photo.json").read_text())
    assert said["mask_edited"] is False
    # One rule is enough to be said, and none is said that was not asked for.
    facts["mask_rules"] = asdict(MaskRules(cut, min_size=9))
    said = command_text(facts, tiny_weights)
    assert "--min-size 9" in said and "--smooth" not in said and "--fill" not in said


def test_clicks_are_repeated(
    segmenter: Segmenter,
    tiny_weights: Path,
    photo: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    image = sample_image("polyp")
    encoded = segmenter.encode(image)
    own = segmenter.decode(encoded)
    clicks = [Click(100, 120, True), Click(200, 90, False), Click(40, 300, True)]
    clicks.append(Click(60, 60, True, line=((60, 200), (120, 210))))
    corrector = corrector_of(segmenter, encoded)
    wanted = correct(corrector, own.mask, clicks)
    facts = provenance([own], str(photo))
    facts["clicks"] = {"clicks": clicks_to_json(wanted.clicks), **wanted.facts}
    names = run_python(python_text(facts, tiny_weights))
    np.testing.assert_array_equal(names["mask"], wanted.mask)
    assert (names["mask"] != own.mask).any()
    assert "The same mask." in capsys.readouterr().out
    facts["clicks"]["corrector"] = "click_head"
    with pytest.raises(SystemExit, match="lack the click head"):
        run_python(python_text(facts, tiny_weights))


def test_a_stack_that_was_made_anew_is_repeated(
    segmenter: Segmenter, tiny_weights: Path, tmp_path: Path
) -> None:
    """Of the probability as the viewer keeps it: half precision."""
    stack = np.random.default_rng(0).integers(0, 4000, (2, 40, 50), dtype=np.uint16)
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, stack, photometric="minisblack")
    results = [segmenter(frame) for frame in stack]
    kept = [r.probability.astype(np.float16) for r in results]
    # Between a probability and what half precision makes of it: there they differ.
    at = np.unravel_index(np.argmax(results[0].probability - kept[0]), kept[0].shape)
    rules = MaskRules(float(results[0].probability[at]))
    made = [remake(result, rules, "float16") for result in results]
    assert not np.array_equal(made[0].mask, remake(results[0], rules).mask)
    facts = provenance(made, str(path))
    assert run_python(python_text(facts, tiny_weights))["same"]


def test_a_gate_that_was_painted_is_repeated_from_its_map(
    segmenter: Segmenter,
    tiny_weights: Path,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    encoded = segmenter.encode(sample_image("polyp"))
    own = segmenter.decode(encoded)
    psi = own.attention[1].values.copy()
    psi[:3] = 1
    cut = float(np.median(own.probability))
    painted = segmenter.decode(encoded, {8: psi, 32: 0.25}, cut)
    assert not np.array_equal(painted.mask, segmenter.decode(encoded, None, cut).mask)
    results = Results("a photo", str(photo), [painted], image=photo)
    *_, saved = save_results(results, tmp_path / "kept", "painted")
    facts = provenance([painted], str(photo))
    repeated = run_python(python_text(facts, tiny_weights, saved))
    assert_same(repeated["result"], painted)
    assert "The same mask." in capsys.readouterr().out
    monkeypatch.chdir(tmp_path)
    _, *arguments = shlex.split(command_text(facts, tiny_weights, saved))
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    (read,) = load_results(tmp_path / "results" / "a photo.json").segmentations
    assert_same(read, painted)
    # Another run was saved over it: its maps are not this run's.
    facts["date"] = "later"
    said = command_text(facts, tiny_weights, saved)
    assert said.startswith("# A gate was forced inside a region")
    assert "1/8=NAME_gate_1-8.tif" in said


def test_edits_by_hand_are_said(segmenter: Segmenter) -> None:
    facts = provenance([segmenter(sample_image("polyp"))], "x")
    for text in (python_text, command_text):
        assert f"# {EDITED}" in text(facts, edited=True).splitlines()
        assert EDITED not in text(facts)


def test_other_pixels_and_other_weights_are_noticed(
    segmenter: Segmenter, tiny_weights: Path, photo: Path
) -> None:
    facts = provenance([segmenter(sample_image("polyp"))], str(photo))
    with pytest.raises(SystemExit, match="other weights"):
        run_python(python_text({**facts, "weights_sha256": "0"}, tiny_weights))
    Image.fromarray(sample_image("two-polyps")).save(photo)
    for text in (python_text(facts, tiny_weights), command_text(facts, tiny_weights)):
        assert "a photo.png does not hold the pixels" in text
    with pytest.raises(SystemExit, match="other pixels"):
        run_python(python_text(facts, tiny_weights))


def test_what_is_not_known_is_said(segmenter: Segmenter) -> None:
    result = segmenter(sample_image("polyp"))
    for text in (python_text, command_text):
        said = text(provenance([result], "drawn by hand"))
        comments = [line for line in said.splitlines() if line.startswith("#")]
        assert any("'drawn by hand', which came from no file" in c for c in comments)
        assert any("path of tiny.safetensors" in c for c in comments)
    # A gate that was painted: the map itself has to be given.
    encoded = segmenter.encode(sample_image("polyp"))
    painted = segmenter.decode(encoded, {8: result.attention[1].values})
    facts = provenance([painted], "x")
    assert "8: read_image(Path('NAME_gate_1-8.tif'))" in python_text(facts)
    assert command_text(facts).startswith("# A gate was forced inside a region")


def test_text_of_somebodys_file_does_not_become_code(segmenter: Segmenter) -> None:
    told = provenance([segmenter(sample_image("polyp"))], "polyp")
    evil = "x\nraise SystemExit('run')\n#"
    facts = {**told, "weights": f"{evil}.safetensors", "date": evil}
    facts["versions"] = {evil: evil}
    lines = python_text(facts).splitlines()
    assert any("raise" in line for line in lines)
    assert not [line for line in lines if line.startswith("raise")]
    # Of a command, the weights' name is an argument, line breaks and all.
    (words,) = [shlex.split(command_text(facts), comments=True)]
    assert words[:2] == ["attnseg", "segment"] and f"{evil}.safetensors" in words
    with pytest.raises(ValueError, match="invalid literal"):
        python_text({**told, "frame": "__import__('os')"})


def test_a_file_that_looks_like_an_option_is_none(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(sample_image("polyp")).save("-x.png")
    facts = provenance([segmenter(sample_image("polyp"))], "-x.png")
    assert "segment ./-x.png" in command_text(facts)


def test_a_numpy_threshold_is_a_number(segmenter: Segmenter) -> None:
    encoded = segmenter.encode(sample_image("polyp"))
    for threshold in (np.float64(0.25), np.float32(0.25)):
        facts = segmenter.decode(encoded, threshold=threshold).provenance
        assert json.dumps(facts["threshold"]) == repr(facts["threshold"]) == "0.25"


def test_fewer_bits_are_asked_for_again(segmenter: Segmenter) -> None:
    facts = provenance([segmenter(sample_image("polyp"))], "x")
    assert "'cpu')" in python_text(facts) and "--precision" not in command_text(facts)
    facts |= {"precision": "bfloat16", "device": "cuda:0"}
    assert "'cuda:0', 'auto')" in python_text(facts)
    assert "--device cuda:0 --precision auto" in command_text(facts)


def test_bundled_weights_are_named(segmenter: Segmenter) -> None:
    facts = provenance([segmenter(sample_image("polyp"))], "x")
    own = weights_hash(weights_path(DEFAULT_WEIGHTS))
    facts |= {"weights": f"{DEFAULT_WEIGHTS}.safetensors", "weights_sha256": own}
    assert f"from_checkpoint('{DEFAULT_WEIGHTS}', 'cpu')" in python_text(facts)
    # Of the same name, but not the same: the bundled ones would not repeat it.
    facts["weights_sha256"] = "0"
    assert f"--weights {DEFAULT_WEIGHTS}.safetensors" in command_text(facts)
