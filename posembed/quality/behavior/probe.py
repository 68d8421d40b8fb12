"""Load a checkpoint's model, move the positions of each of its tables, and tell what the model then does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from posembed.checkpoint.source import Checkpoint
from posembed.errors import WorkFailedError, first_line
from posembed.find.found import FoundTable
from posembed.find.kinds import TableKind
from posembed.observer import SILENT, Observer, Progress
from posembed.quality.behavior.curve import curve_tokens, read_curve
from posembed.quality.behavior.effective_range import effective_range
from posembed.quality.behavior.inputs import TOKENS_PER_CALL, image_arguments, text_arguments, vocabulary_of
from posembed.quality.behavior.live_table import LiveTable
from posembed.quality.behavior.loaded import Loaded, load
from posembed.quality.behavior.moves import UNMOVED, Move, grid_moves, sequence_moves
from posembed.quality.behavior.reader import Patches, Reader, Task
from posembed.quality.behavior.short_texts import ShortTexts, read_short_texts
from posembed.quality.behavior.text_tasks import text_task
from posembed.quality.behavior.trained import trained_by_both
from posembed.quality.behavior.weights import weights_beside
from posembed.records.behavior import Behavior, EffectiveRange, Measure, Placement, TableBehavior, TrainedByBoth
from posembed.records.interval import Interval
from posembed.statistics import mean_interval
from posembed.tables.trained_range.by_weights import range_by_weights
from posembed.tables.trained_range.detect import trained_range

TEXTS, IMAGES = 24, 8
"""Inputs: intervals over as many texts are narrow enough to see a bend, and MiniLM takes seconds."""
TOKENS = 64
"""Tokens of the texts of the table of placements, special ones included."""
LEAST_POSITIONS = 8


def probe(
    checkpoint: Checkpoint,
    tables: list[FoundTable],
    data: str,
    seed: int,
    observer: Observer = SILENT,
    *,
    device: str = "cpu",
) -> Behavior:
    """Return what a model does when the positions of its tables move.

    Args:
        checkpoint: to run.
        tables: position tables whose rows are moved.
        data: texts to read: ``"stdlib"``, a file or a directory.
        seed: random seed.
        observer: follows the work.
        device: where the model runs, such as ``"cuda:0"``.

    Raises:
        MissingExtraError: if the library that reads the checkpoint is not installed.
        DataError: for texts that cannot be read, or too few of them.
    """
    try:
        loaded = load(checkpoint, device)
    except WorkFailedError as error:
        return Behavior("", (), (str(error),))
    results, left_out = [], []
    for table in tables:
        try:
            results.append(_behavior(loaded, table, data, seed, observer))
        except WorkFailedError as error:
            left_out.append(f"{table.key}: {error}")
    return Behavior(loaded.what, tuple(results), tuple(left_out))


def _behavior(loaded: Loaded, table: FoundTable, data: str, seed: int, observer: Observer) -> TableBehavior:
    if table.uncertain:
        raise WorkFailedError("what its rows mean is uncertain")
    if table.kind is TableKind.GRID:
        return _of_images(loaded, table, seed, observer)
    if table.kind is TableKind.SEQUENCE and table.layout.length is not None:
        return _of_texts(loaded, table, data, seed, observer)
    raise WorkFailedError(f"its rows are {table.kind.counts}, not positions of tokens or patches: they are not moved")


def working_range(
    checkpoint: Checkpoint,
    table: FoundTable,
    data: str,
    seed: int,
    observer: Observer = SILENT,
    *,
    device: str = "cpu",
) -> EffectiveRange:
    """Return up to which position of a sequence table short texts keep what they say, and nothing else of the model.

    Args:
        checkpoint: to run.
        table: whose rows are moved.
        data: texts to read: ``"stdlib"``, a file or a directory.
        seed: random seed.
        observer: follows the work.
        device: where the model runs, such as ``"cuda:0"``.

    Raises:
        MissingExtraError: if the library that reads the checkpoint is not installed.
        DataError: for texts that cannot be read, or too few of them.
        WorkFailedError: if the model cannot be run with its rows moved.
    """
    loaded = load(checkpoint, device)
    live, texts, _ = _short_texts(loaded, table, data, seed)
    return _range(loaded, live, texts, seed, observer)


def _short_texts(loaded: Loaded, table: FoundTable, data: str, seed: int) -> tuple[LiveTable, ShortTexts, int]:
    """Return the table in its model, texts that fit into it, and the length of the longest inputs made of them."""
    positions = table.usable_length
    if positions < LEAST_POSITIONS:
        raise WorkFailedError(f"{positions} positions are too few to move: {LEAST_POSITIONS} are needed")
    live = LiveTable(loaded.model, loaded.checkpoint, table)
    tokens = min(TOKENS, max(LEAST_POSITIONS // 2, positions // 4))
    vocabulary = vocabulary_of(loaded.model)
    return live, read_short_texts(loaded.checkpoint.root, data, TEXTS, tokens, vocabulary, seed), tokens


def _range(loaded: Loaded, live: LiveTable, texts: ShortTexts, seed: int, observer: Observer) -> EffectiveRange:
    positions = live.table.usable_length
    short = curve_tokens(positions)
    reader = text_reader(loaded, live, texts, short, seed)
    return effective_range(read_curve(reader, positions, short, live.table.key, observer), seed)


def _of_texts(loaded: Loaded, table: FoundTable, data: str, seed: int, observer: Observer) -> TableBehavior:
    live, texts, tokens = _short_texts(loaded, table, data, seed)
    reader = text_reader(loaded, live, texts, tokens, seed)
    moves = [UNMOVED, *sequence_moves(table.usable_length, tokens, seed)]
    placements = tuple(_placements(reader, moves, table.key, observer))
    found = _range(loaded, live, texts, seed, observer)
    return TableBehavior(
        table.key,
        reader.task.measure,
        TEXTS,
        tokens,
        texts.what,
        placements,
        found,
        _trained(live, found),
        (*loaded.notes, *texts.notes, *_unread(placements)),
    )


def _trained(live: LiveTable, found: EffectiveRange) -> TrainedByBoth:
    rows = live.positions
    return trained_by_both(trained_range(rows), found, range_by_weights(rows, weights_beside(live)))


def text_reader(loaded: Loaded, live: LiveTable, texts: ShortTexts, tokens: int, seed: int) -> Reader:
    """Return a reader of short texts, of ``tokens`` tokens each, as the kind of model asks.

    Raises:
        WorkFailedError: if no way to call the model was found.
    """
    given, task = text_task(loaded.kind)(texts, tokens, loaded.pooling, seed)
    return _first_that_runs(loaded, live, text_arguments(loaded.model, given), task, TOKENS_PER_CALL // tokens)


def _of_images(loaded: Loaded, table: FoundTable, seed: int, observer: Observer) -> TableBehavior:
    grid = table.layout.grid
    assert grid is not None
    live = LiveTable(loaded.model, loaded.checkpoint, table)
    batch = max(1, TOKENS_PER_CALL // table.layout.positions)
    ways = image_arguments(loaded.model, IMAGES, seed)
    reader = _first_that_runs(loaded, live, ways, Patches(table.layout), batch)
    placements = tuple(_placements(reader, [UNMOVED, *grid_moves(grid, seed)], table.key, observer))
    what, notes = "smooth random images", (*loaded.notes, *_unread(placements))
    count = table.layout.positions
    return TableBehavior(table.key, "patches", IMAGES, count, what, placements, notes=notes)


def _first_that_runs(
    loaded: Loaded, live: LiveTable, ways: Iterator[Mapping[str, Tensor | int]], task: Task, batch: int
) -> Reader:
    error = f"no way to call {loaded.what} was found"
    for arguments in ways:
        try:
            return Reader(loaded.model, live, arguments, task, max(1, batch))
        except Exception as failed:  # not the way to call it
            error = f"{loaded.what} does not run: {type(failed).__name__}: {first_line(failed)}"
    raise WorkFailedError(error)


def _placements(reader: Reader, moves: list[Move], key: str, observer: Observer) -> Iterator[Placement]:
    for number, move in enumerate(moves):
        values = reader.values(move)
        yield Placement(move.name, move.amount, *(_interval(values.get(name)) for name in _MEASURES))  # type: ignore[arg-type]
        observer.progress(Progress(f"placements, {key}", number + 1, len(moves), "placements"))


_MEASURES: tuple[Measure, ...] = ("cosine", "loss", "patches")


def _interval(values: object) -> Interval | None:
    return None if values is None else Interval(**mean_interval(values))  # type: ignore[arg-type]


def _unread(placements: tuple[Placement, ...]) -> tuple[str, ...]:
    if all(each.cosine.mean is not None and each.cosine.mean > 1 - 1e-9 for each in placements):
        return ("moving the positions changes nothing: the model does not read this table, or its rows are all alike",)
    return ()
