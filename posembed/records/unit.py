"""The stored configuration of one unit of a comparison (one encoding, one seed), and of the comparison itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from posembed.errors import InvalidArgumentError
from posembed.records.base import JsonObject, Record, require_types
from posembed.records.compare import ENCODINGS, WARMUP_DIVISOR, CompareOptions, require_choice, require_settings


@dataclass(frozen=True, kw_only=True)
class TrainingSettings(Record):
    """What all units of a comparison have in common; the defaults are those of :class:`posembed.CompareOptions`."""

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
    warmup_steps: int = CompareOptions.steps // WARMUP_DIVISOR
    weight_decay: float = CompareOptions.weight_decay
    gradient_clip: float = CompareOptions.gradient_clip
    sinusoid_rms: float = CompareOptions.sinusoid_rms
    precision: str = "fp32"
    threads: int = CompareOptions.threads
    device: str = "cpu"
    compile: bool = CompareOptions.compile
    windows_per_document: int = CompareOptions.windows_per_document
    evaluation_documents: int = CompareOptions.evaluation_documents
    evaluations: int = CompareOptions.evaluations

    def __post_init__(self) -> None:
        require_types(self)
        require_choice(self, "precision", ("fp32", "bf16"))
        require_settings(self)

    @property
    def causal(self) -> bool:
        """Whether each token sees only those before it."""
        return self.model == "decoder"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the settings that ``to_dict`` wrote.

        Raises:
            InvalidArgumentError: for an unknown or missing name: a default in its place would change the numbers.
        """
        names = {each.name for each in dataclasses.fields(cls)}
        if set(values) != names:
            raise InvalidArgumentError(
                f"the configuration has other names than this version's: {', '.join(sorted(set(values) ^ names))}"
            )
        return super().from_dict(values)


@dataclass(frozen=True)
class UnitConfig(TrainingSettings):
    """Everything that decides the numbers of one unit. Plain values only: it travels as JSON.

    Lengths are in tokens (bytes, unless there is a tokenizer); ``learning_rate`` is the peak of AdamW.
    ``sinusoid_rms`` is the root mean square of the sinusoid: 0.02, as that of the initial token and learned rows.
    The formula alone has 0.71, which drowns such tokens (Vaswani et al. multiply theirs by √d_model instead).

    Example:
        >>> unit = UnitConfig(encoding="rope", seed=3, steps=60)
        >>> unit.name, unit.d_model, UnitConfig.from_dict(unit.to_dict()) == unit
        ('rope-seed3', 128, True)
    """

    encoding: str = "learned"
    seed: int = 0

    def __post_init__(self) -> None:
        require_choice(self, "encoding", ENCODINGS)
        super().__post_init__()

    @property
    def name(self) -> str:
        """Name of the unit and of its folder."""
        return f"{self.encoding}-seed{self.seed}"

    def to_dict(self) -> JsonObject:
        """Return plain values, ready for ``json.dumps``: encoding and seed first."""
        first: JsonObject = {"encoding": self.encoding, "seed": self.seed}
        return first | super().to_dict()

    def to_json(self) -> JsonObject:
        """Return :meth:`to_dict`, which had this name in 0.1."""
        return self.to_dict()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return :meth:`from_dict`, which had this name in 0.1."""
        return cls.from_dict(values)


@dataclass(frozen=True, kw_only=True)
class ComparisonSetup(TrainingSettings):
    """Everything that decides the numbers of a comparison: the settings of its units, the encodings and the seeds."""

    encodings: tuple[str, ...]
    seeds: tuple[int, ...]

    @classmethod
    def of(cls, units: Sequence[UnitConfig]) -> Self:
        """Return the setup that all these units are part of."""
        shared = {each.name: getattr(units[0], each.name) for each in dataclasses.fields(TrainingSettings)}
        encodings = tuple(dict.fromkeys(unit.encoding for unit in units))
        return cls(**shared, encodings=encodings, seeds=tuple(sorted({unit.seed for unit in units})))
