"""Why an extension is not supported, and what its user should know besides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from posembed.checkpoint.own_code import code_note
from posembed.checkpoint.source import Checkpoint
from posembed.errors import CheckpointError
from posembed.extension.field_change import look
from posembed.extension.merged_patches import merge_of
from posembed.extension.nearest_sizes import nearest_sizes
from posembed.extension.scaled_images import one_image
from posembed.extension.table_change import TableChange
from posembed.extension.targets import MOST_NAMED
from posembed.find import families
from posembed.find.config import Node, is_family, nodes, number
from posembed.find.families import companions
from posembed.find.found import FoundTable
from posembed.find.history import read_history


def obstacles(changes: Sequence[TableChange], found: Sequence[FoundTable], checkpoint: Checkpoint) -> Iterator[str]:
    """Yield why the changes are not supported, a sentence each.

    Args:
        changes: the tables that change.
        found: all tables and look-alikes of the checkpoint that do not change with another one.
        checkpoint: whose configuration says what the model's code forbids.
    """
    try:
        read_history(checkpoint)  # the copy's record goes on with it
    except CheckpointError as error:
        yield str(error)
    tree = nodes(checkpoint.config)
    for change in changes:
        table = change.table
        if table.uncertain and not _is_copy(table, checkpoint):
            yield (
                f"what the rows of {table.key} mean is uncertain ({'; '.join(table.evidence)}): describe the table as "
                f"it is with tables={table.key!r} and `reserved`, `prefix` or `table_grid` ({_description(table)} if "
                "that guess is right)"
            )
        yield from together(change, changes, found)
        yield from _whole_frames(change)
        yield from one_image(change, changes)
        if _is_oblong(change) and not is_family(table.family, families.OBLONG):
            yield from _one_number(change, checkpoint)
        yield from _merged(change, checkpoint)
        yield from _unlisted(change, tree)
        types = {table.family, tree[0].model_type}
        for limit in families.LIMITS:
            if any(is_family(name, limit.families) for name in types) and re.search(limit.key, table.key):
                yield from _limit(limit, change, tree)


def _is_copy(table: FoundTable, checkpoint: Checkpoint) -> bool:
    """Return whether a table is a further copy of another one, whose description holds for it as well."""
    tensor = checkpoint.tensors.get(table.key)
    return tensor is not None and tensor.copy_of is not None


def _description(table: FoundTable) -> str:
    """Return the arguments that describe a table as it was guessed."""
    layout = table.layout
    if layout.grid is None:
        return f"reserved={layout.reserved}"
    sides = "x".join(map(str, layout.grid))
    return f"table_grid={sides} prefix={layout.prefix}"


_KEEPS_FRAMES = ("tile", "crop")
"""Methods that repeat or drop whole frames of a flattened table; any other mixes patches of different places."""


def _whole_frames(change: TableChange) -> Iterator[str]:
    """Yield what breaks the frames of a table that holds the patches of one after those of another."""
    table, layout = change.table, change.layout
    patches = next((rule.amount[0] for rule in table.fields if rule.unit == "tubelets"), None)
    if patches is None:
        return
    if layout.positions % patches:
        yield (
            f"{table.key}: {layout.positions} positions are not a whole number of frames of {patches} patches: "
            f"the length must be a multiple of {patches}, plus {layout.rows - layout.positions}"
        )
    if change.method not in _KEEPS_FRAMES:
        yield (
            f"{table.key}: its rows are the patches of one frame after those of another, which "
            f"method={change.method!r} would mix: method='tile' repeats whole frames"
        )


def together(change: TableChange, changes: Sequence[TableChange], found: Sequence[FoundTable]) -> Iterator[str]:
    """Yield which tables, sized by a field of one that changes, do not change with it.

    Args:
        change: the table that changes.
        changes: all tables that change.
        found: all tables and look-alikes that do not change with another one.
    """
    changing = {each.table.key for each in changes}
    for rule in change.table.fields:
        names = [other for other in found if any(each.name == rule.name for each in other.fields)]
        fixed = [other for other in names if other.key not in changing]
        if fixed:
            yield _together(rule.name, change.table.key, fixed)


def _together(field: str, key: str, fixed: Sequence[FoundTable]) -> str:
    """Say that one field sizes tables of which some do not change, and why those that cannot do not."""
    named = ", ".join(other.key for other in fixed[:MOST_NAMED])
    more = f" and {len(fixed) - MOST_NAMED} more" if len(fixed) > MOST_NAMED else ""
    said = f"{field} sizes both {key} and {named}{more}: they can only change together"
    refused = next((other for other in fixed if other.refused is not None and other.frozen is None), None)
    return said if refused is None else f"{said}, and {refused.key} cannot be extended: {refused.refused}"


def _merged(change: TableChange, checkpoint: Checkpoint) -> Iterator[str]:
    """Yield an obstacle if the model merges patches in squares that do not divide the new grid."""
    side, divides = merge_of(checkpoint.config)
    grid = change.layout.grid
    if divides and grid is not None and any(size % side for size in grid):
        yield (
            f"{change.table.key}: patches are merged in squares: the grid's sides must be multiples of {side}, and "
            f"{' × '.join(map(str, grid))} is not: {_nearest(change, side)}"
        )


def _unlisted(change: TableChange, tree: Sequence[Node]) -> Iterator[str]:
    """Yield an obstacle if the configuration lists the numbers of patches that the model takes, without the new one.

    An entry of the old number becomes one of the new; if there is none, nobody knows what the new one should say.
    """
    if change.layout.grid is None:
        return
    old, new = change.table.layout.positions, change.layout.positions
    for node in tree:
        for name in companions.KEYED_BY_PATCHES:
            value = node.fields.get(name)
            default = companions.COUNTS_BY_DEFAULT.get(str(node.fields.get("model_type")))
            listed = list(value) if isinstance(value, dict) else [*map(str, default or ())]
            follows = isinstance(value, dict) and str(old) in value
            if listed and str(new) not in listed and not follows:
                yield (
                    f"{change.table.key}: {node.dotted(name)} lists the numbers of patches that the model "
                    f"takes ({', '.join(listed)}), and {new} is not one of them: add an entry for {new} to the "
                    "configuration, or choose a listed number"
                )


def _is_oblong(change: TableChange) -> bool:
    sizes = (change.layout.grid, change.pixels)
    return any(size is not None and size[0] != size[1] for size in sizes)


def _takes_two_numbers(change: TableChange, checkpoint: Checkpoint) -> bool:
    """Return whether the model has two sizes already: an oblong grid, a field for each side, or a pair in one field."""
    old, fields = change.table.layout.grid, change.table.fields
    pairs = [look(checkpoint.config, rule.name.split(".")) for rule in fields]
    return (old is not None and old[0] != old[1]) or len(fields) > 1 or any(isinstance(p, list | dict) for p in pairs)


def _one_number(change: TableChange, checkpoint: Checkpoint) -> Iterator[str]:
    """Yield an obstacle if one number must hold both sides, in families whose code needs one number."""
    for rule in change.table.fields:
        alone = rule.square or number(look(checkpoint.config, rule.name.split("."))) is not None
        if alone and rule.unit in ("pixels", "side", "count"):
            height, width = change.layout.grid or (0, 0)
            if len(change.table.fields) == 1:
                yield (
                    f"{change.table.key}: {rule.name} is one number, and the code of {change.table.family} takes no "
                    f"other: a grid of {height} × {width} cannot be written into it"
                )


def _limit(limit: families.Limit, change: TableChange, tree: list[Node]) -> Iterator[str]:
    if _is_excepted(limit, tree):
        return
    if not limit.multiple_of:
        yield f"{change.table.key}: {limit.reason}"
        return
    step = limit.multiple_of if isinstance(limit.multiple_of, int) else _largest(tree, limit.multiple_of)
    step = limit.power**step if limit.power and step else step
    step = round(step ** (1 / limit.root)) if limit.root else step
    sizes = change.layout.grid or (change.usable_length,)
    if step and any(size % step for size in sizes):
        yield (
            f"{change.table.key}: {limit.reason} of {step}, and {' × '.join(map(str, sizes))} is not: "
            f"{_nearest(change, step)}"
        )


def _nearest(change: TableChange, step: int) -> str:
    """Say which multiples can be used, in pixels where the call names these."""
    sizes, old = (
        change.layout.grid or (change.usable_length,),
        change.table.layout.grid or (change.table.usable_length,),
    )
    patch = next((rule.amount for rule in change.table.fields if all(rule.amount)), None)
    if change.pixels is not None and patch is not None:
        return f"{nearest_sizes(sizes, [step] * len(sizes), scale=patch, old=old)} pixels"
    unit = "positions" if change.layout.grid is None else "patches"
    return f"{nearest_sizes(sizes, [step] * len(sizes), old=old)} {unit}"


def _is_excepted(limit: families.Limit, tree: list[Node]) -> bool:
    """Return whether every configuration of the limit's families says that the limit does not hold."""
    if limit.unless is None:
        return False
    name, value = limit.unless
    said = [node.fields.get(name) for node in tree if is_family(node.model_type, limit.families)]
    # A part without a type of its own inherits one, and without the field it says nothing.
    return value in said and all(each in (None, value) for each in said)


