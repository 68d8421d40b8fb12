"""Inputs of other kinds: decoding with a cache, one token at a time, and packed batches.

The peer is GPT-2's embedding as Transformers computes it: the token rows plus the rows of position ids, which the model
makes of the cache's length, and ``generate`` of the mask where the prompts have padding.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.bench.results import Result
from benchmarks.timing import Times, alternate_both, rounds_within
from posembed import TokenPositionEmbedding

WIDTH, POSITIONS, VOCABULARY = 768, 1024, 50257  # GPT-2
STEPS = 64  # tokens of one round of decoding
STARTS = (0, 448, 896)  # tokens in the cache before
BATCHES = (1, 16)
SEQUENCES, SHORTEST = 32, 32
SECONDS = 2.0


class Gpt2Embedding(nn.Module):
    """What GPT2Model does before its first block."""

    def __init__(self, ours: TokenPositionEmbedding) -> None:
        super().__init__()
        self.wte = nn.Embedding.from_pretrained(ours.token.weight)
        position = ours.position
        assert position is not None
        self.wpe = nn.Embedding.from_pretrained(position.weight)

    def forward(self, input_ids: Tensor, *, past: int = 0, position_ids: Tensor | None = None) -> Tensor:
        """Embed ``[batch, seq]`` after ``past`` tokens."""
        if position_ids is None:
            position_ids = torch.arange(input_ids.shape[1], device=input_ids.device) + past
            position_ids = position_ids.unsqueeze(0)
        embedded: Tensor = self.wte(input_ids) + self.wpe(position_ids)
        return embedded


@torch.no_grad()
def measure(seed: int, *, quick: bool, folder: Path) -> Result:
    """Measure decoding and packed batches, after comparing the outputs."""
    del folder
    torch.manual_seed(seed)
    result = Result("inputs", quick, seed)
    width, positions, vocabulary = (16, 64, 50) if quick else (WIDTH, POSITIONS, VOCABULARY)
    ours = TokenPositionEmbedding(vocabulary, positions, width)
    theirs = Gpt2Embedding(ours)
    for batch in (1, 2) if quick else BATCHES:
        for start in (0, 8) if quick else STARTS:
            decoding(result, ours, theirs, torch.randint(0, vocabulary, (batch, 4 if quick else STEPS)), start)
    packed(result, ours, theirs, positions, vocabulary)
    return result


def decoding(result: Result, ours: TokenPositionEmbedding, theirs: Gpt2Embedding, ids: Tensor, start: int) -> None:
    """Embed one token after another; the seconds are those of one token of every sequence."""
    batch, steps = ids.shape
    columns = ids.split(1, dim=1)
    mask = torch.ones(batch, start + steps, dtype=torch.int64)
    mask[:, : start // 2] = 0  # padding on the left, as generate needs it

    def positions(step: int) -> Tensor:
        return (mask[:, : start + step + 1].cumsum(-1) - 1).clamp(min=0)[:, -1:]

    plain: dict[str, Callable[[], list[Tensor]]] = {
        "posembed": lambda: [ours(each, start=start + n) for n, each in enumerate(columns)],
        "transformers": lambda: [theirs(each, past=start + n) for n, each in enumerate(columns)],
    }
    padded: dict[str, Callable[[], list[Tensor]]] = {
        "posembed": lambda: [
            ours(each, attention_mask=mask[:, : start + n + 1], start=start + n) for n, each in enumerate(columns)
        ],
        "transformers": lambda: [theirs(each, position_ids=positions(n)) for n, each in enumerate(columns)],
    }
    for label, runs in (("no padding", plain), ("left padding", padded)):
        outputs = [torch.cat(run(), dim=1) for run in runs.values()]
        torch.testing.assert_close(outputs[0], outputs[1], rtol=0, atol=0)
        times = alternate_both(dict(runs), 2 if result.quick else rounds_within(dict(runs), SECONDS))
        each = {
            name: Times([t / steps for t in both.wall], [t / steps for t in both.processor])
            for name, both in times.items()
        }
        result.add_all({"what": "decoding", "batch": batch, "cached": start, "padding": label}, each)


def packed(
    result: Result, ours: TokenPositionEmbedding, theirs: Gpt2Embedding, positions: int, vocabulary: int
) -> None:
    """Embed sequences of several lengths end to end, and padded to the longest."""
    lengths = (
        np.geomspace(max(1, positions // SHORTEST), positions, 4 if result.quick else SEQUENCES).astype(int).tolist()
    )
    bounds = torch.tensor([0, *np.cumsum(lengths)])
    total, longest = int(bounds[-1]), max(lengths)
    ids = torch.randint(0, vocabulary, (1, total))
    where = torch.cat([torch.arange(n) for n in lengths]).unsqueeze(0)
    grid = nn.utils.rnn.pad_sequence(list(ids[0].split(lengths)), batch_first=True)
    runs: dict[str, Callable[[], Tensor]] = {
        "posembed, cu_seqlens": lambda: ours(ids, cu_seqlens=bounds, max_seqlen=longest),
        "posembed, position_ids": lambda: ours(ids, position_ids=where),
        "transformers, position_ids": lambda: theirs(ids, position_ids=where),
        "posembed, padded to the longest": lambda: ours(grid),
        "transformers, padded to the longest": lambda: theirs(grid),
    }
    outputs = [run() for run in runs.values()]
    for other in outputs[1:3]:
        torch.testing.assert_close(other, outputs[0], rtol=0, atol=0)
    torch.testing.assert_close(outputs[4], outputs[3], rtol=0, atol=0)
    torch.testing.assert_close(outputs[3][-1], outputs[0][0, -longest:], rtol=0, atol=0)
    times = alternate_both(dict(runs), 2 if result.quick else rounds_within(dict(runs), 3 * SECONDS))
    case = {"what": "packed", "sequences": len(lengths), "tokens": total, "padded": len(lengths) * longest}
    result.add_all(case, times)
