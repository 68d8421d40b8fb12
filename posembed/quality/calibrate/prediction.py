"""The objective of language models: predict the next token, or hidden ones, of the user's own text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from posembed.errors import DataError, WorkFailedError
from posembed.quality.calibrate.table import CalibratedTable
from posembed.quality.models.masked import hide
from posembed.quality.models.memory import fits
from posembed.quality.rng import generator
from posembed.records.calibrate import CalibrationConfig

Logits = Callable[[Tensor, Tensor], Tensor]
Tokens = NDArray[np.int64]


class Target(Protocol):
    """Which tokens are predicted, and from what."""

    def losses(self, logits: Callable[[Tensor], Tensor], ids: Tensor, hidden: Tensor, first: int) -> Tensor:
        """Return the losses of all predicted tokens from position ``first`` on, in one row.

        Args:
            logits: token ids ``[batch, seq]`` to logits ``[batch, seq, vocabulary]``.
            ids: token ids ``[batch, seq]``.
            hidden: boolean ``[batch, seq]``, the tokens that a masked model predicts.
            first: the first position that counts.
        """


class NextToken:
    """Every token is predicted from those before it."""

    def losses(self, logits: Callable[[Tensor], Tensor], ids: Tensor, _: Tensor, first: int, /) -> Tensor:
        """Return the losses of the tokens from ``first`` on; the first token of all has none before it."""
        first = max(first, 1)
        predicted = logits(ids)[:, first - 1 : -1]
        return F.cross_entropy(predicted.float().flatten(0, 1), ids[:, first:].flatten(), reduction="none")


class HiddenTokens:
    """Hidden tokens are predicted from all others.

    Args:
        mask_id: the token that hides another.
    """

    def __init__(self, mask_id: int) -> None:
        self.mask_id = mask_id

    def losses(self, logits: Callable[[Tensor], Tensor], ids: Tensor, hidden: Tensor, first: int, /) -> Tensor:
        """Return the losses of the hidden tokens from ``first`` on; those before it are not hidden, as context."""
        hidden = hidden.clone()  # the caller's may be the memory of an array that is read again
        hidden[:, :first] = False
        predicted = logits(ids.masked_fill(hidden, self.mask_id))
        return F.cross_entropy(predicted[hidden].float(), ids[hidden], reduction="none")


class Prediction:
    """Mean loss of the tokens that a language model predicts.

    Args:
        logits: a whole table and token ids ``[batch, seq]`` to logits ``[batch, seq, vocabulary]``.
        target: which tokens are predicted.
        config: of the calibration.
        train: texts in tokens.
        validation: likewise, disjoint from those.
        reserved: rows before position 0.
        at_once: training inputs whose activations fit into memory together.
        scored_at_once: validation inputs, which need no backward pass; by default ``at_once``.

    Raises:
        DataError: if the texts are too short.
    """

    def __init__(
        self,
        logits: Logits,
        target: Target,
        config: CalibrationConfig,
        train: Sequence[Sequence[int]],
        validation: Sequence[Sequence[int]],
        *,
        reserved: int = 0,
        at_once: int = 1,
        scored_at_once: int | None = None,
    ) -> None:
        self.logits, self.target, self.config = logits, target, config
        self.reserved = reserved
        self.at_once = max(1, at_once)
        self.scored_at_once = scored_at_once or self.at_once
        self.train = _long_enough(train, config.document, "training", "a smaller `length` or `document`")
        held_out = _long_enough(validation, config.length, "validation", "a smaller `length`")
        rng = generator("calibrate", "validation", config.length, config.seed)
        self.held_out = np.stack([_window(held_out, config.length, rng) for _ in range(config.held_out)])
        self.hidden = hide(self.held_out.shape, rng)

    def backward(self, table: CalibratedTable, step: int) -> float:
        """Add the gradients of one step's loss to the table's parameters, a few inputs at a time; return the loss."""
        config = self.config
        rng = generator("calibrate", "step", step, config.seed)
        ids = np.stack([_window(self.train, config.document, rng) for _ in range(config.batch)])
        hidden = hide(ids.shape, rng)  # for every target, so that all kinds of model see the same random numbers
        total = 0.0
        with table.as_leaf() as leaf:
            for begin in range(0, config.batch, self.at_once):
                part = slice(begin, begin + self.at_once)
                read = spread_rows(leaf, self.reserved, config, rng) if config.spread else leaf
                loss = self._losses(read, ids[part], hidden[part]).mean() * (len(ids[part]) / config.batch)
                loss.backward()  # type: ignore[no-untyped-call]
                total += loss.item()
        return total

    def halve(self) -> bool:
        """Read half as many inputs at once from now on; return ``False`` where it is one already."""
        if self.at_once == 1:
            return False
        self.at_once //= 2
        return True

    def validate(self, table: Tensor) -> float:
        """Return the mean loss over validation inputs of the whole length, at the positions whose rows are trained."""
        losses: list[Tensor] = []
        begin = 0
        while begin < len(self.held_out):
            part = slice(begin, begin + self.scored_at_once)
            if fits(lambda part=part: losses.append(self._scored(table, part))):  # type: ignore[misc]
                begin += self.scored_at_once
            elif self.scored_at_once > 1:
                self.scored_at_once //= 2
            else:
                raise WorkFailedError(
                    f"not even one input of {self.config.length} tokens fits into the memory of {table.device}: use a "
                    "smaller `length`, or device='cpu'"
                )
        return float(torch.cat(losses).double().mean())

    def _scored(self, table: Tensor, part: slice) -> Tensor:
        return self._losses(table, self.held_out[part], self.hidden[part], self.config.keep).cpu()

    def tokens(self, _: int) -> int:
        """Return the number of tokens of a step's training inputs."""
        return self.config.batch * self.config.document

    def _losses(self, table: Tensor, ids: Tokens, hidden: NDArray[np.bool_], first: int = 0) -> Tensor:
        inputs, chosen = torch.from_numpy(ids).to(table.device), torch.from_numpy(hidden).to(table.device)
        return self.target.losses(lambda read: self.logits(table, read), inputs, chosen, first)


