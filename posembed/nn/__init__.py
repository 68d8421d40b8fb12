"""PyTorch modules and position ids."""

from posembed.nn.checks import check_positions
from posembed.nn.learned import LearnedPositionalEmbedding
from posembed.nn.positions import positions_from_lengths, positions_from_mask
from posembed.nn.sinusoidal import SinusoidalPositionalEmbedding, sinusoidal_rows
from posembed.nn.token_position import TokenPositionEmbedding

__all__ = [
    "LearnedPositionalEmbedding",
    "SinusoidalPositionalEmbedding",
    "TokenPositionEmbedding",
    "check_positions",
    "positions_from_lengths",
    "positions_from_mask",
    "sinusoidal_rows",
]
