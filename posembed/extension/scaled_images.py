"""Refuse sizes of an image that a model cannot scale for each of its grids."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from posembed.extension.nearest_sizes import nearest_sizes
from posembed.extension.table_change import TableChange
from posembed.find.found import FieldRule


def one_image(change: TableChange, changes: Sequence[TableChange]) -> Iterator[str]:
    """Yield an obstacle if a table of an image that is scaled for it would not keep its share of that image.

    CrossViT reads one image in two sizes, whose proportion is in its code alone: 240 pixels are 20 patches and, scaled
    to 224, 14. Sizes that keep the proportion are whole numbers of patches in both.

    Args:
        change: the table that may be of a scaled image: its patches leave pixels of the whole one over.
        changes: all tables that change; those whose patches leave none over are of the whole image.
    """
    own, old, new = _of_image(change), change.table.layout.grid, change.layout.grid
    if own is None or not any(own.unused) or old is None or new is None:
        return
    for other in changes:
        rule, before, after = _of_image(other), other.table.layout.grid, other.layout.grid
        if rule is None or rule.name != own.name or any(rule.unused) or before is None or after is None:
            continue
        if any(a * d != b * c for a, b, c, d in zip(old, before, new, after, strict=True)):
            steps = [size // math.gcd(size, side) for size, side in zip(before, old, strict=True)]
            both = " and ".join(" × ".join(map(str, grid)) for grid in (after, new))
            yield (
                f"{other.table.key} and {change.table.key} read one image in two sizes, whose proportion {both} "
                f"patches do not keep: {nearest_sizes(after, steps, scale=rule.amount, old=before)} pixels"
            )


def _of_image(change: TableChange) -> FieldRule | None:
    return next((rule for rule in change.table.fields if rule.unit == "pixels"), None)
