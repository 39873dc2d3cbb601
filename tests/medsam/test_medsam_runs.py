"""MedSAM in commands, in evaluation and in corrections by clicks."""

import json
import shlex
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

from napari_attnseg import cli
from napari_attnseg.batch import SegmentOptions, segment_images
from napari_attnseg.corrections import Click, click_in_box, correct
from napari_attnseg.corrections.by_medsam import MedsamCorrector
from napari_attnseg.corrections.of_model import corrector_of
from napari_attnseg.corrections.session import clicks_in, with_clicks
from napari_attnseg.errors import InputError
from napari_attnseg.exit_codes import main_for
from napari_attnseg.inference import Segmenter
from napari_attnseg.intensity import Window
from napari_attnseg.io.results import load_results
from napari_attnseg.io.run_facts import provenance
from napari_attnseg.masks import MaskRules, remake
from napari_attnseg.medsam import Medsam
from napari_attnseg.reproduce import command_text, python_text


def test_the_command_gives_medsam_the_intensities_of_the_run(
    folder: Path, tiny_weights: Path, image: np.ndarray[Any, Any], tmp_path: Path
) -> None:
    deep = image[..., 0].astype(np.uint16)
    deep[0, 0] = 65_535
    tifffile.imwrite(tmp_path / "deep.tif", deep)
    window = Window(40, 200)
    own = Segmenter.from_checkpoint(tiny_weights, "cpu")(deep, intensity=window)
    limit = float(np.quantile(own.probability, 0.8))
    own = remake(own, MaskRules(limit))
    how = SegmentOptions(threshold=limit, medsam=folder, intensity=window)
    outcomes = segment_images(
        [tmp_path / "deep.tif"], tmp_path / "out", tiny_weights, "cpu", how
    )
    assert [one.error for one in outcomes] == [None]
    medsam = Medsam.from_folder(folder, "cpu")
    (found,) = load_results(tmp_path / "out" / "deep.json").segmentations
    expected = medsam.refine(own, medsam.encode(deep, intensity=window))
    np.testing.assert_allclose(found.probability, expected.probability, atol=1e-3)
    other = medsam.refine(own, medsam.encode(deep))
    assert np.abs(other.probability - expected.probability).max() > 0.01


