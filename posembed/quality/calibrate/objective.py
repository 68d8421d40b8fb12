"""What one calibration trains and on what: the table in its loaded, longer, frozen model, and the loss of its kind."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import torch
from torch import Tensor

from posembed.extension.live import extend_in_place
from posembed.quality.calibrate.config import CalibrationConfig
from posembed.quality.calibrate.contrastive import Contrastive
from posembed.quality.calibrate.frozen import FrozenModel, inputs_at_once, recompute_layers, scored_at_once
from posembed.quality.calibrate.prediction import Prediction
from posembed.quality.calibrate.start import Start
from posembed.quality.calibrate.table import CalibratedTable
from posembed.quality.calibrate.trainer import Objective
from posembed.quality.models.embedder import Embedder
from posembed.quality.models.loading import load_embedder, load_predictor, logits_of, only_table, parameter_name
from posembed.quality.texts import is_one_file, joined


def make_objective(
    checkpoint: str | os.PathLike[str], config: CalibrationConfig, start: Start, texts: dict[str, list[str]]
) -> tuple[CalibratedTable, Objective, str]:
    """The table in the loaded, longer, frozen model, what it is trained for, and a fingerprint of what is frozen."""
    found = only_table(checkpoint)
    reserved = found.layout.reserved
    embedder: Embedder | None = None
    mask_id: int | None = None
    if config.kind == "embedding":
        embedder = load_embedder(checkpoint, precision=config.precision)
        model, tokenizer = embedder.model, embedder.tokenizer
    else:
        model, tokenizer, mask_id = load_predictor(checkpoint, "causal" if config.kind == "causal" else "masked")
    name = parameter_name(model, found)
    sha256 = _fingerprint(model, tokenizer, embedder.pooling if embedder is not None else "")
    stored = model.get_parameter(name).detach().clone()
    if config.length > found.usable_length:
        extend_in_place(model, config.length, method=start.method, **start.options)
    rows = model.get_parameter(name).detach().clone()
    kept = min(reserved + config.keep, len(stored))
    rows[:kept] = stored[:kept]  # a start that repeats fewer rows than stay would train on others than are written
    kept = reserved + config.keep
    table = CalibratedTable(rows, fixed=reserved if config.trained_whole else kept, period=config.period, restored=kept)
    frozen = FrozenModel(model, name)
    at_once = inputs_at_once(model, config.document, logits=embedder is None)
    if not at_once:
        recompute_layers(model)
    if embedder is not None:
        own = Embedder(frozen, tokenizer, embedder.pooling, config.precision)
        old = rows.clone()
        old[: len(stored)] = stored  # what embeds queries in the end: rows that stay, or the table for short inputs
        made = Contrastive(own, config, old, texts["train"], texts["validation"], at_once=at_once)
        return table, made, sha256

    read = logits_of(frozen, config.precision)

    def logits(weight: Tensor, ids: Tensor) -> Tensor:
        with frozen.reading(weight):
            return read(ids)

    encoded = {
        split: [tokenizer.encode(text, add_special_tokens=False).ids for text in texts[split]]
        for split in ("train", "validation")
    }
    if is_one_file(config.data):
        encoded = {split: joined(pieces, config.length) for split, pieces in encoded.items()}
    predicted = Prediction(
        logits,
        config,
        encoded["train"],
        encoded["validation"],
        mask_id=mask_id,
        reserved=reserved,
        at_once=at_once,
        scored_at_once=scored_at_once(model, config.length),
    )
    return table, predicted, sha256


def _fingerprint(model: torch.nn.Module, tokenizer: Any, pooling: str) -> str:
    """Of everything besides texts and configuration that the gradients depend on."""
    digest = hashlib.sha256(f"{pooling}\0{tokenizer.to_str()}".encode())
    for name, value in sorted(model.state_dict().items()):
        digest.update(f"{name} {list(value.shape)} {value.dtype}".encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
