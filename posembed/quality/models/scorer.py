"""The loss of every token of long inputs, whatever the language model is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from posembed.errors import WorkFailedError
from posembed.quality.models.continuation import Continue, continued_cached, continued_whole
from posembed.quality.models.language import Chosen, Ids, LanguageKind, LanguageModel, Logits, token_losses

Losses = NDArray[np.float64]


class Scorer:
    """Loss per token of batches of token ids.

    Args:
        logits: token ids ``[batch, seq]`` to logits ``[batch, seq, vocabulary]``.
        kind: causal or masked: what is predicted from what.
        mask_id: the token that hides another, of a masked model.
        continued: a faster way to score continuations of one context; by default each is read with all of it.
    """

    def __init__(
        self, logits: Logits, kind: LanguageKind, mask_id: int | None = None, continued: Continue | None = None
    ) -> None:
        self.logits = logits
        self.kind = kind
        self.mask_id = mask_id
        self.continued: Continue = continued_whole(logits) if continued is None else continued

    @classmethod
    def of(cls, model: LanguageModel) -> Scorer:
        """Return the scorer of a loaded model."""
        return cls(model.logits, model.kind, model.mask_id, continued_cached(model.model, model.precision))

    @torch.no_grad()
    def continuation_losses(self, context: Sequence[int], options: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Return the mean loss per token of each continuation of a context in nats, ``[options]``.

        Args:
            context: token ids.
            options: continuations of equally many tokens, at least two.

        Raises:
            WorkFailedError: if the model gives a loss that is not finite.
        """
        targets = torch.tensor([list(option) for option in options])
        logits = self.kind.continue_with(self, torch.tensor(list(context)), targets)
        losses = token_losses(logits, targets).mean(dim=1)
        if not bool(torch.isfinite(losses).all()):
            raise WorkFailedError(
                f"the model gives no finite loss behind an input of {len(context)} tokens; check the table's rows with "
                "posembed inspect"
            )
        result: NDArray[np.float64] = losses.numpy()
        return result

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
