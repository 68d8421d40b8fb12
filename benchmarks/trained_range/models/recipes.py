"""How each model of the study is trained. Drawn from its number alone, before anything is measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.trained_range.recipes import INITS, OPTIMIZERS, Recipe
from benchmarks.trained_range.recipes import lengths as lengths_of_tables

FIRST_HELD_OUT = 100
FIRST_NEW = 150
FIRST_WHOLE, OF_EACH = 200, 10
SPLITS = ("tune", "held-out", "new", "whole")


@dataclass(frozen=True)
class Choices:
    """What is drawn from, each entry as likely as the others of its tuple."""

    regimes: tuple[str, ...]
    rows: tuple[int, ...]
    widths: tuple[int, ...]
    families: dict[str, tuple[str, ...]]
    inits: tuple[str, ...]
    optimizers: tuple[str, ...]
    steps: tuple[int, ...]


_REGIMES = (
    *("packed",) * 4,
    *("fixed",) * 3,
    *("uniform",) * 3,
    *("lognormal",) * 2,
    "rare",
    "gradual",
)
_TUNED = Choices(
    _REGIMES,
    (64, 96, 128, 192, 256),
    (32, 64, 96),
    {"decoder": ("gpt2",), "encoder": ("bert",)},
    INITS,
    OPTIMIZERS,
    (250, 500),
)
_NEW = Choices(
    (*_REGIMES, "mixed"),
    (72, 112, 160, 224, 320),
    (32, 64, 96, 128),
    {"decoder": ("gpt2", "opt"), "encoder": ("bert", "roberta", "embedder")},
    (*INITS, "normal 0.1"),
    (*OPTIMIZERS, "rmsprop"),
    (250, 400, 600),
)
"""Held-out models: combinations, families, an initialization, an optimizer and lengths that no rule was chosen on."""


@dataclass(frozen=True)
class ModelRecipe(Recipe):
    """One model: a recipe of a table, and the family of Transformers that reads it."""

    family: str = "gpt2"

    @property
    def split(self) -> str:
        """``tune``, ``held-out``, ``new`` or ``whole``."""
        firsts = {FIRST_WHOLE: "whole", FIRST_NEW: "new", FIRST_HELD_OUT: "held-out"}
        return next((name for first, name in firsts.items() if self.number >= first), "tune")

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def model_recipe(number: int) -> ModelRecipe:
    """The model of that number."""
    draw = np.random.default_rng([20261128, number])
    choices = _NEW if number >= FIRST_HELD_OUT else _TUNED
    regime = str(draw.choice(choices.regimes))
    rows = int(draw.choice(choices.rows))
    end = rows if regime in ("packed", "gradual") else max(8, int(rows * draw.uniform(0.15, 0.95)))
    share = float(draw.choice([0.003, 0.01, 0.02])) if regime == "rare" else 0.0
    optimizer = str(draw.choice(choices.optimizers))
    rate = float(10 ** draw.uniform(-3.0, -2.0))
    width = int(draw.choice(choices.widths))
    layers = int(draw.choice([1, 1, 2]))
    kind = str(draw.choice(["decoder", "encoder"]))
    return ModelRecipe(
        number,
        regime,
        rows,
        end,
        share,
        width,
        layers,
        kind,
        str(draw.choice(choices.inits)),
        optimizer,
        100 * rate if optimizer == "sgd" else rate,
        int(draw.choice(choices.steps)),
        max(2, 1024 // rows),
        choices.families[kind][number % len(choices.families[kind])],
    )


def lengths(made: ModelRecipe, step: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Lengths of the sequences of a training step, ``[batch]``; "mixed": four in five end at a quarter of the end."""
    if made.regime != "mixed":
        return lengths_of_tables(made, step)
    draw = np.random.default_rng([made.number, step, 7])
    long = draw.random(made.batch_size) < 0.2
    return np.where(long, made.end, max(4, made.end // 4)).astype(np.int64)


def numbers_of(split: str) -> list[int]:
    """The models of a split; ``whole`` has the first ten that are packed, and the first ten that are gradual."""
    plain = {
        "tune": range(30),
        "held-out": range(FIRST_HELD_OUT, FIRST_NEW),
        "new": range(FIRST_NEW, FIRST_NEW + 30),
    }
    if split in plain:
        return list(plain[split])
    found: dict[str, list[int]] = {"packed": [], "gradual": []}
    number = FIRST_WHOLE
    while any(len(numbers) < OF_EACH for numbers in found.values()):
        regime = model_recipe(number).regime
        if regime in found and len(found[regime]) < OF_EACH:
            found[regime].append(number)
        number += 1
    return sorted(found["packed"] + found["gradual"])
