"""What the scenarios read: checkpoints and texts, made anew with fixed seeds and without the package under test."""

from __future__ import annotations

from pathlib import Path


def write_inputs(name: str) -> None:
    """Write all of them into a folder, which must not exist; the same bytes every time."""
    from benchmarks.golden.inputs import files, lab, models

    folder = Path(name)
    folder.mkdir(parents=True)
    models.write_models(folder)
    files.write_files(folder)
    lab.write_texts(folder)
    lab.write_lab_models(folder)
