"""Layers of the two readers: three outlines, and where they disagree. No Qt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_attnseg._widgets.inspect.whatif_layers import one_frame, placed
from napari_attnseg._widgets.layers.display import add_layers, remove_layers
from napari_attnseg._widgets.layers.new_layers import NewLayer, layer_name
from napari_attnseg._widgets.layers.outline import WIDTH, outline
from napari_attnseg._widgets.layers.record import Derivation, LayerRecord
from napari_attnseg._widgets.layers.runs import ResultLayers
from napari_attnseg.colormaps import (
    READER_BOTH_COLOUR,
    READER_CNN_COLOUR,
    READER_TRANSFORMER_COLOUR,
)
from napari_attnseg.reader_record import Reader
from napari_attnseg.reader_words import agree_sentence, region_sentences
from napari_attnseg.readers import KINDS, Disagreement, Readers, mean_psi, regions
from napari_attnseg.results import AttentionMap, Segmentation

#: Name and colour of each outline, bottom to top; the legend shows them the other way.
OUTLINES = (
    ("both together", READER_BOTH_COLOUR),
    ("CNN alone", READER_CNN_COLOUR),
    ("transformer alone", READER_TRANSFORMER_COLOUR),
)
#: The lowest outline is wider, so that it is seen where others lie on it.
_WIDER = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class FrameReaders:
    """Masks of the shown frame by each encoder alone, and by both together.

    Attributes
    ----------
    own : Segmentation
        Mask of the model with its own gates.
    readers : Readers
    frame : int
        Frame of a stack; 0 for a single image.
    regions : ndarray of int32, shape (H, W)
        From `readers.regions`.
    """

    own: Segmentation
    readers: Readers
    frame: int
    regions: NDArray[np.int32]

    @classmethod
    def of(cls, own: Segmentation, readers: Readers, frame: int) -> FrameReaders:
        """Number the regions of disagreement."""
        return cls(own, readers, frame, regions(readers.disagreement))

    def sentences(self, row: int, column: int) -> list[str]:
        """Sentences on a pixel."""
        region = self.regions[row, column]
        if not region:
            masks = self.readers.cnn.mask, self.own.mask
            return [agree_sentence(*(bool(mask[row, column]) for mask in masks))]
        there = self.regions == region
        kind = KINDS[int(self.readers.disagreement[row, column])]
        weights = [_weight_of_cnn(gate) for gate in self.own.attention]
        psi = mean_psi(weights, self.own.mask.shape)[there].mean()
        in_mask = float((self.own.mask[there] > 0).mean())
        size = float(there.mean())
        return region_sentences(kind, float(psi), in_mask, size, self.readers.record)


def _weight_of_cnn(gate: AttentionMap) -> NDArray[np.float32]:
    return gate.values if gate.high == Reader.CNN else 1 - gate.values


class ReaderLayers:
    """Layers that are removed with their result or with the widget.

    It is not a QObject, because it outlives the panel.

    Parameters
    ----------
    viewer : napari.Viewer
        Layers are added to it and removed.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._outlines: list[Any] = []
        self._disagreement: list[Any] = []

    @property
    def layers(self) -> tuple[Any, ...]:
        """Layers that were added and are kept up to date."""
        return (*self._outlines, *self._disagreement)

    def show_outlines(self, result: ResultLayers, found: FrameReaders) -> None:
        """Add the three outlines, the transformer's on top."""
        masks = (found.own.mask, found.readers.cnn.mask, found.readers.transformer.mask)
        new = [
            _labels(result, found, mask, name, dict.fromkeys(_values(mask), colour))
            for (name, colour), mask in zip(OUTLINES, masks, strict=True)
        ]
        self._outlines = self._add(new)
        outline(self._outlines[0], width=_WIDER * WIDTH)

    def show_disagreement(self, result: ResultLayers, found: FrameReaders) -> None:
        """Add a layer that shows where the readers disagree, coloured by reader."""
        colours = {
            KINDS.index(Disagreement.ONLY_CNN): READER_CNN_COLOUR,
            KINDS.index(Disagreement.ONLY_TRANSFORMER): READER_TRANSFORMER_COLOUR,
            KINDS.index(Disagreement.OTHER_CLASS): READER_BOTH_COLOUR,
        }
        kinds = found.readers.disagreement
        new = _labels(
            result, found, kinds, "CNN and transformer disagree", colours, filled=True
        )
        self._disagreement = self._add([new])

    def hide_disagreement(self) -> None:
        """Remove the layer of disagreement."""
        self.take_away(self._disagreement)
        self._disagreement = []

    def remove(self) -> None:
        """Remove all layers that were added."""
        self.take_away(self.let_go())

    def let_go(self) -> list[Any]:
        """Stop following the layers, which stay in the viewer, and return them."""
        layers = list(self.layers)
        self._outlines, self._disagreement = [], []
        return layers

    def take_away(self, layers: Iterable[Any]) -> None:
        """Remove the layers that still exist."""
        remove_layers(self._viewer, layers)

    def _add(self, new: list[NewLayer]) -> list[Any]:
        active = self._viewer.layers.selection.active
        made = add_layers(self._viewer, new)
        self._viewer.layers.selection.active = active
        return made


def _values(mask: NDArray[np.integer[Any]]) -> range:
    """Labels that a mask may hold."""
    return range(1, max(int(mask.max(initial=0)), 1) + 1)


def _labels(
    result: ResultLayers,
    found: FrameReaders,
    values: NDArray[np.uint8],
    name: str,
    colours: dict[int, str],
    filled: bool = False,
) -> NewLayer:
    none: dict[int | None, str] = {None: "transparent", 0: "transparent"}
    options = {
        "name": layer_name(name, result.name),
        **placed(result, found.frame),
        "colormap": none | colours,
        "opacity": 0.4 if filled else 1.0,
    }
    record = LayerRecord(
        {**found.own.provenance, "source": result.record.source},
        result.reference,
        derivation=Derivation.READER,
    )
    # A copy: napari's brush would change the mask itself.
    data = one_frame(result, values.copy())
    return NewLayer("Labels", data, options, record, outlined=not filled)
