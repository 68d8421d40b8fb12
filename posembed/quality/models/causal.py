"""Causal language models: every token is predicted from those before it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posembed.quality.models.language import Chosen, Continues, LanguageKind, token_losses


class CausalKind(LanguageKind):
    """Decoders such as GPT-2."""

    name = "causal"
    description = "a causal language model"
    loader = "AutoModelForCausalLM"
    undecided = "a sliding window of the original does as well"

    def choose(self, shape: tuple[int, ...], _: np.random.Generator, /) -> Chosen:
        """Choose every token; no random number is drawn."""
        return np.ones(shape, dtype=bool)

    def choose_from(self, chosen: Chosen, _: int, /) -> Chosen:
        """Return ``chosen``: predicting more tokens changes no loss."""
        return chosen

    def inputs(self, ids: Tensor, _: Tensor, __: int | None, /) -> Tensor:
        """Return ``ids``: nothing is hidden."""
        return ids

    def losses(self, logits: Tensor, targets: Tensor, chosen: Tensor) -> Tensor:
        """Return the losses of the chosen tokens; the first token has none before it, so no loss."""
        losses = torch.full(targets.shape, torch.nan, dtype=torch.float64)
        losses[1:] = token_losses(logits[:-1], targets[1:])
        losses[~chosen] = torch.nan
        return losses

    def continue_with(self, scorer: Continues, context: Tensor, options: Tensor, /) -> Tensor:
        """Return the logits behind the context, token by token."""
        return scorer.continued(context, options)

    def predictable(self, chosen: Chosen) -> Chosen:
        """Return the chosen tokens but the first."""
        predictable = chosen.copy()
        predictable[:, 0] = False
        return predictable

    def context(self, window: int) -> NDArray[np.float64]:
        """Count the tokens before each one."""
        return np.arange(window, dtype=np.float64)


CAUSAL = CausalKind()
