"""Results as napari layers, and layers as results."""
