"""Everything that knows napari or Qt. One dock widget a file."""
