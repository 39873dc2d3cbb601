"""What was measured of a gate's map, as a value and in plain words."""

import pytest

from napari_attnseg.gate_words import pattern_sentence
from napari_attnseg.results import PatternValue


@pytest.mark.parametrize("value", PatternValue)
def test_every_value_has_a_sentence(value: PatternValue) -> None:
    sentence = pattern_sentence(value, "This gate's map")
    assert "this gate's map " in sentence.lower() and sentence.endswith(".")
    assert sentence[0].isupper() and "{" not in sentence
    assert not any(word in sentence for word in ("AUROC", "psi", "spatial"))
    # Only a map that was measured to matter may be read at all.
    warned = "Do not read it as a reason" in sentence
    assert warned is (value not in (PatternValue.MATTERS, PatternValue.UNKNOWN))


def test_a_decorative_map_says_that_its_pattern_did_nothing() -> None:
    # Not the map as a whole: forcing its average may change the mask.
    sentence = pattern_sentence(PatternValue.DECORATIVE)
    assert sentence.startswith("Where this map is high or low did not affect the mask")


@pytest.mark.parametrize(
    ("facts", "value"),
    [
        ({"pattern": "matters", "decorative": False}, PatternValue.MATTERS),
        ({"pattern": "of a later version"}, PatternValue.UNKNOWN),
        ({"pattern": "later", "decorative": True}, PatternValue.DECORATIVE),
        ({"decorative": True}, PatternValue.DECORATIVE),
        ({"decorative": False}, PatternValue.UNKNOWN),
    ],
)
def test_earlier_results_have_a_flag_only(
    facts: dict[str, object], value: PatternValue
) -> None:
    assert PatternValue.of(facts) is value
