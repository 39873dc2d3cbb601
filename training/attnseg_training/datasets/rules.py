"""Rules for images and masks, with names that never change."""

from __future__ import annotations

from enum import StrEnum

from napari_attnseg.errors import InputError


class Rule(StrEnum):
    """Rules for data; errors and findings name the rule that is broken.

    Attributes
    ----------
    UNREADABLE
        A file cannot be decoded.
    UNCLEAR_VALUES
        It is not clear which numbers of a mask are lesion.
    VOID_VALUES
        A mask holds 255 beside small numbers, and ``dataset.toml`` does not say to
        ignore it.
    UNCLEAR_COLOURS
        It is not clear which colours of a mask are lesion, or it is a picture.
    PAGES
        Pages or frames of a mask contradict each other.
    ORIENTATION
        A mask fits its image as stored, but not as turned by its orientation.
    SIZE
        Image and mask differ in size.
    GRID
        Positions of image and mask in space differ by more than flips and turns.
    ALL_IGNORED
        A mask holds nothing but background and what is ignored.
    EMPTY, FULL
        A mask without any lesion, or with nothing but lesion.
    MISSING_IMAGE, MISSING_MASK, MASK_WITHOUT_IMAGE
        An image, or its mask, is missing; or a mask has no image.
    IN_TWO_SPLITS
        A name is listed for two splits.
    NEAR_DUPLICATE
        Images of two splits look the same.
    TURNED_DUPLICATE
        Images of two splits look the same once one of them is turned or flipped.
    ABSENT_CLASS
        No mask has the class.
    MOSTLY_EMPTY, MOSTLY_FULL
        More than half of all masks are empty, or full.
    MOSTLY_INVERTED
        More than half of all masks may be inverted.
    MOSTLY_OUTLINES
        More than half of all masks look like outlines.
    MOSTLY_LINES
        More than half of all masks are thin lines.
    MOSTLY_PADDED
        More than half of all masks have white along a whole edge.
    MOSTLY_PATTERNED
        More than half of all masks are filled with a pattern.
    MOSTLY_OUT_OF_ORDER
        More than half of all masks are whole if columns are read for rows, or back.
    MOSTLY_SLOPED
        More than half of all masks are slopes, which a threshold cuts somewhere.
    MOSTLY_INTERPOLATED
        Most masks have thin rims of a class around others, as where numbers were
        interpolated.
    BURNT_IN
        Many masks have a piece at exactly the same pixels.
    BURNT_IN_TEXT
        Many masks have small shapes of strokes that recur, at any place.
    INVERTED, OUTLINES
        A mask may be inverted, or looks like outlines.
    LINES
        A mask is made of thin lines, such as brush strokes in lesions.
    PADDED
        A mask has a strip of white along a whole edge.
    OUT_OF_ORDER
        A mask is whole if columns are read for rows, or back.
    PATTERNED
        A mask is filled with a pattern: single pixels, dots or stripes.
    UNCLEAR_ORIENTATION
        Image and mask ask to be shown in different orientations, and fit in both ways.
    AFFINE_ALONE
        Only one of image and mask is a NIfTI file, and it asks to be shown turned, or
        is square and does not say how it is to be shown.
    OTHER_PICTURES
        The file of an image holds further pictures that differ from the first.
    ALL_BITS
        Pixels of a DICOM image have more bits than its header says, and all were read.
    MAYBE_CLASSES
        Numbers or colours of a mask of one class lie as those of several classes would.
    SAME_MASK, MOSTLY_SAME_MASK
        Several images, or more than half of all images, have the same mask, pixel for
        pixel.
    SAME_IMAGE
        Images that are the same, pixel for pixel, have different masks.
    PALETTES
        Masks of several classes have palettes that contradict each other.
    OVERLAPPING_COLOURS
        Colours look like two drawings that overlap.
    READER_VOTES, READER_BITS
        Numbers of most masks lie in each other as the drawings of several people do.
    SECOND_MASKS
        Another folder holds masks of the same names that differ.
    LISTED_AGAIN
        A list of a split names an image several times.
    CROSSED_PAIRS
        Numbers in the names of listed pairs contradict each other.
    SHIFTED_PAIRS
        Masks fit the images before or after their own, or those of another order.
    UNREAD_LISTS
        A file that is not read names images, as a list of a split would.
    NAMED_SPLITS
        Names of images say a split, and there are no lists.
    FOLDERS_LEFT_OUT
        Folders below ``images/`` that are not read hold images with masks.
    SIMILAR_IMAGE
        Images that look the same have different masks.
    TINTED
        Images show a step of one colour along the outline of their masks.
    ON_PADDING
        Lesions lie on strips of one colour with which images were padded.
    CUT_OFF
        One side of an image is missing.
    EXCHANGED_COLOURS
        Some images have red and blue exchanged.
    COLOUR_SPACE, NEGATIVES
        Some images were saved in another colour space; some are negatives.
    DRAWN_SMALL
        All masks lie in the upper left quarter.
    SHOWS_IMAGE
        A mask shows its image, cut out or whole.
    DRAWN_ON
        Images show a line along the outline of their masks, a box or calipers.
    BOXES, ELLIPSES
        Most masks are filled boxes, turned or not; are filled ellipses or circles.
    BLOCKS
        Most masks are made of square blocks of one size.
    FIELD_OF_VIEW
        Most masks show what of their images is not black.
    MARKERS
        Most masks are small marks of one shape.
    SPECKS
        A mask has many single pixels, beside a lesion or alone.
    RINGING
        A mask has noise in the blocks of a JPEG at the edge of its lesion.
    SAME_FILM
        Frames of one film, volume or series are in two splits.
    TEXT
        Many masks have a row of letters.
    ROLLED
        Lesions of many masks go on at the other edge.
    WRAPPED
        Most masks have holes along their edges, as where numbers wrapped around.
    WRAPPED_NUMBERS
        Numbers of objects began again after 255.
    INTERPOLATED
        Some masks have rims as of `MOSTLY_INTERPOLATED`, and more have none.
    STRAIGHT_CUTS
        Lesions of many masks end straight at one row or column.
    SAME_CASE
        Names in two splits seem to belong to the same patient or examination.
    SAME_PATIENT
        Images in two splits are of one patient, as DICOM or a table beside them says.
    NARROW_RANGE
        Less than three tenths of an image's range of intensities hold 99 % of its
        pixels.
    """

    UNREADABLE = "unreadable"
    UNCLEAR_VALUES = "unclear-values"
    VOID_VALUES = "void-values"
    UNCLEAR_COLOURS = "unclear-colours"
    PAGES = "pages"
    ORIENTATION = "orientation"
    SIZE = "size"
    GRID = "grid"
    ALL_IGNORED = "all-ignored"
    EMPTY = "empty mask"
    FULL = "full mask"
    MISSING_IMAGE = "missing image"
    MISSING_MASK = "missing mask"
    MASK_WITHOUT_IMAGE = "mask without image"
    IN_TWO_SPLITS = "in two splits"
    NEAR_DUPLICATE = "near-duplicate"
    TURNED_DUPLICATE = "turned or flipped duplicate"
    ABSENT_CLASS = "absent class"
    MOSTLY_EMPTY = "mostly-empty"
    MOSTLY_FULL = "mostly-full"
    MOSTLY_INVERTED = "mostly-inverted"
    MOSTLY_OUTLINES = "mostly-outlines"
    MOSTLY_LINES = "mostly-lines"
    MOSTLY_PADDED = "mostly-padded"
    MOSTLY_PATTERNED = "mostly-patterned"
    MOSTLY_OUT_OF_ORDER = "mostly-out-of-order"
    MOSTLY_SLOPED = "mostly-sloped"
    MOSTLY_INTERPOLATED = "mostly-interpolated"
    BURNT_IN = "burnt-in"
    BURNT_IN_TEXT = "burnt-in-text"
    INVERTED = "inverted-mask"
    PADDED = "padded-mask"
    OUTLINES = "outlines"
    LINES = "lines"
    OUT_OF_ORDER = "out-of-order-mask"
    PATTERNED = "patterned-mask"
    UNCLEAR_ORIENTATION = "unclear-orientation"
    AFFINE_ALONE = "affine-alone"
    OTHER_PICTURES = "other-pictures"
    ALL_BITS = "all-bits"
    MAYBE_CLASSES = "maybe-classes"
    SAME_MASK = "same-mask"
    MOSTLY_SAME_MASK = "mostly-same-mask"
    SAME_IMAGE = "same-image"
    PALETTES = "palettes"
    OVERLAPPING_COLOURS = "overlapping-colours"
    READER_VOTES = "reader-votes"
    READER_BITS = "reader-bits"
    SECOND_MASKS = "second-masks"
    LISTED_AGAIN = "listed-again"
    CROSSED_PAIRS = "crossed-pairs"
    SHIFTED_PAIRS = "shifted-pairs"
    UNREAD_LISTS = "unread-lists"
    NAMED_SPLITS = "named-splits"
    FOLDERS_LEFT_OUT = "folders-left-out"
    SIMILAR_IMAGE = "similar-image"
    TINTED = "tinted"
    ON_PADDING = "on-padding"
    CUT_OFF = "cut-off"
    EXCHANGED_COLOURS = "exchanged-colours"
    COLOUR_SPACE = "colour-space"
    NEGATIVES = "negatives"
    DRAWN_SMALL = "drawn-small"
    SHOWS_IMAGE = "shows-image"
    DRAWN_ON = "drawn-on"
    BOXES = "boxes"
    ELLIPSES = "ellipses"
    BLOCKS = "blocks"
    FIELD_OF_VIEW = "field-of-view"
    MARKERS = "markers"
    SPECKS = "specks"
    RINGING = "ringing"
    SAME_FILM = "same-film"
    TEXT = "text"
    ROLLED = "rolled"
    WRAPPED = "wrapped"
    WRAPPED_NUMBERS = "wrapped-numbers"
    INTERPOLATED = "interpolated"
    STRAIGHT_CUTS = "straight-cuts"
    SAME_CASE = "same-case"
    SAME_PATIENT = "same-patient"
    NARROW_RANGE = "narrow-range"


class RuleError(InputError):
    """Data that break a rule.

    Parameters
    ----------
    rule : Rule
    message : str
        Message to the user, one sentence.
    """

    def __init__(self, rule: Rule, message: str) -> None:
        super().__init__(message)
        self.rule = rule


class UnclearMaskError(RuleError):
    """A mask in which it is not clear what is lesion."""


class OneColourError(UnclearMaskError):
    """A mask that has only one colour; other masks may show whether it is empty.

    Parameters
    ----------
    rule, message
        As in `RuleError`.
    colour : tuple of float
        Red, green and blue, each 0 to 255.
    """

    def __init__(
        self, rule: Rule, message: str, colour: tuple[float, float, float]
    ) -> None:
        super().__init__(rule, message)
        self.colour = colour
