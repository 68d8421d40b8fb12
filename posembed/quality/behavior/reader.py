"""Read the same inputs again and again while positions move, and measure how the answers differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from posembed.layout import TableLayout
from posembed.quality.behavior.live_table import LiveTable
from posembed.quality.behavior.moves import UNMOVED, Move
from posembed.quality.behavior.tower import Seen, call, innermost
from posembed.quality.models.head import Pooling
from posembed.quality.models.language import token_losses
from posembed.quality.models.memory import device_of
from posembed.records.behavior import Measure

Values = Mapping[Measure, NDArray[np.float64]]


@dataclass(frozen=True)
class Answer:
    """What a model says of some inputs.

    Attributes:
        pooled: unit vectors ``[inputs, d_model]``.
        loss: nats per token ``[inputs]``, of language models.
        patches: unit vectors ``[inputs, patches, d_model]``, of images.
    """

    pooled: Tensor
    loss: NDArray[np.float64] | None = None
    patches: Tensor | None = None


class Reader:
    """Read one set of inputs.

    Args:
        model: the loaded model.
        table: whose rows are exchanged.
        arguments: of the call, tensors with one entry per input, and flags.
        task: how an answer is made of what the model gives.
        batch: inputs of one call.
    """

    def __init__(self, model: Any, table: LiveTable, arguments: Mapping[str, Any], task: Task, batch: int) -> None:
        self.model, self.table, self.arguments, self.task, self.batch = model, table, arguments, task, batch
        self.unmoved = self._answer(UNMOVED)

    def values(self, move: Move) -> Values:
        """Return the measures ``[inputs]`` while positions are moved."""
        answer, unmoved = self._answer(move), self.unmoved
        values: dict[Measure, NDArray[np.float64]] = {"cosine": _cosines(answer.pooled, unmoved.pooled)}
        if answer.loss is not None:
            values["loss"] = answer.loss
        if answer.patches is not None and unmoved.patches is not None:
            values["patches"] = _cosines(answer.patches, unmoved.patches).mean(axis=1)
        return values

    def _answer(self, move: Move) -> Answer:
        sizes = [len(value) for value in self.arguments.values() if isinstance(value, Tensor)]
        parts, device = [], device_of(self.model)
        with self.table.moved(move):
            for begin in range(0, sizes[0], self.batch):
                part = slice(begin, begin + self.batch)
                given = {
                    name: value[part].to(device) if isinstance(value, Tensor) else value
                    for name, value in self.arguments.items()
                }
                parts.append(self.task.answer(call(self.model, self.table.name, given), part))
        losses = [part.loss for part in parts if part.loss is not None]
        patches = [part.patches for part in parts if part.patches is not None]
        return Answer(
            torch.cat([part.pooled for part in parts]),
            np.concatenate(losses) if losses else None,
            torch.cat(patches) if patches else None,
        )


class Task:
    """How an answer is made of what a model gives; ``measure`` is what its range is judged by."""

    measure: Measure = "cosine"

    def answer(self, seen: Seen, part: slice) -> Answer:
        """Return the answer for some of the inputs."""
        raise NotImplementedError


class Pooled(Task):
    """One vector of each text."""

    def __init__(self, pooling: Pooling = "mean") -> None:
        self.pooling = pooling

    def answer(self, seen: Seen, part: slice) -> Answer:  # noqa: ARG002 - all inputs are alike
        """Pool the features."""
        features = innermost(seen)
        return Answer(_unit(features[:, 0] if self.pooling == "cls" else features.mean(dim=1)))


class Predicted(Pooled):
    """The loss of a language model, beside the mean of its features.

    Args:
        targets: the tokens themselves, ``[inputs, tokens]``.
        hidden: which of them a masked model predicts; ``None``: each token is predicted from those before it.
    """

    measure: Measure = "loss"

    def __init__(self, targets: Tensor, hidden: Tensor | None) -> None:
        super().__init__()
        self.targets, self.hidden = targets, hidden

    def answer(self, seen: Seen, part: slice) -> Answer:
        """Pool the features, and compute the loss."""
        pooled = super().answer(seen, part).pooled
        assert seen.logits is not None
        logits, targets = seen.logits.float(), self.targets[part]
        if self.hidden is None:
            losses = token_losses(logits[:, :-1], targets[:, 1:]).mean(dim=1)
        else:
            hidden = self.hidden[part].double()
            losses = (token_losses(logits, targets) * hidden).sum(dim=1) / hidden.sum(dim=1)
        return Answer(pooled, losses.numpy())


class Patches(Task):
    """The features of an image's patches, and its class token's or their mean."""

    measure: Measure = "patches"

    def __init__(self, layout: TableLayout) -> None:
        self.layout = layout

    def answer(self, seen: Seen, part: slice) -> Answer:  # noqa: ARG002 - all inputs are alike
        """Split the features into patches and the rest."""
        features = innermost(seen)
        places, layout = features.shape[1], self.layout
        # Tokens without a row of their own (registers) stand between the class token and the patches.
        end = places - layout.suffix if places >= layout.positions + layout.suffix else places
        patches = features[:, max(0, end - layout.positions) : end]
        whole = features[:, 0] if layout.prefix and places > layout.positions else patches.mean(dim=1)
        return Answer(_unit(whole), patches=_unit(patches))


def _unit(vectors: Tensor) -> Tensor:
    return F.normalize(vectors.cpu().double(), dim=-1)


def _cosines(one: Tensor, other: Tensor) -> NDArray[np.float64]:
    cosines: NDArray[np.float64] = (one * other).sum(dim=-1).numpy()
    return cosines
