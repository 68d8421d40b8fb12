"""Language models read four times their positions: every method, calibration, a sliding window, an oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call

from benchmarks.method_study.models import KINDS, Setting, configuration, trained
from posembed.corpus import Corpus
from posembed.lab.model import LabModel
from posembed.observer import SILENT
from posembed.quality.calibrate.prediction import HiddenTokens, NextToken, Prediction
from posembed.quality.calibrate.table import CalibratedTable
from posembed.quality.calibrate.trainer import TableTrainer
from posembed.quality.evaluate.sliding import sliding_losses
from posembed.quality.models.causal import CAUSAL
from posembed.quality.models.masked import MASKED, hide
from posembed.quality.models.scorer import Losses, Scorer
from posembed.quality.rng import generator
from posembed.records.calibrate import CalibrationConfig
from posembed.records.calibration import CalibrationIdentity, CalibrationStart, RequestedSizes
from posembed.statistics import bootstrap_interval, difference, holm, recovered
from posembed.tables.extend import extend_table
from posembed.windows import Windows, cut_windows, document_means

KEY = "embed.position.weight"
DOCUMENTS, WINDOWS = 256, 16  # test documents, and windows of each
SHARE = 0.05  # of the training tokens, for calibration
MORE = 0.2  # likewise, to see where more of them lead


def methods(short: int) -> dict[str, tuple[str, dict[str, Any]]]:
    """All without training."""
    most, half, few = 3 * short // 4, short // 2, short // 4
    return {
        "tile": ("tile", {}),
        f"tile, range {most}": ("tile", {"range": most}),
        f"tile, range {half}": ("tile", {"range": half}),
        "linear": ("linear", {}),
        "cubic": ("cubic", {}),
        "grouped": ("grouped", {}),
        "hierarchical": ("hierarchical", {}),
        f"stretch, keep {few}": ("stretch", {"keep": few}),
        f"stretch, range {most}": ("stretch", {"range": most}),
        "stretch, ratio 2": ("stretch", {"ratio": 2}),
        "repeat-last": ("repeat-last", {}),
        "mean": ("mean", {}),
        "zeros": ("zeros", {}),
        "random": ("random", {"seed": 0}),
    }


@dataclass(frozen=True)
class Way:
    """One way to calibrate: where it begins, what stays, the tokens of an input, and how fast."""

    start: str
    keep: int
    document: int
    shift_rate: float = 1e-3
    row_rate: float = 1e-2

    @property
    def batch(self) -> int:
        """Inputs of a step, so that it has 1,024 tokens."""
        return 1024 // self.document


def ways(setting: Setting) -> dict[str, Way]:
    """All with training."""
    return {
        "calibrated": Way("tile", setting.short, setting.long),
        "calibrated, every row": Way("linear", 0, setting.long),
        f"calibrated, inputs of {setting.short} (PoSE)": Way("tile", setting.short, setting.short),
    }


def study(setting: Setting, kind: str, data: str, steps: int, corpus: Corpus, folder: Path) -> dict[str, Any]:
    """All cells of one kind of model and data."""
    model, tokens = trained(setting, kind, data, setting.short, steps, corpus, folder)
    oracle, _ = trained(setting, kind, "packed", setting.long, steps, corpus, folder)
    windows, hidden = _test_windows(setting, kind, corpus)
    ids = windows.tokens
    short = model.table.detach().clone() if model.table is not None else torch.empty(0)
    found: dict[str, Losses] = {}
    found["sliding window"] = sliding_losses(_scorer(kind, model, corpus), ids, hidden, setting.short)
    cost: dict[str, Any] = {}
    for name, (method, options) in methods(setting.short).items():
        model.set_table(torch.from_numpy(extend_table(short.numpy(), setting.long, method=method, **options)))
        found[name] = _scorer(kind, model, corpus).losses(ids, hidden)
    for name, way in ways(setting).items():
        trainer = _calibrate(setting, kind, model, short, corpus, tokens, way, folder)
        model.set_table(trainer.table().detach())
        found[name] = _scorer(kind, model, corpus).losses(ids, hidden)
        seen = trainer.step * trainer.config.batch * trainer.config.document
        cost[name] = {"tokens": seen, "share": seen / tokens, "seconds": round(trainer.seconds, 1)}
        cost[name]["shuffled"] = _shuffled(setting, kind, model, corpus, windows, hidden)
    found["oracle"] = _scorer(kind, oracle, corpus).losses(ids, hidden)
    return {
        "short": setting.short,
        "kind": kind,
        "data": data,
        "precision": configuration(setting, kind, setting.short, steps).precision,
        "training_tokens": tokens,
        "documents": windows.documents,
        "windows": len(ids),
        "calibrated": cost,
        "cells": _cells(found, windows, setting.short),
    }


def optimum(setting: Setting, kind: str, steps: int, corpus: Corpus, folder: Path) -> dict[str, Any]:
    """How far any table takes the frozen packed model: more tokens, three starts, on the same test windows."""
    model, tokens = trained(setting, kind, "packed", setting.short, steps, corpus, folder)
    windows, hidden = _test_windows(setting, kind, corpus)
    short = model.table.detach().clone() if model.table is not None else torch.empty(0)
    slid = sliding_losses(_scorer(kind, model, corpus), windows.tokens, hidden, setting.short)
    window = document_means(slid[:, setting.short :], windows)
    cells = []
    for start in ("linear", "grouped", "random"):
        way = Way(start, 0, setting.long)
        trainer = _calibrate(setting, kind, model, short, corpus, tokens, way, folder, share=MORE, patience=10**6)
        model.set_table(trainer.table().detach())
        losses = _scorer(kind, model, corpus).losses(windows.tokens, hidden)
        loss = document_means(losses[:, setting.short :], windows)
        gain = difference(window, loss)
        cells.append({"start": start, "loss": bootstrap_interval(loss), "context_gain": gain, "steps": trainer.step})
    return {"tokens": int(MORE * tokens), "share": MORE, "window": bootstrap_interval(window), "cells": cells}


def _test_windows(setting: Setting, kind: str, corpus: Corpus) -> tuple[Windows, NDArray[np.bool_]]:
    """The long windows, and what is predicted in them: of a masked model what is hidden, a token of each at least."""
    windows = cut_windows(corpus.test, setting.long - 1, WINDOWS, DOCUMENTS)
    hidden = np.ones(windows.tokens.shape, dtype=bool)
    if kind == "masked":
        hidden = hide(hidden.shape, generator("study", kind))
    return windows, hidden


def _cells(found: dict[str, Losses], windows: Windows, short: int) -> list[dict[str, Any]]:
    """Loss past the old length, recovery and context gain of each, over the same documents."""
    beyond = {name: document_means(losses[:, short:], windows) for name, losses in found.items()}
    within = {name: document_means(losses[:, :short], windows) for name, losses in found.items()}
    cells: list[dict[str, Any]] = [
        {
            "method": name,
            "loss": bootstrap_interval(beyond[name]),
            "loss_within": bootstrap_interval(within[name][np.isfinite(within[name])]),  # where something was hidden
            "recovered": recovered(beyond["tile"], beyond[name], beyond["oracle"]),
            "context_gain": difference(beyond["sliding window"], beyond[name]),
        }
        for name in found
    ]
    for cell, adjusted in zip(cells, holm([cell["context_gain"]["p"] for cell in cells]), strict=True):
        cell["context_gain"]["p_holm"] = adjusted
    return cells


def _shuffled(
    setting: Setting, kind: str, model: LabModel, corpus: Corpus, windows: Windows, hidden: NDArray[np.bool_]
) -> dict[str, Any]:
    """What it costs the calibrated model that stands in ``model`` when all but the last old length is shuffled."""
    mixed, draw = windows.tokens.copy(), generator("study", "shuffled")
    last = slice(setting.long - setting.short // 2, setting.long)
    for row in mixed:
        row[: last.start - setting.short] = draw.permutation(row[: last.start - setting.short])
    only = hidden.copy()
    if kind == "masked":
        only[:, : last.start] = False
    scorer = _scorer(kind, model, corpus)
    again, before = (scorer.losses(each, only)[:, last] for each in (mixed, windows.tokens))
    return difference(document_means(again, windows), document_means(before, windows))


def _scorer(kind: str, model: LabModel, corpus: Corpus) -> Scorer:
    return Scorer(model.eval(), CAUSAL if kind == "causal" else MASKED, corpus.mask)


def _calibrate(
    setting: Setting,
    kind: str,
    model: LabModel,
    short: Tensor,
    corpus: Corpus,
    tokens: int,
    way: Way,
    folder: Path,
    share: float = SHARE,
    patience: int = 5,
) -> TableTrainer:
    """The table trained with at most that share of the model's own training tokens."""
    start = torch.from_numpy(extend_table(short.numpy(), setting.long, method=way.start))
    model.set_table(start)
    model.requires_grad_(False)
    config = CalibrationConfig(
        kind=kind,
        data="stdlib",
        length=setting.long,
        keep=way.keep,
        period=setting.long,
        document=way.document,
        train_kept_rows=False,
        above=0,
        queries_trained=False,
        spread=way.document < setting.long,
        batch=way.batch,
        steps=int(share * tokens) // (way.batch * way.document),
        shift_rate=way.shift_rate,
        row_rate=way.row_rate,
        every=50,
        patience=patience,
        held_out=64,
        facts=0.5,
        precision="fp32",
        seed=0,
    )
    logits: Callable[[Tensor, Tensor], Tensor] = lambda weight, ids: functional_call(model, {KEY: weight}, (ids,))  # noqa: E731
    objective = Prediction(
        logits,
        HiddenTokens(corpus.mask) if KINDS[kind] == "encoder" else NextToken(),
        config,
        [corpus.train.tolist()],
        [document.tolist() for document in corpus.validation],
        at_once=way.batch,
    )
    begun = CalibrationStart(way.start, {}, way.keep, setting.long, ())
    identity = CalibrationIdentity(
        sha256="", model_sha256="", asked=RequestedSizes(setting.long, None, way.keep), start=begun
    )
    table = CalibratedTable(start, frozen=way.keep, period=setting.long)
    trainer = TableTrainer(config, table, objective, identity)
    trainer.train(folder / "calibration.state", SILENT)
    return trainer
