"""What every explainer promises, generated over `EXPLAINERS`."""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from napari_attnseg import Segmenter
from napari_attnseg.errors import (
    CancelledError,
    DeviceError,
    InputError,
    UnknownNameError,
)
from napari_attnseg.explanations import (
    EXPLAINERS,
    Requirement,
    explain,
    method_id,
    method_name,
)
from napari_attnseg.explanations.methods.occlusion import occlusion
from napari_attnseg.explanations.subject import subject_of
from napari_attnseg.models.decoder import UnetDecoder
from napari_attnseg.spec import STRIDES

IMAGE = np.random.default_rng(0).integers(0, 255, (40, 56, 3), dtype=np.uint8)
every_explainer = pytest.mark.parametrize("name", EXPLAINERS)


@pytest.fixture(scope="module")
def unmeasured(tiny_weights: Path) -> Segmenter:
    return Segmenter.from_checkpoint(tiny_weights, "cpu")


@pytest.fixture(scope="module")
def segmenter(unmeasured: Segmenter) -> Segmenter:
    """With a card as if its gates had been measured."""
    gates = {
        f"1/{stride}": {
            "calibration": {"psi": [0.4, 0.6], "cnn_better": [0.1, 0.8]},
            "verdict": f"1/{stride}: measured.",
        }
        for stride in STRIDES
    }
    combination = {
        "name": "mean of all",
        "earned": True,
        "verdict": "The mean of all agreed.",
        "stakes": dict.fromkeys(gates, 1.0),
    }
    gates["all"] = {"verdict": "All gates together: measured."}
    card = dataclasses.replace(unmeasured.card, gates=gates, combination=combination)
    return dataclasses.replace(unmeasured, card=card)


def state_of(network: torch.nn.Module) -> list[Any]:
    """All that an explainer might leave behind, and the weights."""
    hooks = [
        (list(m._forward_hooks), list(m._forward_pre_hooks), list(m._backward_hooks))
        for m in network.modules()
    ]
    modes = [m.training for m in network.modules()]
    grads = [(p.requires_grad, p.grad is None) for p in network.parameters()]
    values = [float(t.double().sum()) for t in network.state_dict().values()]
    return [hooks, modes, grads, values]


def test_a_cancel_outlives_an_explanation_that_began_before(
    unmeasured: Segmenter,
) -> None:
    before = state_of(unmeasured.network)
    began, both, ended = Event(), Event(), Event()

    def first() -> bool:
        began.set()
        both.wait(20)
        return False

    def second() -> bool:
        both.set()
        return ended.wait(20)  # once the first is gone: Cancel

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(explain, unmeasured, IMAGE, "gate", cancelled=first)
        assert began.wait(20)
        other = pool.submit(explain, unmeasured, IMAGE, "entropy", cancelled=second)
        one.result(20)
        ended.set()
        with pytest.raises(CancelledError):
            other.result(20)
    assert state_of(unmeasured.network) == before


def test_a_cancel_is_for_its_own_thread(unmeasured: Segmenter) -> None:
    started, go_on = Event(), Event()

    def cancelled() -> bool:
        started.set()
        go_on.wait(20)
        return True

    with ThreadPoolExecutor(1) as pool:
        one = pool.submit(explain, unmeasured, IMAGE, "gate", cancelled=cancelled)
        assert started.wait(20)
        unmeasured(IMAGE)  # is not cancelled
        go_on.set()
        with pytest.raises(CancelledError):
            one.result(20)


@pytest.fixture
def unchanged(segmenter: Segmenter) -> Iterator[None]:
    before = state_of(segmenter.network)
    grad_mode = torch.is_grad_enabled()
    yield
    assert state_of(segmenter.network) == before
    assert torch.is_grad_enabled() == grad_mode


@every_explainer
def test_a_map_over_the_whole_image(
    segmenter: Segmenter, name: str, unchanged: None
) -> None:
    found = explain(segmenter, IMAGE, name, level=8)
    again = explain(segmenter, IMAGE, name, level=8)
    np.testing.assert_array_equal(found.values, again.values)
    assert found.values.dtype == np.float32 and np.isfinite(found.values).all()
    covered = np.array(found.values.shape) * found.stride
    np.testing.assert_allclose(covered, IMAGE.shape[:2])
    assert found.level == (8 if EXPLAINERS[name].per_gate else None)
    assert found.meaning.endswith(".") and len(found.meaning) < 200
    assert found.scale in ("gate", "signed", "positive", "unit")
    assert found.low and found.high
    assert len(found.provenance["image_sha256"]) == 64
    if found.scale != "signed":
        assert found.values.min() >= 0
    if found.scale in ("gate", "unit"):
        assert found.values.max() <= 1


