"""MedSAM, with a small random model of its architecture: its weights are not here."""

import json
import shlex
import shutil
import socket
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
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
from napari_attnseg.intensity import Percentiles, Window
from napari_attnseg.io.results import load_results
from napari_attnseg.io.run_facts import provenance
from napari_attnseg.masks import MaskRules, remake, rules_of
from napari_attnseg.medsam import Medsam, mask_boxes, prompt
from napari_attnseg.models.timm_in_parts import import_cured
from napari_attnseg.reproduce import command_text, python_text
from napari_attnseg.results import Segmentation

SIDE = 64  # MedSAM's is 1024


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SAM of 0.1 M random parameters that tells boxes apart, as files."""
    import_cured("torchvision")  # as `medsam.load_sam` does
    from transformers import SamConfig, SamModel

    torch.manual_seed(0)
    config = SamConfig(
        vision_config={
            **{"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2},
            **{"image_size": SIDE, "patch_size": 4, "output_channels": 32},
            **{"window_size": 4, "global_attn_indexes": [1], "num_pos_feats": 16},
            **{"mlp_dim": 32, "initializer_range": 0.2},
        },
        prompt_encoder_config={
            **{"hidden_size": 32, "image_size": SIDE, "patch_size": 4},
            "mask_input_channels": 4,
        },
        mask_decoder_config={
            **{"hidden_size": 32, "mlp_dim": 32, "num_hidden_layers": 1},
            **{"num_attention_heads": 2, "iou_head_hidden_dim": 16},
        },
    )
    model = SamModel(config)
    for parameter in model.mask_decoder.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    path = tmp_path_factory.mktemp("weights") / "medsam-small"
    model.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def medsam(folder: Path) -> Medsam:
    return Medsam.from_folder(folder, "cpu", margin=32)  # 2 pixels of 64


@pytest.fixture(scope="module")
def image() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(40, 200, (48, 80, 3), np.uint8)


def own_result(mask: np.ndarray[Any, Any], classes: int = 1) -> Segmentation:
    """What our model might have found, with a mask of this shape."""
    probability = np.full((classes, *mask.shape), 0.25, np.float32)
    facts = {"threshold": 0.3, "mask_sha256": "own", "mask_rules": asdict(MaskRules())}
    return Segmentation(mask, probability, (), facts)


def direct(medsam: Medsam, image: Any, box: list[float]) -> np.ndarray[Any, Any]:
    """The same model called as transformers documents it, pixels and box by hand."""
    from skimage.transform import resize

    square = resize(image, (SIDE, SIDE), order=3, preserve_range=True)
    square = (square - square.min()) / (square.max() - square.min())
    pixels = torch.tensor(square.transpose(2, 0, 1)[None], dtype=torch.float32)
    with torch.no_grad():
        out = medsam.model(
            pixel_values=pixels,
            input_boxes=torch.tensor([[box]]),
            multimask_output=False,
        )
    low = torch.sigmoid(out.pred_masks[0])
    found = torch.nn.functional.interpolate(low, image.shape[:2], mode="bilinear")
    return found[0, 0].numpy()


def test_a_box_reaches_the_model_in_its_coordinates(
    medsam: Medsam, image: np.ndarray[Any, Any]
) -> None:
    mask = np.zeros((48, 80), np.uint8)
    mask[12:24, 20:60] = 1
    result = medsam.refine(own_result(mask), medsam.encode(image))
    # Columns 20 to 59 of 80 are 16 to 47 of 64, rows 12 to 23 of 48 are 16 to 31.
    expected = direct(medsam, image, [14.0, 14.0, 49.0, 33.0])
    assert result.probability.shape == (1, 48, 80)
    np.testing.assert_allclose(result.probability[0], expected, atol=1e-5)
    np.testing.assert_array_equal(result.mask, expected >= 0.5)
    assert 0 < result.mask.sum() < result.mask.size
    # It hangs on the box: rows and columns exchanged give another mask.
    turned = direct(medsam, image, [14.0, 14.0, 33.0, 49.0])
    assert np.abs(turned - expected).max() > 0.01


def test_boxes_stay_in_the_image_and_hold_the_object() -> None:
    assert prompt((0, 0, 80, 48), (48, 80), 64, 5) == (0, 0, 64, 64)
    # Of an image larger than the square a pixel's box is a point.
    assert prompt((100, 50, 101, 51), (100, 200), 50, 0) == (25, 25, 25, 25)


def test_brightness_and_grey_type_do_not_matter(medsam: Medsam) -> None:
    """As MedSAM's own preprocessing: minimum and maximum of the image count."""
    grey = np.random.default_rng(1).integers(0, 100, (40, 50)).astype(np.uint16)
    dark = medsam.encode(grey)
    torch.testing.assert_close(dark, medsam.encode(grey * 300 + 7), atol=1e-4, rtol=0)
    rgb = np.repeat(grey[..., None], 3, 2).astype(np.uint8)
    torch.testing.assert_close(dark, medsam.encode(rgb), atol=1e-4, rtol=0)
    assert torch.isfinite(medsam.encode(np.zeros((40, 50), np.uint8))).all()


