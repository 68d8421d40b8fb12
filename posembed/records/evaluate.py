"""Options and results of ``evaluate``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal, get_args

from posembed.errors import InvalidArgumentError
from posembed.records.base import Options
from posembed.records.choices import Precision

Task = Literal["passkey", "needle", "paragraph"]
TASK_NAMES: tuple[Task, ...] = get_args(Task)
SHORTEST_DOCUMENT = 64  # tokens: the evidence of a passkey, two sentences with a name, takes up to about 50


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(Options):
    """What to evaluate, on which texts, and how precisely.

    Example:
        >>> EvaluateOptions(lengths=[128, 512]).lengths
        (128, 512)
    """

    original: str | os.PathLike[str] | None = None
    """The model before it was extended; the baselines cut documents to its length. By default the checkpoint itself."""
    data: str = "stdlib"
    """Texts to evaluate on: stdlib (Python's standard library), a text file, or a directory of text files."""
    lengths: tuple[int, ...] | None = None
    """Document lengths in tokens, each at least 64. By default 128, 256, 512, 1024, 2048 and 4096 for embedding models;
    1, 2 and 4 times the original's length, up to the checkpoint's, for language models."""
    tasks: tuple[Task, ...] = TASK_NAMES
    """Retrieval tasks (embedding models)."""
    documents: int = 200
    """Documents per cell: a multiple of pool for embedding models, an upper limit for language models."""
    pool: int = 100
    """Documents that each query is ranked against (embedding models)."""
    short: int | None = None
    """Maximum length, in tokens without special ones, of the short texts of the fidelity check (embedding models). By
    default 126, or less if one of the two models takes less."""
    precision: Precision = "auto"
    """Arithmetic of the forward passes; auto is bf16 where the hardware has it. Short texts always use fp32."""
    seed: int = 0
    """Random seed."""
    trust_remote_code: bool = False
    """Run Python code from the checkpoint's folder, where its model needs it. Such code can do whatever you can."""

    def __post_init__(self) -> None:
        """Check what can be checked without a checkpoint.

        Raises:
            InvalidArgumentError: naming the argument.
        """
        if self.original is not None:
            object.__setattr__(self, "original", os.fspath(self.original))
        if isinstance(self.tasks, str):
            raise InvalidArgumentError(f"tasks={self.tasks!r} must be a sequence of names, not one string")
        object.__setattr__(self, "tasks", tuple(self.tasks))
        for task in self.tasks:
            if task not in TASK_NAMES:
                raise InvalidArgumentError(f"tasks: {task!r} must be one of {', '.join(TASK_NAMES)}")
        if self.precision not in get_args(Precision):
            raise InvalidArgumentError(f"precision={self.precision!r} must be one of {', '.join(get_args(Precision))}")
        if self.lengths is None:
            return
        object.__setattr__(self, "lengths", tuple(self.lengths))
        if not self.lengths or min(self.lengths) < SHORTEST_DOCUMENT:
            raise InvalidArgumentError(
                f"lengths={list(self.lengths)} must be at least one number, each at least {SHORTEST_DOCUMENT} tokens"
            )