def spread_rows(table: Tensor, reserved: int, config: CalibrationConfig, rng: np.random.Generator) -> Tensor:
    """Return the table with later rows moved to its front, so that a short input reads two far stretches of it.

    Both parts keep their own order; the first starts at a random position too, since every row must be met.

    Args:
        table: ``[rows, d_model]``.
        reserved: rows before position 0; they keep their place.
        config: an input has ``document`` of ``length`` positions.
        rng: random numbers.
    """
    room = config.length - config.document
    cut = int(rng.integers(1, config.document))
    skips = np.sort(rng.integers(0, room + 1, 2))
    places = np.arange(config.document) + np.where(np.arange(config.document) < cut, skips[0], skips[1])
    rows = torch.from_numpy(np.concatenate((np.arange(reserved), reserved + places))).to(table.device)
    return torch.cat((table[rows], table[len(rows) :]))  # as many rows as the model has


def _long_enough(texts: Sequence[Sequence[int]], length: int, name: str, smaller: str) -> list[Tokens]:
    long_ones = [np.asarray(text, dtype=np.int64) for text in texts if len(text) >= length]
    if not long_ones:
        longest = max(map(len, texts), default=0)
        raise DataError(
            f"no {name} document has {length} tokens (the longest of {len(texts)} has {longest}): give longer texts "
            f"with `data`, or {smaller}"
        )
    return long_ones


def _window(texts: Sequence[Tokens], length: int, rng: np.random.Generator) -> Tokens:
    """Return ``length`` tokens from a random place; every place of every text is as likely."""
    rooms = np.array([len(text) - length + 1 for text in texts])
    at = int(rng.integers(int(rooms.sum())))
    number = int(np.searchsorted(np.cumsum(rooms), at, side="right"))
    begin = at - int(np.cumsum(rooms)[number] - rooms[number])
    return texts[number][begin : begin + length]
