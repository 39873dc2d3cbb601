"""What napari.yaml promises is there, and napari really registers it."""

from pathlib import Path

from npe2 import PluginManager, PluginManifest

import napari_attnseg
from napari_attnseg.io.readers.formats import SUFFIXES, FileFormat
from napari_attnseg.sample_data import SAMPLES, sample_image, sample_mask

NAME = "napari-attnseg"


def test_every_python_name_exists() -> None:
    manifest = PluginManifest.from_distribution(NAME)
    manifest.validate_imports()
    assert manifest.name == NAME


def test_the_viewer_offers_every_kind_of_stack_that_is_read() -> None:
    file = Path(napari_attnseg.__file__).with_name("napari.yaml")
    readers = PluginManifest.from_file(file).contributions.readers or []
    (found,) = [one for one in readers if one.command.endswith(".read_files")]
    kinds = (FileFormat.DICOM, FileFormat.VIDEO, FileFormat.NIFTI)
    ends = {end for kind in kinds for end in SUFFIXES[kind]} | {".zarr"}
    assert set(found.filename_patterns) == {f"*{end}" for end in ends}


def test_commands_menus_and_samples_are_registered() -> None:
    manager = PluginManager()
    manifest = PluginManifest.from_distribution(NAME)
    manager.register(manifest)
    assert "gate maps" in manager.get_command("napari-attnseg.segment").title
    menu = [item.command for item in manager.iter_menu("napari/layers/segment")]
    assert menu == ["napari-attnseg.segment", "napari-attnseg.train"]
    menu = [item.command for item in manager.iter_menu("napari/layers/visualize")]
    assert menu == ["napari-attnseg.explain", "napari-attnseg.inspect"]
    menu = [item.command for item in manager.iter_menu("napari/layers/measure")]
    assert menu == ["napari-attnseg.objects", "napari-attnseg.over_time"]
    menu = [item.command for item in manager.iter_menu("napari/layers/annotate")]
    assert menu == ["napari-attnseg.review"]
    menu = [item.command for item in manager.iter_menu("napari/layers/data")]
    assert menu == ["napari-attnseg.send_mask"]
    widgets = [widget.display_name for widget in manager.iter_widgets()]
    assert widgets[:7] == [
        "Segment image",
        "Explain segmentation",
        "Inspect side by side",
        "Train segmentation model",
        "Measure objects",
        "Review a series",
        "Plot over time",
    ]
    (reader,) = manager.iter_compatible_readers("results.json")
    assert reader.command == "napari-attnseg.read"
    manager.activate(NAME)
    samples = dict(manager.iter_sample_data())[NAME]
    assert {sample.key for sample in samples} == set(SAMPLES)
    for sample in samples:
        ((data, meta, kind),) = manager.commands.get(sample.command)()
        assert kind == "image" and meta["rgb"]
        assert (data == sample_image(sample.key)).all()


def test_every_sample_has_a_mask_with_a_lesion() -> None:
    for name in SAMPLES:
        mask = sample_mask(name)
        assert mask.shape == sample_image(name).shape[:2]
        assert 0.005 < mask.mean() < 0.5
