"""What a text may come with beside its tokens: entities that it mentions, regions of a picture that it describes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor

from posembed.extension.check.configuration import integers

_ENTITIES = ("entity_ids", "entity_position_ids")
_REGIONS = (("visual_embeds",), ("visual_feats", "visual_pos"))
"""Arguments that come together: VisualBERT's regions have a place by themselves, LXMERT's are given theirs."""
MENTIONS = frozenset({*_ENTITIES, *(name for names in _REGIONS for name in names)})
REGIONS = 3
"""Of a picture: any number will do."""
_CORNERS = 4
_NOWHERE = -1  # LUKE: the mention has fewer tokens than the widest


def mentions(names: Collection[str]) -> tuple[str, ...]:
    """Return those of a model's arguments that come with a text; none where some of a group are missing.

    Example:
        >>> mentions(["input_ids", "entity_ids", "entity_position_ids"]), mentions(["input_ids", "visual_pos"])
        (('entity_ids', 'entity_position_ids'), ())
    """
    groups = (_ENTITIES, *_REGIONS)
    return tuple(name for group in groups if all(name in names for name in group) for name in group)


def mention_argument(name: str, config: Any, count: int, generator: torch.Generator) -> Tensor:
    """Return one of those arguments for a text of ``count`` tokens.

    Two entities are mentioned: by the first token, and by the last two.
    """
    if name == "entity_ids":
        size = min(integers(config, "entity_vocab_size") or [2])
        return torch.arange(2)[None] % size
    if name == "entity_position_ids":
        return torch.tensor([[[0, _NOWHERE], [max(count - 2, 0), count - 1]]])
    if name == "visual_pos":
        return torch.rand(1, REGIONS, _CORNERS, generator=generator)
    width = (integers(config, "visual_embedding_dim", "visual_feat_dim") or [1])[0]
    return torch.randn(1, REGIONS, width, generator=generator)
