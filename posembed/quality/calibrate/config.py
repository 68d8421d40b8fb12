"""The plain configuration of one calibration: everything that decides its numbers."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from posembed.errors import InvalidArgumentError


@dataclass(frozen=True)
class CalibrationConfig:
    """What is trained, on what, for how long. Plain values only: it travels as JSON.

    Attributes:
        kind: ``"embedding"``, ``"causal"`` or ``"masked"``.
        data: as for ``posembed evaluate``; training and validation sets are read, the test set never.
        length: usable positions of the table.
        keep: first positions whose rows stay as they are, bit for bit, in what is written.
        trained_whole: of embedding models: training moves those rows like all others, and they are put back. Beside
            rows that move, evidence among rows that do not is hardly found, and disturbs what the others learn.
        period: of the trained rows: rows that are so far apart move alike. Equal to ``length`` where each is free.
        above: training documents of embedding models are longer than this: shorter ones would read no trained row.
        queries_trained: of embedding models: queries read the trained rows too, because too few stay for them.
        document: tokens of a training input, special tokens included.
        spread: of language models: an input shorter than the table is cut in two at a random place, and the second
            part is read at random later positions (PoSE, Zhu et al. 2023, arXiv:2309.10400).
        batch: training inputs of a step.
        steps: optimizer steps.
        shift_rate: learning rate of the one vector that all trained rows share.
        row_rate: learning rate of the rows.
        every: steps between two looks at the validation loss.
        patience: looks without a better loss, after which training ends.
        held_out: validation inputs.
        facts: of embedding models: the share of the groups of documents that hide facts; the others hide words.
        precision: ``"bf16"`` or ``"fp32"``.
        seed: of every draw.
    """

    kind: str
    data: str
    length: int
    keep: int
    period: int
    document: int
    trained_whole: bool = False
    above: int = 0
    queries_trained: bool = False
    spread: bool = False
    batch: int = 16
    steps: int = 400
    shift_rate: float = 2e-3
    row_rate: float = 2e-4
    every: int = 50
    patience: int = 3
    held_out: int = 64
    facts: float = 0.5
    precision: str = "fp32"
    seed: int = 0

    def __post_init__(self) -> None:
        least = {
            "length": 2,
            "keep": 0,
            "above": 0,
            "period": 1,
            "document": 4,
            "batch": 1,
            "steps": 1,
            "every": 1,
            "patience": 1,
            "held_out": 2,
            "seed": 0,
        }
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise InvalidArgumentError(f"{name}={getattr(self, name)} must be at least {minimum}")
        if self.kind == "embedding" and self.batch < 2:
            raise InvalidArgumentError("batch=1 must be at least 2: each document is told from the others of its batch")
        if self.keep >= self.length:
            raise InvalidArgumentError(f"keep={self.keep} leaves none of {self.length} positions to train")
        if self.document > self.length:
            raise InvalidArgumentError(f"document={self.document} must be at most the length, {self.length}")
        if self.document <= self.keep and not self.spread:
            raise InvalidArgumentError(
                f"document={self.document} must be above keep={self.keep}, else no trained row is read"
            )
        if self.document <= self.above and not self.spread:
            raise InvalidArgumentError(
                f"document={self.document} must be above {self.above}: with length_aware, inputs of up to so many "
                "tokens read the old table"
            )
        for name in ("shift_rate", "row_rate"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InvalidArgumentError(f"{name}={getattr(self, name)} must be at least 0 and finite")
        if not 0 <= self.facts <= 1:
            raise InvalidArgumentError(f"facts={self.facts} must be a share, from 0 to 1")
        if self.shift_rate == self.row_rate == 0:
            raise InvalidArgumentError("shift_rate and row_rate are both 0: nothing would be trained")

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return dataclasses.asdict(self)
