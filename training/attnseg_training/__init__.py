"""Training and evaluation of the models that napari-attnseg runs."""
