"""Encodings that add a row to each token: a trained table, a fixed sinusoid, a table that starts as one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from posembed.lab.encodings.base import PositionEncoding
from posembed.nn.sinusoidal import SinusoidalPositionalEmbedding, sinusoidal_rows
from posembed.records.unit import UnitConfig

_SCALE_OF_RMS = 2**0.5
"""sin² + cos² = 1 in pairs, so the formula's own mean square is 1/2; this factor makes its root mean square 1."""


class Learned(PositionEncoding):
    """A trainable table, one row per position."""

    name = "learned"
    trainable = True

    def position(self, config: UnitConfig) -> str | nn.Module:
        """Return the name of the learned table."""
        del config
        return "learned"


class LearnedFromSinusoid(Learned):
    """A trainable table that starts as the scaled sinusoid."""

    name = "learned-from-sinusoid"

    def initialize(self, table: Tensor, config: UnitConfig) -> None:
        """Replace the random rows by the sinusoid."""
        rows = sinusoidal_rows(torch.arange(config.train_length), config.d_model)
        table.copy_(rows * config.sinusoid_rms * _SCALE_OF_RMS)


class ScaledSinusoid(SinusoidalPositionalEmbedding):
    """The sinusoid times a constant, so that every arm starts with position rows of the same size."""

    def __init__(self, max_len: int, d_model: int, rms: float) -> None:
        super().__init__(max_len, d_model)
        self.scale = rms * _SCALE_OF_RMS

    def forward(self, positions: int | Tensor, start: int = 0) -> Tensor:
        """Return rows by position, as the base class does, scaled."""
        return super().forward(positions, start) * self.scale


class Sinusoidal(PositionEncoding):
    """The fixed sinusoid of Vaswani et al. 2017, scaled."""

    name = "sinusoidal"

    def position(self, config: UnitConfig) -> str | nn.Module:
        """Return the scaled sinusoid."""
        return ScaledSinusoid(config.train_length, config.d_model, config.sinusoid_rms)

    def fixed_numbers(self, config: UnitConfig) -> int:
        """Return the size of the table of sines and cosines."""
        return config.train_length * config.d_model
