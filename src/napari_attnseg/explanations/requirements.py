"""Whether a method can be used with a model; if not, one sentence says what to do."""

from __future__ import annotations

from typing import Any

from napari_attnseg.cards import ModelCard
from napari_attnseg.errors import InputError
from napari_attnseg.explanations.explainer import Explainer, Requirement
from napari_attnseg.models.network import SegmentationNetwork


def check(
    explainer: Explainer, network: SegmentationNetwork, card: ModelCard, stride: int
) -> None:
    """Raise `InputError` if something that the method needs is missing.

    Parameters
    ----------
    explainer : Explainer
        The method.
    network : SegmentationNetwork
        The model.
    card : ModelCard
        Card of its weights.
    stride : int
        Stride of the level, for methods with a map per level.
    """
    for need in explainer.needs:
        match need:
            case Requirement.ONE_GATE:
                network.psi_of_cnn({})
            case Requirement.TWO_ENCODERS:
                need_two_encoders(network)
            case Requirement.CALIBRATION:
                calibration(card, stride)
            case Requirement.COMBINATION:
                combination(card)
            case Requirement.CAPTUM:
                captum()


def need_two_encoders(network: SegmentationNetwork) -> None:
    """Raise `InputError` if the model has no fused maps of two encoders."""
    if not network.dual:
        raise InputError(
            "Seg-Grad-CAM is drawn on the fused maps of two encoders; the model "
            f"{network.spec.name!r} has none: choose something else or other weights."
        )


def calibration(card: ModelCard, stride: int) -> dict[str, Any]:
    """Read the calibration of one gate by measured trust from the card.

    Raises
    ------
    InputError
        If it was not measured.
    """
    curve: dict[str, Any] | None = card.gates.get(f"1/{stride}", {}).get("calibration")
    if curve is None:
        raise InputError(
            f"These weights carry no calibration of the gate at 1/{stride}; measure it "
            "with attnseg-train faithfulness and put it in with attnseg-train export."
        )
    return curve


def combination(card: ModelCard) -> dict[str, Any]:
    """Combination of the gates that may be shown, by the card's measurements.

    Raises
    ------
    InputError
        If no combination was measured, or none may be shown.
    """
    if not card.combination.get("earned", False):
        raise InputError(
            card.combination.get(
                "verdict",
                "Which combination of these gates is worth showing "
                "has not been measured: attnseg-train faithfulness --split val.",
            )
            + " Look at the single gates instead."
        )
    return card.combination


def captum() -> Any:
    """Module ``captum.attr``.

    Raises
    ------
    InputError
        If captum is not installed.
    """
    try:
        import captum.attr
    except ImportError as error:
        raise InputError(
            "This explanation needs captum, which is not installed; install it with "
            'pip install "napari-attnseg[explain]".'
        ) from error
    return captum.attr
