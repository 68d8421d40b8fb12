"""Checkpoint files: read strictly, planned before anything is written, rewritten whole or not at all."""
