"""The stored configuration of one unit of work, by the name that 0.1 documented, and the lengths it is evaluated at."""

from __future__ import annotations

from posembed.records.unit import UnitConfig as UnitConfig

FACTORS = (1.25, 1.5, 2.0)
"""Input lengths past the training length, as multiples of it, at which every arm is evaluated."""
