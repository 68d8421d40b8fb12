"""Which tables of a checkpoint a call changes, and the new layout of each."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from posembed.errors import InvalidArgumentError
from posembed.extension.nearest_sizes import nearest_sizes
from posembed.find import families
from posembed.find.config import is_family, pair
from posembed.find.found import FoundTable
from posembed.layout import TableLayout
from posembed.records.extend import SizeOptions

Unchanged = tuple[str, str]  # a table's key, and why it needs no change
MOST_NAMED = 3  # tables that a message names; a model can have hundreds


@dataclass(frozen=True, slots=True)
class Target:
    """A table and its new layout; ``pixels`` is the image's size where the call names it, ``(height, width)``."""

    table: FoundTable
    layout: TableLayout
    pixels: tuple[int, int] | None = None


def choose_targets(
    where: object, found: list[FoundTable], options: SizeOptions, model_types: Iterable[str] = ()
) -> tuple[list[Target], tuple[Unchanged, ...]]:
    """Return the tables that a call means with their new layouts, and those that need no change, with the reason.

    Args:
        where: the checkpoint or model, for messages.
        found: its tables and look-alikes.
        options: the new size, the method and the tables that the caller named.
        model_types: of the configuration and its parts, for messages.

    Raises:
        InvalidArgumentError: if a key is not a table, or no table would change.
    """
    length = options.length
    if isinstance(length, Sequence):
        raise InvalidArgumentError(f"length={list(length)}: several lengths need length_aware=True")
    named = options.tables
    tables = _meant(where, found, options, model_types) if named is None else _named(found, named)
    if length is not None:
        hints = [f". {hint}" for table in tables if (hint := _in_frames(table, options))]
        return _sequences(tables, length, options.method, "".join(hints) or _unnamed(found, tables))
    return _grids(tables, options)


def _meant(
    where: object, found: list[FoundTable], options: SizeOptions, model_types: Iterable[str]
) -> list[FoundTable]:
    """Return the tables that a size without a name means: learned ones, and fixed sinusoids that go with them.

    A sinusoid by itself is meant where no learned table has its kind (Marian, ViT-MAE). Beside learned tables, it is
    meant if one field sizes both: Whisper's ``--to`` lengthens the decoder's texts, not the encoder's sounds.
    """
    kind = "length" if options.length is not None else "grid"
    frozen = [table for table in found if table.frozen is not None and table.kind.sized_by == kind]
    learned = [t for t in found if t.refused is None and t.unused is None and t.kind.sized_by == kind]
    if learned:
        shared = {rule.name for table in learned for rule in table.fields}
        chosen = [*learned, *(t for t in frozen if any(rule.name in shared for rule in t.fields))]
        return [table for table in found if table in chosen]
    if frozen:
        return frozen
    other = [table for table in found if table.unused is None and (table.refused is None or table.frozen is not None)]
    if other:
        raise InvalidArgumentError(_none_of_that_kind(where, other, options))
    raise InvalidArgumentError(_nothing(where, found, model_types))


def _in_frames(table: FoundTable, options: SizeOptions) -> str | None:
    """Say which lengths a table over frames and patches can have; ``None`` for any other table."""
    rule = next((rule for rule in table.fields if rule.unit == "tubelets"), None)
    if rule is None:
        return None
    (patches, tubelet), layout = rule.amount, table.layout
    times, extra = layout.positions // patches, layout.rows - layout.positions
    length = options.length if isinstance(options.length, int) else 0
    wanted = (length - extra) // patches if length > layout.rows else length // tubelet  # rows, or else frames
    more = wanted if wanted > times else 2 * times
    return (
        f"{table.key} holds {times * tubelet} frames ({times} × {patches} patches + {extra}), and only their number "
        f"can change: length={extra + more * patches} with tables={table.key!r} gives {more * tubelet} frames"
    )


def _none_of_that_kind(where: object, other: list[FoundTable], options: SizeOptions) -> str:
    wants_sequence = options.length is not None
    frames = next((hint for table in other if (hint := _in_frames(table, options))), None)
    if frames is not None:
        return f"{where}: {frames}"
    kinds = ", ".join(f"{t.key} ({t.kind})" for t in other[:4])
    hint = "use `grid` or `image_size`" if wants_sequence else "use `length`"
    if wants_sequence and not any(t.kind.sized_by == "grid" for t in other):
        hint = "name it with `tables`"
    return f"{where}: has no table of that kind, only {kinds}: {hint}"


