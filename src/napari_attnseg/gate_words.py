"""Say in plain words what was measured of a gate map. No torch, no Qt.

The verdict with its numbers and intervals is `results.AttentionMap.finding`.
"""

from __future__ import annotations

from napari_attnseg.results import PatternValue

#: What both ends of a gate's colours are, for who never heard of them.
TWO_ENCODERS = (
    "Two encoders read the image: a CNN, which sees detail nearby, and a transformer, "
    "which sees the whole image. The colour says whose features were used where, not "
    "what was important."
)
_NO_REASON = "Do not read it as a reason."
#: {Map} and {map} are the subject with and without its capital.
_SENTENCES = {
    PatternValue.DECORATIVE: (
        # Of the pattern alone: what its average is worth was not measured.
        "Where {map} is high or low did not affect the mask: the map of another image "
        "serves as well. " + _NO_REASON
    ),
    PatternValue.HARMFUL: (
        "{Map} made masks worse: one value everywhere made better ones. " + _NO_REASON
    ),
    PatternValue.MATTERS: (
        "{Map} affected the mask: with one value everywhere, masks were worse. It "
        "shows which encoder was used where, not why."
    ),
    PatternValue.NOT_SHOWN: (
        "{Map} was not shown to affect the mask, nor that it does not. " + _NO_REASON
    ),
    PatternValue.TOO_FEW: (
        "{Map} was measured on too few images to say whether it affects the mask. "
        + _NO_REASON
    ),
    PatternValue.NOT_MEASURED: (
        "{Map} was never measured: nobody knows whether it affects the mask. "
        + _NO_REASON
    ),
    PatternValue.UNKNOWN: (
        "{Map} was made by another version: what it found is in Details."
    ),
}
#: Of all gate maps of a model whose patterns are decorative.
ALL_DECORATIVE = (
    "Where the gate maps of this model are high or low did not affect its masks; "
    "setting a whole gate to another value may."
)


def pattern_sentence(pattern: PatternValue, subject: str = "This map") -> str:
    """Say whether a gate's map affected the masks of the measured images."""
    names = {"Map": subject, "map": subject[0].lower() + subject[1:]}
    return _SENTENCES[pattern].format(**names)
