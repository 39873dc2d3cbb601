"""Released checkpoints: our own weights under their names come back as they were."""

import dataclasses
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from released_stand_in import released
from torch import Tensor

from attnseg_training.release.import_paper import (
    GATES,
    PARTS,
    RELEASED,
    import_released,
    released_spec,
    rename,
)
from attnseg_training.release.wrapping_keys import expect_weights
from napari_attnseg.checkpoints import load_checkpoint
from napari_attnseg.errors import CheckpointError
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.models.network import SegmentationNetwork

TINY = model_spec("tiny")
SWIN = TINY.transformer
#: As the released one: raw at the finest level, projected at the other three.
SPEC = dataclasses.replace(
    released_spec(TINY),
    widths=(),
    transformer=dataclasses.replace(
        released_spec(TINY).transformer,
        options=tuple((dict(SWIN.options) | {"embed_dim": 32}).items()),
    ),
)


def under_their_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """As in SPEC's list: ours renamed part by part; their order, one more wrapper."""
    theirs = {}
    for part, own in PARTS.items():
        for name, value in state.items():
            if name.startswith(f"{own}."):
                rest = name.removeprefix(f"{own}.")
                inside = "encoder." if part.endswith("Encoder") else "conv.1."
                theirs[f"{part}.{inside}{rest}"] = value
    return theirs


@pytest.fixture
def network() -> SegmentationNetwork:
    torch.manual_seed(5)
    network = SegmentationNetwork(SPEC).train()
    with torch.no_grad():  # BatchNorm statistics of its own
        network(torch.rand(4, 3, 64, 64))
    return network.eval()


@pytest.mark.parametrize("wrap", ["", "state_dict", "DataParallel"])
def test_logits_are_the_same(
    network: SegmentationNetwork, wrap: str, tmp_path: Path
) -> None:
    content: dict[str, Any] = under_their_names(network.state_dict())
    if wrap == "state_dict":
        content = {"epoch": 7, "state_dict": content}
    elif wrap:
        content = {f"module.{name}": value for name, value in content.items()}
    torch.save(content, tmp_path / "best.pth")
    import_released(tmp_path / "best.pth", tmp_path / "out.safetensors", SPEC)
    found, card, _ = load_checkpoint(tmp_path / "out.safetensors")
    assert card.spec == SPEC and card.training["imported_from"] == "best.pth"
    image = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        ours, own = network(image), found(image)
    assert torch.equal(ours.logits, own.logits)
    assert all(torch.equal(ours.attention[s], own.attention[s]) for s in (4, 8, 16, 32))


def test_the_headline_is_covered_whole() -> None:
    with torch.device("meta"):
        state = SegmentationNetwork(released_spec()).state_dict()
    theirs = under_their_names(state)
    assert {"swin_proj1.conv.1.weight", "final_conv.conv.1.bias"} <= set(theirs)
    assert theirs["swin_proj1.conv.1.weight"].shape == (512, 1024, 1, 1)
    learned = sum(t.numel() for t in theirs.values() if t.is_floating_point())
    assert learned == sum(t.numel() for t in state.values() if t.is_floating_point())
    renamed = rename(theirs, state, "best.pth")
    assert all(renamed[name] is state[name] for name in state)


def test_what_does_not_fit_is_refused(
    network: SegmentationNetwork, tmp_path: Path
) -> None:
    state = network.state_dict()
    theirs = under_their_names(state)
    with pytest.raises(CheckpointError, match="nothing for cnn_projection"):
        other = SegmentationNetwork(TINY).state_dict()
        rename(under_their_names(other), other, "a.pth")
    first = next(name for name in theirs if name.startswith("up2."))
    with pytest.raises(CheckpointError, match=r"tensors under 'up2' in a\.pth"):
        rename({n: t for n, t in theirs.items() if n != first}, state, "a.pth")
    with pytest.raises(CheckpointError, match="found 0, so that it is of another"):
        rename({"encoder.conv1.weight": torch.zeros(1)}, state, "a.pth")
    with pytest.raises(CheckpointError, match=r"shape \(1,\) in its place"):
        rename(theirs | {first: torch.zeros(1)}, state, "a.pth")
    for name, content in (("text.pth", b"no pickle"), ("missing.pth", None)):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=name):
            import_released(tmp_path / name, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


class Harmful:
    def __reduce__(self) -> Any:
        return print, ("run",)


def test_code_in_a_checkpoint_is_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"state_dict": Harmful()}, tmp_path / "bad.pth")
    with pytest.raises(CheckpointError, match="could run code"):
        import_released(tmp_path / "bad.pth", tmp_path / "out.safetensors")
    assert capsys.readouterr().out == ""


