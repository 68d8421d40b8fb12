"""Train one model of the study, and keep it with what is known of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks.trained_range.models.families import Built, build, save
from benchmarks.trained_range.models.recipes import ModelRecipe, lengths
from benchmarks.trained_range.train import _initialize, _optimizer, _schedule
from posembed.corpus import Corpus
from posembed.windows import IGNORED, prediction_task

TRUTH = "truth.json"


def model_of(recipe: ModelRecipe, corpus: Corpus, out: Path) -> Path:
    """The folder of the trained model in ``out``, from before if it was trained before."""
    folder = out / f"{recipe.number:03d}-{recipe.family}-{recipe.regime}"
    if (folder / TRUTH).exists():
        return folder
    unfinished = folder.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    built = build(recipe)
    _initialize(built.table, recipe)
    before = built.table.detach().numpy()[built.reserved :].copy()
    loss = _train(built, recipe, corpus)
    save(built, recipe, unfinished)
    (unfinished / TRUTH).write_text(json.dumps(_truth(recipe, built, before, loss)), encoding="utf-8")
    unfinished.replace(folder)
    return folder


def _truth(recipe: ModelRecipe, built: Built, before: np.ndarray[Any, Any], loss: float) -> dict[str, Any]:
    size = float(np.sqrt((before**2).sum(axis=1).mean()))
    moved = np.linalg.norm(built.table.detach().numpy()[built.reserved :] - before, axis=1)[: recipe.end]
    return {
        "recipe": recipe.to_json(),
        "moved": round(float(np.median(moved)) / size, 3) if size > 0 else None,
        "loss": round(loss, 3),
    }


def _train(built: Built, recipe: ModelRecipe, corpus: Corpus) -> float:
    optimizer = _optimizer(recipe, built.model)
    built.model.train()
    loss = torch.zeros(())
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * _schedule(step, recipe.steps)
        optimizer.zero_grad(set_to_none=True)
        loss = _LOSSES.get(recipe.family, _language_loss)(built, recipe, corpus, step)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(built.model.parameters(), 1.0)
        optimizer.step()
    return loss.item()


def _language_loss(built: Built, recipe: ModelRecipe, corpus: Corpus, step: int) -> Tensor:
    draw = np.random.default_rng([recipe.number, step])
    wanted = lengths(recipe, step)
    begins = draw.integers(0, len(corpus.train) - recipe.rows - 1, len(wanted))
    longest = int(wanted.max())
    tokens = corpus.train[begins[:, None] + np.arange(longest + 1)].astype(np.int64)
    inputs, targets = prediction_task(tokens, corpus, recipe.kind, draw, training=True)
    inside = np.arange(longest) < wanted[:, None]
    arguments = _arguments(built, inputs, inside)
    if recipe.kind == "decoder":  # what follows a sequence's end is ignored, and no earlier token sees it
        del arguments["attention_mask"]
    logits = built.model(**arguments).logits
    return F.cross_entropy(
        logits.flatten(0, 1), torch.from_numpy(np.where(inside, targets, IGNORED)).flatten(), ignore_index=IGNORED
    )


def _pair_loss(built: Built, recipe: ModelRecipe, corpus: Corpus, step: int) -> Tensor:
    """Contrast within the batch: two halves of one stretch of text belong together."""
    draw = np.random.default_rng([recipe.number, step])
    wanted = lengths(recipe, step)
    begins = draw.integers(0, len(corpus.train) - 2 * recipe.rows - 1, len(wanted))
    vectors = []
    for first in (begins, begins + wanted):
        longest = int(wanted.max())
        tokens = corpus.train[first[:, None] + np.arange(longest)].astype(np.int64)
        inside = np.arange(longest) < wanted[:, None]
        states = built.model(**_arguments(built, tokens, inside)).last_hidden_state
        weight = torch.from_numpy(inside[..., None].astype(np.float32))
        vectors.append(F.normalize((states * weight).sum(dim=1) / weight.sum(dim=1), dim=-1))
    scores = 20.0 * vectors[0] @ vectors[1].T  # the usual scale of sentence-transformers
    return F.cross_entropy(scores, torch.arange(len(wanted)))


def _arguments(built: Built, tokens: np.ndarray[Any, Any], inside: np.ndarray[Any, Any]) -> dict[str, Tensor]:
    arguments = {
        "input_ids": torch.from_numpy(np.ascontiguousarray(tokens)),
        "attention_mask": torch.from_numpy(inside.astype(np.int64)),
    }
    if built.reserved and built.model.config.model_type == "roberta":
        places = torch.arange(tokens.shape[1]).expand(tokens.shape)
        arguments["position_ids"] = places + built.reserved  # bytes that are the padding token count too
    return arguments


_LOSSES = {"embedder": _pair_loss}
