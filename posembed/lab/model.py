"""The lab's Transformer: pre-norm, decoder or encoder, in which only the position encoding changes."""

from __future__ import annotations

import hashlib

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from posembed.errors import InvalidArgumentError
from posembed.lab.attention import Attend
from posembed.lab.encodings import ENCODINGS
from posembed.nn.learned import LearnedPositionalEmbedding
from posembed.nn.token_position import TokenPositionEmbedding
from posembed.records.unit import UnitConfig

TOKEN_STD = 0.02
"""Standard deviation of initial weights, as in GPT-2."""


class Block(nn.Module):
    """Pre-norm attention and feed-forward, as in GPT-2."""

    def __init__(self, d_model: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(d_model)
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.out = nn.Linear(d_model, d_model)
        self.norm2 = nn.LayerNorm(d_model)
        self.up = nn.Linear(d_model, 4 * d_model)
        self.down = nn.Linear(4 * d_model, d_model)

    def forward(self, x: Tensor, attend: Attend) -> Tensor:
        """Return the block's output for ``x``, both ``[batch, seq, d_model]``."""
        batch, seq, width = x.shape
        qkv = self.qkv(self.norm1(x)).view(batch, seq, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind()
        x = x + self.out(attend(q, k, v).transpose(1, 2).reshape(batch, seq, width))
        y: Tensor = x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))
        return y


class LabModel(nn.Module):
    """A small Transformer whose parameters, apart from the position table, do not depend on the encoding.

    Args:
        config: sizes, architecture, encoding and seed.
        vocab_size: rows of the token table.

    Example:
        >>> model = LabModel(UnitConfig(d_model=8, heads=2, layers=1, train_length=16), vocab_size=10)
        >>> model(torch.zeros(1, 16, dtype=torch.long)).shape
        torch.Size([1, 16, 10])
    """

    def __init__(self, config: UnitConfig, vocab_size: int) -> None:
        super().__init__()
        self.config = config
        self.encoding = ENCODINGS[config.encoding]
        self.embed = TokenPositionEmbedding(
            vocab_size,
            config.train_length,
            config.d_model,
            position=self.encoding.position(config),
            backend="modules",  # the same numbers with and without numba or Triton
        )
        self.blocks = nn.ModuleList(Block(config.d_model, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.d_model)
        self.head = nn.Linear(config.d_model, vocab_size, bias=False)
        self._attend_cache: tuple[int, torch.device, Attend] | None = None
        self._initialize(config)

    @torch.no_grad()
    def _initialize(self, config: UnitConfig) -> None:
        # Each parameter has a generator of its own, named after it: an encoding with a table
        # draws the same weights everywhere else as one without.
        for name, parameter in self.named_parameters():
            digest = hashlib.sha256(f"{config.seed} {name}".encode()).digest()
            generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
            if parameter.dim() == 1:
                parameter.fill_(1.0 if ".norm" in f".{name}" and name.endswith("weight") else 0.0)
                continue
            residual = name.endswith(("out.weight", "down.weight"))
            std = TOKEN_STD / (2 * config.layers) ** 0.5 if residual else TOKEN_STD
            parameter.normal_(std=std, generator=generator)
        if self.table is not None:
            self.encoding.initialize(self.table, config)

    @property
    def table(self) -> nn.Parameter | None:
        """The trainable position table, ``None`` where the encoding has none."""
        position = self.embed.position
        return position.weight if isinstance(position, LearnedPositionalEmbedding) else None

    @torch.no_grad()
    def set_table(self, table: Tensor) -> None:
        """Replace the trainable position table by one of another length."""
        if self.table is None:
            raise InvalidArgumentError(f"encoding {self.encoding.name!r} has no trainable table to replace")
        position = LearnedPositionalEmbedding(
            table.shape[0], table.shape[1], device=self.table.device, dtype=self.table.dtype
        )
        position.weight.copy_(table)
        self.embed.position = position

    def forward(self, ids: Tensor, only: Tensor | None = None) -> Tensor:
        """Return logits ``[batch, seq, vocab_size]`` of ids ``[batch, seq]``.

        With ``only``, indices of tokens counted through the whole batch, return just their logits ``[tokens,
        vocab_size]``. A masked model needs few of them, and with a large vocabulary logits cost more than everything
        before them.
        """
        attend = self._attend(ids.shape[1], ids.device)
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x, attend)
        logits: Tensor = self.head(self.norm(x if only is None else x.flatten(0, 1)[only]))
        return logits

    def _attend(self, length: int, device: torch.device) -> Attend:
        if self._attend_cache is None or self._attend_cache[:2] != (length, device):
            with torch.inference_mode(False):  # tables made in inference mode could not be trained with later
                self._attend_cache = (length, device, self.encoding.attend(self.config, length, device))
        return self._attend_cache[2]

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_attend_cache": None}  # it holds a function; the next call makes it anew
