"""File formats of checkpoints, one file or folder each."""
