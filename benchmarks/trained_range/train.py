"""Train one table of the study with the lab's model, a loop of its own and sequences of varied length."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file, save_file
from torch import Tensor

from benchmarks.trained_range.recipes import Recipe, lengths
from posembed.corpus import Corpus
from posembed.lab.config import UnitConfig
from posembed.lab.model import LabModel
from posembed.nn.sinusoidal import sinusoidal_rows
from posembed.windows import IGNORED, prediction_task


def table_of(recipe: Recipe, corpus: Corpus, folder: Path) -> np.ndarray[Any, Any]:
    """The trained table ``[rows, d_model]``, from ``folder`` if it was trained before."""
    file = folder / f"{recipe.name}.safetensors"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        before, after, seen = train(recipe, corpus)
        temporary = file.with_suffix(".part")
        save_file({"initial": before, "position": after, "seen": seen}, temporary)
        temporary.replace(file)
    return load_file(file)["position"]


def train(recipe: Recipe, corpus: Corpus) -> tuple[np.ndarray[Any, Any], ...]:
    """The table before and after training, and how many sequences reached each position."""
    config = UnitConfig(
        seed=recipe.number,
        model=recipe.kind,
        train_length=recipe.rows,
        d_model=recipe.d_model,
        layers=recipe.layers,
        heads=max(1, recipe.d_model // 32),
        batch_size=recipe.batch_size,
        steps=recipe.steps,
    )
    model = LabModel(config, corpus.vocab_size)
    assert model.table is not None
    _initialize(model.table, recipe)
    before = model.table.detach().numpy().copy()
    optimizer = _optimizer(recipe, model)
    seen = np.zeros(recipe.rows, dtype=np.int64)
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * _schedule(step, recipe.steps)
        optimizer.zero_grad(set_to_none=True)
        for inputs, targets, share in _batches(recipe, corpus, config, step):
            loss = F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
            (loss * share).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        for length in lengths(recipe, step):
            seen[:length] += 1
    return before, model.table.detach().numpy().copy(), seen


def _schedule(step: int, steps: int) -> float:
    warm = min(1.0, (step + 1) / 30)
    return warm * (0.1 + 0.45 * (1 + math.cos(math.pi * step / steps)))


@torch.no_grad()
def _initialize(table: torch.nn.Parameter, recipe: Recipe) -> None:
    draw = torch.Generator().manual_seed(recipe.number)
    kind, _, size = recipe.init.partition(" ")
    if kind == "normal":
        table.normal_(std=float(size), generator=draw)
    elif kind == "uniform":
        table.uniform_(-float(size), float(size), generator=draw)
    elif kind == "truncated":
        torch.nn.init.trunc_normal_(table, std=float(size), a=-2 * float(size), b=2 * float(size), generator=draw)
    elif kind == "zeros":
        table.zero_()
    else:
        table.copy_(0.0283 * sinusoidal_rows(torch.arange(len(table)), recipe.d_model))


def _optimizer(recipe: Recipe, model: torch.nn.Module) -> torch.optim.Optimizer:
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), lr=recipe.learning_rate, momentum=0.9)
    if recipe.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    if recipe.optimizer == "rmsprop":
        return torch.optim.RMSprop(model.parameters(), lr=recipe.learning_rate / 3)
    decay = 0.1 if recipe.optimizer == "adamw-decay" else 0.0
    return torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.95), weight_decay=decay)


def _batches(recipe: Recipe, corpus: Corpus, config: UnitConfig, step: int) -> Iterator[tuple[Tensor, Tensor, float]]:
    """Inputs, targets and weight of the sequences of each length: no padding, so no position is seen by mistake.

    A decoder's sequences go together: targets past a sequence's end are ignored, and no earlier token sees there.
    """
    draw = np.random.default_rng([recipe.number, step])
    wanted = lengths(recipe, step)
    begins = draw.integers(0, len(corpus.train) - recipe.rows - 1, len(wanted))
    groups = (
        [np.arange(len(wanted))] if recipe.kind == "decoder" else [np.flatnonzero(wanted == n) for n in set(wanted)]
    )
    for group in groups:
        longest = int(wanted[group].max())
        tokens = corpus.train[begins[group][:, None] + np.arange(longest + 1)].astype(np.int64)
        inputs, targets = prediction_task(tokens, corpus, config.model, draw, training=True)
        targets = np.where(np.arange(longest) < wanted[group][:, None], targets, IGNORED)
        share = float(wanted[group].sum() / wanted.sum())
        yield torch.from_numpy(np.ascontiguousarray(inputs)), torch.from_numpy(targets), share
