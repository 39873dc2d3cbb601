"""Models without gates, with two per level, or with their ends exchanged."""

import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from stand_ins import STAND_INS

from napari_attnseg import Segmenter
from napari_attnseg.cards import read_card
from napari_attnseg.checkpoints import load_checkpoint
from napari_attnseg.errors import InputError
from napari_attnseg.explanations import explain
from napari_attnseg.figures import summary_png
from napari_attnseg.forced_gates import parse_gates
from napari_attnseg.io.results import Results, load_results, save_results
from napari_attnseg.models.catalog import MODELS
from napari_attnseg.models.encoders import build_encoder
from napari_attnseg.models.initial_values import without_initial_values
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.objects.measure import measure_segmentation
from napari_attnseg.objects.sentences import sentences
from napari_attnseg.results import NO_GATES, gate_key, gate_label
from napari_attnseg.spec import STRIDES, EncoderSpec
from napari_attnseg.whatif import ForcedGates, WhatIf

IMAGE = np.random.default_rng(1).integers(0, 255, (50, 70, 3), np.uint8)
GATELESS = [name for name, spec in STAND_INS.items() if not spec.has_gates]
DOUBLE = ["tiny-double-attention", "tiny-double-weighted"]

Load = Callable[[str], Segmenter]


@pytest.fixture
def load(weights_of: Callable[[str], Path]) -> Load:
    return lambda name: Segmenter.from_checkpoint(weights_of(name), "cpu")


#: One encoder of each of timm's families in the catalog that no stand-in has.
_ENCODERS = {
    "resnet": ("resnet34", {"stem": True}),
    "efficientnet": ("tf_efficientnet_lite0", {}),
    "dinov2": ("vit_small_patch14_dinov2", {"size": 56, "blocks": (1, 2)}),
}


@pytest.mark.parametrize("name", [*STAND_INS, *_ENCODERS])
def test_a_loaded_network_is_the_one_that_was_saved(
    name: str, weights_of: Callable[[str], Path], tmp_path: Path
) -> None:
    """Bit for bit, although its first values are never drawn when it is built."""
    if name in _ENCODERS:
        encoder, options = _ENCODERS[name]
        spec = EncoderSpec(encoder, **{"size": 64, **options})

        def build() -> torch.nn.Module:
            return build_encoder(spec)

        saved, image = build().eval(), torch.rand(1, 3, 64, 64)
        generator = torch.get_rng_state()
        with without_initial_values():
            loaded = build().eval()
        assert torch.equal(torch.get_rng_state(), generator)
        loaded.load_state_dict(saved.state_dict(), assign=True)
    else:
        path, card = weights_of(name), read_card(weights_of(name))
        saved = SegmentationNetwork(card.spec).eval()
        saved.load_state_dict(load_file(path))
        loaded = load_checkpoint(path)[0]
        image = torch.rand(1, 3, card.spec.size, card.spec.size)
    for (key, one), (_, other) in zip(
        saved.named_buffers(), loaded.named_buffers(), strict=True
    ):
        assert torch.equal(one, other), key
    with torch.inference_mode():
        expected, found = saved(image), loaded(image)
    if name in _ENCODERS:
        assert all(map(torch.equal, expected, found))
        return
    assert torch.equal(expected.logits, found.logits)
    assert expected.attention.keys() == found.attention.keys()
    for stride, psi in expected.attention.items():
        assert torch.equal(psi, found.attention[stride])


@pytest.mark.parametrize("name", GATELESS)
def test_without_gates_a_mask_and_no_maps(
    name: str, load: Load, tmp_path: Path
) -> None:
    segmenter = load(name)
    result = segmenter(IMAGE)
    assert result.mask.shape == (50, 70) and result.attention == ()
    assert np.ptp(result.probability) > 0
    files = {
        path.name for path in save_results(Results("a", "a", [result]), tmp_path, "a")
    }
    assert files == {"a_mask.png", "a_probability.tif", "a.json"}
    facts = json.loads((tmp_path / "a.json").read_text())
    assert facts["gates"] == [] and facts["gates_show"] == NO_GATES
    assert segmenter.card.verdict(32) == NO_GATES
    with pytest.raises(InputError, match="no gates"):
        segmenter.decode(segmenter.encode(IMAGE), {32: 1.0})
    with pytest.raises(InputError, match="no gates"):
        explain(segmenter, IMAGE, "gate")


def test_without_gates_other_explanations_work(load: Load) -> None:
    for name in ("tiny-no-attention", "tiny-cnn"):
        found = explain(load(name), IMAGE, "integrated gradients")
        assert np.ptp(found.values) > 0
    assert explain(load("tiny-no-attention"), IMAGE, "Seg-Grad-CAM", 8).level == 8
    with pytest.raises(InputError, match="two encoders"):
        explain(load("tiny-cnn"), IMAGE, "Seg-Grad-CAM")


