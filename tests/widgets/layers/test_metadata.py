"""Records of layers: to and from metadata, of this version and of earlier ones."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_attnseg._widgets.inspect.whatif_layers import keep, paint_layer
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.metadata import (
    IMAGE_REFERENCE,
    METADATA,
    metadata_of,
    record_from,
    record_of,
    set_record,
)
from napari_attnseg._widgets.layers.new_layers import explanation_layer, new_layers
from napari_attnseg._widgets.layers.record import (
    Derivation,
    ImageReference,
    LayerRecord,
    Part,
)
from napari_attnseg._widgets.layers.runs import find_results, kept_mask, originals
from napari_attnseg._widgets.layers.source import source_of
from napari_attnseg.results import (
    NOT_MEASURED,
    AttentionMap,
    EffectiveShare,
    Explanation,
    PatternValue,
    Segmentation,
    ShareState,
)

FACTS = {
    "model": "m",
    "weights_sha256": "w",
    "date": "now",
    "threshold": 0.4,
    "gates_forced": {"1/4": 0.5},
    "image_sha256": "i",
    "mask_sha256": "k",
}


def result(classes: int = 1) -> Segmentation:
    rng = np.random.default_rng(0)
    gates = (
        AttentionMap(
            rng.random((4, 5), np.float32),
            4,
            (2, 2),
            "a",
            "b",
            "found",
            pattern=PatternValue.DECORATIVE,
        ),
        AttentionMap(rng.random((2, 2), np.float32), 8, (4, 5), gate="CNN"),
    )
    probability = rng.random((classes, 8, 10), np.float32)
    return Segmentation(np.zeros((8, 10), np.uint8), probability, gates, FACTS)


@pytest.fixture
def image(viewer: ViewerModel) -> Image:
    return viewer.add_image(np.zeros((8, 10)), name="scan")


def test_every_kind_of_layer_is_read_as_it_was_written(
    viewer: ViewerModel, image: Image
) -> None:
    source = source_of(image)
    add_layers(viewer, new_layers(source, [result(classes=2)]))
    found = Explanation(
        "entropy",
        None,
        np.zeros((8, 10)),
        (1, 1),
        "unit",
        "It means.",
        "t",
        "It is.",
        {},
        effective_share=EffectiveShare(ShareState.MEASURED, 0.75),
    )
    (shown,) = find_results(viewer.layers)
    more = [explanation_layer(source, found, 0), paint_layer(shown)]
    more += keep(shown, result(), 0)
    add_layers(viewer, more)
    assert len(viewer.layers) == 1 + 5 + 2 + 2
    said = viewer.layers["entropy · scan"].metadata[METADATA]
    assert said["effective_share"] == {"state": "measured", "of": "CNN", "mean": 0.75}
    for layer in list(viewer.layers)[1:]:
        record = record_of(layer)
        assert record is not None
        assert metadata_of(record) == dict(layer.metadata)
        assert record.image == ImageReference("scan", str(image.unique_id))
        assert record.source == "scan"
    assert record_of(image) is None


def test_what_users_read_in_the_metadata_stays(
    viewer: ViewerModel, image: Image
) -> None:
    added = add_layers(viewer, new_layers(source_of(image), [result(classes=2)]))
    first, _, gate, *_, mask = (layer.metadata[METADATA] for layer in added)
    assert mask == {**FACTS, "source": "scan", "part": "mask"}
    assert first["part"] == "probability 1"
    assert {key: gate[key] for key in ("part", "gate", "0", "1", "finding")} == {
        "part": "gate",
        "gate": "1/4",
        "0": "a",
        "1": "b",
        "finding": "found",
    }
    assert gate["decorative"] is True and "shows" in gate
    assert "measured" not in gate  # `pattern` says it


def test_a_gate_layer_is_an_attention_map_again(
    viewer: ViewerModel, image: Image
) -> None:
    own = result()
    added = add_layers(viewer, new_layers(source_of(image), [own]))
    for layer, gate in zip(added[1:3], own.attention, strict=True):
        record = record_of(layer)
        assert record is not None
        again = record.attention_map(layer.data, (8, 10))
        assert np.array_equal(again.values, gate.values)
        for name in ("key", "stride", "low", "high", "finding", "pattern"):
            assert getattr(again, name) == getattr(gate, name), name


@pytest.mark.parametrize(
    ("values", "derivation", "parent"),
    [
        ({"part": "mask", "made_from": "what if"}, Derivation.WHAT_IF, ""),
        ({"part": "mask", "made_from": "a · mask"}, Derivation.EDITED, "a · mask"),
        (
            {"part": "mask", "made_from": "a · mask", "objects": True},
            Derivation.OBJECTS,
            "a · mask",
        ),
        ({"made_from": "paint"}, Derivation.PAINT, ""),
        ({"made_from": "reading"}, Derivation.READING, ""),
        ({"made_from": "gates"}, Derivation.CHANGE, ""),
        ({"part": "mask"}, None, ""),
    ],
)
def test_metadata_of_earlier_versions(
    values: dict[str, Any], derivation: Derivation | None, parent: str
) -> None:
    record = record_from({METADATA: {**FACTS, "source": "day 1/scan", **values}})
    assert record is not None
    assert (record.derivation, record.made_from_layer) == (derivation, parent)
    assert record.image == ImageReference("day 1/scan")  # no such file: a name
    assert record.provenance == {**FACTS, "source": "day 1/scan"}
    assert record_from(metadata_of(record)) == record


def test_a_layer_named_as_a_derivation_is_none(viewer: ViewerModel) -> None:
    """Earlier versions stored the name of a layer where a fixed value may stand."""
    record = LayerRecord(FACTS, ImageReference("a"), Part.MASK)
    copy = record.derived(Derivation.EDITED, "paint")
    again = record_from(metadata_of(copy))
    assert again == copy
    layer = viewer.add_labels(np.zeros((8, 10), int), metadata=metadata_of(copy))
    assert originals([layer]) == []


def test_earlier_layers_without_parts_are_read() -> None:
    gate = record_from({METADATA: {**FACTS, "gate": "1/8 CNN", "0": "a", "1": "b"}})
    assert gate is not None and gate.part is Part.GATE and gate.gate == (8, "CNN")
    assert gate.finding == NOT_MEASURED and not gate.decorative
    plain = record_from({METADATA: FACTS})
    assert plain is not None and plain.part is Part.PROBABILITY


def test_layers_of_an_earlier_version_are_a_result(
    viewer: ViewerModel, image: Image
) -> None:
    for new in new_layers(source_of(image), [result()]):
        (layer,) = add_layers(viewer, [new])
        del layer.metadata[IMAGE_REFERENCE]
    (found,) = find_results(viewer.layers)
    assert list(found.gates) == [4, (8, "CNN")] and found.complete
    assert found.title == "scan · m"
    kept = add_layers(viewer, keep_without_image(found))
    for layer in kept:
        layer.metadata[METADATA]["made_from"] = "what if"
        del layer.metadata[IMAGE_REFERENCE]
    assert len(find_results(viewer.layers)) == 1
    assert kept_mask(kept[0], viewer.layers) is kept[-1]


def keep_without_image(found: Any) -> Any:
    """A what-if of a result whose image is only known from its provenance."""
    found.image = next(iter(found.probability))  # for its placement
    later = replace(result(), provenance={**FACTS, "date": "later"})
    return keep(found, later, 0)


def test_other_metadata_stay(viewer: ViewerModel) -> None:
    record = LayerRecord(FACTS, ImageReference("a"), Part.MASK)
    known = {"theirs": 1, **metadata_of(record)}
    layer = viewer.add_labels(np.zeros((8, 10), int), metadata=known)
    set_record(layer, record.with_provenance(threshold=0.9))
    assert layer.metadata["theirs"] == 1
    assert layer.metadata[METADATA]["threshold"] == 0.9
    assert record.threshold == 0.4 and FACTS["threshold"] == 0.4


def test_a_result_is_listed_by_its_weights() -> None:
    image = ImageReference("a", "", None)

    def listed(**facts: str) -> str:
        return LayerRecord({"model": "compact-norm", **facts}, image).weights

    assert listed(weights="compact.safetensors") == "compact"
    assert listed(weights="compact") == "compact"
    # Every run writes a file of this name; earlier versions named none.
    assert listed(weights="best.safetensors") == listed() == "compact-norm"
