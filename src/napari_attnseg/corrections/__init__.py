"""Correct a mask by clicks: proposals, and rules that hold for every click.

``correct(corrector, mask, clicks)`` does all of it; `corrector_of` returns the
corrector that a model's weights allow.
"""

from napari_attnseg.corrections.clicks import (
    CLICKS,
    Click,
    click_in_box,
    clicks_from_json,
    clicks_to_json,
)
from napari_attnseg.corrections.reach import Reach
from napari_attnseg.corrections.rules import Correction, Corrector, Proposal, correct
from napari_attnseg.corrections.simulated import next_click

__all__ = [
    "CLICKS",
    "Click",
    "Correction",
    "Corrector",
    "Proposal",
    "Reach",
    "click_in_box",
    "clicks_from_json",
    "clicks_to_json",
    "correct",
    "next_click",
]
