"""Read how many patches a model merges into one token."""

from __future__ import annotations

from collections.abc import Mapping

from posembed.find import families
from posembed.find.config import is_family, nodes, number


def merge_of(config: Mapping[str, object]) -> tuple[int, bool]:
    """Return the side of the squares of patches that become one token, and whether it must divide the grid's sides.

    Example:
        >>> merge_of({"model_type": "internvl", "downsample_ratio": 0.5}), merge_of({"model_type": "vit"})
        ((2, True), (1, False))
    """
    tree = nodes(config)
    for law in families.MERGES:
        for node in tree:
            if not is_family(node.model_type, law.families):
                continue
            value = law.side if isinstance(law.side, int) else node.fields.get(law.side)
            side = round(1 / value) if isinstance(value, float) and 0 < value < 1 else number(value)
            if side is not None and side > 1:
                return side, law.divides
    return 1, False
