"""Models loaded in this session, shared by all docks. No Qt."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_attnseg._widgets.preferences import threads
from napari_attnseg.cards import weights_hash
from napari_attnseg.devices import OPENVINO
from napari_attnseg.errors import InputError
from napari_attnseg.threads import use_threads
from napari_attnseg.weights import bundled_weights

if TYPE_CHECKING:
    from napari_attnseg.inference import Segmenter


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A segmenter, and which file and device it was loaded from and for.

    Attributes
    ----------
    weights : Path
    modified : int
        Modification time of the file when it was loaded, in nanoseconds.
    device : str
        Device by the name that was asked for, which may be ``auto``.
    segmenter : Segmenter
    """

    weights: Path
    modified: int
    device: str
    segmenter: Segmenter


class ModelCache:
    """The models that were used last, for every dock and thread.

    A loaded model is used again for the same device and file, if the file is unchanged.
    All models are freed when the last user has ended. The cache still remembers which
    file held which weights.

    Parameters
    ----------
    size : int
        Largest number of models that are kept.
    """

    def __init__(self, size: int = 2) -> None:
        self._size = size
        self._models: OrderedDict[tuple[Path, str], LoadedModel] = OrderedDict()
        self._users: set[object] = set()
        # Held while a model is loaded: two docks that ask for it load it once.
        self._loading = threading.Lock()
        # Held for a moment only, also by the thread of the window.
        self._lock = threading.Lock()
        #: Loaded for the CPU before somebody asked for it; not yet used.
        self._ahead: LoadedModel | None = None
        #: SHA-256 of weights → file that they were loaded from.
        self._files: dict[str, Path] = {}
        self._with_head: set[Path] = set()

    def __len__(self) -> int:
        """Number of models that are kept."""
        return len(self._models)

    def add_user(self) -> Callable[[], None]:
        """Keep models for one more user, and return a function that ends this."""
        user = object()
        with self._lock:
            self._users.add(user)

        def leave() -> None:
            with self._lock:
                self._users.discard(user)
                if not self._users:
                    self._models.clear()
                    self._ahead = None
            if not self._models and "torch" in sys.modules:
                from napari_attnseg.device_memory import free_memory

                free_memory()  # other programs may want the GPU's

        return leave

    def load(self, weights: Path, device: str) -> LoadedModel:
        """Return the model of a weights file on a device; load it if necessary.

        Torch then computes with as many threads as the preferences say.

        Parameters
        ----------
        weights : Path
        device : str
            A name from `segmenting_devices`.

        Raises
        ------
        CheckpointError
            If the file is missing, damaged or no weights file.
        DeviceError
            If this machine has no such device, or it is out of memory.
        """
        from napari_attnseg.inference import Segmenter

        with self._loading:
            use_threads(threads())
            modified = weights.stat().st_mtime_ns if weights.is_file() else -1
            with self._lock:
                found = self._models.get((weights, device))
                if found is not None and found.modified == modified:
                    self._models.move_to_end((weights, device))
                    return found
                # Freed before another one takes the memory.
                self._models.pop((weights, device), None)
                del found
                while len(self._models) >= self._size:
                    self._models.popitem(last=False)
            segmenter = self._take_ahead(weights, modified, device)
            if segmenter is None:
                segmenter = Segmenter.from_checkpoint(weights, device)
            model = LoadedModel(weights, modified, device, segmenter)
            with self._lock:
                # The same network with a click head can do more than without one.
                if segmenter.click_head is not None:
                    self._with_head.add(weights)
                if self._files.get(segmenter.sha256) not in self._with_head:
                    self._files[segmenter.sha256] = weights
                if self._users:
                    self._models[weights, device] = model
            return model

    def load_ahead(self, weights: Path) -> None:
        """Load a model on the CPU that is likely to be needed next.

        It is kept in addition to the loaded models until `load` asks for it (on any
        device) or until another model is loaded ahead. Raises as `load`.
        """
        from napari_attnseg.engines import prefers_openvino
        from napari_attnseg.inference import Segmenter

        with self._loading:
            modified = weights.stat().st_mtime_ns if weights.is_file() else -1
            with self._lock:
                there = [
                    model
                    for model in (*self._models.values(), self._ahead)
                    if model is not None
                    and (model.weights, model.modified) == (weights, modified)
                ]
                if there or not self._users:
                    return
                self._ahead = None  # freed first
            # As "auto" would, but for a GPU: that is asked for when it is needed.
            engine = OPENVINO if prefers_openvino(weights) else "cpu"
            segmenter = Segmenter.from_checkpoint(weights, engine)
            with self._lock:
                if self._users:
                    self._ahead = LoadedModel(weights, modified, "cpu", segmenter)

    def _take_ahead(
        self, weights: Path, modified: int, device: str
    ) -> Segmenter | None:
        """Model that was loaded ahead for these weights, moved to a device."""
        from napari_attnseg.engines import chosen_device

        with self._lock:
            found = self._ahead
            if found is None or (found.weights, found.modified) != (weights, modified):
                return None
            self._ahead = None
        chosen = chosen_device(weights, device)
        if chosen == found.segmenter.chosen_device:
            return found.segmenter
        return None if chosen == OPENVINO else found.segmenter.on(chosen)

    def find(
        self, weights_sha256: str, device: str | None = None
    ) -> LoadedModel | None:
        """Find the loaded model with weights of this hash; the one that was used last.

        Models with a click head come first, because the hash does not include the head.

        Parameters
        ----------
        weights_sha256 : str
        device : str, optional
            Device on which the model must be loaded; any device by default.
        """
        with self._lock:
            found = [
                model
                for model in reversed(self._models.values())
                if model.segmenter.sha256 == weights_sha256
                and device in (None, model.segmenter.chosen_device)
            ]
        found.sort(key=lambda model: model.segmenter.click_head is None)
        return found[0] if found else None

    def weights_of(self, provenance: Mapping[str, Any]) -> Path:
        """Find the weights file of a run among bundled files and those loaded before.

        Raises
        ------
        InputError
            If the weights are neither bundled nor loaded in this session.
        """
        wanted = str(provenance.get("weights_sha256"))
        with self._lock:
            loaded = list(self._files.values())
        # Loaded ones first: of the same network, they may have a click head.
        for path in (*loaded, *bundled_weights().values()):
            if path.is_file() and weights_hash(path) == wanted:
                return path
        name = Path(str(provenance.get("weights", ""))).stem
        if name in bundled_weights():
            raise InputError(
                f"This result was made with weights {name!r} of another version "
                f"({wanted[:12]}…) than the bundled ones: segment the image again with "
                "the present ones, or open the file of that version in Segment image."
            )
        raise InputError(
            f"This result was made with weights ({provenance.get('model')}, "
            f"{wanted[:12]}…) that are not bundled and were not used since napari was "
            "opened; segment the image with them again."
        )


#: The models of all docks.
MODELS = ModelCache()
