"""Notes on a file, whatever is made of its images."""

from __future__ import annotations

from napari_attnseg.batch.base import Note
from napari_attnseg.io.images import UprightImage
from napari_attnseg.io.readers.facts import Assumed, FileFacts, NotUsed


def picture_notes(found: UprightImage) -> list[Note]:
    """Notes on the file of an image that was read."""
    holds = {
        Note.EXIF_ORIENTATION: found.orientation != 1,
        Note.OTHER_PICTURES: found.others > 0,
        Note.TRANSPARENCY: found.transparency > 0,
        Note.PROFILE_LEFT: found.profile_left is not None,
    }
    notes = [note for note, does in holds.items() if does]
    return notes + ([] if found.facts is None else facts_notes(found.facts))


def facts_notes(facts: FileFacts) -> list[Note]:
    """Notes on a DICOM file, a film or a volume, of all its frames."""
    holds = {
        Note.PLANES: Assumed.COLOURS_BY_PIXEL in facts.assumed,
        Note.BURNED_IN: facts.said.get("burned_in") == "yes",
        Note.INTERLACED: NotUsed.INTERLACED in facts.not_used,
    }
    return [note for note, does in holds.items() if does]
