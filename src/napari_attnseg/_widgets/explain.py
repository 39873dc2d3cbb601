"""The Explain dock widget: one explanation of one image, and what it means."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from numpy.typing import NDArray

from napari_attnseg._widgets.base.controls import (
    ChoiceBox,
    Fold,
    Form,
    set_tips,
    wrapped_label,
)
from napari_attnseg._widgets.base.image_note import constant_note, intensity_note
from napari_attnseg._widgets.base.inputs import NO_IMAGE_OPEN
from napari_attnseg._widgets.base.jobs import explain
from napari_attnseg._widgets.base.map_colours import map_colours
from napari_attnseg._widgets.base.model_cache import LoadedModel
from napari_attnseg._widgets.base.model_widget import ModelWidget
from napari_attnseg._widgets.base.pace import (
    WORTH_SAYING,
    Pace,
    expected_seconds,
    time_words,
)
from napari_attnseg._widgets.base.scroll import scrolled
from napari_attnseg._widgets.base.threads import start
from napari_attnseg._widgets.layers.display import show_source
from napari_attnseg._widgets.layers.frames import shown_frame
from napari_attnseg._widgets.layers.metadata import has_record
from napari_attnseg._widgets.layers.new_layers import explanation_layer
from napari_attnseg._widgets.layers.one_map import add_explanation, shown_explanation
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.layers.source import Source, finest
from napari_attnseg.cards import ModelCard, read_card
from napari_attnseg.errors import AttnSegError, InputError
from napari_attnseg.gate_words import pattern_sentence
from napari_attnseg.hashing import array_sha256
from napari_attnseg.results import Explanation
from napari_attnseg.spec import STRIDES

if TYPE_CHECKING:
    from napari_attnseg.explanations import Explainer

#: Terms in what is said of the maps, for who does not know them.
TERMS = (
    "Target: the region that the map is about. Logit: the number that the "
    "model turns into a probability; the higher, the more probable. To first order: "
    "estimated from the slope at this image, not tried out."
)
OWN_MASK = "the model's own mask"
OTHER_WEIGHTS = (
    "The mask on screen was made with other weights. This map is about what the chosen "
    "weights find."
)


class ExplainWidget(ModelWidget):
    """Add one explanation of an image as a layer, and show the model's gate card.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Viewer whose layers and slider are used.
    """

    tab = "Explain"

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Explain")  # napari passes it by this name
        self._explainers: Mapping[str, Explainer] = {}
        self.method_box = ChoiceBox()
        self.level_box = ChoiceBox()
        self.target_box = ChoiceBox()
        self.meaning = wrapped_label()
        #: What was measured of the gate in plain words, and with numbers.
        self.gate_description, self.gate_card = wrapped_label(), wrapped_label()
        self.details = Fold("Details", self.gate_card)
        set_tips(
            {
                self.method_box: "What the map shows; it is explained below.",
                self.level_box: "At which scale: 1/32 is the coarsest, 1/4 the finest.",
                self.target_box: "The region that the map is about: the mask that the "
                "model "
                "finds, or what you painted in a Labels layer.",
            }
        )
        #: What the colours speak for, and how long the map will take.
        self.colours, self.duration = wrapped_label(), wrapped_label()
        for stride in reversed(STRIDES):
            self.level_box.addItem(f"1/{stride}", stride)
        set_tips({self.meaning: TERMS, self.colours: TERMS})
        self.meaning.setText("The list of maps is being loaded…")
        self._lay_out()

        self.method_box.currentTextChanged.connect(self._describe)
        self.level_box.currentIndexChanged.connect(self._describe)
        self.inputs.weights_box.currentIndexChanged.connect(self._describe)
        self.inputs.layers_changed.connect(self._layers_changed)
        self.inputs.image_box.currentIndexChanged.connect(self._follow_image)
        self._layers_changed()
        # In a thread: it imports torch, which takes seconds.
        start(_explainers, self._fill_methods)

    def _lay_out(self) -> None:
        self._form = form = Form()
        form.addRow("Map", self.method_box)
        form.addRow(self.meaning)
        form.addRow("Gate", self.level_box)
        form.addRow(self.gate_description)
        form.addRow(self.details)
        form.addRow("Target", self.target_box)
        layout = scrolled(self)
        layout.addWidget(self.inputs)
        layout.addLayout(form)
        layout.addWidget(self.colours)
        layout.addWidget(self.duration)
        layout.addWidget(self.bar)
        layout.addStretch()

    def _layers_changed(self) -> None:
        """Offer the selected label of every Labels layer as a target."""
        chosen = self.target_box.currentData()
        self.target_box.clear()
        self.target_box.addItem(OWN_MASK, None)
        for layer in self._viewer.layers:
            if isinstance(layer, Labels):
                self.target_box.addItem(f"selected label of {layer.name}", layer)
                if layer is chosen:
                    self.target_box.setCurrentIndex(self.target_box.count() - 1)
            if has_record(layer):
                layer.events.visible.disconnect(self._describe)
                layer.events.visible.connect(self._describe)
        self._set_ready()
        self._follow_image()

    def _set_ready(self, refused: str = "") -> None:
        """Enable the button, or say why there is no map to be had."""
        if self.inputs.image is None:
            self.bar.set_ready(False, NO_IMAGE_OPEN)
        elif refused:
            self.bar.set_ready(False, refused)
        else:
            listed = bool(self._explainers)
            self.bar.set_ready(listed, "Grey until the maps are listed.")

    def _fill_methods(self, explainers: Mapping[str, Explainer]) -> None:
        if self._life.ended:
            return
        self._explainers = explainers
        self.method_box.addItems(list(explainers))
        self._layers_changed()

    def _follow_image(self, index: int = 0) -> None:
        self.bar.follow(self.inputs.image)
        self._describe()

    def _colours(self, method: str) -> str:
        """Meaning of the colours of the map on screen, or of the chosen one."""
        seen = shown_explanation(self._viewer, self.inputs.image)
        if seen in ("", method) or seen not in self._explainers:
            return map_colours(self._explainers[method])
        return f"Seen now: {seen}. {map_colours(self._explainers[seen])}".strip()

    def _describe(self, event: Any = None) -> None:
        method = self.method_box.currentText()
        explainer = self._explainers.get(method)
        if explainer is None or self._life.ended:
            return
        self.meaning.setText(explainer.meaning)
        self.colours.setText(self._colours(method))
        self.colours.setVisible(bool(self.colours.text()))
        seconds = expected_seconds(explainer.passes, self.inputs.device)
        self.duration.setText(f"Takes about {time_words(seconds)}.")
        self.duration.setVisible(seconds >= WORTH_SAYING)
        self.level_box.setEnabled(explainer.per_gate)
        self.target_box.setEnabled(explainer.targeted)
        # Hidden rather than grey: who looks at a grey list wonders why.
        self._form.setRowVisible(self.level_box, explainer.per_gate)
        self._form.setRowVisible(self.target_box, explainer.targeted)
        path, finding, plain, refused = self.inputs.weights, "", "", ""
        if path is not None:
            # The line on the weights shows what is wrong with them.
            with suppress(AttnSegError):
                card, stride = read_card(path), self.level_box.currentData()
                # Beside every map of a gate stands what was measured of that gate.
                finding = explainer.finding(card, stride)
                if not finding and explainer.per_gate:
                    finding = card.verdict(stride)
                if explainer.per_gate and card.spec.has_gates:
                    subject = "This gate's map"
                    if not explainer.shows_gate:
                        subject = f"The gate map of 1/{stride}, which is not this map,"
                    plain = pattern_sentence(card.pattern(stride), subject)
                elif explainer.of_all_gates and card.spec.has_gates:
                    refused = _no_combination(card)
                    subject = "This map of all gates"
                    plain = pattern_sentence(card.pattern_of_all(), subject)
        self._set_ready(refused)
        plain = "" if refused else plain
        self.gate_description.setText(plain)
        self.gate_description.setVisible(bool(plain))
        self.gate_card.setText(finding)
        self.details.setVisible(bool(finding))

    def start(self) -> None:
        """Explain the chosen image, or the frame of it that is shown, in a thread."""
        if self._life.worker is not None:
            return
        layer = self.inputs.image
        try:
            source, path = self.inputs.chosen()
            intensity = self.inputs.intensity()
            point, frames = self._viewer.dims.point, source.frames
            frame = shown_frame(layer, point, frames) if frames else 0
            asked = self.target_box.isEnabled()  # a map of psi is of no region
            target = self.target(source) if asked else None
        except AttnSegError as error:
            self.bar.fail(str(error))
            return

        def done(result: tuple[Explanation, LoadedModel]) -> None:
            found, model = result
            self._ran_with(model)
            note = constant_note(source) or intensity_note(
                source, [{}] * frame + [found.provenance]
            )
            weights = found.provenance["weights_sha256"]
            notes = [note] if note else []
            if target is None and self._of_other_weights(layer, weights):
                notes.append(OTHER_WEIGHTS)
            self.bar.warn(notes)
            shown = show_source(self._viewer, source)
            new = explanation_layer(shown, found, frame)
            asked = (method, found.level, frame, region, weights, intensity)
            add_explanation(self._viewer, new, asked)
            self._select(layer)
            pace.finished()
            self._describe()

        region = None if target is None else array_sha256(target)
        method = self.method_box.currentText()
        explainer = self._explainers[method]
        pace = Pace(explainer.decodings, explainer.passes, self.inputs.device)

        def cancelled() -> bool:
            pace.decoded()  # it is asked before every decoding
            return self._life.stopping()

        self.bar.launch(
            explain,
            source,
            frame,
            path,
            self.inputs.device,
            self._models,
            method,
            self.level_box.currentData(),
            target,
            cancelled,
            intensity,
            total=0,
            done=done,
            left=pace.seconds_left,
        )

    def _of_other_weights(self, image: Any, weights: str) -> bool:
        """Whether the mask that is seen on an image was made with other weights."""
        return any(
            one.image is image
            and one.mask is not None
            and one.mask.visible
            and one.record.run_id.weights_sha256 != weights
            for one in find_results(self._viewer.layers)
        )

    def target(self, source: Source) -> NDArray[np.bool_] | None:
        """The chosen region (H, W) in the shown frame; None: the model's own mask.

        Raises
        ------
        InputError
            If no pixel of this frame has the selected label.
        """
        labels = self.target_box.currentData()
        if labels is None:
            return None
        region = self._region(labels, source)
        found: NDArray[np.bool_] = region == labels.selected_label
        if labels.selected_label == 0 or not found.any():
            raise InputError(
                f"The label selected in {labels.name!r} is {labels.selected_label}, "
                "which has no pixel there; paint with it, or select another label in "
                "the layer controls."
            )
        return found

    def _region(self, labels: Any, source: Source) -> NDArray[np.integer[Any]]:
        """Labels (H, W) of the shown frame, by the placement of their layer."""
        data = finest(labels)
        if source.frames is None or labels.ndim == 2:
            return np.asarray(data)
        point = self._viewer.dims.point[-labels.ndim :]
        shown = round(labels.world_to_data(point)[0])
        if not 0 <= shown < len(data):
            raise InputError(
                f"Expected a region in the slice that is shown, but {labels.name!r} "
                "does not reach it; go to its slice, or choose another layer."
            )
        return np.asarray(data[shown])


def _explainers() -> Mapping[str, Explainer]:
    from napari_attnseg.explanations import EXPLAINERS

    return EXPLAINERS


def _no_combination(card: ModelCard) -> str:
    """Why these weights have no map of all gates; empty if they have one."""
    # It imports torch, which has been imported where there is a map to describe.
    from napari_attnseg.explanations.requirements import combination

    try:
        combination(card)
    except InputError as error:
        return str(error)
    return ""
