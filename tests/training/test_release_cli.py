"""``attnseg-train`` from trained weights to a file that is handed on."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.usefixtures("small_suite")
def test_faithfulness_reaches_whoever_sees_a_map(
    data_folder: Path, tiny_weights: Path, tmp_path: Path, call: Command
) -> None:
    from napari_attnseg import Segmenter
    from napari_attnseg.cards import read_card

    out, final = tmp_path / "gates", tmp_path / "final.safetensors"
    done = call("faithfulness", tiny_weights, "--data", data_folder, "--out", out)
    assert done.returncode == 0, done.stderr
    names = {path.name for path in out.iterdir()}
    assert names == {
        "faithfulness.json",
        "per_image.csv",
        "gate_card.png",
        "examples.png",
    }
    found = json.loads((out / "faithfulness.json").read_text())
    gates = ["--gates", out / "faithfulness.json"]
    assert call("export", tiny_weights, final, *gates).returncode == 0
    for gate in Segmenter.from_checkpoint(final, "cpu")(np.zeros((9, 9))).attention:
        measured = found["gates"][f"1/{gate.level}"]
        assert gate.finding == measured["verdict"]
        assert gate.decorative == measured["decorative"]
    assert read_card(final).gates["all"] == found["together"]
    done = call("export", tiny_weights, tmp_path / "no", "--half", *gates)
    assert done.returncode == 2 and "other weights" in done.stderr


def test_calibrate_finds_by_how_much_a_model_is_too_sure(
    data_folder: Path, tmp_path: Path, fit: list[str | Path], call: Command
) -> None:
    from safetensors.torch import load_file

    from napari_attnseg.cards import read_card
    from napari_attnseg.checkpoints import load_checkpoint, save_checkpoint

    run, bold = tmp_path / "run", tmp_path / "bold.safetensors"
    longer = ["--epochs", "15", "--lr", "5e-3", "--encoder-lr", "5e-3"]
    assert call(*fit, *longer, "--out", run).returncode == 0
    network, card, _ = load_checkpoint(run / "best.safetensors")
    found = {}
    # So few steps leave logits that are too small: both are to lie within the bounds.
    for name, factor in (("sure", 5.0), ("bold", 20.0)):
        network.load_state_dict(load_file(run / "best.safetensors"))
        network.decoder.logits.weight.mul_(factor)
        network.decoder.logits.bias.mul_(factor)
        save_checkpoint(bold, network.state_dict(), card)
        out = tmp_path / f"{name}.safetensors"
        done = call("calibrate", bold, out, "--data", data_folder, "--split", "train")
        assert done.returncode == 0 and done.stdout.strip() == str(out), done.stderr
        found[name] = read_card(out)
    assert 0.2 < found["sure"].temperature < found["bold"].temperature < 10
    ratio = found["bold"].temperature / found["sure"].temperature
    assert ratio == pytest.approx(4, rel=0.05)
    assert found["sure"].training["temperature"] == "discs, split train, n = 8"
    assert "bound" not in found["sure"].training["temperature_from"]


def test_calibrate_says_where_images_fix_no_temperature(
    data_folder: Path, tiny_weights: Path, tmp_path: Path, call: Command
) -> None:
    from napari_attnseg.cards import read_card
    from napari_attnseg.checkpoints import load_checkpoint, save_checkpoint

    network, card, _ = load_checkpoint(tiny_weights)
    steep, out = tmp_path / "steep.safetensors", tmp_path / "out.safetensors"
    command = ["calibrate", steep, out, "--data", data_folder, "--split", "val"]
    # The background is most of an image: surely lesion is wrong, surely none is right.
    for bias, bound, words in (
        (100.0, "high", "upper bound, 10"),
        (-0.1, "low", "lower bound, 0.2"),
    ):
        network.decoder.logits.weight.data.zero_()
        network.decoder.logits.bias.data.fill_(bias)
        save_checkpoint(steep, network.state_dict(), card)
        done = call(*command)
        assert done.returncode == 0, done.stderr
        assert words in " ".join(done.stderr.split())
        assert "fix no temperature" in " ".join(done.stderr.split())
        found = read_card(out)
        assert found.training["temperature_from"]["bound"] == bound
        assert found.temperature == pytest.approx(
            {"high": 10, "low": 0.2}[bound], rel=1e-3
        )


def test_a_table_shows_its_rows(
    data_folder: Path, tmp_path: Path, call: Command
) -> None:
    command = ["table", "gates", "--data", data_folder, "--out", tmp_path]
    done = call(*command, "--list")
    assert "encoder dropout: encoder_dropout 0.3" in done.stdout
    done = call("table", "3", "--list")
    assert "Swin-guided: dual-swin-guided, encoders from stage 1" in done.stdout
    assert "dice 0.907" in done.stdout
    done = call("table", "3")
    assert done.returncode == 2 and "--data and --out" in done.stderr
    done = call(*command, "--rows", "every", "--encoder-weights", "pretrained")
    assert done.returncode == 2 and "no row called 'every'" in done.stderr


def test_export_takes_only_numbers_of_these_weights(
    data_folder: Path, tiny_weights: Path, tmp_path: Path, call: Command
) -> None:
    from napari_attnseg.cards import read_card

    texts, numbers = tmp_path / "t.toml", tmp_path / "r.json"
    texts.write_text('classes = ["disc"]\nlicence = "none"\n')
    half, final = tmp_path / "half.safetensors", tmp_path / "final.safetensors"
    assert call("export", tiny_weights, half, "--half").returncode == 0
    call("evaluate", half, "--data", data_folder, "--json", numbers)
    words = ["--half", "--texts", texts, "--metrics", numbers]
    assert call("export", half, final, *words).returncode == 0
    card = read_card(final)
    assert card.classes == ("disc",) and card.metrics["n"] == 3
    done = call("export", tiny_weights, tmp_path / "no", "--metrics", numbers)
    assert done.returncode == 2 and "other weights" in done.stderr
    assert not (tmp_path / "no").exists()
    texts.write_text("author = 1\n")
    done = call("export", half, tmp_path / "no", "--texts", texts)
    assert done.returncode == 2 and "author" in done.stderr
