"""Train and measure one run with the lab's own model and trainer."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from benchmarks.learned_or_sinusoidal.plan import BATCH_SIZE, HEADS, SIZES, TRAIN_LENGTH, Run
from posembed.corpus import Corpus
from posembed.hardware import resolve_precision
from posembed.lab.baselines import baseline_losses
from posembed.lab.losses import NonFiniteLossError, token_losses
from posembed.lab.model import TOKEN_STD, LabModel
from posembed.lab.trainer import Trainer
from posembed.records.base import Record
from posembed.records.compare import WARMUP_DIVISOR
from posembed.records.unit import UnitConfig
from posembed.windows import Windows, cut_windows, document_means

# Windows of each document, and documents at most. Settings differ by more than arms, so validation may be smaller.
VALIDATION, TEST = (2, 96), (4, 128)
DIGITS = 4  # of a document's loss in nats; seeds differ in the second


@dataclass(frozen=True)
class Outcome(Record):
    """What a run gave.

    Attributes:
        run: what was trained.
        corpus_sha256: fingerprint of the tokens and the split.
        loss: mean over documents in nats per token; ``None`` where training broke.
        documents: loss of each test document; empty for validation documents.
        seconds: of training and measuring.
    """

    run: Run
    corpus_sha256: str
    loss: float | None
    seconds: float
    documents: tuple[float, ...] = field(default=())

    @property
    def comparable(self) -> float:
        """The loss, infinity where training broke."""
        return math.inf if self.loss is None else self.loss


def config_of(run: Run, precision: str) -> UnitConfig:
    """Return what the lab's trainer is told."""
    layers, d_model = SIZES[run.size]
    return UnitConfig(
        encoding=run.encoding,
        seed=run.seed,
        train_length=TRAIN_LENGTH,
        layers=layers,
        d_model=d_model,
        heads=HEADS,
        batch_size=BATCH_SIZE,
        steps=run.steps,
        learning_rate=run.learning_rate,
        warmup_steps=max(1, run.steps // WARMUP_DIVISOR),
        sinusoid_rms=run.row_size,
        precision=precision,
        evaluations=0,
    )


def build(run: Run, config: UnitConfig, vocabulary: int) -> LabModel:
    """Return the model before training; a learned table's initial rows have the run's size."""
    model = LabModel(config, vocabulary)
    if model.table is not None:
        with torch.no_grad():
            model.table.mul_(run.row_size / TOKEN_STD)
    return model


def windows_of(measured_on: str, corpus: Corpus) -> Windows:
    """Return the windows that a run is measured on."""
    documents, (per_document, limit) = (corpus.test, TEST) if measured_on == "test" else (corpus.validation, VALIDATION)
    return cut_windows(documents, TRAIN_LENGTH, per_document, limit)


def train(run: Run, corpus: Corpus) -> Outcome:
    """Train one model and measure it."""
    began = time.perf_counter()
    config = config_of(run, resolve_precision("auto", "cpu"))
    model = build(run, config, corpus.vocab_size)
    losses = None
    if not Trainer(config, corpus, model).train(Path(), lambda _: None, lambda: False, math.inf):
        windows = windows_of(run.measured_on, corpus)
        try:
            losses = document_means(token_losses(model, windows, corpus, config), windows)
        except NonFiniteLossError:
            losses = None
    return Outcome(
        run,
        corpus.sha256,
        None if losses is None else float(np.mean(losses)),
        round(time.perf_counter() - began, 2),
        tuple(np.round(losses, DIGITS).tolist()) if losses is not None and run.measured_on == "test" else (),
    )


def counting_losses(corpus: Corpus) -> dict[str, float]:
    """Return the test losses of the unigram and the bigram model."""
    windows = windows_of("test", corpus)
    return {name: float(np.mean(each)) for name, each in baseline_losses(corpus, windows, "decoder").items()}
