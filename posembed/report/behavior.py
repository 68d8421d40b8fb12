"""What terminal and pages say alike of a model whose positions were moved."""

from __future__ import annotations

from posembed.records.behavior import Behavior, Measure, TableBehavior
from posembed.records.interval import Interval

MEASURES: dict[Measure, str] = {
    "cosine": "cosine to the unmoved vector",
    "loss": "loss (nats per token)",
    "patches": "cosine of the patches",
}
"""What a column of each measure is called."""


def behavior_sentences(behavior: Behavior) -> list[str]:
    """Return what was found, and what was left out, one sentence each.

    Example:
        >>> behavior_sentences(Behavior("", (), ("no config.json says which model it is",)))
        ['Not run: no config.json says which model it is.']
    """
    sentences = []
    for table in behavior.tables:
        found = table.effective_range
        if found is not None:
            sentences.append(f"{table.table}: when texts start later, {found.sentence}.")
        if table.trained is not None:
            sentences.append(f"{table.table}: {table.trained.sentence}.")
    return [*sentences, *(f"Not run: {reason}." for reason in behavior.not_run)]


def title_of(table: TableBehavior) -> str:
    """Return what a table of placements is about."""
    inputs = "images" if table.measure == "patches" else "texts"
    size = "patches" if table.measure == "patches" else "tokens"
    return (
        f"What the model does when the positions of {table.table} move ({table.inputs} {inputs}, {table.tokens} {size})"
    )


def measures_of(table: TableBehavior) -> tuple[Measure, ...]:
    """Return the measures that were taken, the main one first."""
    first = table.placements[0]
    taken = [name for name in MEASURES if getattr(first, name) is not None]
    return tuple(sorted(taken, key=lambda name: name != table.measure))


def placement_rows(table: TableBehavior) -> list[tuple[str, ...]]:
    """Return the rows of the table of placements: where the positions are, and each measure with its interval."""
    names = measures_of(table)
    return [(each.words, *(interval_words(each.of(name)) for name in names)) for each in table.placements]


def interval_words(interval: Interval) -> str:
    """Return a mean with its interval.

    Example:
        >>> interval_words(Interval(0.8765, 0.85, 0.9, 24, 1)), interval_words(Interval(1.0, None, None, 1, 1))
        ('0.876 [0.850, 0.900]', '1.000')
    """
    if interval.mean is None:
        return "–"
    if interval.low is None or interval.high is None:
        return f"{interval.mean:.3f}"
    return f"{interval.mean:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def details(table: TableBehavior) -> list[str]:
    """Return what else to know of a table's placements, one sentence each."""
    sentences = [f"Read: {table.what}; intervals are 95 % over the inputs."]
    if table.effective_range is not None:
        sentences += [f"Evidence: {each}." for each in table.effective_range.evidence]
    if table.trained is not None:
        sentences += [f"Trained positions: {each}." for each in table.trained.evidence]
    return [*sentences, *(f"Note: {note}." for note in table.notes)]
