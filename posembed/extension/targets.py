"""Which tables of a checkpoint a call changes, and the new layout of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from posembed.errors import InvalidArgumentError
from posembed.find.config import pair
from posembed.find.found import FoundTable
from posembed.layout import TableLayout
from posembed.records.extend import SizeOptions

Unchanged = tuple[str, str]  # a table's key, and why it needs no change


@dataclass(frozen=True, slots=True)
class Target:
    """A table and its new layout; ``pixels`` is the image's size where the call names it, ``(height, width)``."""

    table: FoundTable
    layout: TableLayout
    pixels: tuple[int, int] | None = None


def choose_targets(
    where: object, found: list[FoundTable], options: SizeOptions
) -> tuple[list[Target], tuple[Unchanged, ...]]:
    """Return the tables that a call means with their new layouts, and those that need no change, with the reason.

    Args:
        where: the checkpoint or model, for messages.
        found: its tables and look-alikes.
        options: the new size, the method and the tables that the caller named.

    Raises:
        InvalidArgumentError: if a key is not a table, or no table would change.
    """
    length = options.length
    if isinstance(length, Sequence):
        raise InvalidArgumentError(f"length={list(length)}: several lengths need length_aware=True")
    tables = [table for table in found if table.refused is None]
    if options.tables is not None:
        tables = _named(found, options.tables)
    elif not tables:
        raise InvalidArgumentError(_nothing(where, found))
    else:
        tables = [t for t in tables if t.kind.sized_by == ("length" if length is not None else "grid")]
        if not tables:
            raise InvalidArgumentError(_none_of_that_kind(where, found, length is not None))
    if length is not None:
        return _sequences(tables, length, options.method)
    return _grids(tables, options)


def _none_of_that_kind(where: object, found: list[FoundTable], wants_sequence: bool) -> str:
    other = [t for t in found if t.refused is None]
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
        if table.refused is not None:
            raise InvalidArgumentError(
                f"tables={key!r} is not a position table: {table.refused}. If you know better, describe its rows with "
                "`reserved`, `prefix` or `table_grid`"
            )
    return [by_key[key] for key in dict.fromkeys(keys)]


def _nothing(where: object, found: list[FoundTable]) -> str:
    refused = [t for t in found if "position numbers" not in (t.refused or "")]
    reasons = "; ".join(f"{t.key}: {t.refused}" for t in refused[:3])
    more = (
        f" Look-alikes: {reasons}" + (f"; and {len(refused) - 3} more." if len(refused) > 3 else ".") if refused else ""
    )
    return f"{where}: has no learned position table to extend.{more}"


def _sequences(tables: list[FoundTable], length: int, method: str) -> tuple[list[Target], tuple[Unchanged, ...]]:
    targets: list[Target] = []
    unchanged: list[Unchanged] = []
    for table in tables:
        old = table.layout
        if old.length is None:
            raise InvalidArgumentError(f"tables={table.key!r} is a grid of {old.grid}: use `grid` or `image_size`")
        positions = length - old.prefix - old.suffix + table.look_ahead
        if length == table.usable_length and method != "stretch":
            unchanged.append((table.key, f"has {length} usable positions already"))
        elif length < table.usable_length and method != "crop":
            unchanged.append((table.key, f"is longer already ({table.usable_length}); method='crop' shortens"))
        elif length > table.usable_length and method == "crop":
            unchanged.append((table.key, f"is shorter already ({table.usable_length})"))
        elif positions < 1:
            raise InvalidArgumentError(f"length={length} leaves no position beside the extra rows of {table.key}")
        else:
            targets.append(Target(table, replace(old, length=positions)))
    if not targets:
        facts = "; ".join(f"{key} {reason}" for key, reason in unchanged)
        raise InvalidArgumentError(f"length={length} changes nothing: {facts}")
    return _aligned(tables, targets, unchanged)


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
            raise InvalidArgumentError(f"tables={table.key!r} is not a grid: use `length`")
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
        raise InvalidArgumentError(
            f"image_size={image_size!r}: the configuration has no patch size for {table.key}: use `grid`"
        )
    (height, width), (tall, wide) = pixels, rule.amount
    if (height % tall or width % wide) and not any(rule.unused):
        raise InvalidArgumentError(
            f"image_size={image_size!r} is not a multiple of the patch size {tall} × {wide} of {table.key}"
        )
    if height < tall or width < wide:
        raise InvalidArgumentError(
            f"image_size={image_size!r} is smaller than one patch of {table.key}, {tall} × {wide}"
        )
    return height // tall, width // wide
