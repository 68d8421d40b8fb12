"""The options of ``compare``: its Python keywords, its command-line options, and what ``setup.json`` stores of them."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from posembed.errors import InvalidArgumentError
from posembed.records.base import Options, Record, require_distinct
from posembed.records.choices import Precision
from posembed.records.typed import PathOrNothing, PathText

Encoding = Literal["learned", "sinusoidal", "rope", "alibi", "none", "learned-from-sinusoid"]
Architecture = Literal["decoder", "encoder"]
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)
SCALED_SINUSOIDS: frozenset[str] = frozenset({"sinusoidal", "learned-from-sinusoid"})
"""Encodings whose rows are, or start as, a sinusoid of the size ``sinusoid_rms``."""
WARMUP_DIVISOR = 10
"""Warm-up takes one step in ten, unless ``warmup_steps`` is given: 50 of the default 500."""


@dataclass(frozen=True, kw_only=True)
class CompareOptions(Options):
    """Options of :func:`posembed.compare`."""

    data: PathText = "stdlib"
    """Training text: stdlib (source of the running Python's standard library), a text file, or a directory of them."""
    encodings: tuple[Encoding, ...] = ("learned", "sinusoidal")
    """Position encodings to compare."""
    model: Architecture = "decoder"
    """Model architecture: a decoder predicts the next token, an encoder predicts masked tokens."""
    seeds: int = 1
    """Number of seeds. With one, confidence intervals are over documents only."""
    first_seed: int = 0
    """First seed; the others follow consecutively."""
    train_length: int = 128
    """Training length in tokens."""
    steps: int = 500
    """Optimizer steps of each unit (one encoding with one seed)."""
    batch_size: int = 32
    """Sequences per step."""
    layers: int = 3
    """Transformer layers."""
    d_model: int = 128
    """Model width; a multiple of twice the number of heads."""
    heads: int = 4
    """Attention heads."""
    learning_rate: float = 3e-3
    """Peak learning rate of AdamW."""
    warmup_steps: int | None = None
    """Steps of linear warm-up. By default a tenth of the steps."""
    weight_decay: float = 0.1
    """Weight decay of the weight matrices, embeddings excluded."""
    gradient_clip: float = 1.0
    """Maximum global gradient norm."""
    sinusoid_rms: float = 0.02
    """Root mean square of the sinusoid (0.7071 for the unscaled formula)."""
    tokenizer: PathOrNothing = ""
    """Path of a tokenizer.json; without one, tokens are bytes."""
    windows_per_document: int = 4
    """Maximum number of windows taken from one test document."""
    evaluation_documents: int = 256
    """Maximum number of test documents to evaluate."""
    evaluations: int = 8
    """Number of times the validation loss is measured during training."""
    device: str = "auto"
    """Device to train on: auto (a GPU if there is one), cpu, cuda, cuda:1, mps."""
    precision: Precision = "auto"
    """Training precision; auto is bf16 where the hardware supports it, else fp32."""
    threads: int = 1
    """CPU threads of each unit."""
    jobs: int | None = None
    """Number of units trained in parallel. By default cores divided by threads, or 1 on an accelerator."""
    compile: bool = False
    """Compile the model with torch.compile."""
    out: Path | None = None
    """Directory for results.json, the tables and the state of each unit; without it nothing is kept."""
    resume: bool = False
    """Resume the work in the output directory; finished units are not trained again."""

    def __post_init__(self) -> None:
        """Check what can be checked without a corpus.

        Raises:
            InvalidArgumentError: naming the argument.
        """
        super().__post_init__()
        if not self.encodings:
            raise InvalidArgumentError(f"`encodings` is empty; choose from {', '.join(ENCODINGS)}")
        require_distinct("encodings", self.encodings)
        if self.seeds < 1:
            raise InvalidArgumentError(f"seeds={self.seeds} must be at least 1")
        require_settings(self)
        if self.resume and self.out is None:
            raise InvalidArgumentError("`resume` needs `out`, the directory with the work to resume")


def require_choice(record: Record, name: str, allowed: Collection[str]) -> None:
    """Refuse a value that is not one of those allowed."""
    value = getattr(record, name)
    if value not in allowed:
        raise InvalidArgumentError(f"{name}={value!r} must be one of {', '.join(allowed)}")


_AT_LEAST = {
    "train_length": 4,
    "d_model": 2,
    "layers": 1,
    "heads": 1,
    "batch_size": 1,
    "steps": 1,
    "warmup_steps": 0,
    "threads": 1,
    "jobs": 1,
    "windows_per_document": 1,
    "evaluation_documents": 2,  # an interval needs two
    "evaluations": 0,
    "seed": 0,
    "first_seed": 0,
}


def require_settings(record: Record) -> None:
    """Refuse sizes and rates that no model can be trained with: of a comparison, or of one unit of it.

    Raises:
        InvalidArgumentError: the message names the setting, its value and what is allowed.
    """
    values = {each.name: getattr(record, each.name) for each in fields(record)}
    require_choice(record, "model", get_args(Architecture))
    for name, minimum in _AT_LEAST.items():
        if (value := values.get(name)) is not None and value < minimum:
            raise InvalidArgumentError(f"{name}={value} must be at least {minimum}")
    for name in ("learning_rate", "gradient_clip", "sinusoid_rms"):
        if not 0 < values[name] < math.inf:
            raise InvalidArgumentError(f"{name}={values[name]} must be above 0 and finite")
    if not 0 <= values["weight_decay"] < math.inf:
        raise InvalidArgumentError(f"weight_decay={values['weight_decay']} must be at least 0 and finite")
    d_model, heads = values["d_model"], values["heads"]
    if d_model % (2 * heads):
        raise InvalidArgumentError(
            f"d_model={d_model} with heads={heads}: each head needs an even width, so d_model must be a multiple of "
            f"{2 * heads}"
        )
