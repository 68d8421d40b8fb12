"""The small models that commands are measured on: those of the documentation, and all-MiniLM-L6-v2 where installed."""

from __future__ import annotations

from pathlib import Path

from transformers.utils.logging import disable_progress_bar

from tests.documentation.checkpoints import make_checkpoints


def make_examples(folder: Path) -> Path:
    """Write them into ``folder``, quietly, and return it."""
    disable_progress_bar()
    return make_checkpoints(folder)
