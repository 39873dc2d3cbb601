"""Texts of the panels, and tool tips by attribute of the panel. No Qt."""

MASK_TIPS = {
    "threshold": "The probability from which a pixel belongs to the mask. A higher "
    "one shrinks the mask to what the model is sure of.",
    "smoothing": "Smooths the outline, over this number of image pixels.",
    "min_size": "Drops objects with fewer pixels.",
    "fill_holes": "Fills what an object encloses.",
    "largest": "Drops all objects except the largest one.",
    "undo_button": "Takes back the last change of this panel.",
    "reset_button": "Goes back to the mask that the model made; this can be undone.",
}
CLICK_TIPS = {
    "button": "While this is pressed, a click on the image adds what is missing around "
    "it, and a drag adds along its line, or in its box; with the right button, or "
    "Shift, they remove "
    "what does not belong. Ctrl and a drag moves the image.",
    "class_box": "The class that clicks add to or remove from.",
    "undo_button": "Takes back the last click or line (Ctrl+Z while clicking).",
    "clear_button": "Takes back every click since clicking began.",
}
READER_TIPS = {
    "show_button": "Three outlines: by the CNN alone, by the transformer alone, and by "
    "both together, as the gates mix them: that is the mask of the model.",
    "disagreement_box": "Fills what only one encoder segments, in its colour.",
}
WHATIF_TIPS = {
    "undo_button": "Takes back the last move of a slider.",
    "reset_button": "Goes back to the gates as the model set them, without paint.",
    "keep_button": "Adds the changed mask and its probability as layers that stay.",
}

#: What the button says that keeps a what-if; kept until the change is another one.
KEEP, NO_KEEP, KEPT = "Keep as layers", "Nothing to keep", "Kept"

#: What the click panel says.
HOW = (
    "Click what is missing, or draw through or around it; the right button, or Shift, "
    "removes. Ctrl and drag moves the image."
)
WAIT = "Running the encoders once…"
NO_IMAGE = "The image of this result is not open, so it cannot be corrected by clicks."
OF_A_BOX = (
    "This result covers a box only, and clicks need a result of the whole image. "
    "Segment the whole image first."
)
BESIDE = "Clicks need the overlay in 2D: go back from side by side or 3D."
BRUSH = "A brush is in use: choose pan/zoom in the layer controls to click."
#: Corrector → its name for people.
CORRECTORS = {
    "click_head": "trained for these weights",
    "feature_similarity": "by similarity of the model's features",
    "medsam": "by MedSAM",
}