@every_explainer
def test_an_error_leaves_nothing_behind(
    segmenter: Segmenter, name: str, unchanged: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decoder fails at its second call: in the middle of whatever is done."""
    calls = []
    decode = UnetDecoder.forward

    def failing(self: UnetDecoder, fused: Any) -> Any:
        calls.append(1)
        if len(calls) > 1:
            raise RuntimeError("stop")
        return decode(self, fused)

    monkeypatch.setattr(UnetDecoder, "forward", failing)
    try:
        explain(segmenter, IMAGE, name, level=8)
    except RuntimeError as error:
        assert str(error) == "stop"
    else:  # the gates themselves and noise need no second decoding
        assert name in ("gate", "gate, recalibrated", "random")


@every_explainer
def test_a_cancel_stops_it_and_leaves_nothing_behind(
    segmenter: Segmenter, name: str, unchanged: None
) -> None:
    asked = []

    def second_time() -> bool:
        asked.append(1)
        return len(asked) > 1

    try:
        explain(segmenter, IMAGE, name, level=8, cancelled=second_time)
    except CancelledError as error:
        assert name in str(error) and len(asked) == 2
    else:
        assert name in ("gate", "gate, recalibrated", "random")


@every_explainer
def test_the_target_matters_where_it_should(segmenter: Segmenter, name: str) -> None:
    def values(rows: slice) -> np.ndarray:
        target = np.zeros(IMAGE.shape[:2], bool)
        target[rows, 10:40] = True
        return explain(segmenter, IMAGE, name, level=4, target=target).values

    same = np.array_equal(values(slice(0, 10)), values(slice(30, 40)))
    # psi, trust (measured on the mask), uncertainty and noise are not about a target.
    assert same == (not EXPLAINERS[name].targeted)


def test_the_target_is_said_where_there_is_one(unmeasured: Segmenter) -> None:
    empty = dataclasses.replace(unmeasured.card, threshold=1.0)
    for segmenter, own in (
        (unmeasured, "the model's own mask"),
        (dataclasses.replace(unmeasured, card=empty), "the whole image, because"),
    ):
        said = explain(segmenter, IMAGE, "gate effect").target
        assert said.startswith(own)
        assert explain(segmenter, IMAGE, "measured trust").target == ""
    target = np.ones(IMAGE.shape[:2], bool)
    given = explain(unmeasured, IMAGE, "occlusion", target=target)
    assert given.target == "a given region"


class _Bright(torch.nn.Module):
    """A network whose logit is the brightness: each pixel counts alike."""

    def forward(self, image: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=image.mean(1, keepdim=True))


@pytest.mark.parametrize("method", ["Seg-Grad-CAM", "CNN contribution"])
def test_two_threads_may_ask_at_once(unmeasured: Segmenter, method: str) -> None:
    alone = explain(unmeasured, IMAGE, method, 8).values
    mask = unmeasured(IMAGE).mask
    with ThreadPoolExecutor(2) as pool:
        maps = [pool.submit(explain, unmeasured, IMAGE, method, 8) for _ in range(8)]
        masks = [pool.submit(unmeasured, IMAGE) for _ in range(8)]
        for found in maps:
            np.testing.assert_allclose(found.result(60).values, alone, atol=1e-6)
        for other in masks:
            np.testing.assert_array_equal(other.result(60).mask, mask)


def test_occlusion_tries_the_rim_as_well_as_the_middle(unmeasured: Segmenter) -> None:
    subject = subject_of(unmeasured, IMAGE)
    plain = dataclasses.replace(
        subject,
        network=_Bright(),
        image=torch.ones(1, 3, 256, 256),  # 7 does not divide it
        target=torch.ones(1, 1, 256, 256),
    )
    fall = occlusion(plain, 32)
    assert fall.min() > 0.5 * fall.max()


def test_out_of_memory_is_said_in_words(
    unmeasured: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any) -> None:
        raise torch.OutOfMemoryError("out of memory")

    encoded = unmeasured.encode(IMAGE)
    monkeypatch.setattr(UnetDecoder, "forward", full)
    with pytest.raises(DeviceError, match="ran out of memory"):
        explain(unmeasured, IMAGE, "gate effect")
    with pytest.raises(DeviceError, match="ran out of memory"):
        unmeasured.decode(encoded)


def test_findings_come_with_the_maps_that_have_them(segmenter: Segmenter) -> None:
    assert explain(segmenter, IMAGE, "gate", 8).finding == "1/8: measured."
    found = explain(segmenter, IMAGE, "gates at a glance").finding
    assert found == "The mean of all agreed. All gates together: measured."
    assert explain(segmenter, IMAGE, "occlusion").finding == ""


def test_recalibrated_is_psi_through_the_measured_curve(segmenter: Segmenter) -> None:
    psi = explain(segmenter, IMAGE, "gate", 8).values
    found = explain(segmenter, IMAGE, "gate, recalibrated", 8).values
    expected = np.interp(psi, [0.4, 0.6], [0.1, 0.8])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_what_was_not_measured_is_not_shown(unmeasured: Segmenter) -> None:
    with pytest.raises(InputError, match="no calibration of the gate at 1/8"):
        explain(unmeasured, IMAGE, "gate, recalibrated", 8)
    with pytest.raises(InputError, match="has not been measured"):
        explain(unmeasured, IMAGE, "gates at a glance")
    refused = {"earned": False, "verdict": "None agreed."}
    card = dataclasses.replace(unmeasured.card, combination=refused)
    with pytest.raises(InputError, match=r"None agreed\. Look at the single gates"):
        explain(dataclasses.replace(unmeasured, card=card), IMAGE, "gates at a glance")


def test_bad_questions_are_answered_in_words(segmenter: Segmenter) -> None:
    with pytest.raises(UnknownNameError, match="Seg-Grad-CAM"):
        explain(segmenter, IMAGE, "grad-cam")
    with pytest.raises(InputError, match="gate at 1/5"):
        explain(segmenter, IMAGE, "gate", level=5)
    for target in (np.zeros((40, 56), bool), np.ones((4, 4), bool)):
        with pytest.raises(InputError, match="target region"):
            explain(segmenter, IMAGE, "occlusion", target=target)


@every_explainer
def test_what_a_method_needs_is_checked_before_the_image(
    weights_of: Any, name: str
) -> None:
    """No image is needed to refuse: this one could not be used at all."""
    needs = set(EXPLAINERS[name].needs)
    models = {
        "tiny-cnn": {Requirement.ONE_GATE, Requirement.TWO_ENCODERS},
        "tiny-double-attention": {Requirement.ONE_GATE},
    }
    for model, lacks in models.items():
        gateless = Segmenter.from_checkpoint(weights_of(model), "cpu")
        with pytest.raises(InputError) as error:
            explain(gateless, np.zeros(3), name, 8)
        assert (model in str(error.value)) == bool(needs & lacks)
        assert ("one grey" in str(error.value)) == (not needs & lacks)


def test_methods_are_found_however_they_are_written() -> None:
    for name in EXPLAINERS:
        for text in (name, name.upper(), method_id(name), name.replace(" ", "_")):
            assert method_name(text) == name
    assert len({method_id(name) for name in EXPLAINERS}) == len(EXPLAINERS)
    with pytest.raises(UnknownNameError, match="mean measured trust"):
        method_name("measured_thrust")


def test_card_says_which_gates_are_decorative(segmenter: Segmenter) -> None:
    gates = dict(segmenter.card.gates)
    gates["1/8"] = {**gates["1/8"], "decorative": True}
    card = dataclasses.replace(segmenter.card, gates=gates)
    told = dataclasses.replace(segmenter, card=card)
    assert explain(told, IMAGE, "gate", 8).decorative
    assert not explain(told, IMAGE, "gate", 4).decorative
    assert explain(segmenter, IMAGE, "entropy", 4).measured is None
    assert not explain(told, IMAGE, "entropy", 8).decorative
    assert not explain(told, IMAGE, "Seg-Grad-CAM", 8).decorative
