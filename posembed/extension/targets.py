"""Which tables of a checkpoint a call means, and the layout that each is to have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from posembed.errors import InvalidArgumentError
from posembed.find.config import pair
from posembed.find.found import FoundTable
from posembed.layout import TableLayout


@dataclass(frozen=True, slots=True)
class Target:
    """A table and the layout that it is to have."""

    table: FoundTable
    layout: TableLayout


def choose_targets(
    where: object,
    found: list[FoundTable],
    length: int | None,
    grid: tuple[int, int] | None,
    image_size: int | tuple[int, int] | None,
    keys: Iterable[str] | None,
    method: str,
) -> tuple[list[Target], tuple[tuple[str, str], ...]]:
    """Pick the tables that a call means.

    Args:
        where: the checkpoint or model, for messages.
        found: its tables and look-alikes.
        length: usable positions of sequence tables.
        grid: ``(height, width)`` in patches of image tables.
        image_size: the same in pixels.
        keys: names, to limit the change to some tables.
        method: the method's name; only ``"crop"`` shortens.

    Returns:
        The tables to change with their new layouts, and those that stay, with the reason.

    Raises:
        InvalidArgumentError: if no size or several are given, a key names no table, or no table would change.
    """
    given = [
        name for name, value in (("length", length), ("grid", grid), ("image_size", image_size)) if value is not None
    ]
    if len(given) != 1:
        got = " and ".join(given) or "none of them"
        raise InvalidArgumentError(f"exactly one of length, grid and image_size must be given, got {got}")
    if length is not None and (isinstance(length, bool) or not isinstance(length, int) or length < 1):
        raise InvalidArgumentError(f"length={length!r} must be a whole number of usable positions, at least 1")
    tables = [table for table in found if table.refused is None]
    if keys is not None:
        tables = _named(found, list(keys))
    elif not tables:
        raise InvalidArgumentError(_nothing(where, found))
    else:
        tables = [t for t in tables if t.kind.sized_by == ("length" if length is not None else "grid")]
        if not tables:
            other = [t for t in found if t.refused is None]
            kinds = ", ".join(f"{t.key} ({t.kind})" for t in other[:4])
            hint = "use --grid HxW or --image-size PX" if length is not None else "use --to N"
            if length is not None and not any(t.kind.sized_by == "grid" for t in other):
                hint = "name it with --table KEY"
            raise InvalidArgumentError(f"{where}: has no table of that kind, only {kinds}: {hint}")
    if length is not None:
        return _sequences(tables, length, method)
    return _grids(tables, grid, image_size, keys is not None)


def _named(found: list[FoundTable], keys: list[str]) -> list[FoundTable]:
    by_key = {table.key: table for table in found}
    for key in keys:
        table = by_key.get(key)
        if table is None:
            known = ", ".join(t.key for t in found if t.refused is None) or "none was found"
            raise InvalidArgumentError(f"table={key!r} is no position table of this checkpoint; those are: {known}")
        if table.refused is not None:
            raise InvalidArgumentError(
                f"table={key!r} is refused: {table.refused}. If you know better, say what its rows are with "
                "--reserved N, --prefix N or --table-grid HxW"
            )
    return [by_key[key] for key in dict.fromkeys(keys)]


def _nothing(where: object, found: list[FoundTable]) -> str:
    refused = [t for t in found if "position numbers" not in (t.refused or "")]
    reasons = "; ".join(f"{t.key}: {t.refused}" for t in refused[:3])
    more = (
        f" Look-alikes: {reasons}" + (f"; and {len(refused) - 3} more." if len(refused) > 3 else ".") if refused else ""
    )
    return f"{where}: has no learned position table to extend.{more}"


def _sequences(tables: list[FoundTable], length: int, method: str) -> tuple[list[Target], tuple[tuple[str, str], ...]]:
    targets: list[Target] = []
    unchanged: list[tuple[str, str]] = []
    for table in tables:
        old = table.layout
        if old.length is None:
            raise InvalidArgumentError(
                f"table={table.key!r} is a grid of {old.grid}: use --grid HxW or --image-size PX"
            )
        positions = length - old.prefix - old.suffix + table.look_ahead
        if length == table.usable_length and method != "stretch":
            unchanged.append((table.key, f"has {length} usable positions already"))
        elif length < table.usable_length and method != "crop":
            unchanged.append((table.key, f"is longer already ({table.usable_length}); method crop shortens"))
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
    tables: list[FoundTable], targets: list[Target], unchanged: list[tuple[str, str]]
) -> tuple[list[Target], tuple[tuple[str, str], ...]]:
    """Tables that one field sizes get the rows that the neediest of them asks for (LUKE's words and entities)."""
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


def _grids(
    tables: list[FoundTable],
    grid: tuple[int, int] | None,
    image_size: int | tuple[int, int] | None,
    named: bool,
) -> tuple[list[Target], tuple[tuple[str, str], ...]]:
    for table in tables:
        if table.layout.grid is None:
            raise InvalidArgumentError(f"table={table.key!r} is no grid: use --to N")
    sizes = {table.layout.grid for table in tables}
    if grid is not None and len(sizes) > 1 and not named:
        listed = ", ".join(f"{t.key} {t.layout.grid}" for t in tables)
        raise InvalidArgumentError(
            f"grid={grid}: these grids differ ({listed}): use --image-size, or --table KEY for one"
        )
    targets: list[Target] = []
    unchanged: list[tuple[str, str]] = []
    for table in tables:
        new = _checked_grid(grid) if grid is not None else _from_pixels(table, image_size)
        if new == table.layout.grid:
            unchanged.append((table.key, f"has a grid of {new[0]} × {new[1]} already"))
        else:
            targets.append(Target(table, replace(table.layout, grid=new)))
    if not targets:
        raise InvalidArgumentError("nothing changes: " + "; ".join(f"{key} {reason}" for key, reason in unchanged))
    return targets, tuple(unchanged)


def _checked_grid(grid: object) -> tuple[int, int]:
    both = pair(list(grid) if isinstance(grid, tuple) else None)
    if both is None or not isinstance(grid, tuple) or len(grid) != 2 or min(both) < 1:
        raise InvalidArgumentError(f"grid={grid!r} must be (height, width) in patches, both at least 1")
    return both


def _from_pixels(table: FoundTable, image_size: object) -> tuple[int, int]:
    both = pair(list(image_size) if isinstance(image_size, tuple) else image_size)
    if both is None or min(both) < 1:
        raise InvalidArgumentError(f"image_size={image_size!r} must be one number of pixels or (height, width)")
    patch = next((rule.amount for rule in table.fields if rule.unit == "pixels"), None)
    if patch is None:
        raise InvalidArgumentError(
            f"image_size={image_size!r}: the configuration says no patch size for {table.key}: use --grid HxW"
        )
    if both[0] % patch[0] or both[1] % patch[1]:
        raise InvalidArgumentError(
            f"image_size={image_size!r} is no multiple of the patch size {patch[0]} × {patch[1]} of {table.key}"
        )
    return both[0] // patch[0], both[1] // patch[1]
