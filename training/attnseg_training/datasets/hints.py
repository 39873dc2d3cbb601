"""Hints that data may be wrong although they can be read; sentences for the user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from attnseg_training.datasets.rules import Rule
from napari_attnseg.how_many import how_many


@dataclass(frozen=True, slots=True)
class Hint:
    """A rule that some images seem to break; a hint, which does not stop training.

    Attributes
    ----------
    rule : Rule
    names : tuple of str
        Names of these images.
    groups : tuple of tuple of str
        The same names, grouped if several belong together.
    held : str
        What was found, for the sentence, such as numbers and how many masks hold each;
        empty if the names say all.
    """

    rule: Rule
    names: tuple[str, ...]
    groups: tuple[tuple[str, ...], ...] = ()
    held: str = ""

    def __str__(self) -> str:
        """Return the sentence, or two."""
        told = _grouped(self.groups) if self.groups else _listed(self.names)
        if self.rule in NAMED:
            told = _named(self.names)
        held = f": {self.held}; " if self.held else ": "
        count = how_many(len(self.names), "image")
        return _SENTENCES[self.rule].format(
            told, held=held, bare=self.held, first=repr(self.names[0]), images=count
        )

    def warning(self) -> dict[str, Any]:
        """Kind, names and sentence, in the form in which `check` reports warnings."""
        groups = {"groups": [list(one) for one in self.groups]} if self.groups else {}
        names = {"names": list(self.names), **groups}
        return {"kind": str(self.rule), **names, "text": str(self)}

    def to_json(self) -> dict[str, str]:
        """Rule and sentence, in the form of findings in summaries."""
        return {"rule": str(self.rule), "text": str(self)}


def grouped(rule: Rule, groups: Sequence[tuple[str, ...]]) -> list[Hint]:
    """Give a hint on groups of names; none without any group."""
    names = tuple(name for group in groups for name in group)
    return [Hint(rule, names, tuple(groups))] if groups else []


#: Groups, and names of one, that are told one by one.
FEW = 5
#: Hints that name each image, up to so many, as these files are to be replaced.
NAMED, SEVERAL = (Rule.CUT_OFF, Rule.INTERPOLATED), 10
#: Rule → its sentence, with a place for the names; or for their number, the first of
#: them, and `Hint.held` between punctuation (``held``) or as it is (``bare``).
_SENTENCES = {
    Rule.INVERTED: (
        "In the mask of {} the lesion covers most of the border or lies around the "
        "background, so that it may be inverted, or moved by half of its size "
        "(fftshift): look at it, and save it again as 0 and 255, with the lesion in "
        "its place, if it is."
    ),
    Rule.PADDED: (
        "In the mask of {} lesion fills a strip along a whole edge or a wedge, up to "
        "a straight line, as white padding does, also of images that were turned a "
        "little: make it black if it is no lesion."
    ),
    Rule.OUT_OF_ORDER: (
        "The mask of {} is made of stripes that become whole if columns are read for "
        "rows, or rows for columns: decode its runs (RLE, COCO) again in the other "
        "order."
    ),
    Rule.OUTLINES: (
        "The mask of {} looks like outlines, whose inside was read as background: fill "
        "them if what they enclose is the lesion."
    ),
    Rule.LINES: (
        "The mask of {} is made of thin lines, as brush strokes in a lesion or its "
        "diameters are, and what lies beside them was read as background: draw the "
        "lesion up to its edge unless a thin structure is meant."
    ),
    Rule.PATTERNED: (
        "The mask of {} is made of single pixels, dots or stripes that fill an area, "
        "as one that was dithered or hatched, and what lies between them was read as "
        "background: export it again as 0 and 255, filled and without dither, unless "
        "these are small cells side by side with thin gaps."
    ),
    Rule.UNCLEAR_ORIENTATION: (
        "The image of {} and its mask ask to be shown in different orientations (by "
        "EXIF, XMP or TIFF; most masks have none) and fit either way, so that each was "
        'turned as it asks: write orientation = "shown" into dataset.toml if that is '
        'right, or orientation = "stored" if masks were drawn on the pixels as they '
        "are stored."
    ),
    Rule.AFFINE_ALONE: (
        "Of the image of {} and its mask only one is a NIfTI file, whose affine asks "
        "for it to be shown turned or mirrored, or which has none (no qform and no "
        "sform) and is square, so that rows may be stored as columns; each was read as "
        "it is stored: "
        'look at both together, write orientation = "stored" into dataset.toml if they '
        "fit, or save both as PNG as they are shown if they do not."
    ),
    Rule.OTHER_PICTURES: (
        "The image file of {} holds another picture beside the first one, which was "
        "used: save the right one alone if it is not that."
    ),
    Rule.ALL_BITS: (
        "Pixels of the DICOM image of {} have more bits than its header says "
        "(BitsStored), and all bits were read: correct BitsStored, and check its "
        "window."
    ),
    Rule.MAYBE_CLASSES: (
        "In the mask of {} the numbers or colours may be classes, but all were read as "
        "one lesion{held}they lie in or along each other, each in several pieces, "
        "are the same in every mask, or one is there without another; name their "
        "values in dataset.toml, classes = {{organ = 1, tumour = 2}}, after an export "
        "as grey numbers where they are colours, or the one class, "
        'classes = ["lesion"], if that is right.'
    ),
    Rule.SAME_MASK: (
        "Images that do not look the same have one mask, pixel for pixel: {}; look at "
        "them, and replace the mask that was saved under the name of another image."
    ),
    Rule.SAME_IMAGE: (
        "Images that are the same, pixel for pixel, have different masks: {}; look at "
        "their masks, and remove the copies that have a wrong one."
    ),
    Rule.MOSTLY_SAME_MASK: (
        "More than half of all images have one mask, pixel for pixel: {}; most of them "
        "were saved under a wrong name: export the masks again."
    ),
    Rule.ALL_IGNORED: (
        "The mask of {} holds nothing but 0 and {bare}, which dataset.toml says to "
        "ignore, so that nothing in it counts as lesion. If {bare} is the lesion in "
        "these masks, as in those of 0 and 255 beside others of 0, 1 and 255, save it "
        "as the number that the others have."
    ),
    Rule.PALETTES: (
        "The palette of the mask of {} gives a class another colour than those of "
        "other masks, or its colour to another number, and masks of named classes are "
        "read by their numbers: save all with one palette, or as grey numbers if these "
        "are right."
    ),
    Rule.OVERLAPPING_COLOURS: (
        "In the mask of {} one colour is a mixture of two others and lies between "
        "them, as where drawings of several people overlap, but all were read as one "
        "lesion: save the drawing that is meant alone, or name the one class in "
        'dataset.toml, classes = ["lesion"], if that is right.'
    ),
    Rule.READER_VOTES: (
        "In the mask of {} each number lies in the next smaller one, as where the "
        "drawings of several people were added up, but all were read as one lesion"
        "{held}name the values in dataset.toml, classes = {{organ = 1, tumour = 2}}, "
        "if they are classes that lie in each other, or the one class, "
        'classes = ["lesion"], if what anybody drew is meant.'
    ),
    Rule.READER_BITS: (
        "In the mask of {} the numbers lie as those do that hold the drawings of "
        "several people in their bits (1, 2, 4 …), but all were read as one lesion"
        "{held}save the drawing that is meant, or what most of them drew, as 0 and "
        '255, or name the one class in dataset.toml, classes = ["lesion"], if what '
        "anybody drew is meant."
    ),
    Rule.SECOND_MASKS: (
        "Masks were read from masks/, but further ones of the same names lie beside "
        "it{held}the first is that of {}: look which are meant, such as corrected "
        "ones, name their folder masks, and move the other elsewhere."
    ),
    Rule.LISTED_AGAIN: (
        "Images are listed several times for one split{held}each is used once, such "
        "as {}: correct the lists if other images are meant, and do not count on some "
        "being drawn more often."
    ),
    Rule.CROSSED_PAIRS: (
        "Lists give {images} a mask of another number, such as {bare}, but images and "
        "masks are numbered alike, and names may have been sorted in two ways (10 "
        "before 2, and 002 before 010): look at some pairs, and write the list again "
        "if they are wrong."
    ),
    Rule.SHIFTED_PAIRS: (
        "Masks do not fit their images: outlines of lesions lie on edges of {bare} "
        "instead, as where images were counted from 1 and masks from 0, or names were "
        "sorted in two ways: look at some pairs, such as {first} and its mask, and "
        "give each mask the name of its image again if they are wrong."
    ),
    Rule.UNREAD_LISTS: (
        "Text files that are not read hold names of images, such as that of {}{held}if "
        "they say which images are for testing or are to be left out, write "
        "splits/train.txt, val.txt and test.txt with the names for each."
    ),
    Rule.NAMED_SPLITS: (
        "Names of images say a split, such as {first}{held}but there are no lists, so "
        "that validation images are drawn from all of them: write splits/train.txt, "
        "val.txt and test.txt if these names are meant so."
    ),
    Rule.FOLDERS_LEFT_OUT: (
        "Folders that are not read hold images that have masks, such as {first}{held}"
        "move these and their masks up into images/ and masks/, with the folder's name "
        "in front, if they belong to the data."
    ),
    Rule.DRAWN_ON: (
        "The image of {} shows a coloured line along the outline of its mask, a "
        "coloured box around it or coloured calipers at its ends, which a network "
        "would follow instead of finding lesions: use the images on which nothing was "
        "drawn."
    ),
    Rule.TINTED: (
        "The image of {} has a sharp step of one colour along the outline of its mask, "
        "as where lesions were tinted, or what lies around them made darker, and a "
        "network would follow that instead of finding lesions: use the images in which "
        "nothing was marked."
    ),
    Rule.ON_PADDING: (
        "In the mask of {} a part of the lesion lies on a strip of one colour along an "
        "edge of the image, as where an image was padded and its mask stretched "
        "instead: look at both together, and pad the mask as its image was."
    ),
    Rule.CUT_OFF: (
        "One side of the image of {} is one colour, as where its transfer broke off "
        "and a program filled the rest: look at it, and copy the whole file again."
    ),
    Rule.EXCHANGED_COLOURS: (
        "The image of {} has the colours of the others with red and blue exchanged, as "
        "where they were saved in another order (BGR for RGB): look at it, and save it "
        "again in the right one."
    ),
    Rule.COLOUR_SPACE: (
        "The image of {} has the colours of the others only if its numbers are read in "
        "another way{held}look at it, and save it again as RGB, unless these images "
        "are of another kind, such as of another stain or light."
    ),
    Rule.NEGATIVES: (
        "The image of {} has white corners where others have black ones, or black for "
        "white, as a negative has (MONOCHROME1): look at it, and save it again with "
        "the greys of the others, unless these images are of another kind."
    ),
    Rule.DRAWN_SMALL: (
        "All masks lie in the upper left quarter of their images, such as that of {}, "
        "as those drawn with the coordinates of a smaller preview: look at masks and "
        "images together, and draw them at the size of the images."
    ),
    Rule.SIMILAR_IMAGE: (
        "Images that look the same have different masks: {}; look at their masks, and "
        "remove the copies that have a wrong one."
    ),
    Rule.BOXES: (
        "Most masks are filled boxes, such as that of {}, as those made of a "
        "detector's boxes, turned or not, and a network learns boxes of them: draw "
        "the outlines of lesions if these are meant."
    ),
    Rule.ELLIPSES: (
        "Most masks are filled ellipses or circles, such as that of {}, as those that "
        "annotation tools draw around lesions, and a network learns ellipses of them: "
        "draw the outlines of lesions if these are meant."
    ),
    Rule.BLOCKS: (
        "Most masks are made of square blocks, such as that of {}{held}as labels of "
        "patches or masks of a small preview are, and a network learns blocks of them: "
        "draw the outlines of lesions, or export masks at the size of the images."
    ),
    Rule.FIELD_OF_VIEW: (
        "Most masks show all that is not black in their images, such as that of {}, as "
        "those of the field of view do, and no lesion: put the masks of lesions in "
        "their place."
    ),
    Rule.MARKERS: (
        "Most masks are small marks of one shape, such as that of {}, as those that "
        "point at lesions, and a network learns such marks of them, or nothing where "
        "images are made smaller: draw the outlines of lesions."
    ),
    Rule.SPECKS: (
        "The mask of {} has many single pixels, beside a lesion or alone, each of "
        "which was read as lesion: remove them if they are traces of drawing or of "
        "thresholding, or noise of an empty mask that was stretched to 0 and 255."
    ),
    Rule.RINGING: (
        "The mask of {} has small pieces in the 8 × 8 blocks along the edge of its "
        "lesion, as where all that is not 0 in a JPEG was taken for lesion, and they "
        "were read as lesion: take what is above 127 of 255 instead."
    ),
    Rule.TEXT: (
        "The mask of {} has a row of small pieces that look like letters, as a caption "
        "beside a lesion, which were read as lesion: export masks without captions."
    ),
    Rule.ROLLED: (
        "In the mask of {} lesion at one edge goes on at the opposite one, as where "
        "masks were moved round by half of their size (fftshift) or more or less: "
        "look at it with its image, and export it again, or move it back."
    ),
    Rule.WRAPPED: (
        "The mask of {} has many holes directly inside its edge, which were read as "
        "background, as where bicubic resizing went beyond 255 and the values wrapped "
        "around to 0: limit them to 0 to 255 before they are stored, or resize masks "
        "by nearest neighbours."
    ),
    Rule.WRAPPED_NUMBERS: (
        "The mask of {} uses each of the numbers 1 to 255, some for several objects, "
        "as where more objects were stored with 8 bits: number 256 became 0 and was "
        "read as background; export masks of objects again with 16 bits, or as 0 and "
        "255."
    ),
    Rule.INTERPOLATED: (
        "In the mask of {} thin rims of a smaller number lie around most of what has a "
        "larger one{held}as where these masks were resized with interpolation, so that "
        "rims were read as another class or as background: make them again with "
        "nearest-neighbour resizing (order 0, INTER_NEAREST), unless these rims were "
        "drawn."
    ),
    Rule.STRAIGHT_CUTS: (
        "Lesions end straight at one row or column, such as that of {}{held}so that "
        "masks were cut off there, or made of parts in a wrong order: look at them "
        "with their images, and export whole masks, unless what the images show ends "
        "there too."
    ),
    Rule.SAME_FILM: (
        "Frames of one film, volume or series are in different splits: {}; they look "
        "alike, so that numbers of validation and test are too good: list all frames "
        "of each in one split, in splits/train.txt, val.txt and test.txt."
    ),
    Rule.SAME_CASE: (
        "Images in different splits have names as those of one patient, examination or "
        "picture (which some tools save in several versions): {}; if they are, numbers "
        "of validation and test are too good: list all images of each in one split, in "
        "splits/train.txt, val.txt and test.txt."
    ),
    Rule.SAME_PATIENT: (
        "Images in different splits are of one patient, examination or lesion, as "
        "their DICOM headers or a table beside them say: {}; numbers of validation and "
        "test are too good: list all images of each in one split, in "
        "splits/train.txt, val.txt and test.txt."
    ),
}


#: Hints at what is mostly right as it was read.
QUESTIONS = (
    Rule.UNCLEAR_ORIENTATION,
    Rule.AFFINE_ALONE,
    Rule.OTHER_PICTURES,
    Rule.ALL_BITS,
    Rule.MAYBE_CLASSES,
    Rule.SAME_MASK,
    Rule.SAME_IMAGE,
    Rule.PALETTES,
    Rule.ALL_IGNORED,
    Rule.OVERLAPPING_COLOURS,
    Rule.READER_VOTES,
    Rule.READER_BITS,
    Rule.SECOND_MASKS,
    Rule.LISTED_AGAIN,
    Rule.CROSSED_PAIRS,
    Rule.SHIFTED_PAIRS,
    Rule.UNREAD_LISTS,
    Rule.NAMED_SPLITS,
    Rule.FOLDERS_LEFT_OUT,
    Rule.SIMILAR_IMAGE,
    Rule.DRAWN_ON,
    Rule.TINTED,
    Rule.ON_PADDING,
    Rule.CUT_OFF,
    Rule.EXCHANGED_COLOURS,
    Rule.COLOUR_SPACE,
    Rule.NEGATIVES,
    Rule.DRAWN_SMALL,
    Rule.BOXES,
    Rule.ELLIPSES,
    Rule.BLOCKS,
    Rule.FIELD_OF_VIEW,
    Rule.MARKERS,
    Rule.SPECKS,
    Rule.RINGING,
    Rule.TEXT,
    Rule.ROLLED,
    Rule.WRAPPED,
    Rule.WRAPPED_NUMBERS,
    Rule.INTERPOLATED,
    Rule.STRAIGHT_CUTS,
)


def _grouped(groups: Sequence[Sequence[str]]) -> str:
    said = []
    for names in groups[:FEW]:
        shown = " and ".join(repr(name) for name in names[:FEW])
        rest = f" (and {len(names) - FEW} more)" if len(names) > FEW else ""
        said.append(shown + rest)
    more = f", and {len(groups) - FEW} more such groups" if len(groups) > FEW else ""
    return ", ".join(said) + more


def _named(names: Sequence[str]) -> str:
    more = f" (and of {len(names) - SEVERAL} more)" if len(names) > SEVERAL else ""
    return ", ".join(repr(name) for name in names[:SEVERAL]) + more


def _listed(names: Sequence[str]) -> str:
    more = f" (and of {len(names) - 1} more)" if len(names) > 1 else ""
    return f"{names[0]!r}{more}"
