"""A calibration's record in words, for the terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from posembed.report.terminal.compare import number

Record = dict[str, Any]


def calibration_sentences(record: Record) -> list[str]:
    """Where it began, what stayed, what it gained, what it cost."""
    config, loss = record["configuration"], record["validation"]
    kept = record["start"]["keep"]
    same = [
        f"The rows of the first {kept} positions are as they were, bit for bit."
        if kept
        else "Every row may have changed."
    ]
    if record["length_aware"]:
        same.append(
            f"With load_length_aware, inputs of up to {record['short']} tokens read the old rows, longer ones a table "
            "of which "
            + (f"all but the first {config['keep']} rows were trained." if config["keep"] else "every row was trained.")
        )
    return [
        *(f"Start: {sentence}" for sentence in record["start"]["why"]),
        f"Loss on held-out texts: {loss['start']:.4f} at the start, {loss['best']:.4f} at step {loss['at_step']}, "
        "whose rows were written.",
        *same,
        f"{record['steps']} steps, {record['training_tokens']:,} tokens, {record['seconds']:.0f} s, at most "
        f"{record['peak_memory_bytes'] / 2**30:.1f} GiB of memory.",
    ]


def print_calibration(record: Record, console: Console) -> None:
    """Print the losses at each look, then the sentences."""
    table = Table(title=f"Calibrating {record['table']}", title_justify="left")
    for name in ("step", "training loss", "validation loss"):
        table.add_column(name, justify="right")
    for entry in record["curve"]:
        table.add_row(str(entry["step"]), number(entry["train"]), number(entry["validation"]))
    console.print(table)
    for sentence in calibration_sentences(record):
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)
