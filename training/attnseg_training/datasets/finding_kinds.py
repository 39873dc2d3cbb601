"""Kinds of findings of `check`, and which of them stop training."""

from __future__ import annotations

#: What can be found, in the order in which it is told.
FINDINGS = {
    "missing image": "listed in a split, but there is no such image",
    "missing mask": "an image without a mask",
    "several masks": "several masks of an image, of which nothing is said",
    "mask without image": "a mask that belongs to no image",
    "unreadable": "a file that cannot be read, or not as what it should be",
    "size": "an image and a mask of different sizes",
    "empty mask": "a mask without any object",
    "full mask": "a mask that covers the whole image",
    "values": "a mask of values of which it is not clear what they mean",
    "in two splits": "the same name in two of train, val and test",
    "splits": "no list is called train, val or test",
    "mostly-empty": "more than half of all masks are empty",
    "mostly-full": "more than half of all masks cover the whole image",
    "mostly-inverted": "more than half of all masks may be inverted",
    "mostly-outlines": "more than half of all masks look like outlines",
    "mostly-lines": "more than half of all masks are thin lines",
    "mostly-patterned": "more than half of all masks are filled with a pattern",
    "mostly-out-of-order": (
        "more than half of all masks are stripes until columns are read for rows"
    ),
    "mostly-sloped": "more than half of all masks are slopes, not areas",
    "mostly-interpolated": "most masks have rims of numbers that were interpolated",
    "mostly-padded": "more than half of all masks have white along a whole edge",
    "burnt-in": "many masks have a piece at the very same pixels",
    "burnt-in-text": "many masks have small shapes that recur, as characters do",
    "inverted-mask": "a mask that may be inverted",
    "padded-mask": "a mask with white along a whole edge",
    "out-of-order-mask": "a mask that is stripes until columns are read for rows",
    "patterned-mask": "a mask that is filled with a pattern",
    "outlines": "a mask that looks like outlines",
    "lines": "a mask of thin lines",
    "mostly-same-mask": "more than half of all images have one mask",
    "same-film": "frames of one film, volume or series in two splits",
    "near-duplicate": "images of two splits that look the same",
    "turned or flipped duplicate": (
        "images of two splits that look the same, one turned or flipped"
    ),
    "absent class": "a class that no mask has",
}
#: Findings at which `fit` stops before its first step; at the others it goes on.
STOPS = (
    "missing image",
    "missing mask",
    "several masks",
    "unreadable",
    "size",
    "values",
    "in two splits",
    "splits",
    "mostly-empty",
    "mostly-full",
    "mostly-inverted",
    "mostly-outlines",
    "mostly-lines",
    "mostly-patterned",
    "mostly-out-of-order",
    "mostly-sloped",
    "mostly-interpolated",
    "mostly-padded",
    "burnt-in",
    "burnt-in-text",
)
