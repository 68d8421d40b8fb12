"""How each table of the study is trained. Drawn from its number alone, before anything is measured."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

# Weights of the regimes: what the lengths of the training sequences are, in a table of `rows` positions.
REGIMES = {
    "packed": 4,  # every sequence fills the table: trained whole
    "fixed": 3,  # all sequences are as long as the end
    "uniform": 3,  # lengths are uniform up to the end
    "lognormal": 2,  # lengths crowd at a third of the end and stop at it
    "rare": 3,  # all are as long as the end, but for a share that fills the table
    "gradual": 1,  # lengths are uniform up to the whole table: seen ever less, no end
}
FIRST_SEEN, FIRST_HELD_OUT = 120, 220
RANGED = ("fixed", "uniform", "lognormal", "rare")
INITS = ("normal 0.02",) * 4 + ("normal 1", "uniform 0.05", "truncated 0.02", "zeros", "sinusoid")
OPTIMIZERS = ("adamw", "adamw", "adamw", "adamw-decay", "adam", "sgd")


@dataclass(frozen=True)
class Recipe:
    """One table: its model, its training, and the truth.

    ``end``: positions below it are trained (``rows`` where the whole table is). ``share``: of sequences that fill the
    table in the regime ``rare``.
    """

    number: int
    regime: str
    rows: int
    end: int
    share: float
    d_model: int
    layers: int
    kind: str
    init: str
    optimizer: str
    learning_rate: float
    steps: int
    batch_size: int

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"{self.number:03d}-{self.regime}"

    @property
    def split(self) -> str:
        """``tune`` or ``seen`` for the first 120 tables (by hash), ``seen`` up to 220, ``held-out`` after that.

        ``seen`` were held out at first: their scores showed that ends must not be told from abrupt steps alone.
        """
        if self.number >= FIRST_HELD_OUT:
            return "held-out"
        if self.number >= FIRST_SEEN:
            return "seen"
        digest = hashlib.sha256(f"trained range {self.number}".encode()).digest()
        return "seen" if digest[0] % 2 else "tune"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def recipe(number: int) -> Recipe:
    """The table of that number."""
    draw = np.random.default_rng([20260101, number])
    names = [name for name, weight in REGIMES.items() for _ in range(weight)]
    regime = str(draw.choice(names))
    rows = int(draw.choice([64, 96, 128, 192, 256, 384, 512]))
    end = rows if regime in ("packed", "gradual") else max(8, int(rows * draw.uniform(0.15, 0.95)))
    share = float(draw.choice([0.001, 0.003, 0.01, 0.02])) if regime == "rare" else 0.0
    optimizer = str(draw.choice(OPTIMIZERS))
    rate = float(10 ** draw.uniform(-3.0, -2.0))
    return Recipe(
        number,
        regime,
        rows,
        end,
        share,
        int(draw.choice([32, 64, 128, 192])),
        int(draw.choice([1, 1, 2])),
        str(draw.choice(["decoder", "encoder"])),
        str(draw.choice(INITS)),
        optimizer,
        100 * rate if optimizer == "sgd" else rate,
        int(draw.choice([250, 500, 800])),
        max(2, 1536 // rows),
    )


def lengths(made: Recipe, step: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Lengths of the sequences of a training step, ``[batch]``."""
    draw = np.random.default_rng([made.number, step, 7])
    size = made.batch_size
    if made.regime in ("uniform", "gradual"):
        return draw.integers(4, made.end + 1, size)
    if made.regime == "lognormal":
        drawn = np.exp(draw.normal(np.log(made.end / 3), 0.5, size))
        return np.clip(drawn, 4, made.end).astype(np.int64)
    full = draw.random(size) < made.share
    return np.where(full, made.rows, made.end).astype(np.int64)
