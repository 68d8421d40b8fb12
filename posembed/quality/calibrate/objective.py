"""What one calibration trains and for what: the table in its loaded, longer, frozen model, and an objective."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import torch

from posembed.extension.live import extend_in_place
from posembed.quality.calibrate.frozen import FrozenModel
from posembed.quality.calibrate.memory import inputs_at_once, recompute_layers
from posembed.quality.calibrate.request import Request
from posembed.quality.calibrate.smooth_table import SmoothTable
from posembed.quality.calibrate.strategy import FrozenParts, Strategy, Texts
from posembed.quality.calibrate.table import CalibratedTable
from posembed.quality.calibrate.trainer import Objective
from posembed.quality.models.position_table import parameter_name
from posembed.records.calibrate import CalibrationConfig
from posembed.records.calibration import CalibrationStart


@dataclass(frozen=True)
class Prepared:
    """What is trained.

    Attributes:
        table: the table, at its start.
        objective: what it is trained for.
        model_sha256: fingerprint of the frozen weights, the tokenizer and the pooling.
        parts: the model.
    """

    table: CalibratedTable
    objective: Objective
    model_sha256: str
    parts: FrozenParts[Any]


def prepare(
    strategy: Strategy[Any], request: Request, start: CalibrationStart, config: CalibrationConfig, texts: Texts
) -> Prepared:
    """Load the model, make its table longer and freeze it, and make its objective.

    Raises:
        DataError: if the texts are too short.
        CheckpointError: for files that cannot be loaded.
    """
    reserved = request.table.layout.reserved
    trusted = request.options.trust_remote_code
    loaded = strategy.kind.load(request.path, config.precision, device=request.device, trust_remote_code=trusted)
    model = loaded.model
    name = parameter_name(model, request.table)
    sha256 = fingerprint(model, loaded.tokenizer, strategy.pooling(loaded))
    stored = model.get_parameter(name).detach().clone()
    if request.grows:
        extend_in_place(model, config.length, method=start.method, **start.options)
    rows = model.get_parameter(name).detach().clone()
    restored = reserved + config.keep
    kept = min(restored, len(stored))
    rows[:kept] = stored[:kept]  # a start that repeats fewer rows than are kept would train on others than are written
    frozen = reserved if config.train_kept_rows else restored
    table = _table(rows, config, frozen=frozen, restored=restored)
    reading = FrozenModel(model, name)
    at_once = inputs_at_once(model, config.document, logits=strategy.gives_logits)
    if not at_once:
        recompute_layers(model)
    parts = FrozenParts(loaded, reading, rows, stored, reserved, start, at_once)
    return Prepared(table, strategy.objective(parts, config, texts), sha256, parts)


def _table(rows: torch.Tensor, config: CalibrationConfig, *, frozen: int, restored: int) -> CalibratedTable:
    if not config.knots:
        return CalibratedTable(rows, frozen=frozen, period=config.period, restored=restored)
    span = min(config.document, len(rows) - frozen)
    return SmoothTable(rows, frozen=frozen, knots=config.knots, span=span, restored=restored)


def fingerprint(model: torch.nn.Module, tokenizer: Any, pooling: str) -> str:
    """Return the SHA-256 of everything besides texts and configuration that the gradients depend on."""
    digest = hashlib.sha256(f"{pooling}\0{tokenizer.to_str()}".encode())
    for name, value in sorted(model.state_dict().items()):
        digest.update(f"{name} {list(value.shape)} {value.dtype}".encode())
        digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
