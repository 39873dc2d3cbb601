"""The colours of gate maps, in one place for pictures and viewer."""

from __future__ import annotations

#: psi on a fixed scale from 0 to 1: blue is the transformer, white is 0.5 (both alike),
#: orange is the CNN. Blue and orange stay apart without red-green vision; both ends
#: are equally dark, so that neither looks like "more".
GATE_STOPS = (
    (0.0, "#1f4e9e"),
    (0.25, "#7fa6d9"),
    (0.5, "#f7f7f7"),
    (0.75, "#e8a15c"),
    (1.0, "#a34d00"),
)
GATE_COLOURS = "attnseg gate"

#: Mask outline of the model, and of the true mask where it is known.
MASK_COLOUR = "#00e5ff"
TRUTH_COLOUR = "#ffe000"

#: Outlines of several classes, in their order: bright on dark images, apart for every
#: colour vision by hue and lightness. More classes than colours go round again.
CLASS_COLOURS = (MASK_COLOUR, "#ff9f1c", "#f564d4", "#7ae582", "#b4a7ff", "#ff5c5c")

#: Pixels that a what-if brought into the mask and took out of it (Okabe and Ito's green
#: and pink: apart from each other and from the gates' colours for every colour vision).
GAINED_COLOUR = "#009e73"
LOST_COLOUR = "#cc79a7"

#: The one object among several that a table's row is about.
SELECTED_COLOUR = "#ff4fd8"
