"""Length-aware positions for models whose own class counts positions from the attention mask, as OPT's does."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from posembed.errors import InvalidArgumentError
from posembed.nn.checks import require_integers, require_mask
from posembed.nn.length_aware import LengthAwareEmbedding, refuse_additive

# Transformers' classes that are called so: all count from the mask and add 2 (see posembed.find.families).
_NAMES = ("OPTLearnedPositionalEmbedding", "BioGptLearnedPositionalEmbedding")


class MaskedRows(LengthAwareEmbedding):
    """Take an attention mask in place of row numbers; the arguments are those of Transformers' class.

    The position of a real token is the number of real tokens before it, so padding on the left is not counted.

    Example:
        >>> import torch
        >>> short, long = torch.arange(4.0)[:, None], 100 + torch.arange(6.0)[:, None]
        >>> module = MaskedRows([short, long], [2, 4], reserved=2)
        >>> module(torch.tensor([[0, 1, 1]])).squeeze(-1).tolist()
        [[1.0, 2.0, 3.0]]
        >>> module(torch.tensor([[1, 1, 1]])).squeeze(-1).tolist()
        [[102.0, 103.0, 104.0]]
    """

    def forward(
        self,
        attention_mask: Tensor,
        cache_length: int = 0,
        position_ids: Tensor | None = None,
        *,
        past_key_values_length: int = 0,
    ) -> Tensor:
        """Return the rows of the tokens past ``cache_length``, ``[batch, seq, d_model]``.

        ``past_key_values_length`` is the name of ``cache_length`` before Transformers 5.24.
        """
        cached = cache_length or past_key_values_length
        if position_ids is None:
            require_mask(attention_mask)
            if attention_mask.dim() != 2:
                raise InvalidArgumentError(
                    f"attention_mask has shape {list(attention_mask.shape)}; it must be [batch, seq]"
                )
            refuse_additive(attention_mask)
            real = attention_mask.to(torch.int64)  # a half-precision running sum loses positions above 256
            position_ids = (real.cumsum(dim=1) * real - 1)[:, cached:]
        require_integers("position_ids", position_ids)
        return super().forward(position_ids.to(torch.int64) + self.reserved)


def counts_from_mask(module: nn.Module) -> bool:
    """Return whether a module is of such a class, by name (Transformers may be missing), or replaced one."""
    known = type(module).__name__ in _NAMES and getattr(module, "offset", None) == 2
    return known or isinstance(module, MaskedRows)
