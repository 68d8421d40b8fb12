"""A small masked model, trained at 64 bytes, reads 256: fine-tuned on whole inputs from every start, or in blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.fine_tuning.rounds import Outcomes, Study, Work
from benchmarks.fine_tuning.training import Trainee
from posembed.corpus import Corpus
from posembed.files import write_whole
from posembed.hardware import resolve_precision
from posembed.lab.model import LabModel
from posembed.lab.trainer import Trainer
from posembed.quality.models.masked import MASKED, hide
from posembed.quality.models.scorer import Scorer
from posembed.quality.rng import generator
from posembed.records.unit import UnitConfig
from posembed.tables.extend import extend_table
from posembed.windows import IGNORED, cut_windows, document_means

MARKS, SEEDS = (0, 25, 50, 100, 200), (0, 1, 2)
SHORT, LONG = 64, 256
TOKENS = 2048  # of a step, in training as in fine-tuning
TASK = "loss"
PEAK = 4e-3  # of training; half of it needs twice the steps until positions are used at all
RATE = 1e-3  # of fine-tuning
TABLE_STEPS, TABLE_RATE = 100, 5e-3  # of the table alone, for the calibrated start
_LATER = 10**6  # numbers of the steps whose batches fine-tuning reads: others than those of training
_DOCUMENTS, _WINDOWS = 128, 4


@dataclass(frozen=True)
class Sizes:
    """How large the model is, and for how many steps it is trained."""

    d_model: int = 128
    layers: int = 3
    heads: int = 4
    steps: int = 900


@dataclass(frozen=True)
class LabStart:
    """What fine-tuning begins from.

    Attributes:
        method: that extends the table; empty for inputs that are cut into blocks of the old length.
        options: of the method.
        table_first: whether the table alone is trained before all weights are.
    """

    method: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    table_first: bool = False


STARTS = {
    "blocks of 64": LabStart(),
    "tile": LabStart("tile"),
    "linear": LabStart("linear"),
    "mean": LabStart("mean"),
    "random rows": LabStart("random"),
    "calibrated": LabStart("tile", table_first=True),
}


class Lab:
    """One seed: its model, and batches and test windows of the standard library's source text.

    Args:
        corpus: in bytes.
        seed: of the model and of the batches.
        sizes: of the model.
        folder: where the trained model is kept.
    """

    def __init__(self, corpus: Corpus, seed: int, sizes: Sizes, folder: Path) -> None:
        self.corpus, self.sizes = corpus, sizes
        self.config = UnitConfig(
            model="encoder",
            train_length=SHORT,
            batch_size=TOKENS // SHORT,
            steps=sizes.steps,
            d_model=sizes.d_model,
            layers=sizes.layers,
            heads=sizes.heads,
            learning_rate=PEAK,
            warmup_steps=50,
            precision=resolve_precision("auto", "cpu"),
            seed=seed,
        )
        self.file = folder / f"trained-{seed}.pt"
        self.windows = cut_windows(corpus.test, LONG - 1, _WINDOWS, _DOCUMENTS)
        self.hidden = hide(self.windows.tokens.shape, generator("fine-tuning", "hidden"))

    def trained(self) -> LabModel:
        """Return the model of 64 positions, from its file if it was trained before."""
        model = LabModel(self.config, self.corpus.vocab_size)
        if not self.file.exists():
            trainer = Trainer(self.config, self.corpus, model)
            while trainer.step < self.config.steps:
                trainer.update()
            write_whole(self.file, lambda path: torch.save(model.state_dict(), path), parents=True)
        model.load_state_dict(torch.load(self.file, weights_only=True))
        return model

    def work(self, start: LabStart) -> Work:
        """Return one start, which reads the same batches as the others."""
        model = self.trained()
        assert model.table is not None
        block = LONG if start.method else SHORT
        if start.method:
            old = model.table.detach().numpy().copy()
            model.set_table(torch.from_numpy(extend_table(old, LONG, method=start.method, **start.options)))
        long = replace(self.config, train_length=LONG, batch_size=TOKENS // LONG)
        batches = Trainer(long, self.corpus, model)

        def loss(step: int) -> Tensor:
            with batches.autocast():
                return _loss(model, *batches.batch(_LATER + step), block)

        if start.table_first:
            self._train_table(model, loss)
        return Work(Trainee([(model, RATE)], loss), lambda: self.measure(model, block))

    def _train_table(self, model: LabModel, loss: Callable[[int], Tensor]) -> None:
        model.requires_grad_(False)
        position: nn.Module = model.embed.position  # type: ignore[assignment]
        trainee = Trainee([(position, TABLE_RATE)], lambda step: loss(_LATER + step))
        kept = self.file.with_name(f"calibrated-{self.config.seed}.pt")
        if kept.exists():
            trainee.restore(kept)
        trainee.advance(TABLE_STEPS)
        trainee.save(kept)

    def measure(self, model: LabModel, block: int) -> Outcomes:
        """Return the mean loss of each document's hidden bytes past the old length."""
        scorer = Scorer(model.eval(), MASKED, self.corpus.mask)
        shape = self.windows.tokens.shape
        ids, hidden = (each.reshape(-1, block) for each in (self.windows.tokens, self.hidden))
        losses = scorer.losses(ids, hidden).reshape(shape)
        means = document_means(losses[:, SHORT:], self.windows)
        return {TASK: means[np.isfinite(means)].tolist()}


def _loss(model: LabModel, inputs: Tensor, targets: Tensor, block: int) -> Tensor:
    inputs, targets = inputs.reshape(-1, block), targets.flatten()
    only = (targets != IGNORED).nonzero()[:, 0]
    return F.cross_entropy(model(inputs, only), targets[only])


def studies(corpus: Corpus, folder: Path, sizes: Sizes = Sizes()) -> list[Study]:
    """Return a study for each seed."""
    found = []
    for seed in SEEDS:
        lab = Lab(corpus, seed, sizes, folder)
        starts = {name: _with(lab, start) for name, start in STARTS.items()}
        found.append(Study(name_of(seed), MARKS, starts))
    return found


def _with(lab: Lab, start: LabStart) -> Callable[[], Work]:
    return lambda: lab.work(start)


def name_of(seed: int) -> str:
    """Return the name of one seed's study."""
    return f"lab, seed {seed}"
