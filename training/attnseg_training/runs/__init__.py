"""What a training run keeps on disk."""
