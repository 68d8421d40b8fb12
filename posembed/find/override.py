"""A layout that the caller states, in place of what would be found."""

from __future__ import annotations

from collections.abc import Mapping

from posembed.checkpoint.tensors import FLOATS, StoredTensor
from posembed.errors import InvalidArgumentError
from posembed.find import families
from posembed.find.found import FieldRule, FoundTable
from posembed.find.kinds import TableKind
from posembed.find.stored_layout import RowShape, read_shape
from posembed.layout import TableLayout
from posembed.records.override import Override


def override_one(tensors: Mapping[str, StoredTensor], said: Override, found: list[FoundTable]) -> FoundTable:
    """Return the table as the caller states it.

    Raises:
        InvalidArgumentError: if there is no such tensor, or it has fewer rows than that.
    """
    tensor = tensors.get(said.key)
    if tensor is None:
        near = [t.key for t in found if t.refused is None] or list(tensors)[:3]
        raise InvalidArgumentError(
            f"table={said.key!r} is not a tensor of this checkpoint; it has, for example, {near[:3]}"
        )
    shape = read_shape(tensor.shape)
    if shape is None or tensor.dtype not in FLOATS:
        raise InvalidArgumentError(
            f"table={said.key!r} is {tensor.dtype} of shape {list(tensor.shape)}, not a table of floating-point rows"
        )
    layout = _layout(said, shape)
    known = next((table for table in found if table.key == said.key), None)
    return FoundTable(
        tensor.key,
        tensor.shape,
        tensor.dtype,
        tensor.file,
        known.family if known else "unknown",
        layout,
        ("the layout is what the call says",),
        kind=TableKind.SEQUENCE if said.grid is None else TableKind.GRID,
        stored=shape.stored,
        fields=_fields(known, layout),
        resize=known.resize if known is not None else families.DEFAULT_RESIZE,
        frozen=known.frozen if known is not None and known.layout == layout else None,
        unused=known.unused if known is not None else None,
    )


def _fields(known: FoundTable | None, layout: TableLayout) -> tuple[FieldRule, ...]:
    """Return the fields that were found, if the rows are as many; those of distances say nothing about positions."""
    rules = known.fields if known is not None and known.layout.rows == layout.rows else ()
    return tuple(rule for rule in rules if rule.unit != "distances")


def _layout(said: Override, shape: RowShape) -> TableLayout:
    if said.grid is None:
        prefix = said.prefix or 0
        length = shape.rows - said.reserved - prefix
        if length < 1:
            raise InvalidArgumentError(
                f"reserved={said.reserved} and prefix={prefix} leave no position of the {shape.rows} rows "
                f"of {said.key!r}"
            )
        return TableLayout(length=length, reserved=said.reserved, prefix=prefix)
    left = shape.rows - said.reserved - said.grid[0] * said.grid[1]
    prefix = left if said.prefix is None else said.prefix
    suffix = left - prefix
    if min(left, suffix) < 0:
        raise InvalidArgumentError(
            f"a grid of {said.grid[0]}x{said.grid[1]} with reserved={said.reserved} and prefix={said.prefix or 0} "
            f"needs more rows than the {shape.rows} of {said.key!r}"
        )
    return TableLayout(grid=said.grid, reserved=said.reserved, prefix=prefix, suffix=suffix)