def test_what_the_run_clips_is_clipped_for_medsam(medsam: Medsam) -> None:
    grey = np.random.default_rng(1).integers(0, 100, (40, 50)).astype(np.uint16)
    grey[0, 0] = 99
    hot = grey.copy()
    hot[0, 0] = 65_535
    for rule in (Window(0, 99), Percentiles(0, 99.9)):
        seen, clean = (medsam.encode(one, intensity=rule) for one in (hot, grey))
        torch.testing.assert_close(seen, clean, atol=1e-4, rtol=0)
    assert (medsam.encode(hot) - medsam.encode(grey)).abs().max() > 0.01


def test_every_object_prompts_for_its_own_class(
    medsam: Medsam, image: np.ndarray[Any, Any]
) -> None:
    mask = np.zeros((48, 80), np.uint8)
    mask[4:10, 4:20] = 2
    mask[30:44, 10:30] = 1
    mask[30:44, 50:70] = 1
    mask[20:30, 30:34] = 2  # touches the first object of class 1 at a corner
    boxes = mask_boxes(mask)
    assert sorted(boxes) == [
        (1, (10, 30, 30, 44)),
        (1, (50, 30, 70, 44)),
        (2, (4, 4, 20, 10)),
        (2, (30, 20, 34, 30)),
    ]
    seen = medsam.encode(image)
    result = medsam.refine(own_result(mask, classes=2), seen)
    for label in (1, 2):
        alone = []
        for own, (left, top, right, bottom) in boxes:
            if own == label:
                one = np.zeros_like(mask)
                one[top:bottom, left:right] = 1
                alone.append(medsam.refine(own_result(one), seen).probability[0])
        np.testing.assert_array_equal(result.probability[label - 1], np.max(alone, 0))
    best = result.probability.argmax(0) + 1
    np.testing.assert_array_equal(
        result.mask, np.where(result.probability.max(0) >= 0.5, best, 0)
    )
    # A class without objects was not asked for, so it has probability 0.
    result = medsam.refine(own_result((mask == 1).astype(np.uint8), classes=2), seen)
    assert result.probability[1].max() == 0 and set(np.unique(result.mask)) <= {0, 1}


def test_provenance_says_what_is_whose(
    medsam: Medsam, folder: Path, image: np.ndarray[Any, Any], tiny_weights: Path
) -> None:
    own = Segmenter.from_checkpoint(tiny_weights, "cpu")(image)
    own = remake(own, MaskRules(float(np.quantile(own.probability, 0.8)), min_size=9))
    result = medsam.refine(own, medsam.encode(image))
    assert result.attention is own.attention
    said = result.provenance["medsam"]
    assert json.loads(json.dumps(said)) == said
    assert said["name"] == "medsam-small" and said["margin"] == 32
    assert set(said["files_sha256"]) == {"config.json", "model.safetensors"}
    assert len(said["boxes"]) == len(mask_boxes(own.mask)) > 0
    assert said["prompted_by"]["mask_sha256"] == own.provenance["mask_sha256"]
    assert rules_of(said["prompted_by"]) == rules_of(own.provenance)
    assert "gate maps are of that model" in said["note"]
    # The mask is that of the rules that the run states, as everywhere.
    assert rules_of(result.provenance) == MaskRules(0.5)
    again = remake(result, rules_of(result.provenance))
    np.testing.assert_array_equal(again.mask, result.mask)
    assert again.provenance["mask_sha256"] == result.provenance["mask_sha256"]


def test_an_empty_mask_stays_empty(medsam: Medsam, image: np.ndarray[Any, Any]) -> None:
    result = medsam.refine(
        own_result(np.zeros((48, 80), np.uint8)), medsam.encode(image)
    )
    assert not result.mask.any() and not result.probability.any()
    assert result.provenance["medsam"]["boxes"] == []
    assert "its mask is empty and stays so" in result.provenance["medsam"]["note"]


def test_what_cannot_be_loaded_is_said_in_one_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> str:
        with pytest.raises(InputError) as caught:
            Medsam.from_folder(path, "cpu")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    said = refused(tmp_path / "none")
    assert "config.json and model.safetensors" in said and "hf download" in said
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    config = json.loads((copy / "config.json").read_text())
    weights = (copy / "model.safetensors").read_bytes()
    for change, reason in (
        ({"model_type": "sam2"}, "model type is 'sam2'"),
        (
            {"vision_config": {**config["vision_config"], "num_hidden_layers": 3}},
            "lacks",
        ),
        ({"vision_config": {**config["vision_config"], "mlp_dim": 48}}, ""),
    ):
        (copy / "config.json").write_text(json.dumps({**config, **change}))
        said = refused(copy)
        assert "holds no MedSAM" in said and reason in said
    (copy / "config.json").write_text("[1]")
    assert "holds no MedSAM" in refused(copy)
    shutil.copy(folder / "config.json", copy)
    (copy / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    assert "holds no MedSAM" in refused(copy)
    (copy / "model.safetensors").unlink()
    (copy / "pytorch_model.bin").write_bytes(weights)
    assert "a pickle is never opened" in refused(copy)
    with pytest.raises(InputError, match="margin of 0 pixels or more"):
        Medsam.from_folder(folder, "cpu", -1)
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert 'pip install "napari-attnseg[medsam]"' in refused(folder)


def test_loading_asks_no_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*where: object) -> None:
        raise AssertionError(f"connected to {where}")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", connect)
    assert not Medsam.from_folder(folder, "cpu").model.training


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
