"""What makes one vector of the states that a model has for a text's tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from torch import Tensor

Pooling = Literal["mean", "cls"]


@dataclass(frozen=True)
class States:
    """Token states of a batch, padded on the right.

    Attributes:
        tokens: in float32, ``[texts, seq, d_model]``.
        mask: 1 for a token, 0 for padding, ``[texts, seq]``.
        ids: token ids, ``[texts, seq]``.
        prompt: leading tokens of every text that belong to its prompt, special ones included; 0 without a prompt.
        more: other outputs of the model that a head asked for.
    """

    tokens: Tensor
    mask: Tensor
    ids: Tensor
    prompt: int = 0
    more: Mapping[str, Any] = field(default_factory=dict)


class Head(Protocol):
    """How a model's outputs become vectors."""

    @property
    def name(self) -> str:
        """Everything that decides the vectors beside the model, in words."""

    @property
    def has_late_chunks(self) -> bool:
        """Whether the states of part of a text give a vector of that part."""

    @property
    def without_prompt(self) -> bool:
        """Whether the tokens of a prompt do not count."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What the model is called with beside its inputs."""

    def read(self, output: Any) -> tuple[Tensor, Mapping[str, Any]]:
        """Return the states ``[texts, seq, d_model]`` out of a model's output, and what else the vectors need."""

    def vectors(self, states: States) -> Tensor:
        """Return one vector per text, ``[texts, d]``, of any length."""


@dataclass(frozen=True)
class PlainHead:
    """The mean over a text's tokens, special ones included, or the first one; no library is needed.

    Attributes:
        name: which of the two.
    """

    name: Pooling = "mean"
    without_prompt = False
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_late_chunks(self) -> bool:
        """Whether it is the mean: a first token has no parts."""
        return self.name == "mean"

    def read(self, output: Any) -> tuple[Tensor, Mapping[str, Any]]:
        """Return the last hidden states."""
        states: Tensor = output.last_hidden_state
        return states, {}

    def vectors(self, states: States) -> Tensor:
        """Return the mean or the first state of each text."""
        if self.name == "cls":
            return states.tokens[:, 0]
        return (states.tokens * states.mask[..., None]).sum(1) / states.mask.sum(1, keepdim=True)
