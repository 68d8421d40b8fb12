"""A calibration for the terminal: its losses as a table, its outcome as sentences."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from posembed.records.calibration import Calibration
from posembed.report.numbers import number

COLUMNS = ("step", "training loss", "validation loss")


def calibration_title(record: Calibration) -> str:
    """Return the title of the losses."""
    return f"Calibrating {record.table}"


def calibration_rows(record: Calibration) -> list[tuple[str, str, str]]:
    """Return one row per evaluation: step, training loss, validation loss."""
    return [(str(point.step), number(point.train), number(point.validation)) for point in record.curve]


def calibration_sentences(record: Calibration) -> list[str]:
    """Return sentences on where training started, what was kept, what it gained, what it cost."""
    config, loss, kept = record.configuration, record.validation, record.start.keep
    same = [
        f"The rows of the first {kept} positions are unchanged, bit for bit." if kept else "Any row may have changed."
    ]
    if record.length_aware:
        trained = f"all but the first {config.keep} rows were" if config.keep else "every row was"
        same.append(
            f"With load_length_aware, inputs of up to {record.short} tokens read the old rows, longer ones a table of "
            f"which {trained} trained."
        )
    return [
        *(f"Start: {sentence}" for sentence in record.start.why),
        f"Validation loss: {loss.start:.4f} at the start, {loss.best:.4f} at step {loss.at_step}, whose rows were "
        "written.",
        *same,
        f"{record.steps} steps, {record.training_tokens:,} tokens, {record.seconds:.0f} s, peak memory "
        f"{record.peak_memory_bytes / 2**30:.1f} GiB.",
    ]


def print_calibration(record: Calibration, console: Console) -> None:
    """Print the losses at each evaluation, then the sentences."""
    table = Table(title=calibration_title(record), title_justify="left")
    for name in COLUMNS:
        table.add_column(name, justify="right")
    for row in calibration_rows(record):
        table.add_row(*row)
    console.print(table)
    for sentence in calibration_sentences(record):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
