"""What a position encoding of the lab consists of: rows that are added, how attention changes, what it costs."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from posembed.lab.attention import Attend, attention
from posembed.records.comparison import Cost
from posembed.records.unit import UnitConfig

FLOAT32_BYTES = 4


class PositionEncoding:
    """One way to tell a model where its tokens are. This base tells it nothing; subclasses override what they change.

    Add one: write a subclass, list an instance in ``posembed/lab/encodings/__init__.py`` and its name in
    ``posembed/records/compare.py``. Reports name an arm by its encoding and color it by its place.

    Attributes:
        name: name in options, files and reports.
        trainable: whether it has a table that training changes.
    """

    name: ClassVar[str]
    trainable: ClassVar[bool] = False

    def position(self, config: UnitConfig) -> str | nn.Module:
        """Return the ``position`` of :class:`posembed.nn.token_position.TokenPositionEmbedding`: no rows by default."""
        del config
        return "none"

    def initialize(self, table: Tensor, config: UnitConfig) -> None:
        """Change the initial rows of a trainable table, which are normal with standard deviation 0.02, in place."""

    def attend(self, config: UnitConfig, length: int, device: torch.device) -> Attend:
        """Return the attention over ``length`` tokens: plain by default."""
        del length, device
        causal = config.causal
        return lambda q, k, v: attention(q, k, v, causal=causal)

    def fixed_numbers(self, config: UnitConfig) -> int:
        """Return how many numbers its tables at the training length hold that are not trained."""
        del config
        return 0

    def cost(self, config: UnitConfig) -> Cost:
        """Return what the position part costs at the training length.

        Example:
            >>> from posembed.lab.encodings import ENCODINGS
            >>> ENCODINGS["learned"].cost(UnitConfig(train_length=512, d_model=768, heads=12)).parameters
            393216
        """
        parameters = config.train_length * config.d_model if self.trainable else 0
        return Cost(parameters, FLOAT32_BYTES * parameters, FLOAT32_BYTES * self.fixed_numbers(config))


class NoEncoding(PositionEncoding):
    """No positions: the control."""

    name = "none"
