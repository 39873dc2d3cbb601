"""``attnseg explain`` as a user runs it, with every explanation there is."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from command_line import attnseg, in_a_process
from PIL import Image

from napari_attnseg.checkpoints import load_checkpoint, save_checkpoint
from napari_attnseg.errors import InputError
from napari_attnseg.explanations import EXPLAINERS, Requirement, explain, method_id
from napari_attnseg.inference import Segmenter
from napari_attnseg.io.explanations import load_explanation
from napari_attnseg.sample_data import sample_image
from napari_attnseg.spec import STRIDES

PIXELS = sample_image("polyp")[::4, ::4]
every_method = pytest.mark.parametrize("name", EXPLAINERS)


@pytest.fixture(scope="module")
def measured(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights with a card as if their gates had been measured; 1/4 is decorative."""
    network, card, _ = load_checkpoint(tiny_weights, "cpu")
    gates = {
        f"1/{stride}": {
            "calibration": {"psi": [0.4, 0.6], "cnn_better": [0.1, 0.8]},
            "verdict": f"1/{stride}: measured.",
            "decorative": stride == 4,
        }
        for stride in STRIDES
    }
    combination = {
        "name": "mean of all",
        "earned": True,
        "verdict": "The mean of all agreed.",
        "stakes": dict.fromkeys(gates, 1.0),
    }
    path = tmp_path_factory.mktemp("measured") / "measured.safetensors"
    card = dataclasses.replace(card, gates=gates, combination=combination)
    save_checkpoint(path, network.state_dict(), card)
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photos" / "polyp.png"
    path.parent.mkdir()
    Image.fromarray(PIXELS).save(path)
    return path


def test_a_region_on_a_turned_photo_is_said_to_lie_upright(
    tmp_path: Path, tiny_weights: Path
) -> None:
    image = Image.fromarray(PIXELS)
    exif = image.getexif()
    exif[0x0112] = 3
    image.save(tmp_path / "turned.jpg", exif=exif)
    image.save(tmp_path / "upright.jpg")
    region = np.zeros(PIXELS.shape[:2], np.uint8)
    region[5:20, 5:20] = 255
    Image.fromarray(region).save(tmp_path / "region.png")
    told = ["--method", "CNN contribution", "--weights", tiny_weights]
    told += ["--region", tmp_path / "region.png", "--out", tmp_path / "out"]
    for name, note in (("turned", "region_upright"), ("upright", None)):
        done = attnseg("explain", tmp_path / f"{name}.jpg", *told)
        assert done.returncode == 0, done.stderr
        assert ("laid over the upright image" in done.stderr) == (note is not None)
        file = tmp_path / "out" / f"{name}_cnn-contribution.json"
        facts = json.loads(file.read_text())
        assert facts["region"].get("note") == note
        assert facts["provenance"]["orientation"] == (3 if note else 1)


@every_method
def test_maps_picture_and_provenance_are_written(
    name: str, photo: Path, tmp_path: Path, measured: Path
) -> None:
    out, method = tmp_path / "out", method_id(name)
    where = ("--out", out, "--weights", measured, "--device", "cpu")
    done = attnseg("explain", photo, "--method", name, "--level", "all", *where)
    assert done.returncode == 0, done.stderr
    assert f"1 of 1 images explained; results in {out}." in done.stderr
    per_level = EXPLAINERS[name].per_gate
    maps = [f"_1-{stride}" for stride in STRIDES] if per_level else [""]
    assert {path.name for path in out.iterdir()} == {
        f"polyp_{method}.json",
        f"polyp_{method}.png",
        *(f"polyp_{method}{end}.tif" for end in maps),
    }
    with Image.open(out / f"polyp_{method}.png") as picture:
        assert picture.size[0] > 400 * (1 + len(maps))
    facts = json.loads((out / f"polyp_{method}.json").read_text())
    segmenter = Segmenter.from_checkpoint(measured, "cpu")
    strides = STRIDES if per_level else (32,)
    direct = {stride: explain(segmenter, PIXELS, name, stride) for stride in strides}
    gates = segmenter(PIXELS).attention
    shares = {gate.level: gate.effective_share.to_json() for gate in gates}
    for entry, (stride, expected) in zip(facts["maps"], direct.items()):
        values = tifffile.imread(out / entry["file"])
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, expected.values, atol=1e-5)
        assert entry["level"] == (f"1/{stride}" if per_level else None)
        assert entry["finding"] == expected.finding
        assert entry["decorative"] == (EXPLAINERS[name].of_a_gate and stride == 4)
        share = entry.get("effective_share")
        assert (share is not None) == EXPLAINERS[name].of_a_gate
        if share is not None:
            assert share == shares[stride]
    assert facts["method"] == name and facts["scale"] == EXPLAINERS[name].scale
    assert facts["meaning"] == EXPLAINERS[name].meaning
    assert facts["target"] == expected.target
    said = facts["provenance"]
    assert said["source"] == str(photo) and said["model"] == "tiny"
    assert said["weights_sha256"] == segmenter.sha256 and said["device"] == "cpu"
    assert said["image_sha256"] == expected.provenance["image_sha256"]
    assert ("decorative" in done.stderr) == EXPLAINERS[name].of_a_gate
    again = load_explanation(out / f"polyp_{method}.json")
    assert again.image is not None and again.image.resolve() == photo
    for found in again.maps:
        one = direct[found.level or 32]
        np.testing.assert_allclose(found.values, one.values, atol=1e-5)
        for key in ("method", "level", "stride", "scale", "low", "high", "pattern"):
            assert getattr(found, key) == getattr(one, key)
        assert found.effective_share.state is one.effective_share.state
        assert found.effective_share.mean == one.effective_share.mean


