"""Inspect checkpoints: which position tables they have, what limits their input, what was measured."""
