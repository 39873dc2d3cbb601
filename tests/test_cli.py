"""``attnseg`` as a user runs it: files that come out, messages and exit codes."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import forked
import numpy as np
import pytest
import tifffile
from command_line import attnseg, in_a_process
from PIL import Image

from napari_attnseg.inference import Segmenter
from napari_attnseg.sample_data import sample_image


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photos" / "polyp.png"
    path.parent.mkdir()
    Image.fromarray(sample_image("polyp")).save(path)
    return path


def test_segment_writes_what_the_segmenter_finds(
    photo: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    out = tmp_path / "out"
    done = in_a_process("segment", photo, "--out", out, "--weights", tiny_weights)
    assert done.returncode == 0, done.stderr
    assert {p.name for p in out.iterdir()} == {
        "polyp.json",
        "polyp_mask.png",
        "polyp_probability.tif",
        *(f"polyp_gate_1-{level}.tif" for level in (4, 8, 16, 32)),
    }
    expected = Segmenter.from_checkpoint(tiny_weights)(sample_image("polyp"))
    mask = np.asarray(Image.open(out / "polyp_mask.png"))
    np.testing.assert_array_equal(mask, expected.mask * 255)
    probability = tifffile.imread(out / "polyp_probability.tif")
    assert probability.dtype == np.float32
    np.testing.assert_allclose(probability, expected.probability[0], atol=1e-5)
    facts = json.loads((out / "polyp.json").read_text())
    said = facts["provenance"]
    assert said["source"] == str(photo) and said["model"] == "tiny"
    assert said["weights"] == tiny_weights.name and len(said["weights_sha256"]) == 64
    for gate, listed in zip(expected.attention, facts["gates"], strict=True):
        values = tifffile.imread(out / listed["file"])
        np.testing.assert_allclose(values, gate.values, atol=1e-5)
        assert listed["source_pixels_per_map_pixel"] == list(gate.stride)
        assert (listed["0"], listed["1"]) == ("transformer", "CNN")


def test_objects_are_a_row_each(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = attnseg("segment", photo, "--out", out, "--objects")
    assert done.returncode == 0, done.stderr
    mask = np.asarray(Image.open(out / "polyp_mask.png"))
    with (out / "polyp_objects.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sum(float(row["area (px)"]) for row in rows) == np.count_nonzero(mask)
    assert {row["calibrated area"] for row in rows} == {""}
    assert 0 <= float(rows[0]["psi 1/32 outside"]) <= 1
    doubt = json.loads((out / "polyp.json").read_text())["doubt_bits"]
    assert len(rows) > 1 or doubt == pytest.approx(
        float(rows[0]["doubt (bit)"]), abs=1e-4
    )


def test_segment_with_flip_says_so(
    photo: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    done = attnseg(
        *("segment", photo, "--out", tmp_path, "--weights", tiny_weights, "--flip")
    )
    assert done.returncode == 0, done.stderr
    expected = Segmenter.from_checkpoint(tiny_weights)(sample_image("polyp"), flip=True)
    probability = tifffile.imread(tmp_path / "polyp_probability.tif")
    np.testing.assert_allclose(probability, expected.probability[0], atol=1e-5)
    assert json.loads((tmp_path / "polyp.json").read_text())["provenance"][
        "flip_augmented"
    ]


def test_gates_and_threshold_can_be_forced(
    photo: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    out = tmp_path / "out"
    how = ("--gate", "1/32=0.25", "--gate", "1/4=cnn", "--gate", "1/8=mean")
    where = ("--out", out, "--weights", tiny_weights)
    done = attnseg("segment", photo, *where, *how, "--threshold", "0.3")
    assert done.returncode == 0, done.stderr
    segmenter = Segmenter.from_checkpoint(tiny_weights)
    encoded = segmenter.encode(sample_image("polyp"))
    own = segmenter.decode(encoded).attention[1].values.mean()
    for level, value in ((32, 0.25), (4, 1), (8, own)):
        psi = tifffile.imread(out / f"polyp_gate_1-{level}.tif")
        np.testing.assert_allclose(psi, value, atol=1e-5)
    probability = tifffile.imread(out / "polyp_probability.tif")
    mask = np.asarray(Image.open(out / "polyp_mask.png"))
    np.testing.assert_array_equal(mask == 255, probability >= np.float32(0.3))
    said = json.loads((out / "polyp.json").read_text())["provenance"]
    assert said["gates_forced"] == {"1/32": 0.25, "1/4": 1.0, "1/8": "mean"}
    assert said["threshold"] == 0.3


def test_bad_files_of_a_folder_are_named_and_skipped(
    photo: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    folder = photo.parent
    whole = photo.with_suffix(".jpg")
    Image.fromarray(sample_image("polyp")).save(whole)
    (folder / "cut.jpg").write_bytes(whole.read_bytes()[:9000])
    (folder / "text.png").write_text("hello")
    (folder / "empty.png").touch()
    (folder / "notes.txt").write_text("not an image, and not asked for")
    Image.fromarray(np.zeros((1, 1), np.uint8)).save(folder / "one.png")
    tifffile.imwrite(folder / "nan.tif", np.full((9, 9), np.nan, np.float32))
    tifffile.imwrite(folder / "five.tif", np.zeros((9, 9, 5), np.uint8))
    tifffile.imwrite(
        folder / "deep.tif", np.arange(900, dtype=np.uint16).reshape(30, 30)
    )
    out = tmp_path / "out"
    done = attnseg("segment", folder, "--out", out, "--weights", tiny_weights)
    assert done.returncode == 1
    for name in ("cut.jpg", "text.png", "empty.png", "one.png", "nan.tif", "five.tif"):
        (line,) = (row for row in done.stderr.splitlines() if name in row)
        assert "xpected" in line
    assert "3 of 9 images segmented" in done.stderr
    assert done.stderr.splitlines()[-1] == "1 .txt left out."
    # Two files called polyp: neither overwrote the other.
    stems = {p.name.removesuffix(".json") for p in out.glob("*.json")}
    assert stems == {"polyp_png", "polyp_jpg", "deep"}
    assert not list(out.glob(".*"))
    assert "Traceback" not in done.stderr


def test_channels_first_are_refused_with_the_axis_named(
    tmp_path: Path, tiny_weights: Path
) -> None:
    rgb = sample_image("polyp")[:64, :80]
    first, last = tmp_path / "first.tif", tmp_path / "last.tif"
    tifffile.imwrite(first, np.moveaxis(rgb, -1, 0), photometric="minisblack")
    tifffile.imwrite(last, rgb[..., :1], photometric="minisblack")
    out = tmp_path / "out"
    done = attnseg("segment", first, last, "--out", out, "--weights", tiny_weights)
    assert done.returncode == 1
    (line,) = (row for row in done.stderr.splitlines() if "first.tif" in row)
    assert "(3, 64, 80), whose axis 0 of length 3 may be channels or frames" in line
    mask = np.asarray(Image.open(out / "last_mask.png"))
    expected = Segmenter.from_checkpoint(tiny_weights)(rgb[..., 0]).mask
    np.testing.assert_array_equal(mask, expected * 255)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gone.png", "--out", "out"], "no file or folder gone.png"),
        (["{photo}"], "--out"),
        (["{photo}", "--out", "out", "--device", "cuda:77"], "no device 'cuda:77'"),
        (["{photo}", "--out", "out", "--weights", "compakt"], "mean compact?"),
        (["{photo}", "--out", "out", "--weights", "{photo}"], "Expected a .safetens"),
        (["{photo}", "--out", "{photo}/out"], "cannot be written"),
        (["{empty}", "--out", "out"], "found none"),
        (["{photo}", "--out", "out", "--gate", "32:0.5"], "such as 1/32=0.5"),
        (["{photo}", "--out", "out", "--gate", "1/5=0.5"], "no gate at 1/5"),
        (["{photo}", "--out", "out", "--gate", "1/4=1.5"], "psi in [0, 1]"),
        (["{photo}", "--out", "out", "--gate", "1/4=nan"], "psi in [0, 1]"),
        (["{photo}", "--out", "out", "--gate", "1/4=swin"], "'CNN' or 'mean'"),
        (
            ["{photo}", "--out", "out", "--gate", "1/4=0", "--gate", "1/4=1"],
            "forced twice",
        ),
        (["{photo}", "--out", "out", "--gate", "1/4=gone.tif"], "no file gone.tif"),
        (["{photo}", "--out", "out", "--threshold", "2"], "threshold in [0, 1]"),
        (["{photo}", "--out", "out", "--smooth", "nan"], "a finite smoothing"),
        (["{photo}", "--out", "out", "--min-size", "-1"], "a minimum size of 0"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(
    photo: Path, tmp_path: Path, tiny_weights: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "empty").mkdir()
    given = [a.format(photo=photo, empty=tmp_path / "empty") for a in arguments]
    if "--weights" not in given:
        given += ["--weights", str(tiny_weights)]
    given = [str(tmp_path / "out") if a == "out" else a for a in given]
    done = attnseg("segment", *given)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_files_that_are_no_results_are_not_replaced(
    photo: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    told = ("--weights", tiny_weights)
    expert = photo.with_name("polyp_mask.png")
    expert.write_bytes(b"an expert's mask")
    for inputs, words in (
        ((photo,), "polyp_mask.png would be replaced"),
        ((photo.parent,), "is the folder of the images"),
    ):
        done = attnseg("segment", *inputs, "--out", photo.parent, *told)
        assert done.returncode == 2 and words in done.stderr, done.stderr
    assert expert.read_bytes() == b"an expert's mask"
    out = tmp_path / "out"
    assert attnseg("segment", photo, "--out", out, "--objects", *told).returncode == 0
    assert (out / "polyp_objects.csv").exists()
    assert attnseg("segment", photo, "--out", out, *told).returncode == 0
    assert not (out / "polyp_objects.csv").exists()  # it was of the mask before


def test_one_result_that_cannot_be_written_is_named(
    photo: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    photo.with_name("x" * 240 + ".png").write_bytes(photo.read_bytes())
    photo.with_name("z.png").write_bytes(photo.read_bytes())
    out = tmp_path / "out"
    done = attnseg("segment", photo.parent, "--out", out, "--weights", tiny_weights)
    assert done.returncode == 1 and "2 of 3 images segmented" in done.stderr
    assert "cannot be written" in done.stderr and (out / "z.json").exists()


def test_nothing_done_is_exit_code_2(tmp_path: Path, tiny_weights: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    out = tmp_path / "out"
    done = attnseg(
        "segment", tmp_path / "text.png", "--out", out, "--weights", tiny_weights
    )
    assert done.returncode == 2 and "0 of 1" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is a POSIX signal here")
def test_ctrl_c_keeps_what_is_written(tmp_path: Path, tiny_weights: Path) -> None:
    folder, out = tmp_path / "many", tmp_path / "out"
    folder.mkdir()
    first = folder / "p000.png"
    Image.fromarray(sample_image("polyp")).save(first)
    for i in range(1, 300):
        (folder / f"p{i:03d}.png").write_bytes(first.read_bytes())
    command = ["-m", "napari_attnseg.cli", "segment", folder, "--out", out]
    running = forked.Popen(
        [sys.executable, *map(str, command), "--weights", str(tiny_weights)],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not list(out.glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 130, stderr
    assert "what was finished is kept" in stderr and "Traceback" not in stderr
    done = len(list(out.glob("*.json")))
    assert 0 < done < 300


def test_models_lists_what_can_be_built() -> None:
    rows = {r["name"]: r for r in json.loads(attnseg("models", "--json").stdout)}
    assert set(rows) >= {"compact", "dual-swin-guided", "tiny"}
    dual = rows["dual-swin-guided"]
    assert dual["parameters"] == 113_083_901
    assert dual["gmac"] == pytest.approx(73.6, abs=0.1)
    assert dual["encoders"] == ["resnet34.tv_in1k", "swin_base_patch4_window12_384"]
    assert dual["input_size"] == 384 and not dual["bundled"]
    assert rows["compact-norm"]["weights"] == "compact"
    assert rows["compact-norm"]["bundled"] and not rows["compact"]["bundled"]
    table = attnseg("models").stdout
    assert all(name in table for name in rows)
    assert "…" not in table and max(map(len, table.splitlines())) <= 80


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="has a display")
def test_demo_without_a_display_writes_a_picture(
    tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a shell it is run in the test of the wheel."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    done = attnseg("demo", "--weights", tiny_weights)
    assert done.returncode == 0 and "no display" in done.stderr
    with Image.open(tmp_path / done.stdout.strip()) as picture:
        assert picture.size[0] > 600


def test_help_and_version_are_told() -> None:
    """That they load nothing slow is tested with the imports."""
    assert "napari-attnseg" in in_a_process("--version").stdout
    assert "not a diagnostic device" in attnseg("--help").stdout


def test_a_misspelt_command_offers_the_nearest() -> None:
    done = attnseg("segmet", "a.png")
    assert done.returncode == 2 and "segment" in done.stderr