def test_a_shell_runs_it(photo: Path, tmp_path: Path, tiny_weights: Path) -> None:
    out = tmp_path / "out"
    how = ("--method", "seg_grad_cam", "--out", out, "--weights", tiny_weights)
    done = in_a_process("explain", photo, *how)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "" and "1 of 1 images explained" in done.stderr
    values = tifffile.imread(out / "polyp_seg-grad-cam_1-32.tif")
    expected = explain(Segmenter.from_checkpoint(tiny_weights), PIXELS, "Seg-Grad-CAM")
    np.testing.assert_allclose(values, expected.values, atol=1e-5)


def test_a_region_can_be_explained(
    photo: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    region = np.zeros(PIXELS.shape, np.uint8)
    region[10:40, 20:50, 1] = 7
    Image.fromarray(region).save(tmp_path / "region.png")
    told = ("--method", "occlusion", "--weights", tiny_weights, "--device", "cpu")
    for option in ("--region", "--target"):
        out = tmp_path / option
        done = attnseg(
            "explain", photo, *told, option, tmp_path / "region.png", f"--out={out}"
        )
        assert done.returncode == 0, done.stderr
        values = tifffile.imread(out / "polyp_occlusion.tif")
        expected = explain(
            Segmenter.from_checkpoint(tiny_weights, "cpu"),
            PIXELS,
            "occlusion",
            target=region.any(-1),
        )
        np.testing.assert_allclose(values, expected.values, atol=1e-5)
        facts = json.loads((out / "polyp_occlusion.json").read_text())
        assert facts["target"] == expected.target
        assert facts["region"]["file"] == str(tmp_path / "region.png")
        assert len(facts["region"]["sha256"]) == 64


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{photo}", "--out", "out"], "--method"),
        (["{photo}", "--method", "gate"], "--out"),
        (["{photo}", "--method", "measured thrust"], "mean measured trust,"),
        (["gone.png", "--method", "gate"], "no file or folder gone.png"),
        (["{photo}", "--method", "gate", "--level", "1/5"], "1/4, 1/8, 1/16, 1/32"),
        (["{photo}", "--method", "entropy", "--level", "1/8"], "leave --level out"),
        (["{photo}", "--method", "gate", "--region", "{photo}"], "leave --region out"),
        (["{photo}", "--method", "occlusion", "--region", "x.png"], "no file x.png"),
        (["{photo}", "--method", "gate", "--device", "cuda:77"], "no device 'cuda:77'"),
        (["{photo}", "--method", "gate", "--weights", "compakt"], "mean compact?"),
        (["{photo}", "--method", "recalibrated_gate"], "gate, recalibrated"),
        (["{photo}", "--method", "gate-recalibrated"], "no calibration"),
        (["{photo}", "--method", "gates at a glance"], "has not been measured"),
        (["{photo}", "--method", "gate", "--out", "{photo}/out"], "cannot be written"),
        (["{folder}", "--method", "gate", "--out", "{folder}"], "folder of the images"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(
    photo: Path, tmp_path: Path, tiny_weights: Path, arguments: list[str], words: str
) -> None:
    given = [a.format(photo=photo, folder=photo.parent) for a in arguments]
    if "--weights" not in given:
        given += ["--weights", str(tiny_weights)]
    if "--out" not in given and words != "--out":
        given += ["--out", "out"]
    given = [str(tmp_path / "out") if a == "out" else a for a in given]
    done = attnseg("explain", *given)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


@every_method
def test_a_model_without_gates_is_refused_before_any_image_or_explained(
    name: str, photo: Path, tmp_path: Path, weights_of
) -> None:
    out, weights = tmp_path / "out", weights_of("tiny-cnn")
    how = ("--method", name, "--out", out, "--weights", weights, "--device", "cpu")
    done = attnseg("explain", photo, *how)
    gates = {Requirement.ONE_GATE, Requirement.TWO_ENCODERS}
    if gates & set(EXPLAINERS[name].needs):
        assert done.returncode == 2 and not out.exists()
        assert "'tiny-cnn'" in done.stderr and len(done.stderr.splitlines()) == 1
    else:
        assert done.returncode == 0, done.stderr
        assert (out / f"polyp_{method_id(name)}.json").is_file()


def test_bad_files_are_named_and_skipped(
    photo: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    (photo.parent / "text.png").write_text("hello")
    out = tmp_path / "out"
    how = ("--method", "random", "--out", out, "--weights", tiny_weights)
    done = attnseg("explain", photo.parent, *how)
    assert done.returncode == 1 and "1 of 2 images explained" in done.stderr
    assert "text.png cannot be read" in done.stderr
    assert {p.name for p in out.glob("*.json")} == {"polyp_random.json"}
    done = attnseg("explain", photo.parent / "text.png", *how)
    assert done.returncode == 2 and "0 of 1" in done.stderr


def test_only_its_own_files_are_replaced(
    photo: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    out = tmp_path / "out"
    told = ("--out", out, "--weights", tiny_weights, "--device", "cpu")
    gate = ("explain", photo, "--method", "gate", *told)
    assert attnseg(*gate, "--level", "all").returncode == 0
    assert len(list(out.glob("*.tif"))) == 4
    first = (out / "polyp_gate.json").read_text()
    assert attnseg(*gate, "--level", "1/8").returncode == 0
    assert [p.name for p in out.glob("*.tif")] == ["polyp_gate_1-8.tif"]
    assert (out / "polyp_gate.json").read_text() != first
    # Another explanation lies beside it.
    assert attnseg("explain", photo, "--method", "random", *told).returncode == 0
    assert (out / "polyp_gate_1-8.tif").is_file()
    # Gate maps of segment have the same names.
    done = attnseg("segment", photo, *told)
    assert done.returncode == 2 and "polyp_gate.json would be replaced" in done.stderr
    other = tmp_path / "segmented"
    assert attnseg("segment", photo, *told[2:], "--out", other).returncode == 0
    before = {path: path.read_bytes() for path in other.iterdir()}
    done = attnseg(*gate[:4], *told[2:], "--out", other)
    assert done.returncode == 2 and "gate_1-32.tif would be replaced" in done.stderr
    assert {path: path.read_bytes() for path in other.iterdir()} == before
    # So may pictures and JSON files of somebody else, and those of another image.
    for name in ("polyp_occlusion.png", "polyp_occlusion.json", "polyp_occlusion.tif"):
        (out / name).write_text("mine")
        done = attnseg("explain", photo, "--method", "occlusion", *told)
        assert done.returncode == 2 and f"{name} would be" in done.stderr
        assert (out / name).read_text() == "mine"
        (out / name).unlink()
    twin = tmp_path / "elsewhere" / "polyp.png"
    twin.parent.mkdir()
    twin.write_bytes(photo.read_bytes())
    done = attnseg("explain", twin, "--method", "random", *told)
    assert done.returncode == 2 and "polyp_random.json would be" in done.stderr
    assert not list(out.glob(".*"))


def test_methods_are_listed_with_what_they_need() -> None:
    done = attnseg("explain", "--list")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) == len(EXPLAINERS)
    for line, (name, explainer) in zip(lines, EXPLAINERS.items()):
        assert line.startswith(f"{name}  ")
        assert ("one map per level" in line) == explainer.per_gate
        assert ("region" in line) == explainer.targeted
        assert ("captum" in line) == (Requirement.CAPTUM in explainer.needs)
        assert ("one gate" in line) == (Requirement.ONE_GATE in explainer.needs)


def test_other_files_are_no_explanations(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text in ("{}", '{"format": "attnseg-results-1"}', "no JSON"):
        path.write_text(text)
        with pytest.raises(InputError, match="attnseg explain"):
            load_explanation(path)
    path.write_text('{"format": "attnseg-explanation-1"}')
    with pytest.raises(InputError, match="do not belong together"):
        load_explanation(path)
