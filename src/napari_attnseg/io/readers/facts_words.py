"""Say what of a file was assumed or left out, where that may change results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from napari_attnseg.how_many import how_many
from napari_attnseg.io.readers.facts import (
    DAMAGED_FROM,
    IMAGES,
    LEFT_OUT_AT_START,
    Assumed,
    NotUsed,
)

Facts = Mapping[str, Any]
#: Clause for each fact; others are usual, such as sound, or told where they matter.
CLAUSES: dict[Assumed | NotUsed, str] = {
    NotUsed.OTHER_IMAGES: "further images in the file were left out, and only the "
    "first one was used: save the right one alone if it is not that",
    NotUsed.OTHER_STREAMS: "further video streams were left out, and only the first "
    "one was used",
    NotUsed.OTHER_WINDOWS: "the file has several windows; the first one of each frame "
    "was used, and one that holds them all for a stack",
    NotUsed.VOI_TABLE: "its table of how to show values (VOI LUT) was not used: give a "
    "--window if the image is too dark or too bright",
    NotUsed.SIGMOID: "its sigmoid window was replaced by a linear one",
    NotUsed.OVERLAYS: "drawings that the file stores over the image were left out",
    NotUsed.REGIONS_DIFFER: "its ultrasound regions have pixels of different sizes, so "
    "that none is used, and no area is in mm²",
    NotUsed.SPACINGS_DIFFER: "its images have pixels of different sizes, so that none "
    "is used, and no area is in mm²",
    NotUsed.UNEVEN_SLICES: "slices lie at uneven distances, at the same place or at an "
    "unknown one, so that some may be missing",
    NotUsed.IMPOSSIBLE: "it states a window without width or pixels without size, "
    "which were not used",
    NotUsed.PRESENTATION_INVERSE: "it asks to be shown inverted "
    "(PresentationLUTShape), which was not done",
    NotUsed.PROFILE: "its colour profile (ICC) is damaged or not of RGB, and its "
    "colours were taken as if they were sRGB: save it as sRGB first if they are not",
    NotUsed.QFORM: "its qform and its sform contradict each other; the sform was used",
    NotUsed.DAMAGED: "it was cut short, or is damaged inside: from some frame on, "
    "frames are missing or damaged, or their numbers and times are wrong: record or "
    "copy it again",
    NotUsed.START: "its first frames need others from before it begins, and were left "
    "out: numbers and times count from the first frame that can be decoded",
    Assumed.ORDER_OF_NAMES: "neither positions nor numbers say the order of its "
    "images, which follow each other as the names of their files do",
    Assumed.DETECTOR_SPACING: "the size of a pixel is that on the detector, where the "
    "body appears magnified, so that areas are too large",
    Assumed.COPIES: "copies of images, with the same SOPInstanceUID and pixels, were "
    "left out",
    Assumed.COLOURS_BY_DATA: "its header names other colours than its pixels have, and "
    "they were read as the pixels show: look at the colours",
    Assumed.ALL_BITS: "its pixels have more bits than its header says (BitsStored), "
    "and all bits were read: correct BitsStored, and check its window",
}


def facts_sentences(files: Sequence[tuple[str, Facts]]) -> Iterator[str]:
    """Yield one sentence for each fact that holds for some files.

    Parameters
    ----------
    files : sequence of (str, mapping)
        Name of each file, and what `FileFacts.to_provenance` returned.
    """
    for fact, clause in CLAUSES.items():
        having = [
            (name, facts)
            for name, facts in files
            if fact in (*facts["assumed"], *facts["not_used"])
        ]
        if not having:
            continue
        name, facts = having[0]
        if fact is NotUsed.OTHER_IMAGES and IMAGES in facts:
            clause = (
                f"of its {facts[IMAGES]} images only the first one was used: save the "
                "right one alone if it is not that"
            )
        if fact is NotUsed.DAMAGED and DAMAGED_FROM in facts:
            clause = clause.replace("some frame", f"frame {facts[DAMAGED_FROM]}")
        if fact is NotUsed.START and facts.get(LEFT_OUT_AT_START, 1) > 1:
            first = f"first {facts[LEFT_OUT_AT_START]} frames"
            clause = clause.replace("first frames", first, 1)
        several = f" (and {how_many(len(having) - 1, 'other file')})"
        yield f"{name}{several * (len(having) > 1)}: {clause}."
