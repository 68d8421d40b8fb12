"""Settings inside a PyTorch file that explain a table: lengths, and an image's size with the kernel that cuts it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from posembed.checkpoint.source import Checkpoint
from posembed.checkpoint.tensors import StoredTensor
from posembed.find import families
from posembed.find.config import pair
from posembed.find.fallbacks import extra_tokens, token_sums
from posembed.find.found import FieldRule, FoundTable
from posembed.find.kinds import TableKind
from posembed.find.verdict import explained, named
from posembed.layout import TableLayout

if TYPE_CHECKING:
    from posembed.checkpoint.formats.pickle.index import Setting

Sides = tuple[int, int]


def explained_by_file(table: FoundTable, checkpoint: Checkpoint) -> FoundTable:
    """Return a table without its doubt if the file that holds it explains the rows; any other as it is.

    A configuration beside the file comes first, so nothing is done where there is one.

    Args:
        table: what names, shapes and configuration say.
        checkpoint: the opened checkpoint.
    """
    pickled = checkpoint.pickles.get(table.file)
    if pickled is None or checkpoint.config or not table.uncertain or table.refused is not None:
        return table
    if table.kind is TableKind.GRID and not _is_text(table, pickled.settings, checkpoint.tensors):
        return _grid(table, pickled.settings, checkpoint.tensors)
    return _sequence(table, pickled.settings) if table.kind in (TableKind.SEQUENCE, TableKind.GRID) else table


def _is_text(table: FoundTable, settings: Sequence[Setting], tensors: Mapping[str, StoredTensor]) -> bool:
    """Return whether a square number of rows is a length after all: minGPT's ``[1, block_size, d_model]``.

    Nothing in the file cuts patches or has a shape with two sides, and a setting that never counts patches is the rows.
    """
    names = {s.names[-1].lower() for s in settings if s.names and s.value == table.layout.rows}
    lengths = (names & families.SETTING_LENGTHS) - families.SETTING_COUNTS
    sided = any(len(tensor.shape) == 4 and tensor.shape[:2] != (1, 1) for tensor in tensors.values())  # no mask
    return bool(lengths) and not sided and re.search(families.IMAGE_WORD, table.key) is None


def _sequence(table: FoundTable, settings: Sequence[Setting]) -> FoundTable:
    """Return the sequence table that a setting with the name of a length counts."""
    for setting in settings:
        name = setting.names[-1].lower() if setting.names else ""
        if name in families.SETTING_LENGTHS and setting.value == table.usable_length:
            old = table.layout
            why = explained(old.rows, ".".join(setting.names), old.reserved)
            layout = TableLayout(length=old.usable_length, reserved=old.reserved)
            evidence = (named(table.key), f"{why}, in the file")
            return replace(table, layout=layout, kind=TableKind.SEQUENCE, uncertain=False, evidence=evidence)
    return table


def _grid(table: FoundTable, settings: Sequence[Setting], tensors: Mapping[str, StoredTensor]) -> FoundTable:
    """Return the grid that an image's size makes with the patches of the same copy, if there is only one such grid."""
    patch = _patch(table.key, tensors)
    if patch is None:
        return table
    fits = {layout: setting for setting, layout in _fits(table, settings, patch, tensors)}
    if len(fits) != 1:
        return table
    (layout, setting), *_ = fits.items()
    (height, width), (tall, wide) = layout.grid or (0, 0), patch
    image, name = pair(setting.value) or (0, 0), ".".join(setting.names)
    why = f"rows {layout.rows} = {height} × {width} + {layout.prefix}: {name} in patches of {tall} × {wide}"
    rule = FieldRule(name, "pixels", patch, (image[0] - height * tall, image[1] - width * wide))
    evidence = (named(table.key), f"{why}, in the file")
    return replace(table, layout=layout, uncertain=False, evidence=evidence, fields=(rule,))


def _fits(
    table: FoundTable, settings: Sequence[Setting], patch: Sides, tensors: Mapping[str, StoredTensor]
) -> Iterator[tuple[Setting, TableLayout]]:
    """Yield the settings in pixels whose patches are the rows, but for those of extra tokens beside the table."""
    prefixes = token_sums(extra_tokens(table.key, tensors))
    for setting in settings:
        image = pair(setting.value)
        if image is None or not setting.names or setting.names[-1].lower() not in families.SETTING_PIXELS:
            continue
        grid = (image[0] // patch[0], image[1] // patch[1])
        prefix = table.layout.rows - grid[0] * grid[1]
        if min(grid) > 0 and prefix in prefixes:
            yield setting, TableLayout(grid=grid, prefix=prefix)


def _patch(key: str, tensors: Mapping[str, StoredTensor]) -> Sides | None:
    """Return height and width of the patches that the convolution beside a table cuts, if there is one such size."""
    beside = key.rpartition(".")[0]
    sizes = {
        (tensor.shape[2], tensor.shape[3])
        for other, tensor in tensors.items()
        if len(tensor.shape) == 4 and other.startswith(f"{beside}." if beside else "") and _cuts(other, beside)
    }
    return sizes.pop() if len(sizes) == 1 else None


def _cuts(key: str, beside: str) -> bool:
    """Return whether a convolution embeds patches; ``conv1`` next to the table is CLIP's."""
    return key == f"{beside}.conv1.weight".lstrip(".") or re.search(families.PATCH_WEIGHT, key) is not None
