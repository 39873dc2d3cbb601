"""MedSAM, with a small random model of its architecture: prompts, masks, provenance."""

import json
import shutil
import socket
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_medsam import SIDE

from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.intensity import Percentiles, Window
from napari_attnseg.masks import MaskRules, remake, rules_of
from napari_attnseg.medsam import Medsam, mask_boxes, prompt
from napari_attnseg.results import Segmentation


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
