"""The loss of every token of long inputs, whatever the language model is."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from posembed.errors import WorkFailedError
from posembed.quality.models.language import Chosen, Ids, LanguageKind, LanguageModel, Logits

Losses = NDArray[np.float64]


class Scorer:
    """Loss per token of batches of token ids.

    Args:
        logits: token ids ``[batch, seq]`` to logits ``[batch, seq, vocabulary]``.
        kind: causal or masked: what is predicted from what.
        mask_id: the token that hides another, of a masked model.
    """

    def __init__(self, logits: Logits, kind: LanguageKind, mask_id: int | None = None) -> None:
        self.logits = logits
        self.kind = kind
        self.mask_id = mask_id

    @classmethod
    def of(cls, model: LanguageModel) -> Scorer:
        """Return the scorer of a loaded model."""
        return cls(model.logits, model.kind, model.mask_id)

    @torch.no_grad()
    def losses(self, ids: Ids, chosen: Chosen) -> Losses:
        """Return losses in nats, ``[documents, seq]``; NaN where a token is not predicted.

        Args:
            ids: token ids ``[documents, seq]``.
            chosen: which of them to predict, ``[documents, seq]``.

        Raises:
            WorkFailedError: if the model gives a loss that is not finite.
        """
        targets, predicted = torch.from_numpy(ids.copy()), torch.from_numpy(chosen)
        inputs = self.kind.inputs(targets, predicted, self.mask_id)
        losses = np.full(ids.shape, np.nan)
        for row in range(len(ids)):  # one document at a time: the logits of a long one are large
            (logits,) = self.logits(inputs[row : row + 1])
            losses[row] = self.kind.losses(logits.float(), targets[row], predicted[row]).numpy()
        broken = np.argwhere(self.kind.predictable(chosen) & ~np.isfinite(losses))
        if len(broken):
            raise WorkFailedError(
                f"the model gives no finite loss at position {broken[0][1]} of an input of {ids.shape[1]} tokens; "
                "check the table's rows with posembed inspect"
            )
        return losses
