"""Language models: what causal and masked ones have in common, and how they differ."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from posembed.quality.models.continuation import Continue
from posembed.quality.models.loading import load_files
from posembed.quality.models.memory import device_of
from posembed.quality.models.model_kind import ModelKind
from posembed.quality.texts import load_whole_texts

Ids = NDArray[np.int64]
Chosen = NDArray[np.bool_]
Logits = Callable[[Tensor], Tensor]
# Names that BERT's and RoBERTa's tokenizers, and those made after them, give the token that hides another.
MASK_TOKENS = ("[MASK]", "<mask>")


class Continues(Protocol):
    """How a model is called."""

    @property
    def logits(self) -> Logits:
        """Token ids ``[batch, seq]`` to logits ``[batch, seq, vocabulary]``."""

    @property
    def continued(self) -> Continue:
        """A context and continuations to the logits of their tokens."""

    @property
    def mask_id(self) -> int | None:
        """The token that hides another."""


@dataclass(frozen=True)
class LanguageModel:
    """A loaded language model.

    Attributes:
        kind: causal or masked.
        model: a Transformers model that gives ``logits``.
        tokenizer: of the `tokenizers` package, without truncation and padding.
        mask_id: the token that hides another, where the tokenizer has one.
        precision: ``"bf16"`` or ``"fp32"``.
    """

    kind: LanguageKind
    model: Any
    tokenizer: Any
    mask_id: int | None = None
    precision: str = "fp32"

    def encode(self, text: str) -> list[int]:
        """Return a text's token ids, without special tokens."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def tokenize(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Return a text's token ids, without special tokens, and begin and end of each in the text."""
        encoded = self.tokenizer.encode(text, add_special_tokens=False)
        return list(encoded.ids), list(encoded.offsets)

    def logits(self, ids: Tensor) -> Tensor:
        """Return the logits ``[batch, seq, vocabulary]`` of token ids ``[batch, seq]``."""
        return logits_of(self.model, self.precision)(ids)


class LanguageKind(ModelKind[LanguageModel]):
    """A kind of language model; its methods say what is predicted, and from which tokens."""

    undecided: ClassVar[str]
    """What to use where no gain of the longer input was shown."""
    loader: ClassVar[str]
    """Transformers' class that loads such a model."""

    def read_texts(self, data: str) -> Mapping[str, list[str]]:
        """Return whole documents, code and all."""
        return load_whole_texts(data)

    def load(
        self,
        path: str | os.PathLike[str],
        precision: str = "fp32",
        *,
        device: str = "cpu",
        trust_remote_code: bool = False,
    ) -> LanguageModel:
        """Load a language model and its tokenizer."""
        folder = Path(path)
        model, tokenizer = load_files(folder, self.loader, device=device, trust_remote_code=trust_remote_code)
        return LanguageModel(self, model, tokenizer, self.find_mask(tokenizer, folder), precision)

    def find_mask(self, tokenizer: Any, _: Path, /) -> int | None:
        """Return the id of the token that hides another, or ``None``.

        Raises:
            InvalidArgumentError: if this kind of model cannot do without.
        """
        return next(filter(lambda number: number is not None, map(tokenizer.token_to_id, MASK_TOKENS)), None)

    @abstractmethod
    def choose(self, shape: tuple[int, ...], rng: np.random.Generator, /) -> Chosen:
        """Return which tokens of inputs ``[inputs, seq]`` are predicted."""

    @abstractmethod
    def choose_from(self, chosen: Chosen, begin: int, /) -> Chosen:
        """Return which tokens to predict where only the losses at positions from ``begin`` on are wanted."""

    @abstractmethod
    def inputs(self, ids: Tensor, chosen: Tensor, mask_id: int | None, /) -> Tensor:
        """Return what the model reads: ``ids`` ``[batch, seq]``, the chosen tokens hidden where that is needed."""

    @abstractmethod
    def losses(self, logits: Tensor, targets: Tensor, chosen: Tensor) -> Tensor:
        """Return the loss of each token of one document in nats, float64 ``[seq]``; NaN where none is predicted.

        Args:
            logits: ``[seq, vocabulary]``, on any device.
            targets: ``[seq]``, the tokens themselves, on the CPU as what follows.
            chosen: ``[seq]``, which of them are predicted.
        """

    @abstractmethod
    def continue_with(self, scorer: Continues, context: Tensor, options: Tensor, /) -> Tensor:
        """Return the logits that predict every token of some continuations, ``[count, tokens, vocabulary]``.

        Args:
            scorer: how the model is called.
            context: token ids ``[seq]``.
            options: token ids ``[count, tokens]``.
        """

    @abstractmethod
    def predictable(self, chosen: Chosen) -> Chosen:
        """Return which of the chosen tokens of inputs ``[inputs, seq]`` have a loss."""

    @abstractmethod
    def context(self, window: int) -> NDArray[np.float64]:
        """Return how much context a window shows each of its tokens: ``[window]``, larger is better."""


def logits_of(model: Any, precision: str) -> Logits:
    """Return a model as a function from token ids to logits on its device, computed in ``"bf16"`` or ``"fp32"``."""

    def logits(ids: Tensor) -> Tensor:
        device = device_of(model)
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            result: Tensor = model(input_ids=ids.to(device)).logits
        return result

    return logits


def token_losses(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the loss of each token in nats, float64 on the CPU, with the shape of ``targets``.

    Args:
        logits: ``[..., vocabulary]``, on any device.
        targets: the tokens themselves.
    """
    at = targets.to(logits.device)
    losses = F.cross_entropy(logits.flatten(0, -2), at.flatten(), reduction="none")
    return losses.cpu().double().reshape(targets.shape)  # on the CPU first: Apple's GPUs have no float64