def _named(found: list[FoundTable], keys: Iterable[str]) -> list[FoundTable]:
    by_key = {table.key: table for table in found}
    for key in keys:
        table = by_key.get(key)
        if table is None:
            known = ", ".join(t.key for t in found if t.refused is None) or "none was found"
            raise InvalidArgumentError(f"tables={key!r} is not a position table of this checkpoint; those are: {known}")
        if table.refused is not None and table.frozen is None:
            raise InvalidArgumentError(
                f"tables={key!r} is not a position table: {table.refused}. If you know better, describe its rows with "
                "`reserved`, `prefix` or `table_grid`"
            )
    return [by_key[key] for key in dict.fromkeys(keys)]


def _nothing(where: object, found: list[FoundTable], model_types: Iterable[str]) -> str:
    unused = [table for table in found if table.unused is not None]
    if unused:
        reasons = "; ".join(f"{table.key}: {table.unused}" for table in unused[:MOST_NAMED])
        return (
            f"{where}: has no position table that its model reads, so none of them limits an input. {reasons}. To "
            "extend such a table all the same, name it with `tables`"
        )
    refused = [table for table in found if table.refused != families.POSITION_NUMBERS]
    computed = next((name for name in model_types if is_family(name, families.COMPUTED)), None)
    if computed is not None and not refused:
        return f"{where}: has no position table to extend: the code of {computed} computes its sinusoid when it runs"
    reasons = "; ".join(f"{t.key}: {t.refused}" for t in refused[:MOST_NAMED])
    left = len(refused) - MOST_NAMED
    more = f" Look-alikes: {reasons}" + (f"; and {left} more." if left > 0 else ".") if refused else ""
    return f"{where}: has no learned position table to extend.{more}"


def _unnamed(found: list[FoundTable], tables: list[FoundTable]) -> str:
    """Say which fixed sinusoids a call did not mean, where it changes nothing."""
    others = [table for table in found if table.frozen is not None and table not in tables]
    named = ", ".join(f"{table.key} ({table.usable_length} positions)" for table in others[:MOST_NAMED])
    return f". Fixed sinusoids change if you name them with `tables`: {named}" if named else ""


def _sequences(
    tables: list[FoundTable], length: int, method: str, hint: str
) -> tuple[list[Target], tuple[Unchanged, ...]]:
    targets: list[Target] = []
    unchanged: list[Unchanged] = []
    for table in tables:
        old = table.layout
        if old.length is None:
            raise InvalidArgumentError(f"tables={table.key!r} is a grid of {old.grid}: use `grid` or `image_size`")
        positions = length - old.prefix - old.suffix + table.look_ahead
        if length == table.usable_length and method != "stretch":
            unchanged.append((table.key, f"has {length} usable positions already"))
        elif length < table.usable_length and not _shortens(table, method):
            unchanged.append((table.key, f"is longer already ({table.usable_length}); method='crop' shortens"))
        elif length > table.usable_length and method == "crop":
            unchanged.append((table.key, f"is shorter already ({table.usable_length})"))
        elif positions < 1:
            raise InvalidArgumentError(f"length={length} leaves no position beside the extra rows of {table.key}")
        else:
            targets.append(Target(table, replace(old, length=positions)))
    if not targets:
        facts = "; ".join(f"{key} {reason}" for key, reason in unchanged)
        raise InvalidArgumentError(f"length={length} changes nothing: {facts}{hint}")
    return _aligned(tables, targets, unchanged)


def _shortens(table: FoundTable, method: str) -> bool:
    return method == "crop" or (method == "sinusoid" and table.frozen is not None)


def _aligned(
    tables: list[FoundTable], targets: list[Target], unchanged: list[Unchanged]
) -> tuple[list[Target], tuple[Unchanged, ...]]:
    """Give tables that one field sizes the same rows: as many as any of them needs (LUKE's words and entities)."""
    needed: dict[str, int] = {}
    for target in targets:
        for rule in target.table.fields:
            needed[rule.name] = max(needed.get(rule.name, 0), target.layout.rows - rule.amount[0])
    settled = {target.table.key: target for target in targets}
    for table in tables:
        wanted = [needed[rule.name] + rule.amount[0] for rule in table.fields if rule.name in needed]
        layout = settled[table.key].layout if table.key in settled else table.layout
        if wanted and layout.length is not None and max(wanted) != layout.rows:
            grown = layout.length + max(wanted) - layout.rows
            settled[table.key] = Target(table, replace(layout, length=grown))
    order = [settled[table.key] for table in tables if table.key in settled]
    return order, tuple((key, reason) for key, reason in unchanged if key not in settled)