def _largest(tree: list[Node], name: str) -> int:
    """Return the largest value of a field, which may be a list with one number per layer."""
    values = [node.fields.get(name) for node in tree]
    each = [number(size) for value in values for size in (value if isinstance(value, list) else [value])]
    return max((size for size in each if size is not None), default=0)


def unread(changes: Sequence[TableChange], found: Sequence[FoundTable]) -> Iterator[str]:
    """Yield which tables the model does not read: those that were named all the same, and those that are left out."""
    changing = {change.table.key for change in changes}
    for table in found:
        if table.unused is not None and table.key in changing:
            yield f"{table.key}: {table.unused}; another size changes no output"
        elif table.unused is not None:
            yield f"{table.key} is left out: {table.unused}; to extend it all the same, name it with `tables`"


def notes(changes: Sequence[TableChange], checkpoint: Checkpoint, *, sizes_found: bool) -> Iterator[str]:
    """Yield what else to know, a sentence each.

    Args:
        changes: the tables that change.
        checkpoint: what is read.
        sizes_found: whether a field of the configuration changes.
    """
    if (code := code_note(checkpoint)) is not None:
        yield code
    whole = checkpoint.root.is_dir()
    has_config = (checkpoint.directory / "config.json").is_file()
    if not whole and (has_config or checkpoint.index is not None):
        yield "only the one file is written: to change configuration and tokenizer too, name the directory"
    if whole and changes and not sizes_found:
        yield "no configuration field was found that sizes these tables: set it yourself, or loading will fail"
    for change in changes:
        if _is_oblong(change) and not _takes_two_numbers(change, checkpoint):
            yield f"{change.table.key}: the grid is not square; the model's code must take an image size of two numbers"
        yield from _unused_pixels(change)


def _unused_pixels(change: TableChange) -> Iterator[str]:
    """Say how many pixels of the image no patch covers; the model's code leaves them out."""
    grid, rule = change.layout.grid, next((rule for rule in change.table.fields if rule.unit == "pixels"), None)
    if change.pixels is None or grid is None or rule is None or any(rule.overlap):
        return
    patch = rule.amount
    left = [size - count * side for size, count, side in zip(change.pixels, grid, patch, strict=True)]
    if any(left):
        yield (
            f"{change.table.key}: {left[0]} rows and {left[1]} columns of pixels at the image's end are unused: "
            f"{' × '.join(map(str, change.pixels))} pixels make {' × '.join(map(str, grid))} patches of "
            f"{' × '.join(map(str, patch))}"
        )
