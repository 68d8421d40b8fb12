"""Masked language models: hidden tokens are predicted from those on both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posembed.errors import InvalidArgumentError
from posembed.quality.models.language import MASK_TOKENS, Chosen, Continues, LanguageKind, token_losses
from posembed.windows import MASKED_SHARE


class MaskedKind(LanguageKind):
    """Encoders such as BERT and RoBERTa."""

    name = "masked"
    description = "a masked language model"
    loader = "AutoModelForMaskedLM"
    undecided = "windows of the original are the better use until a gain is shown"

    def find_mask(self, tokenizer: Any, folder: Path, /) -> int:
        """Return the id of the mask token.

        Raises:
            InvalidArgumentError: if the tokenizer has none.
        """
        mask_id = super().find_mask(tokenizer, folder)
        if mask_id is None:
            raise InvalidArgumentError(
                f"{folder / 'tokenizer.json'} has no mask token named {' or '.join(MASK_TOKENS)}, which a masked "
                "language model needs"
            )
        return mask_id

    def choose(self, shape: tuple[int, ...], rng: np.random.Generator, /) -> Chosen:
        """Choose the tokens to hide."""
        return hide(shape, rng)

    def choose_from(self, chosen: Chosen, begin: int, /) -> Chosen:
        """Return the chosen tokens from ``begin`` on: the others stay visible, as context."""
        later = chosen.copy()
        later[:, :begin] = False
        return later

    def inputs(self, ids: Tensor, chosen: Tensor, mask_id: int | None, /) -> Tensor:
        """Return ``ids`` with the mask token in place of the chosen ones."""
        assert mask_id is not None
        hidden = ids.clone()
        hidden[chosen] = mask_id
        return hidden

    def losses(self, logits: Tensor, targets: Tensor, chosen: Tensor) -> Tensor:
        """Return the losses of the hidden tokens."""
        losses = torch.full(targets.shape, torch.nan, dtype=torch.float64)
        losses[chosen] = token_losses(logits[chosen.to(logits.device)], targets[chosen])
        return losses

    def continue_with(self, scorer: Continues, context: Tensor, options: Tensor, /) -> Tensor:
        """Return the logits of hidden tokens behind the context: all at once, so the same for every continuation."""
        assert scorer.mask_id is not None
        count, tokens = options.shape
        ids = torch.cat((context, torch.full((tokens,), scorer.mask_id, dtype=context.dtype)))
        return scorer.logits(ids[None])[:, len(context) :].float().expand(count, -1, -1)

    def predictable(self, chosen: Chosen) -> Chosen:
        """Return all chosen tokens."""
        return chosen

    def context(self, window: int) -> NDArray[np.float64]:
        """Return each token's distance to the nearer edge: a token in the middle is seen from both sides."""
        places = np.arange(window, dtype=np.float64)
        return np.minimum(places, window - 1 - places)


def hide(shape: tuple[int, ...], rng: np.random.Generator) -> Chosen:
    """Return a boolean mask ``[inputs, seq]`` of the tokens to predict; the last token always is one of them.

    So every input has a target, and the target that is furthest from the start is always measured.
    """
    hidden = rng.random(shape) < MASKED_SHARE
    hidden[:, -1] = True
    return hidden


MASKED = MaskedKind()