def test_the_command_refines_and_is_repeated(
    folder: Path,
    tiny_weights: Path,
    image: np.ndarray[Any, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(image).save(photo)
    segmenter = Segmenter.from_checkpoint(tiny_weights, "cpu")
    own = segmenter(image)
    rules = MaskRules(float(np.quantile(own.probability, 0.8)), min_size=9)
    medsam = Medsam.from_folder(folder, "cpu", 32)
    expected = medsam.refine(remake(own, rules), medsam.encode(image))
    facts = provenance([expected], str(photo))
    assert python_text(facts, tiny_weights).startswith(
        "# The mask was refined by MedSAM"
    )
    text = command_text(facts, tiny_weights)
    assert text.startswith("# Put the path of MedSAM's folder medsam-small below")
    assert medsam.files["model.safetensors"] in text
    monkeypatch.chdir(tmp_path)
    shutil.copytree(folder, "medsam-small")
    arguments = shlex.split(text, comments=True)[1:]
    done = CliRunner().invoke(cli.app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    (read,) = load_results(tmp_path / "results" / "photo.json").segmentations
    np.testing.assert_array_equal(read.mask, expected.mask)
    np.testing.assert_array_equal(read.probability, expected.probability)
    assert read.provenance["medsam"] == expected.provenance["medsam"]
    assert not json.loads(Path("results/photo.json").read_text())["mask_edited"]
    remade = provenance([remake(expected, MaskRules(0.6))], str(photo))
    assert "which no command repeats" in command_text(remade, tiny_weights)
    # An empty mask: said, and not an error.
    words = list(arguments)
    words[words.index("--threshold") + 1] = "1"
    done = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    assert done.exit_code == 0 and "MedSAM had no box to look in" in done.output
    assert not np.asarray(Image.open("results/photo_mask.png")).any()


def test_a_margin_alone_is_refused(tiny_weights: Path, tmp_path: Path) -> None:
    Image.new("RGB", (40, 40)).save(tmp_path / "x.png")
    main = main_for(cli.app)
    words = ["attnseg", "segment", str(tmp_path / "x.png"), "--out", str(tmp_path)]
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as done:
        patch.setattr(sys, "argv", [*words, "--medsam-margin", "3"])
        main()
    assert done.value.code == 2


def test_what_is_measured_is_what_medsam_found(
    medsam: Medsam, folder: Path, tiny_weights: Path, data_folder: Path, tmp_path: Path
) -> None:
    from attnseg_training.cli import app
    from attnseg_training.datasets import load_dataset
    from napari_attnseg.checkpoints import load_checkpoint, save_checkpoint
    from napari_attnseg.metrics import dice

    samples = load_dataset(data_folder).split("test")
    segmenter = Segmenter.from_checkpoint(tiny_weights, "cpu")
    first, _ = samples[0].read()
    network, card, _ = load_checkpoint(tiny_weights)
    cut = float(np.quantile(segmenter(first).probability, 0.8))
    weights = tmp_path / "w.safetensors"
    save_checkpoint(weights, network.state_dict(), replace(card, threshold=cut))
    files = [tmp_path / name for name in ("r.json", "r.csv", "own.csv")]
    words = ["evaluate", str(weights), "--data", str(data_folder), "--device", "cpu"]
    for extra in (
        ["--medsam", str(folder), "--json", str(files[0]), "--csv", str(files[1])],
        ["--csv", str(files[2])],
    ):
        done = CliRunner().invoke(app, words + extra, catch_exceptions=False)
        assert done.exit_code == 0, done.output
    summary = json.loads(files[0].read_text())
    plain = Medsam.from_folder(folder, "cpu")
    segmenter = Segmenter.from_checkpoint(weights, "cpu")
    found = []
    for sample in samples:
        image, truth = sample.read()
        result = plain.refine(segmenter(image), plain.encode(image))
        found.append(dice(truth, result.mask))
    assert summary["dice"]["mean"] == pytest.approx(np.mean(found))
    assert summary["medsam"]["name"] == "medsam-small" and summary["threshold"] == 0.5
    said = summary["protocol"]
    assert "refined by MedSAM (medsam-small" in said and "model's own mask" in said
    assert f"that mask: threshold {cut:g}" in said and "0 of 3 images" in said
    words = ["compare", str(files[2]), str(files[1])]
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    # These numbers are not those of the weights alone.
    words = ["export", str(weights), str(tmp_path / "no"), "--metrics", str(files[0])]
    with pytest.raises(InputError, match="without --medsam"):
        CliRunner().invoke(app, words, catch_exceptions=False)


def test_gates_are_not_tried_on_a_mask_of_medsam() -> None:
    from napari_attnseg._widgets.base.jobs import encode

    with pytest.raises(StopIteration) as stopped:
        next(encode(None, 0, {"medsam": {}}, None))
    assert "MedSAM's, which sees no gates" in stopped.value.value.message


def test_clicks_prompt_it_too(folder: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)
    sam = Medsam.from_folder(folder, "cpu")
    corrector = MedsamCorrector(sam, sam.encode(image), (40, 60))
    empty = np.zeros((40, 60), np.uint8)
    clicks = [Click(10, 12, True), Click(30, 50, True), Click(30, 52, False)]
    mask = correct(corrector, empty, clicks).mask
    assert [mask[one.row, one.column] == 1 for one in clicks] == [True, True, False]
    assert not mask[21:, :27].any()  # out of reach of all
    # Where the point is makes a difference to what is proposed.
    one, two = (
        corrector.propose(empty, [Click(row, 30, True)]).inside for row in (12, 20)
    )
    assert one.shape == two.shape and (one != two).any()
    # A box is a box to it.
    box = click_in_box(10, 20, 30, 50, True)
    adds, other = (
        corrector.propose(empty, [one]).inside
        for one in (box, replace(box, box=(0, 0, 40, 60)))
    )
    assert (adds != other).any()


def test_clicks_by_several_correctors_are_repeated(
    folder: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)
    photo = tmp_path / "photo.png"
    Image.fromarray(image).save(photo)
    segmenter = Segmenter.from_checkpoint(tiny_weights, "cpu")
    encoded = segmenter.encode(image)
    own = segmenter.decode(encoded)
    sam = Medsam.from_folder(folder, "cpu")
    first = corrector_of(segmenter, encoded)
    second = MedsamCorrector(sam, sam.encode(image), (40, 60))
    one = Click(10, 12, True)
    two = [one, Click(30, 40, bool(own.mask[30, 40] == 0), line=((32, 50),))]
    three = [*two, Click(5, 50, False)]
    # One corrector after another, as the dock records them.
    known = with_clicks(None, first, [one], None)
    known = with_clicks(known, second, two, None, kept=1)
    known = with_clicks(json.loads(json.dumps(known)), first, three, None, kept=2)
    assert known is not None and clicks_in(known) == tuple(three)
    assert ["by" in entry for entry in known["clicks"]] == [False, True, False]
    assert known["corrector"] == "feature_similarity" and "medsam" not in known
    assert known["clicks"][1]["by"]["medsam"]["files_sha256"] == sam.files
    mask = own.mask
    for corrector, click in zip((first, second, first), three):
        mask = correct(corrector, mask, [click]).mask
    facts = {**provenance([own], str(photo)), "clicks": known}
    text = python_text(facts, tiny_weights)
    assert "# Put the path of MedSAM's folder medsam-small below" in text
    monkeypatch.chdir(tmp_path)
    shutil.copytree(folder, "medsam-small")
    names: dict[str, Any] = {}
    exec(text, names)
    np.testing.assert_array_equal(names["mask"], mask)
    # Taken back, none is left.
    assert with_clicks(known, first, (), None) is None


def test_the_dock_corrects_by_a_folder_of_medsam(
    folder: Path,
    tiny_weights: Path,
    qtbot: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from napari.components import ViewerModel
    from qtpy.QtCore import QSettings
    from qtpy.QtWidgets import QFileDialog

    from napari_attnseg._widgets.base.lifetime import Lifetime
    from napari_attnseg._widgets.base.model_cache import MODELS
    from napari_attnseg._widgets.inspect.click_panel import ClickPanel
    from napari_attnseg._widgets.inspect.way_box import FOLDER, OWN
    from napari_attnseg._widgets.layers.display import add_layers
    from napari_attnseg._widgets.layers.new_layers import new_layers
    from napari_attnseg._widgets.layers.runs import find_results
    from napari_attnseg._widgets.layers.source import source_of

    scope = QSettings.Scope.UserScope
    QSettings.setPath(QSettings.Format.IniFormat, scope, str(tmp_path / "ini"))
    errors: list[str] = []
    monkeypatch.setattr(
        "napari_attnseg._widgets.inspect.click_panel.show_error", errors.append
    )
    viewer, life = ViewerModel(), Lifetime()
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)
    source = source_of(viewer.add_image(image, name="image", rgb=True))
    own = MODELS.load(tiny_weights, "cpu").segmenter(image)
    add_layers(viewer, new_layers(source, [own]))
    (result,) = find_results(viewer.layers)
    panel = ClickPanel(viewer, life)
    qtbot.addWidget(panel)
    panel.set_result(result)
    box = panel.way_box.box
    assert box.currentText() == OWN

    def choose(path: Path | str) -> None:
        monkeypatch.setattr(
            QFileDialog, "getExistingDirectory", lambda *more: str(path)
        )
        box.setCurrentText(FOLDER)
        box.activated.emit(box.currentIndex())

    choose("")  # the dialog was cancelled
    assert box.currentText() == OWN
    choose(tmp_path)
    panel.button.click()
    qtbot.waitUntil(lambda: bool(errors), timeout=20_000)
    assert "There is no config.json and model.safetensors" in panel.message.text()
    assert not panel.active and errors == [panel.message.text()]
    choose(folder)
    assert box.currentText() == "MedSAM: medsam-small" and box.count() == 4
    panel.button.click()
    qtbot.waitUntil(lambda: "by MedSAM" in panel.message.text(), timeout=20_000)
    click = Click(10, 12, not own.mask[10, 12])  # one that changes something
    panel.correct(click)
    sam = Medsam.from_folder(folder, "cpu")
    wanted = correct(
        MedsamCorrector(sam, sam.encode(image), (40, 60)),
        own.mask,
        [click],
    ).mask
    assert np.array_equal(result.mask.data, wanted)
    known = result.mask.metadata["attnseg"]["clicks"]
    assert known["medsam"]["name"] == "medsam-small"
    # Another way: what was clicked stays, and says what made it.
    box.setCurrentText(OWN)
    box.activated.emit(box.currentIndex())
    qtbot.waitUntil(lambda: "1 click;" in panel.message.text(), timeout=20_000)
    assert not panel.undo_button.isEnabled()
    panel.correct(Click(30, 40, not result.mask.data[30, 40]))
    known = result.mask.metadata["attnseg"]["clicks"]
    assert [one.get("by", known)["corrector"] for one in known["clicks"]] == [
        *("medsam", "feature_similarity"),
    ]
    choose(folder)
    life.end()
    # The choice is remembered.
    again = ClickPanel(viewer, Lifetime())
    qtbot.addWidget(again)
    assert again.way_box.way.folder == folder
    again._life.end()
