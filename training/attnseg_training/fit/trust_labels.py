"""Trust labels: which encoder errs where, on images that it was not trained on.

On its own training images a network makes few errors, by chance. Measurements there
show what an encoder memorised, not where it errs on new images. Therefore the training
images are divided into parts (settings ``folds`` and ``fold``), one run is trained
without each part, and both of its encoders alone are measured on that part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import safetensors
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import Tensor

from attnseg_training.config import TrainConfig, read_toml
from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.image_store import ImageStore
from attnseg_training.fit.start import training_splits, without_fold
from napari_attnseg.devices import resolve_device
from napari_attnseg.errors import InputError
from napari_attnseg.ignored import known_pixels
from napari_attnseg.inference import Segmenter
from napari_attnseg.io.atomic import write_bytes
from napari_attnseg.models.network import SegmentationNetwork
from napari_attnseg.run_files import BEST_WEIGHTS, CONFIG_FILE
from napari_attnseg.spec import STRIDES

_DIFFERENCE, _NAMES = "difference", "names"
#: Rows and columns of a label.
SIDE = 96
_BATCH = 8


def write_trust_labels(
    runs: Sequence[Path],
    out: Path,
    device: str = "auto",
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Measure both encoders of each run on the part that it left out.

    Parameters
    ----------
    runs : sequence of Path
        Finished run folders of the same settings, one for each fold.
    out : Path
        Safetensors file to write, with ``difference`` (n, 1, 96, 96) of float16: the
        pixel loss of the CNN alone minus that of the transformer alone.
    device : str
        As for `Segmenter.from_checkpoint`.
    watch : callable
        Called with (images done, images in all).

    Returns
    -------
    int
        Number of images.

    Raises
    ------
    InputError
        If a run left nothing out, or two of them left out the same image.
    """
    found: dict[str, Tensor] = {}
    for run in runs:
        config = TrainConfig(**read_toml(run / CONFIG_FILE))
        data = load_dataset(Path(config.data), config.split_seed)
        train, _ = training_splits(data, config.protocol)
        _, left_out = without_fold(train, config)
        again = found.keys() & {sample.name for sample in left_out}
        if not left_out or again:
            what = "left out what another one did" if again else "left no images out"
            raise InputError(
                f"Expected runs of one fold each, but {run} {what}; train them with "
                "folds and fold = 0, 1, …."
            )
        segmenter = Segmenter.from_checkpoint(
            run / BEST_WEIGHTS, resolve_device(device)
        )
        rule = segmenter.card.preprocessing.intensity
        size = segmenter.network.spec.size
        store = ImageStore(left_out, size, segmenter.device, rule)
        for start in range(0, len(store), _BATCH):
            index = list(range(start, min(start + _BATCH, len(store))))
            labels = _difference(segmenter.network, *store.batch(index))
            names = [store.names[i] for i in index]
            found.update(zip(names, labels.half().cpu(), strict=True))
            watch(len(found), len(train))
    names = sorted(found)
    tensors = {_DIFFERENCE: torch.stack([found[name] for name in names])}
    write_bytes(out, safetensors.torch.save(tensors, {_NAMES: json.dumps(names)}))
    return len(names)


@torch.inference_mode()
def _difference(network: SegmentationNetwork, images: Tensor, masks: Tensor) -> Tensor:
    """Pixel loss of the CNN alone minus that of the transformer alone (N, 1, h, w)."""
    pairs = network.align(network.encode(images))
    target, known = known_pixels(masks)
    losses = []
    for weight in (1.0, 0.0):
        of_cnn = dict.fromkeys(STRIDES, torch.tensor(weight, device=images.device))
        fused, _ = network.fuse(pairs, network.psi_of_cnn(of_cnn))
        loss = F.binary_cross_entropy_with_logits(
            network.logits(fused).float(), target, reduction="none"
        )
        if known is not None:
            loss = loss * known
        losses.append(loss.mean(1, keepdim=True))
    return F.adaptive_avg_pool2d(losses[0] - losses[1], SIDE)


def read_trust_labels(path: Path, names: Sequence[str]) -> Tensor:
    """Read the labels (n, 1, 96, 96) of images with these names.

    Raises
    ------
    InputError
        If the file cannot be read, or has no label of an image.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            known = json.loads(file.metadata()[_NAMES])
            labels: Tensor = file.get_tensor(_DIFFERENCE)
    except (OSError, safetensors.SafetensorError, KeyError, TypeError) as error:
        raise InputError(
            f"Expected trust labels at {path}, but: {error}; write them with "
            "attnseg-train trust-labels."
        ) from error
    where = {name: i for i, name in enumerate(known)}
    missing = [name for name in names if name not in where]
    if missing:
        raise InputError(
            f"{len(missing)} of {len(names)} training images have no trust label in "
            f"{path}, first {missing[0]!r}; write labels for these data."
        )
    return labels[[where[name] for name in names]]
