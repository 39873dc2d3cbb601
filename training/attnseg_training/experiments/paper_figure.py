"""The paper's figure 3: images, masks, and the gate map of every level."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from attnseg_training.datasets import Dataset
from napari_attnseg.colormaps import MASK_COLOUR
from napari_attnseg.devices import resolve_device
from napari_attnseg.errors import InputError, UnknownNameError
from napari_attnseg.figures import GATE_CMAP, draw_contour
from napari_attnseg.inference import Segmenter
from napari_attnseg.metrics import dice
from napari_attnseg.png import png_bytes
from napari_attnseg.results import GATE_LEGEND, NO_GATES, AttentionMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DEFAULT_IMAGES = 4
RELATIVE = (
    "As published: 1 − psi in jet, each map stretched to its own range, so colours "
    "say nothing across maps."
)


def paper_figure_png(
    weights: str | Path,
    data: Dataset,
    names: Sequence[str],
    split: str,
    device: str = "auto",
    as_published: bool = False,
) -> bytes:
    """Draw one row per image: image, both masks, gate maps from fine to coarse; PNG.

    Parameters
    ----------
    weights : str or Path
        Bundled name or file of a model with gates.
    data : Dataset
        Data set of the images.
    names : sequence of str
        Names of images of any split; empty: the first four of `split`.
    split : str
        Split from which the first images are taken if `names` is empty.
    device : str
        See `resolve_device`.
    as_published : bool
        Whether to draw maps as in the paper: 1 − psi, colour map jet, each map
        stretched to its own minimum and maximum and resized bilinearly. Otherwise psi
        is drawn on a fixed scale from 0 to 1.

    Raises
    ------
    UnknownNameError
        If there is no such image or split.
    InputError
        If the model has no gates.
    """
    known = {s.name: s for part in data.splits.values() for s in part}
    chosen = list(names) or [s.name for s in data.split(split)[:DEFAULT_IMAGES]]
    for name in chosen:
        if name not in known:
            raise UnknownNameError.for_name("image", name, list(known))
    segmenter = Segmenter.from_checkpoint(weights, resolve_device(device))
    if not segmenter.network.gates:
        raise InputError(f"{NO_GATES} Choose weights of a model with gates.")
    count = 4 * len(segmenter.network.gates)
    figure = Figure(
        figsize=(2 * (3 + count), 2.1 * len(chosen) + 2.2), layout="compressed"
    )
    grid = figure.subplots(len(chosen), 3 + count, squeeze=False)
    shown: Any = None
    for axes, name in zip(grid, chosen, strict=True):
        image, truth = known[name].read(segmenter.card.preprocessing.intensity)
        result = segmenter(image, rgb=True)
        for ax in axes:
            ax.set(xticks=[], yticks=[], frame_on=False)
        _image(axes[0], image)
        _image(axes[1], truth, cmap="gray")
        _image(axes[2], image)
        draw_contour(axes[2], result.mask, MASK_COLOUR, "-", 1.5)
        axes[0].set_title(name, fontsize=6, loc="left")
        found = f"Dice {dice(truth, result.mask):.3f}"
        axes[2].set_title(found, fontsize=6, loc="left")
        for ax, gate in zip(axes[3:], result.attention, strict=True):
            shown = _gate(ax, gate, truth.shape[:2], as_published)
    heads = ["image", "expert's mask", "model's mask"]
    heads += [f"gate {gate.label}" for gate in result.attention]
    for ax, head in zip(grid[0], heads, strict=True):
        own = ax.get_title("left")
        ax.set_title(f"{head}\n{own}", fontsize=8, loc="left")
    if not as_published:
        bar = figure.colorbar(
            shown,
            ax=grid,
            orientation="horizontal",
            fraction=0.04,
            shrink=0.5,
            aspect=40,
        )
        if not result.attention[0].gate:  # two gates of a level have other ends each
            ends = result.attention[0]
            bar.set_ticks(
                [0, 0.5, 1], labels=[f"0: {ends.low}", "0.5", f"1: {ends.high}"]
            )
        bar.set_label(f"psi: {GATE_LEGEND}", fontsize=8)
    said = [f"{segmenter.card.spec.name}; {data.name}."]
    said += [RELATIVE] if as_published else []
    said += ["Research use; not a diagnostic device."]
    # What was measured of each gate stands wherever its map is shown.
    findings = dict.fromkeys(gate.finding for gate in result.attention)
    figure.supxlabel("\n".join([*findings, " ".join(said)]), fontsize=7)
    return png_bytes(figure, 150)


def _image(axes: Axes, values: Any, **options: Any) -> Any:
    height, width = values.shape[:2]
    return axes.imshow(values, extent=(0, width, height, 0), **options)


def _gate(
    axes: Axes, gate: AttentionMap, shape: tuple[int, ...], as_published: bool
) -> Any:
    extent = (0, shape[1], shape[0], 0)
    if as_published:
        return axes.imshow(
            1 - gate.values, cmap="jet", extent=extent, interpolation="bilinear"
        )
    scale: dict[str, Any] = {"cmap": GATE_CMAP, "vmin": 0, "vmax": 1}
    return axes.imshow(gate.values, extent=extent, interpolation="nearest", **scale)