@pytest.mark.parametrize("name", DOUBLE)
def test_both_gates_of_a_level_are_shown_and_controlled(
    name: str, load: Load, tmp_path: Path
) -> None:
    segmenter = load(name)
    what_if = WhatIf(segmenter, IMAGE)
    own = {gate.key: gate for gate in what_if.own.attention}
    assert set(own) == {(s, g) for s in (4, 8, 16, 32) for g in ("CNN", "transformer")}
    assert all(gate.high == gate.gate for gate in own.values())
    for key in ((8, "CNN"), (8, "transformer")):
        change = what_if.change(ForcedGates({key: 1.0}))
        used = {gate.key: gate.values for gate in change.result.attention}
        assert np.all(used.pop(key) == 1)
        for other, values in used.items():
            assert np.array_equal(values, own[other].values)
        assert not np.array_equal(change.result.probability, what_if.own.probability)
        assert change.result.provenance["gates_forced"] == {f"1/8 {key[1]}": 1.0}
    with pytest.raises(InputError, match="1/8 CNN"):
        segmenter.decode(segmenter.encode(IMAGE), {8: 1.0})
    with pytest.raises(InputError, match="2 gates per level"):
        explain(segmenter, IMAGE, "measured trust")
    written = save_results(Results("a", "a", [what_if.own]), tmp_path, "a")
    files = {path.name for path in written}
    assert {"a_gate_1-32-CNN.tif", "a_gate_1-32-transformer.tif"} <= files
    assert len(files) == 3 + 8
    (again,) = load_results(tmp_path / "a.json").segmentations
    assert {gate.key for gate in again.attention} == set(own)
    for gate in again.attention:
        assert np.array_equal(gate.values, own[gate.key].values)
        assert (gate.low, gate.high) == (own[gate.key].low, own[gate.key].high)


def test_one_of_two_gates_is_forced_by_its_name(load: Load) -> None:
    segmenter = load("tiny-double-attention")
    gates = parse_gates(["1/8 CNN=none", "1/4 transformer=mean"])
    forced = segmenter.decode(segmenter.encode(IMAGE), gates)
    assert forced.provenance["gates_forced"] == {
        "1/8 CNN": 0.0,
        "1/4 transformer": "mean",
    }
    used = {gate.key: gate.values for gate in forced.attention}
    assert np.all(used[8, "CNN"] == 0) and np.ptp(used[8, "transformer"]) > 0
    assert np.ptp(used[4, "transformer"]) == 0 and np.ptp(used[4, "CNN"]) > 0


def test_objects_have_psi_of_both_gates(load: Load) -> None:
    result = load("tiny-double-attention")(IMAGE)
    square = np.zeros((50, 70), np.uint8)
    square[10:40, 10:50] = 1
    (record,) = measure_segmentation(dataclasses.replace(result, mask=square), IMAGE)
    assert 0 < record.values["psi 1/4 CNN inside"] < 1
    assert record.ends["1/4 transformer"] == ("none", "transformer")
    said = [sentence.text for sentence in sentences(record)]
    assert any(text.startswith("psi at 1/4 transformer: ") for text in said)
    assert any("psi is 0 where nothing of the CNN is used" in text for text in said)


def test_paint_reaches_the_gate_that_is_named(load: Load) -> None:
    what_if = WhatIf(load("tiny-double-weighted"), IMAGE)
    paint = np.full((50, 70), np.nan)
    paint[:, :35] = 1.0
    change = what_if.change(ForcedGates({}, paint, ((4, "transformer"),)))
    own = {gate.key: gate.values for gate in what_if.own.attention}
    used = {gate.key: gate.values for gate in change.result.attention}
    assert np.allclose(used[4, "transformer"][:, :8], 1)
    assert np.array_equal(used[4, "CNN"], own[4, "CNN"])


def test_exchanged_ends_are_named_and_explained(load: Load) -> None:
    segmenter = load("tiny-res34-guided")
    gate = segmenter(IMAGE).attention[1]
    assert gate.name == "gate 1/8 (CNN ↔ transformer)"
    share = explain(segmenter, IMAGE, "gate", level=8)  # 1 is the CNN, everywhere
    np.testing.assert_allclose(share.values, 1 - gate.values, atol=1e-6)


@pytest.mark.parametrize("name", ["tiny-cnn", "tiny-double-attention"])
def test_summary_picture(name: str, load: Load) -> None:
    result = load(name)(IMAGE)
    with Image.open(io.BytesIO(summary_png(IMAGE, result, name))) as picture:
        assert picture.size[0] > (1500 if result.attention else 600)


def test_labels_name_gates() -> None:
    for key in (32, (4, "CNN")):
        assert gate_key(gate_label(key)) == key


@pytest.mark.parametrize("encoder", ["cnn", "transformer"])
def test_an_encoder_alone_with_widths_is_its_half_of_the_dual_model(
    encoder: str,
) -> None:
    """What `compact-384-cnn` and `compact-384-vit` are beside `compact-384`."""
    spec = MODELS["tiny"]
    other = {"cnn": "transformer", "transformer": "cnn"}[encoder]
    half = dataclasses.replace(spec, architecture="single", **{other: None})
    torch.manual_seed(0)
    dual = SegmentationNetwork(spec).eval()
    alone = SegmentationNetwork(half).eval()
    getattr(alone, encoder).load_state_dict(getattr(dual, encoder).state_dict())
    projected = getattr(dual, f"{encoder}_projection")
    alone.decoder.projections.load_state_dict(projected.state_dict())
    alone.decoder.unet.load_state_dict(dual.decoder.state_dict())
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        pairs = dual.align(dual.encode(image))
        forced = torch.full((1, 1, 1, 1), float(encoder == "cnn"))
        fused, _ = dual.fuse(pairs, dict.fromkeys(STRIDES, forced))
        torch.testing.assert_close(alone(image).logits, dual.logits(fused))
