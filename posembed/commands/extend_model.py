"""``posembed.extend_model``: extend the position tables of a model in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from posembed.errors import InvalidArgumentError
from posembed.extension.length_aware import make_length_aware
from posembed.extension.length_aware_saving import require_no_length_aware
from posembed.extension.live import extend_in_place
from posembed.extension.live_sizes import set_token_limits
from posembed.extension.method_keywords import refuse_unknown_keywords
from posembed.extension.table_change import TableChange
from posembed.records.base import takes
from posembed.records.extend import ModelOptions, with_length


@takes(ModelOptions)
def extend_model(
    model: nn.Module,
    length: int | Sequence[int] | None = None,
    options: ModelOptions | None = None,
    *,
    optimizer: torch.optim.Optimizer | None = None,
    **keywords: Any,
) -> list[TableChange]:
    """Give a model in memory longer position tables, in place.

    The parameters stay the same objects (an optimizer's references hold), on their device, in their dtype, trainable
    or frozen as they were. ``num_embeddings`` and the like, buffers of the table's length and the fields of
    ``model.config`` follow, and so does the limit of a tokenizer inside the model (sentence-transformers), which would
    cut texts at the old length. Nothing is changed unless everything can be.

    Args:
        model: a Transformers model, or any module with a learned position table.
        length: usable positions of every sequence table; with ``length_aware`` also several, rising.
        options: all options as one record, in place of keywords.
        optimizer: its state for these parameters grows with them: moments of unchanged rows are kept, new rows start
            at zero. Without it, make the optimizer after this call.
        **keywords: the fields of :class:`posembed.records.extend.ModelOptions`, and options of a registered method.
            ``grid`` or ``image_size`` are for image tables, and ``method="auto"`` is what the model family does itself.
            ``length_aware=True`` keeps the old table for inputs that fit it, bit for bit, and lets longer ones read the
            extended one: a :class:`posembed.LengthAwareEmbedding` replaces the one position embedding.

    Returns:
        What changed, one entry per table.

    Raises:
        InvalidArgumentError: for no size or several, or if no table would change.
        CheckpointError: for a table or buffer whose values cannot be extended.

    Example:
        >>> from posembed import TokenPositionEmbedding
        >>> model = TokenPositionEmbedding(100, 8, 4)
        >>> [(c.table.key, c.layout.length) for c in extend_model(model, 16)]
        [('position.weight', 16)]
        >>> model(torch.zeros(1, 16, dtype=torch.int64)).shape
        torch.Size([1, 16, 4])
    """
    settled = ModelOptions.of(options, with_length(length, keywords))
    refuse_unknown_keywords(settled)
    require_no_length_aware(model, settled.tables)
    if settled.length_aware and optimizer is not None:
        raise InvalidArgumentError("length_aware=True makes a new parameter: make the optimizer after this call")
    if settled.length_aware:
        changes = make_length_aware(model, settled)
    else:
        changes = extend_in_place(model, options=settled, optimizer=optimizer)
    set_token_limits(model, changes)
    return changes
