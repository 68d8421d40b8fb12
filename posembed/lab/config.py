"""The stored configuration of one unit of work: one encoding, one seed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from posembed.errors import InvalidArgumentError
from posembed.records.base import JsonObject, Options
from posembed.records.compare import ENCODINGS, WARMUP_FRACTION, CompareOptions, require_choice, require_settings

TRAINABLE = ("learned", "learned-from-sinusoid")
FACTORS = (1.25, 1.5, 2.0)
"""Input lengths past the training length, as multiples of it, at which every arm is evaluated."""


@dataclass(frozen=True)
class UnitConfig(Options):
    """Everything that decides the numbers of one unit. Plain values only: it travels as JSON.

    Lengths are in tokens (bytes, unless there is a tokenizer); ``learning_rate`` is the peak of AdamW.
    ``sinusoid_rms`` is the root mean square of the sinusoid: 0.02, as that of the initial token and learned rows.
    The formula alone has 0.71, which drowns such tokens (Vaswani et al. multiply theirs by √d_model instead).

    Defaults are those of :class:`posembed.records.compare.CompareOptions`.
    """

    encoding: str = "learned"
    seed: int = 0
    model: str = CompareOptions.model
    data: str = CompareOptions.data
    data_sha256: str = ""
    tokenizer: str = CompareOptions.tokenizer
    train_length: int = CompareOptions.train_length
    d_model: int = CompareOptions.d_model
    layers: int = CompareOptions.layers
    heads: int = CompareOptions.heads
    batch_size: int = CompareOptions.batch_size
    steps: int = CompareOptions.steps
    learning_rate: float = CompareOptions.learning_rate
    warmup_steps: int = CompareOptions.steps // WARMUP_FRACTION
    weight_decay: float = CompareOptions.weight_decay
    gradient_clip: float = CompareOptions.gradient_clip
    sinusoid_rms: float = CompareOptions.sinusoid_rms
    precision: str = "fp32"
    threads: int = CompareOptions.threads
    device: str = CompareOptions.device
    compile: bool = CompareOptions.compile
    windows_per_document: int = CompareOptions.windows_per_document
    evaluation_documents: int = CompareOptions.evaluation_documents
    evaluations: int = CompareOptions.evaluations

    def __post_init__(self) -> None:
        require_choice(self, "encoding", ENCODINGS)
        require_choice(self, "precision", ("fp32", "bf16"))
        require_settings(self)

    @property
    def name(self) -> str:
        """Name of the unit and of its folder."""
        return f"{self.encoding}-seed{self.seed}"

    def to_json(self) -> JsonObject:
        """Return plain values; :meth:`to_dict` by its name in 0.1."""
        return self.to_dict()

    @classmethod
    def from_json(cls, values: Mapping[str, object]) -> Self:
        """Return the configuration that :meth:`to_json` wrote; :meth:`from_dict` by its name in 0.1."""
        return cls.from_dict(values)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the configuration that :meth:`to_dict` wrote.

        Raises:
            InvalidArgumentError: for an unknown or missing name: a default in its place would change the numbers.
        """
        names = {each.name for each in dataclasses.fields(cls)}
        if set(values) != names:
            raise InvalidArgumentError(
                f"the configuration has other names than this version's: {', '.join(sorted(set(values) ^ names))}"
            )
        return super().from_dict(values)
