"""All code that uses napari or Qt; one module or folder per dock widget."""

from napari_attnseg.threads import wait_passively

# Before torch is imported, unless another plugin has done so.
wait_passively()
