"""The colours of gate maps, for pictures and the viewer."""

from __future__ import annotations

from typing import NamedTuple

#: psi on a fixed scale from 0 to 1: blue is the transformer, white is 0.5 (equal
#: weights), orange is the CNN. Blue and orange stay apart without red-green vision;
#: both ends are equally dark, so that neither looks like "more".
GATE_STOPS = (
    (0.0, "#1f4e9e"),
    (0.25, "#7fa6d9"),
    (0.5, "#f7f7f7"),
    (0.75, "#e8a15c"),
    (1.0, "#a34d00"),
)
GATE_COLOURS = "attnseg gate"
#: Those of maps around 0, which is transparent.
SIGNED_COLOURS = "attnseg signed"
#: Name and colour of values below and above 0. They lie over tissue, where blue and
#: orange of the gates are lost: seen on red, orange, white and black for every kind of
#: colour vision, and apart from each other by lightness too.
SIGNED_LOW, SIGNED_HIGH = ("violet", "#6a00ff"), ("green", "#60ff20")
#: Distance from 0, of the largest one → opacity: small values are seen, noise is not.
SIGNED_STOPS = ((0.0, 0.0), (0.1, 0.3), (0.5, 0.75), (1.0, 1.0))
#: Behind the bar of such a map, where it is transparent: no colour of either side.
NEUTRAL_COLOUR = "#a0a0a0"


class GateColours(NamedTuple):
    """Colours of psi from 0 to 1, and the names of the two end colours."""

    low: str
    high: str
    stops: tuple[tuple[float, str], ...]


#: Name → gate colours that the viewer offers; the first one is where nobody chose. Each
#: keeps its ends and its middle apart for every kind of colour vision, and both ends
#: equally dark; only the last gets brighter all the way, which is for those who see no
#: colours at all, and for grey prints (cividis, J. R. Nuñez et al. 2018). None is green
#: or pink, the colours of a what-if.
GATE_MAPS = {
    "blue to orange": GateColours("blue", "orange", GATE_STOPS),
    "purple to orange": GateColours(
        "purple",
        "orange",
        (
            (0.0, "#5e3c99"),
            (0.25, "#b2abd2"),
            (0.5, "#f7f7f7"),
            (0.75, "#e8a15c"),
            (1.0, "#a34d00"),
        ),
    ),
    "blue to red": GateColours(
        "blue",
        "red",
        (
            (0.0, "#2166ac"),
            (0.25, "#67a9cf"),
            (0.5, "#f7f7f7"),
            (0.75, "#ef8a62"),
            (1.0, "#b2182b"),
        ),
    ),
    "dark blue to yellow": GateColours(
        "dark blue",
        "yellow",
        (
            (0.0, "#00224e"),
            (0.25, "#434e6c"),
            (0.5, "#7d7c78"),
            (0.75, "#bcae6c"),
            (1.0, "#fee838"),
        ),
    ),
}

#: Mask outline of the model, and of the true mask where it is known.
MASK_COLOUR = "#00e5ff"
TRUTH_COLOUR = "#ffe000"
#: Name → mask colours that the viewer offers; the first one is where nobody chose.
MASK_COLOURS = {
    "cyan": MASK_COLOUR,
    "yellow": "#ffe000",
    "lime": "#a6ff00",
    "black": "#000000",
}

#: Outlines of several classes, in their order: bright on dark images, apart for every
#: colour vision by hue and lightness. More classes than colours go round again.
CLASS_COLOURS = (MASK_COLOUR, "#ff9f1c", "#f564d4", "#7ae582", "#b4a7ff", "#ff5c5c")

#: Pixels that a what-if brought into the mask and took out of it (Okabe and Ito's green
#: and pink: apart from each other and from the gates' colours for every colour vision).
GAINED_COLOUR = "#009e73"
LOST_COLOUR = "#cc79a7"
#: Mask outline of a what-if that was kept: it lies beside the model's own,
#: and beside the white one of both networks.
KEPT_COLOUR = "#4020f0"

#: Outlines of the masks by one encoder alone and by both: hues of the gate maps' ends,
#: brighter (Okabe and Ito's orange and sky blue), and white; they differ in lightness
#: too, so that they stay apart for every colour vision.
READER_CNN_COLOUR = "#e69f00"
READER_TRANSFORMER_COLOUR = "#56b4e9"
READER_BOTH_COLOUR = "#ffffff"

#: The one object among several that a table's row is about.
SELECTED_COLOUR = "#ff4fd8"
#: The other objects: no colour of a mask, whose outline may lie beside theirs.
OBJECT_COLOUR = "#ffffff"
