"""Results folders of the fixtures."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import old_code as code
import old_files as old
from made_data import scene
from made_files import FIT, TINY, run


def results() -> None:
    """Results folders that the command wrote."""
    segment = "attnseg segment --device cpu --weights weights/tiny.safetensors"
    run(f"{segment} images --objects --out results/plain")
    run(
        f"{segment} images/polyp.png --gate 1/32=0.25 --gate 1/8=mean --gate 1/4=CNN "
        "--gate 1/16=results/plain/two_gate_1-16.tif --threshold 0.3 "
        "--out results/forced"
    )
    run(
        f"{segment} images/two.png --smooth 1.5 --min-size 4 --fill-holes "
        "--keep-largest --objects --out results/rules"
    )
    run(f"{segment} images/polyp.png --flip --out results/flip")
    small_sam("medsam-small")
    run(
        f"{segment} images/polyp.png --medsam medsam-small --medsam-margin 32 "
        "--threshold 0.4 --out results/medsam"
    )
    for model in ("tiny-double-weighted", "tiny-res34-guided"):
        run(
            f"attnseg-train fit --model {model} --epochs 2 --batch 4 {TINY} "
            f"--data data/polyps --out fits/{model}"
        )
        run(
            f"attnseg segment images/polyp.png --device cpu --out results/{model} "
            f"--weights fits/{model}/best.safetensors"
        )
    run(f"{FIT} --data data/shapes --epochs 30 --out fits/shapes --lr 2e-2")
    shutil.copy("data/shapes/images/s03.png", "images/shapes.png")
    run(
        "attnseg segment images/shapes.png --device cpu --objects --threshold 0.4 "
        "--weights fits/shapes/best.safetensors --out results/classes"
    )


def small_sam(folder: str) -> None:
    """A stand-in for MedSAM, as in ``tests/test_medsam.py`` of that version."""
    import torch
    from transformers import SamConfig, SamModel

    torch.manual_seed(0)
    vision = {
        **{"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2},
        **{"image_size": 64, "patch_size": 4, "output_channels": 32},
        **{"window_size": 4, "global_attn_indexes": [1], "num_pos_feats": 16},
        **{"mlp_dim": 32, "initializer_range": 0.2},
    }
    prompt = {"hidden_size": 32, "image_size": 64, "patch_size": 4}
    decoder = {
        **{"hidden_size": 32, "mlp_dim": 32, "num_hidden_layers": 1},
        **{"num_attention_heads": 2, "iou_head_hidden_dim": 16},
    }
    model = SamModel(
        SamConfig(
            vision_config=vision,
            prompt_encoder_config={**prompt, "mask_input_channels": 4},
            mask_decoder_config=decoder,
        )
    )
    for parameter in model.mask_decoder.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)


def widget_results() -> None:
    """Results folders that the viewer wrote: edited, made anew, what-ifs, a stack."""
    from napari.components import ViewerModel
    from napari_attnseg._widgets.source import source_of
    from napari_attnseg._widgets.viewing import add_layers
    from napari_attnseg._widgets.worker import Loaded
    from napari_attnseg._widgets.worker import run as segment
    from npe2 import PluginManager
    from qtpy.QtWidgets import QApplication

    from napari_attnseg._widgets.inspect import InspectWidget
    from napari_attnseg._widgets.layers import new_layers

    application = QApplication.instance() or QApplication([])
    PluginManager.instance().discover()
    weights = Path("weights/tiny.safetensors").absolute()

    def shown(layer_of: Callable[[Any], Any]) -> tuple[Any, Any, Any]:
        """A viewer with an image that was segmented, and Inspect; as by the widgets."""
        viewer = ViewerModel()
        layer = layer_of(viewer)
        steps = segment(source_of(layer), weights, "cpu", None)
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                done = stop.value
                break
        made = add_layers(viewer, new_layers(done.source, done.results))
        widget = InspectWidget(viewer)
        found = code.segmenter_of(weights)
        when = weights.stat().st_mtime_ns
        widget.whatif_panel._loaded = Loaded(weights, when, "cpu", found)
        return viewer, made[-1], widget

    def wait(happened: Callable[[], Any]) -> None:
        deadline = time.monotonic() + 60
        while not happened():
            assert time.monotonic() < deadline
            application.processEvents()
            time.sleep(0.01)

    def save(viewer: Any, name: str) -> None:
        print(f"$ viewer.layers.save({name!r}, plugin={old.PLUGIN!r})", flush=True)
        viewer.layers.save(str(Path("results", name).absolute()), plugin=old.PLUGIN)

    def file(viewer: Any) -> Any:
        (layer,) = viewer.open(Path("images/polyp.png").absolute(), plugin="napari")
        return layer

    def placed(viewer: Any) -> Any:
        return viewer.add_image(
            scene(20)[0].astype(np.uint8),
            name="day 1/scan",
            rgb=True,
            scale=(0.5, 2.0),
            translate=(10, -7),
            rotate=30,
            shear=[0.3],
            units=("mm", "mm"),
            axis_labels=("row", "column"),
        )

    def stack(viewer: Any) -> Any:
        frames = np.stack([scene(i)[0][..., 0] for i in (20, 23, 24)]).astype(np.uint16)
        return viewer.add_image(frames * 50, name="stack", scale=(3, 1, 1))

    viewer, mask, widget = shown(file)
    mask.data[:5, :5] = 1
    save(viewer, "painted")

    viewer, mask, widget = shown(placed)
    widget.mask_panel.threshold.setValue(0.35)
    widget.mask_panel.smoothing.setValue(1.0)
    widget.mask_panel.largest.setChecked(True)
    widget.mask_panel.finish()
    save(viewer, "remade")

    viewer, mask, widget = shown(file)
    panel = widget.whatif_panel
    panel.rows[4].slider.setValue(1.0)
    panel.rows[32].slider.setValue(0.25)
    wait(lambda: panel._change is not None)
    panel.keep()
    save(viewer, "what-if")

    viewer, mask, widget = shown(stack)
    save(viewer, "stack")
    viewer.dims.set_point(0, 3)
    panel = widget.whatif_panel
    panel.paint_button.click()
    paint = viewer.layers["gate paint · stack"]
    paint.brush_size = 12
    paint.paint((1, 20, 24), 2)
    paint.events.paint(value=[])
    wait(lambda: panel._change is not None)
    panel.keep()
    kept = [layer for layer in viewer.layers if "what if " in layer.name]
    for layer in list(viewer.layers):
        if layer not in kept or "made_from" not in layer.metadata.get("attnseg", {}):
            viewer.layers.remove(layer)
    save(viewer, "what-if of a stack")
