"""Everything that knows napari or Qt. One dock widget a file."""

from napari_attnseg.threads import wait_passively

# Before torch is imported, unless another plugin has done so.
wait_passively()