def _grids(tables: list[FoundTable], options: SizeOptions) -> tuple[list[Target], tuple[Unchanged, ...]]:
    grid = options.grid
    for table in tables:
        if table.layout.grid is None:
            raise InvalidArgumentError(_not_a_grid(table, options))
    sizes = {table.layout.grid for table in tables}
    if grid is not None and len(sizes) > 1 and options.tables is None:
        listed = ", ".join(f"{t.key} {t.layout.grid}" for t in tables)
        raise InvalidArgumentError(
            f"grid={grid}: these grids differ ({listed}): use `image_size`, or name one with `tables`"
        )
    targets: list[Target] = []
    unchanged: list[Unchanged] = []
    for table in tables:
        pixels = None if grid is not None else _checked_pixels(options.image_size)
        new = _checked_grid(grid) if pixels is None else _from_pixels(table, pixels, options.image_size)
        if new == table.layout.grid:
            unchanged.append((table.key, f"has a grid of {new[0]} × {new[1]} already"))
        else:
            targets.append(Target(table, replace(table.layout, grid=new), pixels))
    if not targets:
        raise InvalidArgumentError("nothing changes: " + "; ".join(f"{key} {reason}" for key, reason in unchanged))
    return targets, tuple(unchanged)


def _not_a_grid(table: FoundTable, options: SizeOptions) -> str:
    """Say what to do with a table that is no grid, or that the call describes as rows without one."""
    described, side = options.described, math.isqrt(table.layout.positions)
    if described is None or described.grid is not None or side * side != table.layout.positions or side < 2:
        return f"tables={table.key!r} is not a grid: use `length`"
    return f"tables={table.key!r} is described as rows without a grid: add table_grid={side}x{side} if it is square"


def _checked_grid(grid: object) -> tuple[int, int]:
    both = pair(list(grid) if isinstance(grid, tuple) else None)
    if both is None or not isinstance(grid, tuple) or len(grid) != 2 or min(both) < 1:
        raise InvalidArgumentError(f"grid={grid!r} must be (height, width) in patches, both at least 1")
    return both


def _checked_pixels(image_size: object) -> tuple[int, int]:
    both = pair(list(image_size) if isinstance(image_size, tuple) else image_size)
    if both is None or min(both) < 1 or (isinstance(image_size, tuple) and len(image_size) != 2):
        raise InvalidArgumentError(f"image_size={image_size!r} must be one number of pixels or (height, width)")
    return both


def _from_pixels(table: FoundTable, pixels: tuple[int, int], image_size: object) -> tuple[int, int]:
    """Return the patches of an image; pixels may be left over if the model's own image leaves some over too."""
    rule = next((rule for rule in table.fields if rule.unit in ("pixels", "side", "count") and all(rule.amount)), None)
    if rule is None:
        raise InvalidArgumentError(f"image_size={image_size!r}: {_no_patch(table)}")
    tall, wide = rule.amount
    height, width = (side - over for side, over in zip(pixels, rule.overlap, strict=True))
    if any(rule.overlap) and (height % tall or width % wide or height < tall or width < wide):
        raise InvalidArgumentError(
            f"image_size={image_size!r}: patches of {table.key} overlap, so each side must be {rule.overlap[0]} pixels "
            f"more than a multiple of {tall}"
        )
    if (height % tall or width % wide) and not any(rule.unused):
        raise InvalidArgumentError(
            f"image_size={image_size!r} is not a multiple of the patch size {tall} × {wide} of {table.key}: "
            f"{nearest_sizes(pixels, rule.amount)} pixels"
        )
    if height < tall or width < wide:
        raise InvalidArgumentError(
            f"image_size={image_size!r} is smaller than one patch of {table.key}, {tall} × {wide}"
        )
    return height // tall, width // wide


def _no_patch(table: FoundTable) -> str:
    """Say why a number of pixels gives a table no size, and what to do."""
    for limit in families.LIMITS:
        if is_family(table.family, limit.families) and not limit.multiple_of and re.search(limit.key, table.key):
            return f"{table.key} cannot be extended: {limit.reason}"
    if any(rule.name == law.field and not law.patches for rule in table.fields for law in families.OWN_GRIDS):
        return (
            f"the model stretches {table.key} over every image, so none is too large for it; `grid` gives it more rows"
        )
    return f"the configuration has no patch size for {table.key}: use `grid`"
