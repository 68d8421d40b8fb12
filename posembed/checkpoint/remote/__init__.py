"""Checkpoints elsewhere: names of a hub, and addresses that fsspec reads. Nothing here is imported for local paths."""
