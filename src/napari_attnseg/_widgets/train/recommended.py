"""The three recipes that the Train widget offers first, in plain words. No Qt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recommended:
    """A recipe that is offered first.

    Attributes
    ----------
    title : str
        Purpose, in a few words.
    about : str
        Description: parts that are trained, suitable data, measured time, needs.
    start : str
        Initial weights to begin with: a key of `form.START_LABELS`, or ``bundled``.
    epochs : int or None
        Default number of epochs; None: that of the recipe.
    """

    title: str
    about: str
    start: str
    epochs: int | None = None


#: Recipe that is chosen when the widget opens: one of the model of the bundled weights.
DEFAULT_RECIPE = "compact-norm"
#: Name of the recipe → how it is offered, in the order of the choices. The times are
#: those of docs/the-bundled-model.md and docs/experiments.md.
RECOMMENDED = {
    "tiny": Recommended(
        "Quick try",
        "Trains a very small network, to see within minutes whether a folder of "
        "images and masks works. For any images. Needs no other weights. Its masks are "
        "coarse: not for use.",
        "scratch",
        5,
    ),
    "compact-norm": Recommended(
        "On a CPU",
        "Recommended without a graphics card. Starts from the bundled weights, which "
        "were trained on polyps in colonoscopy frames. Trains the CNN, the gates and "
        "the decoder; the transformer is not changed. This took 50 minutes for 792 "
        "images on two CPU cores that did other work, too. Needs no other "
        "weights. For images unlike polyps, start from pretrained encoders instead.",
        "bundled",
    ),
    "compact-gpu": Recommended(
        "On a graphics card",
        "Trains all parts of a finer model with the same two encoders, for any images; "
        "on a "
        "CPU it takes many hours. Needs weights of pretrained encoders: downloaded at "
        "the start (about 110 MB), or chosen as two files that you have.",
        "pretrained",
    ),
}
