"""The lab's Transformer: pre-norm, decoder or encoder, in which only the position encoding changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from posembed.errors import InvalidArgumentError
from posembed.lab.attention import attention
from posembed.lab.config import TRAINABLE, UnitConfig
from posembed.lab.encodings import alibi_bias, rope_tables, rotate
from posembed.nn.learned import LearnedPositionalEmbedding
from posembed.nn.sinusoidal import SinusoidalPositionalEmbedding, sinusoidal_rows
from posembed.nn.token_position import TokenPositionEmbedding

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
TOKEN_STD = 0.02


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
        """``x`` is ``[batch, seq, d_model]``; ``attend`` maps heads' queries, keys, values to their outputs."""
        batch, seq, width = x.shape
        qkv = self.qkv(self.norm1(x)).view(batch, seq, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind()
        x = x + self.out(attend(q, k, v).transpose(1, 2).reshape(batch, seq, width))
        y: Tensor = x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))
        return y


class ScaledSinusoid(SinusoidalPositionalEmbedding):
    """The sinusoid times a constant, so that every arm starts with position rows of the same size."""

    def __init__(self, max_len: int, d_model: int, rms: float) -> None:
        super().__init__(max_len, d_model)
        self.scale = rms * 2**0.5  # sin² + cos² = 1 in pairs: the formula's own mean square is 1/2

    def forward(self, positions: int | Tensor, start: int = 0) -> Tensor:
        """Rows by position, as in the base class, scaled."""
        return super().forward(positions, start) * self.scale


class LabModel(nn.Module):
    """A small Transformer whose parameters, apart from the position table, do not depend on the encoding.

    Args:
        config: sizes, model kind, encoding and seed.
        vocab_size: rows of the token table.

    Example:
        >>> model = LabModel(UnitConfig(d_model=8, heads=2, layers=1, train_length=16), vocab_size=10)
        >>> model(torch.zeros(1, 16, dtype=torch.long)).shape
        torch.Size([1, 16, 10])
    """

    def __init__(self, config: UnitConfig, vocab_size: int) -> None:
        super().__init__()
        self.encoding = config.encoding
        self.causal = config.model == "decoder"
        self.heads = config.heads
        position: str | nn.Module = "learned" if config.encoding in TRAINABLE else "none"
        if config.encoding == "sinusoidal":
            position = ScaledSinusoid(config.train_length, config.d_model, config.sinusoid_rms)
        self.embed = TokenPositionEmbedding(
            vocab_size,
            config.train_length,
            config.d_model,
            position=position,
        )
        self.blocks = nn.ModuleList(Block(config.d_model, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.d_model)
        self.head = nn.Linear(config.d_model, vocab_size, bias=False)
        self._attend_cache: tuple[int, torch.device, Attend] | None = None
        self._initialise(config)

    @torch.no_grad()
    def _initialise(self, config: UnitConfig) -> None:
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
        if self.encoding == "learned-from-sinusoid":
            table = self.embed.position.weight  # type: ignore[union-attr]
            assert isinstance(table, Tensor)
            rows = sinusoidal_rows(torch.arange(config.train_length), config.d_model)
            table.copy_(rows * config.sinusoid_rms * 2**0.5)

    @property
    def table(self) -> nn.Parameter | None:
        """The trainable position table, if the encoding has one."""
        position = self.embed.position
        return position.weight if isinstance(position, LearnedPositionalEmbedding) else None

    @torch.no_grad()
    def set_table(self, table: Tensor) -> None:
        """Replace the trainable position table by one of another length."""
        if self.table is None:
            raise InvalidArgumentError(f"encoding {self.encoding!r} has no trainable table to replace")
        position = LearnedPositionalEmbedding(
            table.shape[0], table.shape[1], device=self.table.device, dtype=self.table.dtype
        )
        position.weight.copy_(table)
        self.embed.position = position

    def forward(self, ids: Tensor, only: Tensor | None = None) -> Tensor:
        """Logits ``[batch, seq, vocab_size]`` of ids ``[batch, seq]``.

        With ``only``, numbers of tokens counted through the whole batch, just those of these, ``[tokens, vocab_size]``:
        of a masked model few are wanted, and with a large vocabulary logits cost more than everything before them.
        """
        attend = self._attend(ids.shape[1], ids.device)
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x, attend)
        logits: Tensor = self.head(self.norm(x if only is None else x.flatten(0, 1)[only]))
        return logits

    def _attend(self, length: int, device: torch.device) -> Attend:
        if self._attend_cache is None or self._attend_cache[:2] != (length, device):
            self._attend_cache = (length, device, self._make_attend(length, device))
        return self._attend_cache[2]

    def _make_attend(self, length: int, device: torch.device) -> Attend:
        causal = self.causal
        if self.encoding == "alibi":
            bias = alibi_bias(self.heads, length, device, causal=causal)
            return lambda q, k, v: attention(q, k, v, causal=causal, bias=bias)
        if self.encoding == "rope":
            cos, sin = rope_tables(length, self.embed.d_model // self.heads, device)

            def attend_rotated(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
                q, k = rotate(q, cos, sin), rotate(k, cos, sin)
                return attention(q, k, v, causal=causal)

            return attend_rotated
        return lambda q, k, v: attention(q, k, v, causal=causal)


def position_cost(config: UnitConfig) -> dict[str, int]:
    """Trainable numbers, their bytes in float32, and bytes of fixed tables of the position part at the training length.

    Example:
        >>> position_cost(UnitConfig(encoding="learned", train_length=512, d_model=768, heads=12))["parameters"]
        393216
    """
    table = config.train_length * config.d_model
    parameters = table if config.encoding in TRAINABLE else 0
    fixed = {
        "sinusoidal": table,
        "rope": 2 * config.train_length * (config.d_model // config.heads),
        "alibi": config.heads * config.train_length**2,
    }.get(config.encoding, 0)
    return {"parameters": parameters, "parameter_bytes": 4 * parameters, "fixed_bytes": 4 * fixed}
