"""Parts that a DICOM SEG and its report share: maker, model, codes, patient."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_attnseg.exports.dicom_codes import Code
from napari_attnseg.masks import MEDSAM

MAKER = "napari-attnseg"


def mark_identity(data: Any, keep: bool) -> None:
    """Mark in the file whether patient and study were left out."""
    if not keep:
        data.PatientIdentityRemoved = "YES"
        data.DeidentificationMethod = "patient and study left empty by napari-attnseg"


def model_name(facts: Mapping[str, Any]) -> str:
    """Name of the model, cut to the 64 characters that DICOM allows."""
    name = f"{MAKER} {facts.get('model') or facts.get('weights') or 'model'}"
    return f"{name}, refined by MedSAM"[:64] if MEDSAM in facts else name[:64]


def weights_version(facts: Mapping[str, Any]) -> str:
    """Hash of the weights, in the 64 characters that DICOM allows."""
    return str(facts.get("weights_sha256") or "unknown")[:64]


def coded(code: Code | tuple[str, str, str]) -> Any:
    """Convert a code to the form that highdicom takes."""
    from pydicom.sr.coding import Code as Coded

    if isinstance(code, tuple):
        return Coded(*code)
    return Coded(code.value, code.scheme, code.meaning)
