"""Read short texts at starts all over a table."""

from __future__ import annotations

import numpy as np

from posembed.observer import SILENT, Observer, Progress
from posembed.quality.behavior.effective_range import Curve
from posembed.quality.behavior.moves import UNMOVED, Move, RandomRows, start_at
from posembed.quality.behavior.reader import Reader

TOKENS, LEAST_TOKENS = 16, 4
"""Tokens of the texts: the shorter, the sharper the curve bends at an end; fewer than 4 say nothing."""
PARTS = 16
"""Texts that fit into the table side by side, at least, where that leaves enough tokens."""
CONTROLS = 8
"""Draws of random rows: what an untrained row does differs from row to row."""
POINTS = 64
"""Starts at most: the end of 512 positions is then known to 8."""


def curve_tokens(positions: int) -> int:
    """Return the length of the texts for a table.

    Example:
        >>> curve_tokens(512), curve_tokens(77), curve_tokens(32)
        (16, 4, 4)
    """
    return min(TOKENS, max(LEAST_TOKENS, positions // PARTS))


def read_curve(reader: Reader, positions: int, tokens: int, name: str = "curve", observer: Observer = SILENT) -> Curve:
    """Return the main measure of texts over their first position.

    Args:
        reader: of texts of ``tokens`` tokens.
        positions: of the table.
        tokens: of each text.
        name: of the table, for the observer.
        observer: follows the work.
    """
    step = max(1, positions // POINTS)
    starts = np.arange(tokens, positions - tokens + 1, step)
    measure, values = reader.task.measure, []
    for number, first in enumerate(starts.tolist()):
        values.append(reader.values(start_at(first, tokens))[measure])
        observer.progress(Progress(f"starts, {name}", number + 1, len(starts), "starts"))
    unmoved = reader.values(UNMOVED)[measure]
    without = reader.values(Move("mean row", None, None))[measure]
    noise = [reader.values(RandomRows(count=tokens, seed=seed))[measure] for seed in range(CONTROLS)]
    return Curve(measure, positions, tokens, starts, np.array(values), unmoved, without, np.array(noise))
