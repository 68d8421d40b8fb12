"""Options and results of ``evaluate``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal, get_args

from posembed.errors import InvalidArgumentError
from posembed.records.base import Options, require_distinct
from posembed.records.choices import Precision
from posembed.records.typed import PathText

Task = Literal["title", "section", "needle", "paragraph", "cloze", "passkey"]
DocumentsFrom = Literal["test", "all"]
TASK_NAMES: tuple[Task, ...] = get_args(Task)
_LEAST = {"documents": 1, "pool": 2, "short": 1, "seed": 0}  # a query is ranked against at least one other document
SHORTEST_DOCUMENT = 64  # tokens: the evidence of a passkey, two sentences with a name, takes up to about 50


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(Options):
    """What to evaluate, on which texts, and how precisely.

    Example:
        >>> EvaluateOptions(lengths=[128, 512]).lengths
        (128, 512)
    """

    original: str | os.PathLike[str] | None = None
    """The model before it was extended: short inputs are compared with it, and baselines cut documents to its length.
    Without it, changes are not measured."""
    data: PathText = "stdlib"
    """Texts to evaluate on: stdlib (Python's standard library), a text file, or a directory of text files."""
    corpus: PathText | None = None
    """Your own documents to search (embedding models): corpus.jsonl, or a folder with corpus.jsonl, queries.jsonl and
    qrels/test.tsv. The tasks are then run only if they are named."""
    queries: PathText | None = None
    """Your own queries: queries.jsonl. By default the one in the folder of corpus."""
    qrels: PathText | None = None
    """Which documents answer which query: a table with tabs. By default qrels/test.tsv in the folder of corpus."""
    lengths: tuple[int, ...] | None = None
    """Document lengths in tokens, each at least 64. By default 128, 256, 512, 1024, 2048 and 4096 for embedding models
    and sparse encoders; 1, 2 and 4 times the original's length, up to the checkpoint's, for all other models."""
    tasks: tuple[Task, ...] | None = None
    """Retrieval tasks (embedding models and rerankers). By default all that the texts allow."""
    documents_from: DocumentsFrom | None = None
    """Texts that the tasks title, section and cloze ask about: test (a tenth, which neither search nor calibration
    reads) or all. By default all, unless posembed.json says that posembed made one of the models."""
    documents: int | None = None
    """Documents per cell: a multiple of pool for embedding models and rerankers, an upper limit for language models. By
    default 200 (rerankers: 50), or as many as the texts have."""
    pool: int | None = None
    """Documents that each query is ranked against. By default 100 for embedding models, 10 for rerankers."""
    short: int | None = None
    """Maximum length, in tokens without special ones, of the short texts of the fidelity check (embedding models). By
    default 126, or less if one of the two models takes less."""
    device: str = "auto"
    """Device that runs the model: auto (a GPU if there is one), cpu, cuda, cuda:1, mps."""
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
        super().__post_init__()
        require_distinct("tasks", self.tasks or ())
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise InvalidArgumentError(f"{name}={value} must be at least {least}")
        if self.lengths is None:
            return
        if not self.lengths or min(self.lengths) < SHORTEST_DOCUMENT:
            raise InvalidArgumentError(
                f"lengths={list(self.lengths)} must be at least one number, each at least {SHORTEST_DOCUMENT} tokens"
            )
        require_distinct("lengths", self.lengths)
