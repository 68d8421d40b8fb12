"""The plain configuration of one unit of work: one encoding, one seed."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from posembed.errors import InvalidArgumentError

Encoding = Literal["learned", "sinusoidal", "rope", "alibi", "none", "learned-from-sinusoid"]
ModelKind = Literal["decoder", "encoder"]
ENCODINGS: tuple[str, ...] = get_args(Encoding)
TRAINABLE = ("learned", "learned-from-sinusoid")
FACTORS = (1.25, 1.5, 2.0)


@dataclass(frozen=True)
class UnitConfig:
    """Everything that decides the numbers of one unit. Plain values only: it travels as JSON.

    Lengths are in tokens (bytes, unless there is a tokenizer), ``learning_rate`` is AdamW's peak.
    ``sinusoid_rms`` is the root mean square of the sinusoid: 0.02, that of the initial token and learned rows.
    The formula alone has 0.71, which drowns such tokens (Vaswani et al. multiply theirs by √d_model instead).
    """

    encoding: str = "learned"
    seed: int = 0
    model: str = "decoder"
    data: str = "stdlib"
    data_sha256: str = ""
    tokenizer: str = ""
    train_length: int = 128
    d_model: int = 128
    layers: int = 3
    heads: int = 4
    batch_size: int = 32
    steps: int = 500
    learning_rate: float = 3e-3
    warmup_steps: int = 50
    weight_decay: float = 0.1
    gradient_clip: float = 1.0
    sinusoid_rms: float = 0.02
    precision: str = "fp32"
    threads: int = 1
    device: str = "cpu"
    compile: bool = False
    windows_per_document: int = 4
    evaluation_documents: int = 256
    evaluations: int = 8

    def __post_init__(self) -> None:
        for name, allowed in (
            ("encoding", ENCODINGS),
            ("model", get_args(ModelKind)),
            ("precision", ("fp32", "bf16")),
        ):
            if getattr(self, name) not in allowed:
                raise InvalidArgumentError(f"{name}={getattr(self, name)!r} must be one of {', '.join(allowed)}")
        at_least = {
            "train_length": 4,
            "d_model": 2,
            "layers": 1,
            "heads": 1,
            "batch_size": 1,
            "steps": 1,
            "warmup_steps": 0,
            "threads": 1,
            "windows_per_document": 1,
            "evaluation_documents": 2,
            "evaluations": 0,
            "seed": 0,
        }
        for name, minimum in at_least.items():
            if getattr(self, name) < minimum:
                raise InvalidArgumentError(f"{name}={getattr(self, name)} must be at least {minimum}")
        for name in ("learning_rate", "gradient_clip", "sinusoid_rms"):
            if not 0 < getattr(self, name) < math.inf:
                raise InvalidArgumentError(f"{name}={getattr(self, name)} must be above 0 and finite")
        if not 0 <= self.weight_decay < math.inf:
            raise InvalidArgumentError(f"weight_decay={self.weight_decay} must be at least 0 and finite")
        if self.d_model % (2 * self.heads):
            raise InvalidArgumentError(
                f"d_model={self.d_model} with heads={self.heads}: each head needs an even width, so d_model must be "
                f"a multiple of {2 * self.heads}"
            )

    @property
    def name(self) -> str:
        """Name of the unit and of its folder."""
        return f"{self.encoding}-seed{self.seed}"

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The configuration that :meth:`to_json` wrote; unknown or missing names are refused."""
        names = {field.name for field in dataclasses.fields(cls)}
        if set(values) != names:
            raise InvalidArgumentError(
                f"configuration has other names than this version's: {sorted(set(values) ^ names)}"
            )
        return cls(**values)
