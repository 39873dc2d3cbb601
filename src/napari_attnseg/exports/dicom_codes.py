"""DICOM codes of the classes of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from napari_attnseg.errors import InputError


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept: ``value`` in a ``scheme``, such as SCT (SNOMED CT)."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Property:
    """Meaning of a segment: its `kind`, and the `category` of that kind."""

    kind: Code
    category: Code


#: DICOM PS3.16, CID 7150, categories of segmented properties.
ABNORMALITY = Code("49755003", "SCT", "Morphologically Abnormal Structure")
ANATOMY = Code("123037004", "SCT", "Anatomical Structure")
_CATEGORIES = {"abnormality": ABNORMALITY, "anatomy": ANATOMY}
#: Class → what it is. Others have to be named: a wrong code would be worse than none.
KNOWN = {
    "polyp": Code("68496003", "SCT", "Polyp of colon"),  # CID 6201
    "lesion": Code("52988006", "SCT", "Lesion"),  # CID 7159
    "nodule": Code("27925004", "SCT", "Nodule"),
    "mass": Code("4147007", "SCT", "Mass"),
    "neoplasm": Code("108369006", "SCT", "Neoplasm"),
    "tumor": Code("108369006", "SCT", "Neoplasm"),
    "tumour": Code("108369006", "SCT", "Neoplasm"),
    "skin lesion": Code("95324001", "SCT", "Skin lesion"),  # CID 6054
}
_WANT = (
    "CLASS=SCHEME,VALUE,MEANING or CLASS=SCHEME,VALUE,MEANING,anatomy, such as "
    "liver=SCT,10200004,Liver,anatomy"
)


def parse_codes(texts: Sequence[str]) -> dict[str, Property]:
    """Class → property of each ``CLASS=SCHEME,VALUE,MEANING[,CATEGORY]``.

    Raises
    ------
    InputError
        If a text has another form.
    """
    found = {}
    for text in texts:
        name, equals, code = text.partition("=")
        parts = [part.strip() for part in code.split(",")]
        category = _CATEGORIES.get(parts[3]) if len(parts) == 4 else ABNORMALITY
        whole = equals and len(parts) in (3, 4) and all(parts) and category
        # DICOM's SH and LO: code value and meaning have so many characters at most.
        if not whole or len(parts[0]) > 16 or len(parts[1]) > 16 or len(parts[2]) > 64:
            raise InputError(f"Expected a code as {_WANT}, but got {text!r}.")
        assert category is not None
        kind = Code(parts[1], parts[0], parts[2])
        found[name.strip().casefold()] = Property(kind, category)
    return found


def property_of(name: str, given: Mapping[str, Property]) -> Property:
    """Property of a class; codes that were given take precedence.

    Raises
    ------
    InputError
        If no code was given for the class and none is known for it.
    """
    plain = name.casefold()
    if plain in given:
        return given[plain]
    if plain not in KNOWN:
        raise InputError(
            f"Expected a code for the class {name!r}, which has none here (known: "
            f"{', '.join(KNOWN)}); give it with --code {_WANT}."
        )
    return Property(KNOWN[plain], ABNORMALITY)
