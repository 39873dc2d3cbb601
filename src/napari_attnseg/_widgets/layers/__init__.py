"""Turn results into napari layers, and layers into results."""