#: As the released ones, small: raw at the finest level, projected at the other three.
_STEM = {"cnn": dataclasses.replace(TINY.cnn, stem=True), "widths": ()}
_WIDE_SWIN = dataclasses.replace(
    SWIN, options=tuple((dict(SWIN.options) | {"embed_dim": 64}).items())
)
SMALL = {
    name: dataclasses.replace(
        model_spec(name.replace("dual", "tiny").replace("tiny-swin-guided", "tiny")),
        name=name,
        transformer=_WIDE_SWIN,
        **_STEM,
    )
    for name in RELEASED
}
#: Networks whose tensors have the same names and shapes.
TWINS = {
    "dual-swin-guided": "dual-res34-guided",
    "dual-double-attention": "dual-double-weighted",
}
TWINS |= {twin: name for name, twin in TWINS.items()}

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The released networks by their names, with small encoders."""
    monkeypatch.setattr("attnseg_training.release.import_paper.model_spec", SMALL.get)


def difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max())


def test_the_small_ones_are_the_released_ones() -> None:
    assert set(SMALL) == set(RELEASED)
    for name, spec in SMALL.items():
        assert spec.fusion == model_spec(name).fusion
        assert set(GATES) >= {spec.fusion}


@pytest.mark.parametrize("name", RELEASED)
@pytest.mark.usefixtures("small")
def test_every_released_network_gives_its_numbers(
    name: str, tmp_path: Path, in_process: Command
) -> None:
    network = released(SMALL[name])
    torch.save(network.state_dict(), tmp_path / "best.pth")
    out = tmp_path / "out.safetensors"
    done = in_process("import", tmp_path / "best.pth", "--out", out, "--as", name)
    assert done.returncode == 0 and done.stdout == f"{out}\n", done.stderr
    found, card, _ = load_checkpoint(out)
    assert card.spec == released_spec(SMALL[name])
    # In double precision: the order of a sum is no difference between networks.
    image = torch.rand(2, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        theirs, ours = network.double()(image), found.double()(image).logits
    assert theirs.std() > 0.01
    assert difference(theirs, ours) < 1e-6
    # Which encoder guides, or what a gate leaves, is not in the tensors.
    if twin := TWINS.get(name):
        import_released(tmp_path / "best.pth", out, SMALL[twin])
        other, _, _ = load_checkpoint(out)
        with torch.no_grad():
            assert difference(theirs, other.double()(image).logits) > 1e-3


@pytest.mark.parametrize("name", RELEASED)
@pytest.mark.usefixtures("small")
def test_what_several_networks_fit_is_asked_for(
    name: str, tmp_path: Path, in_process: Command
) -> None:
    torch.save(released(SMALL[name]).state_dict(), tmp_path / "best.pth")
    out = tmp_path / "out.safetensors"
    done = in_process("import", tmp_path / "best.pth", "--out", out)
    if name not in TWINS:
        assert done.returncode == 0, done.stderr
        assert load_checkpoint(out)[1].spec.fusion == SMALL[name].fusion
        return
    assert done.returncode == 2 and not out.exists()
    said = done.stderr
    assert f"--as {name}" in said and f"--as {TWINS[name]}" in said
    assert sum(f"--as {one}" in said for one in RELEASED) == 2
    assert said.count("\n") == 1


@pytest.mark.usefixtures("small")
def test_a_network_of_other_gates_is_refused(
    tmp_path: Path, in_process: Command
) -> None:
    file, out = tmp_path / "best.pth", tmp_path / "out.safetensors"
    torch.save(released(SMALL["dual-double-attention"]).state_dict(), file)
    for other in ("dual-no-attention", "dual-swin-guided", "dual-res34-guided"):
        done = in_process("import", file, "--out", out, "--as", other)
        assert done.returncode == 2 and "another network with --as" in done.stderr
    done = in_process("import", file, "--out", out, "--as", "res34-guided")
    assert done.returncode == 2 and "dual-res34-guided" in done.stderr
    done = in_process("import", file, "--out", tmp_path / "out.onnx")
    assert done.returncode == 2 and "ends in .safetensors" in done.stderr
    assert not list(tmp_path.glob("out.*"))


@pytest.mark.parametrize("stated", ["", "Kvasir-SEG 880, epoch by the 120"])
@pytest.mark.usefixtures("small")
def test_the_card_says_what_the_user_states(
    stated: str, tmp_path: Path, in_process: Command
) -> None:
    file, out = tmp_path / "best.pth", tmp_path / "out.safetensors"
    torch.save(released(SMALL["dual-no-attention"]).state_dict(), file)
    words = ["--trained-on", stated] if stated else []
    assert in_process("import", file, "--out", out, *words).returncode == 0
    card = load_checkpoint(out)[1]
    assert card.data == card.training["protocol"] == (stated or "unknown")
    assert card.training["stated"] is bool(stated)
    assert card.training["protocol_name"] is card.training["split_rule"] is None
    assert "Kvasir" not in card.limits and "120" not in card.limits


@pytest.mark.parametrize(
    "before",
    ["", "model.", "_orig_mod.", "_orig_mod.module.", "model._orig_mod."],
)
def test_a_state_dict_of_ours_is_imported(tmp_path: Path, before: str) -> None:
    torch.manual_seed(3)
    network = SegmentationNetwork(TINY).eval()
    file, out = tmp_path / "own.ckpt", tmp_path / "own.safetensors"
    state = {before + name: value for name, value in network.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3}, file)
    import_released(file, out, TINY, "polyps")
    loaded, card, _ = load_checkpoint(out)
    assert card.spec == TINY and card.data == "polyps"
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded(image).logits, network(image).logits)


def test_a_state_dict_of_ours_that_lacks_a_tensor_is_refused(tmp_path: Path) -> None:
    file, out = tmp_path / "own.pth", tmp_path / "own.safetensors"
    state = SegmentationNetwork(TINY).state_dict()
    name = next(iter(state))
    torch.save({k: v for k, v in state.items() if k != name}, file)
    with pytest.raises(CheckpointError, match=f"{name} is missing"):
        import_released(file, out, TINY)
    assert not out.exists()


def test_a_head_of_three_classes_is_named_and_one_of_them_imported(
    tmp_path: Path,
) -> None:
    file, out = tmp_path / "own.pth", tmp_path / "own.safetensors"
    state = SegmentationNetwork(dataclasses.replace(TINY, classes=3)).state_dict()
    torch.save(state, file)
    with pytest.raises(CheckpointError, match="has 3 classes") as error:
        import_released(file, out, TINY)
    head = ["decoder.logits.weight", "decoder.logits.bias"]
    assert ", ".join(head) in str(error.value) and "--as" not in str(error.value)
    torch.save(state | {name: state[name][1:2] for name in head}, file)
    import_released(file, out, TINY)
    assert torch.equal(
        load_checkpoint(out)[0].state_dict()[head[0]], state[head[0]][1:2]
    )


def test_of_several_state_dicts_one_is_asked_for(tmp_path: Path) -> None:
    file, out = tmp_path / "both.pth", tmp_path / "own.safetensors"
    raw = SegmentationNetwork(TINY).state_dict()
    ema = SegmentationNetwork(TINY).state_dict()
    counted = {"epoch": 3, "optimizer": {"state": {}, "param_groups": []}}
    torch.save({"state_dict": raw, "state_dict_ema": ema, **counted}, file)
    with pytest.raises(CheckpointError, match="state_dict, state_dict_ema; say which"):
        import_released(file, out, TINY)
    with pytest.raises(CheckpointError, match="got 'ema'; choose one"):
        import_released(file, out, TINY, state_name="ema")
    assert not out.exists()
    for name, given in (("state_dict", raw), ("state_dict_ema", ema)):
        import_released(file, out, TINY, state_name=name)
        loaded = load_checkpoint(out)[0].state_dict()
        assert all(torch.equal(loaded[key], value) for key, value in given.items())
    torch.save({"state_dict": raw, "copy": raw, **counted}, file)
    import_released(file, out, TINY)  # the same twice


@pytest.mark.parametrize("wrapper", ["", "module."])
def test_two_networks_in_one_state_dict_are_told_apart(
    tmp_path: Path, wrapper: str
) -> None:
    """As Lightning saves a network and its running average."""
    file, out = tmp_path / "both.pth", tmp_path / "own.safetensors"
    raw = SegmentationNetwork(TINY).state_dict()
    ema = SegmentationNetwork(TINY).state_dict()
    both = {f"model.{key}": value for key, value in raw.items()}
    both |= {f"ema_model.{wrapper}{key}": value for key, value in ema.items()}
    both |= {"ema_model.n_averaged": torch.tensor(3), "loss.weight": torch.ones(2)}
    for content, before in (({"state_dict": both}, "state_dict."), (both, "")):
        torch.save(content, file)
        names = f"{before}model, {before}ema_model; say which with --state"
        with pytest.raises(CheckpointError, match=names):
            import_released(file, out, TINY)
        for name, given in (("model", raw), ("ema_model", ema)):
            import_released(file, out, TINY, state_name=before + name)
            loaded = load_checkpoint(out)[0].state_dict()
            assert all(torch.equal(loaded[key], value) for key, value in given.items())


def test_an_average_of_weights_is_imported(tmp_path: Path) -> None:
    file, out = tmp_path / "swa.pth", tmp_path / "own.safetensors"
    network = torch.optim.swa_utils.AveragedModel(SegmentationNetwork(TINY))
    torch.save(network.state_dict(), file)
    import_released(file, out, TINY)
    loaded = load_checkpoint(out)[0].state_dict()
    own = network.module.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in own.items())


def test_the_key_of_a_state_dict_is_looked_at(tmp_path: Path) -> None:
    file, out = tmp_path / "own.pth", tmp_path / "own.safetensors"
    state = SegmentationNetwork(TINY).state_dict()
    told: list[str] = []
    for key in ("delta", "grad", "lora", "weight_update", "diff_state_dict"):
        torch.save({key: state}, file)
        with pytest.raises(CheckpointError, match=f"lie under '{key}', as differences"):
            import_released(file, out, TINY)
        import_released(file, out, TINY, state_name=key, tell=told.append)
        assert sum(f"lie under '{key}', and were taken" in one for one in told) == 1
    told = []
    for key in ("state_dict", "model_state", "teacher"):
        torch.save({key: state}, file)
        import_released(file, out, TINY, tell=told.append)
    assert not any("lie under" in one for one in told)
    torch.save({"stuff": state}, file)
    import_released(file, out, TINY, tell=told.append)
    assert sum("lie under 'stuff'" in one for one in told) == 1


@pytest.mark.parametrize(
    ("key", "weights"),
    [
        ("residual_unet", True),
        ("residual_attention_unet.state_dict", True),
        ("momentum_encoder", True),
        ("diff_unet", True),
        ("gradient_clipped_model", True),
        ("update_ema", True),
        ("model_delta.state_dict", False),
        ("delta-weights", False),
        ("optimizer.exp_avg", False),
        ("task_vector_state", False),
        ("momentum_buffer", False),
    ],
)
def test_a_word_that_says_which_network_is_no_difference(
    key: str, weights: bool
) -> None:
    if weights:
        assert expect_weights(key, "a.pth", chosen=False) == ""
        return
    with pytest.raises(CheckpointError, match=f"or give --state {key} if they are"):
        expect_weights(key, "a.pth", chosen=False)


@pytest.mark.filterwarnings("error")
def test_torchscript_is_named(tmp_path: Path) -> None:
    file = tmp_path / "script.pth"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), file)
    with pytest.raises(CheckpointError, match="TorchScript"):
        import_released(file, tmp_path / "own.safetensors", TINY)


def test_weights_that_no_training_left_are_refused_or_told(tmp_path: Path) -> None:
    file, out = tmp_path / "given.pth", tmp_path / "own.safetensors"
    network = SegmentationNetwork(TINY).train()
    with torch.no_grad():
        network(torch.rand(2, 3, 64, 64))
    state = network.state_dict()

    def told(state: dict[str, Tensor]) -> list[str]:
        torch.save(state, file)
        said: list[str] = []
        import_released(file, out, TINY, tell=said.append)
        return said

    assert told(state) == []
    for number in (0, 1):
        constant = {k: torch.full_like(v, number) for k, v in state.items()}
        with pytest.raises(CheckpointError, match=r"given\.pth.*were never trained"):
            told(constant)
    eights = {
        k: v.clamp(-1, 1).mul(127).to(torch.int8) if v.is_floating_point() else v
        for k, v in state.items()
    }
    with pytest.raises(CheckpointError, match=r"given\.pth.*int8.*quantised"):
        told(eights)
    name = next(k for k, v in state.items() if v.ndim == 4)
    broken = state | {name: state[name] * torch.nan}
    with pytest.raises(CheckpointError, match=r"weights given\.pth.*NaN"):
        told(broken)
    means = [k.removesuffix(".running_mean") for k in state if "running_mean" in k]
    for count, words in ((len(means), "all BatchNorm"), (2, f"2 of the {len(means)}")):
        begun = dict(state)
        for layer in means[:count]:
            begun[f"{layer}.running_mean"] = torch.zeros_like(
                begun[f"{layer}.running_mean"]
            )
            begun[f"{layer}.running_var"] = torch.ones_like(
                begun[f"{layer}.running_var"]
            )
        (said,) = told(begun)
        assert words in said and means[0] in said
