"""Where a calibration begins: how the table was made longer, which rows stay, and why."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from posembed.checkpoint.source import open_checkpoint
from posembed.errors import InvalidArgumentError
from posembed.quality.models.loading import Kind, only_table, refuse_tables_by_length
from posembed.quality.search.search import METHODS, choose_method


@dataclass(frozen=True)
class Start:
    """Where training begins.

    Attributes:
        method: by which the table was made longer; ``"as it is"`` where it was long enough.
        options: of the method.
        keep: first positions whose rows stay.
        period: of the trained rows; the length where each is free.
        why: sentences.
    """

    method: str
    options: dict[str, Any]
    keep: int
    period: int
    why: tuple[str, ...]


def require_sizes(
    checkpoint: str | os.PathLike[str],
    old: int,
    length: int,
    repeated: int | None,
    keep: int | None,
) -> None:
    """Refuse what cannot be calibrated so.

    Raises:
        InvalidArgumentError: naming the argument.
    """
    refuse_tables_by_length(checkpoint, "calibrate")
    if length < old:
        raise InvalidArgumentError(f"length={length} is below the {old} positions that the table has")
    if repeated is not None and length == old:
        raise InvalidArgumentError(f"range={repeated} says how the table is made longer: it goes with a greater length")
    for name, value, least, most in (("range", repeated, 2, old), ("keep", keep, 0, length - 1)):
        if value is not None and not least <= value <= most:
            raise InvalidArgumentError(f"{name}={value} must lie between {least} and {most}")


def choose_start(
    checkpoint: str | os.PathLike[str],
    kind: Kind,
    old: int,
    length: int,
    repeated: int | None,
    keep: int | None,
    data: str,
    precision: str,
    seed: int,
    length_aware: bool,
    tell: Callable[[str], None],
) -> Start:
    """The start that the arguments of ``calibrate`` ask for, chosen on validation texts where they leave it open.

    An embedding model's longer table begins best as the mean of the rows that were really trained, behind the first
    one; but rows that stay do not go with it in one table, so where some stay those rows are repeated.

    Raises:
        InvalidArgumentError: if nothing says which rows stay.
    """
    if length == old:
        period = exact_period(checkpoint)
        if period is None and keep is None:
            raise InvalidArgumentError(
                f"the table of {checkpoint} does not repeat its first rows, so which were trained is not known: give "
                "--to with a greater length, or say how many first positions stay as they are with --keep (0 for none)"
            )
        kept = period if keep is None else keep
        assert kept is not None
        shared = period if kind == "embedding" and period is not None else length
        return Start("as it is", {}, kept, shared, (f"the table as it is; the first {kept} positions stay",))
    if kind != "embedding" and repeated is None and keep is not None and keep < old:
        # Rows that move anyway begin better between their neighbours than repeated: the model knows that order.
        why = f"the first {keep} rows as they are, the others drawn out to the end" if keep else "all rows drawn out"
        return Start("stretch", {"keep": keep}, keep, length, (why,))
    averaged = kind == "embedding" and (length_aware or keep == 0)
    if repeated is not None and averaged:
        kept = repeated if keep is None else keep
        why = f"the mean of the first {repeated} rows, behind the first one"
        return Start("mean", {"range": repeated, "keep": 1}, kept, repeated, (why,))
    if repeated is not None or kind != "embedding":
        size = repeated or old
        shared = size if kind == "embedding" else length
        kept = size if keep is None else keep
        return Start("tile", {"range": size}, kept, shared, (f"the first {size} rows, repeated",))
    methods = METHODS if averaged else ("tile", "stretch")
    choice = choose_method(
        checkpoint,
        length,
        data=data,
        precision=precision,
        seed=seed,
        length_aware=length_aware,
        methods=methods,
        must_be_better=False,
        tell=tell,
    )
    size = choice.options["range"]
    stays = size if choice.method == "tile" else choice.options.get("keep", 0)
    if choice.short is not None:
        stays = choice.short
    return Start(
        choice.method,
        dict(choice.options),
        stays if keep is None else keep,
        length if choice.method == "stretch" else size,
        choice.why,
    )


def exact_period(checkpoint: str | os.PathLike[str]) -> int | None:
    """After how many positions the rows repeat themselves exactly, if they do and are not all alike."""
    table = only_table(checkpoint)
    rows = np.asarray(open_checkpoint(checkpoint).read(table.key), dtype=np.float32)[table.layout.position_rows]
    again = np.flatnonzero((rows[1:] == rows[0]).all(axis=1)) + 1
    period = next((int(size) for size in again if np.array_equal(rows[size:], rows[:-size])), None)
    return None if period == 1 else period
