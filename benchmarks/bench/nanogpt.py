"""A peer of the lab: a small GPT and its training loop, written after the published description of nanoGPT.

nanoGPT (Andrej Karpathy, MIT license) is no package, and nothing of it is copied here. What its description and its
published settings say is kept: GPT-2's pre-norm blocks with one matrix for queries, keys and values, attention by
``scaled_dot_product_attention``, exact GELU, the head tied to the token rows, residual matrices drawn smaller; AdamW
with betas 0.9 and 0.95 and weight decay on matrices, gradients clipped at norm 1, linear warm-up and a cosine, batches
gathered window by window from an array of tokens. On a CPU it trains in float32 with the plain AdamW: fused AdamW and
autocast are for GPUs. ``as_published=False`` gives it both, as the lab has them.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from posembed.lab.model import LabModel

_GELU = {"approximate": "none"}


@contextlib.contextmanager
def approximate_gelu() -> Iterator[None]:
    """Compute GELU as GPT-2 and the lab do, to compare results; what is timed is nanoGPT's own."""
    _GELU["approximate"] = "tanh"
    try:
        yield
    finally:
        _GELU["approximate"] = "none"


class Attention(nn.Module):
    """Causal attention of several heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.c_attn = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[batch, seq, width]``."""
        batch, length, width = x.shape
        heads = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for part in self.c_attn(x).split(width, dim=2)
        )
        y = F.scaled_dot_product_attention(*heads, is_causal=True)
        projected: Tensor = self.c_proj(y.transpose(1, 2).contiguous().view(batch, length, width))
        return projected


class Block(nn.Module):
    """Pre-norm attention and feed-forward."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.ln_2 = nn.LayerNorm(width)
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[batch, seq, width]``."""
        x = x + self.attn(self.ln_1(x))
        y: Tensor = x + self.c_proj(F.gelu(self.c_fc(self.ln_2(x)), **_GELU))
        return y


class NanoGpt(nn.Module):
    """The model; called with targets, it returns the mean loss."""

    def __init__(self, vocabulary: int, length: int, layers: int, heads: int, width: int) -> None:
        super().__init__()
        self.wte = nn.Embedding(vocabulary, width)
        self.wpe = nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        self.lm_head.weight = self.wte.weight
        for name, parameter in self.named_parameters():
            if parameter.dim() < 2:
                nn.init.constant_(parameter, float(name.endswith("weight")))
            else:
                small = 1 / math.sqrt(2 * layers) if name.endswith("c_proj.weight") else 1.0
                nn.init.normal_(parameter, std=0.02 * small)

    def forward(self, ids: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross entropy of ``[batch, seq]`` targets."""
        x = self.wte(ids) + self.wpe(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            x = block(x)
        logits = self.lm_head(self.ln_f(x))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-1)


class NanoTrainer:
    """The training loop, one step a call."""

    def __init__(
        self, model: NanoGpt, tokens: NDArray[np.integer], *, batch: int, length: int, as_published: bool = True,
        bf16: bool = False, compiled: bool = False,
    ) -> None:  # fmt: skip
        self.model, self.tokens, self.batch_size, self.length = model, tokens, batch, length
        self.run = torch.compile(model) if compiled else model
        self.bf16 = bf16
        groups = [
            {"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": 0.1},
            {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=6e-4, betas=(0.9, 0.95), fused=None if as_published else True)
        self.step = 0
        self.ready = self.batch()

    def batch(self) -> tuple[Tensor, Tensor]:
        """Return inputs and targets of windows at random places."""
        begins = torch.randint(len(self.tokens) - self.length, (self.batch_size,)).tolist()
        windows = [
            torch.stack([
                torch.from_numpy(self.tokens[begin + shift : begin + shift + self.length].astype(np.int64))
                for begin in begins
            ])
            for shift in (0, 1)
        ]  # fmt: skip
        return windows[0], windows[1]

    def update(self) -> Tensor:
        """Take one step, and fetch the next batch between the two passes."""
        rate = self.learning_rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", dtype=torch.bfloat16) if self.bf16 else contextlib.nullcontext():
            loss: Tensor = self.run(*self.ready)
        self.ready = self.batch()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return loss.detach()

    def learning_rate(self, peak: float = 6e-4, warmup: int = 2000, steps: int = 600_000) -> float:
        """Return the rate of this step: linear warm-up, then a cosine to a tenth."""
        if self.step < warmup:
            return peak * (self.step + 1) / (warmup + 1)
        progress = min(1.0, (self.step - warmup) / (steps - warmup))
        return peak * (0.1 + 0.45 * (1 + math.cos(math.pi * progress)))


@torch.no_grad()
def copy_lab_weights(lab: LabModel, nano: NanoGpt) -> None:
    """Give the peer the lab's weights, and the lab's head the token rows, which the peer's head shares."""
    assert lab.embed.token is not None
    assert lab.table is not None
    lab.head.weight.copy_(lab.embed.token.weight)
    state = {"wte.weight": lab.embed.token.weight, "wpe.weight": lab.table, "lm_head.weight": lab.head.weight}
    names = {
        "norm1": "ln_1", "qkv": "attn.c_attn", "out": "attn.c_proj", "norm2": "ln_2", "up": "c_fc", "down": "c_proj",
    }  # fmt: skip
    for name, value in lab.state_dict().items():
        if name.startswith("blocks."):
            _, index, part, kind = name.split(".")
            state[f"blocks.{index}.{names[part]}.{kind}"] = value
        elif name.startswith("norm."):
            state[f"ln_f.{name.removeprefix('norm.')}"] = value
    nano.load_state_dict(state)
