"""Compute masks by the CNN alone and by the transformer alone.

For each, psi is forced to one encoder at all levels. This takes two more decodings of
an image; the encoders run only once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_attnseg.errors import InputError
from napari_attnseg.reader_record import Reader, ReaderRecord
from napari_attnseg.readers import ReaderMask, Readers
from napari_attnseg.spec import STRIDES

if TYPE_CHECKING:
    from napari_attnseg.encoded_image import EncodedImage
    from napari_attnseg.forced_gates import Forced
    from napari_attnseg.inference import Segmenter
    from napari_attnseg.models.gated import Gated
    from napari_attnseg.results import GateKey


def expect_two_readers(network: Gated) -> None:
    """Check that a model has two readers.

    Raises
    ------
    InputError
        If it does not have exactly one gate per level, between two encoders.
    """
    if len(network.gates) != 1:
        have = f"{len(network.gates)} gates per level" if network.gates else "no gates"
        raise InputError(
            "The masks by one encoder alone need a model with one gate per level, "
            f"between two encoders, but {network.spec.name!r} has {have}; leave the "
            "readers out, or choose other weights."
        )


def read_alone(
    segmenter: Segmenter, encoded: EncodedImage, threshold: float | None = None
) -> Readers:
    """Decode an image by each encoder alone.

    Parameters
    ----------
    segmenter : Segmenter
    encoded : EncodedImage
        From `Segmenter.encode`.
    threshold : float, optional
        Threshold in [0, 1], instead of the model card's.

    Raises
    ------
    InputError
        If the model has no two readers.
    """
    expect_two_readers(segmenter.engine)
    alone = {}
    for reader in Reader:
        forced: dict[GateKey, Forced] = {stride: str(reader) for stride in STRIDES}
        found = segmenter.decode(encoded, forced, threshold)
        alone[reader] = ReaderMask(found.mask, found.probability)
    record = ReaderRecord(segmenter.card.readers)
    return Readers(alone[Reader.CNN], alone[Reader.TRANSFORMER], record)
