"""What a language model's table is calibrated for: the next token, or hidden tokens, of the user's own text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from posembed.errors import DataError
from posembed.quality.calibrate.config import CalibrationConfig
from posembed.quality.calibrate.table import CalibratedTable
from posembed.quality.evaluate.language import hide
from posembed.quality.tasks.retrieval_set import generator

Logits = Callable[[Tensor, Tensor], Tensor]
Tokens = NDArray[np.int64]


class Prediction:
    """Loss of the next token (``causal``) or of hidden ones (``masked``).

    Args:
        logits: a whole table and token ids ``[batch, seq]`` to logits ``[batch, seq, vocabulary]``.
        config: of the calibration.
        train: texts in tokens.
        validation: likewise, disjoint from those.
        mask_id: of a masked model.
        reserved: rows before position 0.
        at_once: training inputs whose activations fit into memory together.
        scored_at_once: held-out inputs, which need no backward pass; as many if left out.

    Raises:
        DataError: if the texts are too short.
    """

    def __init__(
        self,
        logits: Logits,
        config: CalibrationConfig,
        train: Sequence[Sequence[int]],
        validation: Sequence[Sequence[int]],
        *,
        mask_id: int | None = None,
        reserved: int = 0,
        at_once: int = 1,
        scored_at_once: int | None = None,
    ) -> None:
        self.logits, self.config, self.mask_id = logits, config, mask_id
        self.reserved = reserved
        self.at_once = max(1, at_once)
        self.scored_at_once = scored_at_once or self.at_once
        self.train = _long_enough(train, config.document, "training", "a smaller --to or --document")
        held_out = _long_enough(validation, config.length, "validation", "a smaller --to")
        draw = generator("calibrate", "validation", config.length, config.seed)
        self.held_out = np.stack([_window(held_out, config.length, draw) for _ in range(config.held_out)])
        self.hidden = hide(self.held_out.shape, draw)

    def backward(self, table: CalibratedTable, step: int) -> float:
        """Gradients of one step's loss, a few inputs at a time."""
        config = self.config
        draw = generator("calibrate", "step", step, config.seed)
        ids = np.stack([_window(self.train, config.document, draw) for _ in range(config.batch)])
        hidden = hide(ids.shape, draw)
        weight = table()
        leaf = weight.detach().requires_grad_()
        total = 0.0
        for begin in range(0, config.batch, self.at_once):
            part = slice(begin, begin + self.at_once)
            read = _spread(leaf, self.reserved, config, draw) if config.spread else leaf
            loss = self._loss(read, ids[part], hidden[part]).mean() * (len(ids[part]) / config.batch)
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
        weight.backward(leaf.grad)
        return total

    def validate(self, table: Tensor) -> float:
        """Mean loss over held-out inputs of the whole length, at the positions whose rows are trained."""
        found = []
        for begin in range(0, len(self.held_out), self.scored_at_once):
            part = slice(begin, begin + self.scored_at_once)
            found.append(self._loss(table, self.held_out[part], self.hidden[part], self.config.keep))
        return float(torch.cat(found).double().mean())

    def tokens(self, _: int) -> int:
        """Tokens of a step's training inputs."""
        return self.config.batch * self.config.document

    def _loss(self, table: Tensor, ids: Tokens, hidden: NDArray[np.bool_], first: int = 0) -> Tensor:
        """Losses of all predicted tokens from a position on, in one row."""
        inputs = torch.from_numpy(ids).to(table.device)
        if self.config.kind == "causal":
            first = max(first, 1)
            logits = self.logits(table, inputs)[:, first - 1 : -1]
            return F.cross_entropy(logits.float().flatten(0, 1), inputs[:, first:].flatten(), reduction="none")
        chosen = torch.from_numpy(hidden).to(table.device)
        assert self.mask_id is not None
        logits = self.logits(table, inputs.masked_fill(chosen, self.mask_id))
        chosen[:, :first] = False
        return F.cross_entropy(logits[chosen].float(), inputs[chosen], reduction="none")


def _spread(table: Tensor, reserved: int, config: CalibrationConfig, draw: np.random.Generator) -> Tensor:
    """The table with rows moved to the front, so that an input of ``document`` tokens reads two far stretches of it.

    Both parts keep their own order; the first begins at a random position too, since every row must be met.
    """
    room = config.length - config.document
    cut = int(draw.integers(1, config.document))
    skips = np.sort(draw.integers(0, room + 1, 2))
    places = np.arange(config.document) + np.where(np.arange(config.document) < cut, skips[0], skips[1])
    rows = torch.from_numpy(np.concatenate((np.arange(reserved), reserved + places))).to(table.device)
    return torch.cat((table[rows], table[len(rows) :]))  # the model's own size stays


def _long_enough(texts: Sequence[Sequence[int]], length: int, name: str, smaller: str) -> list[Tokens]:
    found = [np.asarray(text, dtype=np.int64) for text in texts if len(text) >= length]
    if not found:
        longest = max(map(len, texts), default=0)
        raise DataError(
            f"no {name} document has {length} tokens (the longest of {len(texts)} has {longest}): give longer texts "
            f"with --data, or {smaller}"
        )
    return found


def _window(texts: Sequence[Tokens], length: int, draw: np.random.Generator) -> Tokens:
    """So many tokens from a random place of a random text, longer texts being met more often."""
    rooms = np.array([len(text) - length + 1 for text in texts])
    at = int(draw.integers(int(rooms.sum())))
    number = int(np.searchsorted(np.cumsum(rooms), at, side="right"))
    begin = at - int(np.cumsum(rooms)[number] - rooms[number])
    return texts[number][begin : begin + length]
