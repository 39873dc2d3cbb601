"""Tool tips of the panels: attribute of the panel → what its control does. No Qt."""

MASK_TIPS = {
    "threshold": "From which probability a pixel belongs to the mask: higher, and the "
    "mask shrinks to what the model is sure of.",
    "smoothing": "Smooths the outline, over so many pixels of the image.",
    "min_size": "Drops objects with fewer pixels.",
    "fill_holes": "Adds to an object what it encloses.",
    "largest": "Drops all objects but the largest one.",
    "undo_button": "Takes back the last change of this panel.",
    "reset_button": "The mask as the model made it; can be undone.",
}
READER_TIPS = {
    "show_button": "Three outlines: by the CNN alone, by the transformer alone, and by "
    "both as the gates mixed them.",
    "disagreement_box": "Fills what only one of the two networks draws, in its colour.",
}
WHATIF_TIPS = {
    "undo_button": "Takes back the last move of a slider.",
    "reset_button": "The gates as the model set them, without paint.",
    "keep_button": "Adds the changed mask and its probability as layers that stay.",
}
