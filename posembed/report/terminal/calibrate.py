"""A calibration for the terminal: its losses as a table, its outcome as sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from posembed.records.calibration import Calibration, HeldOutTask
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
        *worth_sentences(record.tasks),
        *same,
        f"{record.steps} steps, {record.training_tokens:,} tokens, {record.seconds:.0f} s, peak memory "
        f"{record.peak_memory_bytes / 2**30:.1f} GiB.",
    ]


def worth_sentences(tasks: Sequence[HeldOutTask] | None) -> Iterator[str]:
    """Yield what the table is worth on held-out documents, a measurement and a verdict for each task."""
    if tasks is None:
        return
    if not tasks:
        yield (
            "The validation texts have too few long documents with titles or sections to say what the table is worth: "
            "compare it by your own queries."
        )
    for each in tasks:
        lengths = " and ".join(f"{length:,}" for length in each.lengths)
        others = "; ".join(
            f"{other.system} {other.accuracy:.2f} (difference {_signed(other.difference.mean)}, "
            f"{_signed(other.difference.low)} to {_signed(other.difference.high)})"
            for other in each.others
        )
        yield (
            f"By its {each.task}, share of {each.documents} held-out documents of {lengths} tokens that are found "
            f"first: calibrated {each.accuracy:.2f}; {others}."
        )
        yield _verdict(each)


def _verdict(task: HeldOutTask) -> str:
    if task.clearly_better_elsewhere:
        best = task.clearly_better_elsewhere[0]
        return f"For such queries do not use the calibrated table: documents by “{best.system}” are found more often."
    if task.better:
        return "For such queries the calibrated table is better than every other way with one vector per document."
    rivals = [each for each in task.others if each.one_vector]
    close = max(rivals, key=lambda each: each.accuracy).system
    return f"For such queries it is not shown to be better than “{close}”, which needs no longer table."


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


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
