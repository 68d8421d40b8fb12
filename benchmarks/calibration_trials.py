"""Variants of calibrating an embedding model: how near long texts come to their targets, and which pages are found.

    python -m benchmarks.calibration_trials MODEL TEXTS [--steps 100] [--only NAME …]   (4 minutes each; adds to KEPT)
    python -m benchmarks.calibration_trials --tables                                    (prints the table from KEPT)

Every variant has the same start and reads the same passages, but for what its name says. Distances are those of
validation passages. Titles and sections are asked of pages of TEXTS, cut to 1,024 tokens; passages of these pages were
trained on, without title or query, so the figures choose between variants and say nothing about other texts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.pages import interval, keep, load, print_table
from benchmarks.real_texts.sets import TASKS, retrieval_set
from posembed.hardware import environment
from posembed.observer import SILENT
from posembed.quality.calibrate import distillation
from posembed.quality.calibrate.distillation import Distillation, token_distance
from posembed.quality.calibrate.objective import Prepared, prepare
from posembed.quality.calibrate.request import Request
from posembed.quality.calibrate.strategies import strategy_for
from posembed.quality.calibrate.trainer import TableTrainer
from posembed.quality.evaluate.ranking import pools, ranked_first
from posembed.quality.models.embedding import EMBEDDING
from posembed.quality.tasks.held_out import HeldOut
from posembed.quality.tasks.retrieval_set import RetrievalSet
from posembed.quality.texts import load_documents
from posembed.records.calibrate import CalibrateOptions
from posembed.records.calibration import CalibrationIdentity, CalibrationStart
from posembed.records.evaluate import Task
from posembed.statistics import bootstrap_interval, difference

KEPT = Path(__file__).parents[1] / "docs" / "measured" / "calibration-trials.json"
LENGTH, ASKED = 2048, 1024
FIRST = "as it is"  # what the others are compared with


@dataclass(frozen=True)
class Trial:
    """What differs from the defaults: fields of the configuration, of the target, and constants of the loss."""

    configuration: Mapping[str, Any] = field(default_factory=dict)
    target: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[str, float] = field(default_factory=dict)


TRIALS = {
    FIRST: Trial(),
    "no loss of tokens": Trial(constants={"_TOKENS": 0.0}),
    "three times the loss of tokens": Trial(constants={"_TOKENS": 3.0}),
    "no contrast": Trial(constants={"_CONTRAST": 0.0}),
    "ten times the contrast": Trial(constants={"_CONTRAST": 1.0}),
    "half the rates": Trial({"shift_rate": 2.5e-3, "row_rate": 2.5e-3}),
    "twice the rates": Trial({"shift_rate": 1e-2, "row_rate": 1e-2}),
    "33 knots": Trial({"knots": 33}),
    "513 knots": Trial({"knots": 513}),
    "no documents that are asked for": Trial({"asked": 0.0}),
    "documents that are asked for in every step": Trial({"asked": 1.0}),
    "two and a half times the loss of asked documents": Trial(constants={"_ASKED": 0.5}),
    "none of the beginning": Trial(target={"share": 0.0}),
    "half of the beginning": Trial(target={"share": 0.5}),
    "twice the beginning": Trial(target={"share": 2.0}),
    "hidden facts and words in a tenth of the loss": Trial({"hidden": 0.1}),
    "hidden facts and words in a quarter of the loss": Trial({"hidden": 0.25}),
    "passages of up to 1,024 tokens": Trial({"document": 1024, "batch": 8}),
}


@contextmanager
def _constants(values: Mapping[str, float]) -> Iterator[None]:
    before = {name: getattr(distillation, name) for name in values}
    vars(distillation).update(values)
    try:
        yield
    finally:
        vars(distillation).update(before)


def _train(request: Request, start: CalibrationStart, texts: Mapping[str, Any], trial: Trial) -> tuple[Prepared, int]:
    strategy = strategy_for(EMBEDDING)
    assert start.target is not None
    start = replace(start, target=replace(start.target, **trial.target))
    config = replace(strategy.configuration(request, start), **trial.configuration)
    prepared = prepare(strategy, request, start, config, texts)
    identity = CalibrationIdentity(sha256="", model_sha256="", asked=request.sizes, start=start)
    trainer = TableTrainer(config, prepared.table, prepared.objective, identity)
    with tempfile.TemporaryDirectory() as folder:
        trainer.train(Path(folder) / "state", SILENT)
    return prepared, trainer.tokens


def _measured(prepared: Prepared, sets: Mapping[Task, RetrievalSet]) -> dict[str, Any]:
    objective, table = prepared.objective, prepared.table.written().detach()
    assert isinstance(objective, Distillation)
    embedder = objective.embedder
    targets = objective.targets_and_tokens(objective.held_out)[1]
    with objective.model.reading(table):
        tokens = embedder.embed_with_tokens(objective.held_out)[1]
    found: dict[str, Any] = {
        "vectors": objective.validate(table),
        "tokens": float(np.mean([float(token_distance(*each)) for each in zip(tokens, targets, strict=True)])),
    }
    known: dict[tuple[int, ...], Any] = {}
    for task, made in sets.items():
        queries = objective.reader.embed(objective.old, made.queries, queries=True)
        new = sorted({tuple(text) for text in made.documents} - known.keys(), key=len)
        if new:
            known |= dict(zip(new, objective.reader.embed(table, new), strict=True))
        vectors = torch.stack([known[tuple(text)] for text in made.documents])
        found[task] = [
            int(hit) for pool in pools(made) for hit in ranked_first((queries[pool] @ vectors[pool].T).numpy())
        ]
    return found


def measure(model: str, texts: str, steps: int, only: list[str]) -> None:
    """Train and measure what is asked for, and keep it."""
    options = CalibrateOptions(data=texts, length=LENGTH, length_aware=True, steps=steps, every=steps)
    strategy = strategy_for(EMBEDDING)
    request = Request.open(model, options)
    start, read = strategy.choose_start(request, SILENT), strategy.kind.read_texts(texts)
    embedder = strategy.kind.load(model, "fp32")
    held_out = HeldOut([], load_documents(texts, "all"), everything=True)
    sets = {task: retrieval_set(task, ASKED, held_out, embedder) for task in TASKS[:2]}
    for name in only:
        with _constants(TRIALS[name].constants):
            clock = time.perf_counter()
            prepared, tokens = _train(request, start, read, TRIALS[name])
            seconds = time.perf_counter() - clock
        found = {**_measured(prepared, sets), "tokens_read": tokens, "seconds": seconds, "steps": steps}
        keep(KEPT, {"trials": load(KEPT).get("trials", {}) | {name: found}, "environment": environment("cpu")})
        print(name, {key: round(float(np.mean(value)), 4) for key, value in found.items()}, flush=True)


def tables(kept: Mapping[str, Any]) -> None:
    """Print distances and shares of every variant, and what differs from the defaults."""
    trials, tasks = kept["trials"], TASKS[:2]
    rows = []
    for name, found in trials.items():
        shares = [interval(bootstrap_interval(np.array(found[task]))) for task in tasks]
        gains = [
            interval(difference(np.array(found[task]), np.array(trials[FIRST][task])), sign=True) for task in tasks
        ]
        rows.append([name, f"{found['vectors']:.4f}", f"{found['tokens']:.4f}", *shares, *gains])
    header = ["variant", "vectors", "tokens", *tasks, *(f"{task}, less “{FIRST}”" for task in tasks)]
    print_table(header, rows)


def main() -> None:
    """Measure, or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?")
    parser.add_argument("texts", nargs="?")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--only", nargs="+", choices=TRIALS, default=list(TRIALS), metavar="NAME")
    parser.add_argument("--tables", action="store_true")
    given = parser.parse_args()
    if not given.tables:
        if given.texts is None:
            parser.error("name a model and the texts, or --tables")
        measure(given.model, given.texts, given.steps, given.only)
    tables(load(KEPT))


if __name__ == "__main__":
    main()
