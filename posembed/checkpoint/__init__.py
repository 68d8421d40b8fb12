"""Checkpoint files: opened, copied and rewritten, whole or not at all. Nothing here knows about positions."""
