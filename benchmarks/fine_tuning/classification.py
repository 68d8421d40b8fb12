"""Fine-tune all weights and a new head: which manual is the second of two pages from?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.fine_tuning.bundles import LENGTH, Bundle, Manuals, manuals_of
from benchmarks.fine_tuning.rounds import Results, Study, Work
from benchmarks.fine_tuning.starts import CUT, END, LONG, Models, Start
from benchmarks.fine_tuning.training import Trainee
from posembed.quality.models.embedder import Embedder

NAME, MARKS, BASELINES = "classification", (40, 80), "classification baselines"
TASK = "manual"
STARTS = (CUT, END, *LONG)
BATCH, TESTED = 8, 200
RATE, HEAD_RATE = 1e-4, 5e-3
_SCALE = 10.0  # of the unit vectors that the head reads, so that its logits can become large within a few steps


class Data:
    """Bundles to train on and to test on, from different pages.

    Args:
        corpora: folder of the collections.
        embedder: whose tokens.
    """

    def __init__(self, corpora: Path, embedder: Embedder) -> None:
        folders = manuals_of(corpora)
        self.classes = len(folders)
        train, test = (Manuals(folders, embedder, each) for each in (False, True))
        self.train = [train.bundle(number) for number in range(BATCH * MARKS[-1])]
        self.test = [test.bundle(number) for number in range(TESTED)]


def study(models: Models, data: Data) -> Study:
    """Return all starts, trained on the same bundles in the same order."""

    def make(start: Start) -> Callable[[], Work]:
        return lambda: work(models, data, start)

    return Study(NAME, MARKS, {start.name: make(start) for start in STARTS})


def work(models: Models, data: Data, start: Start) -> Work:
    """Return one start."""
    embedder = start.embedder(models)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = nn.Linear(embedder.model.config.hidden_size, data.classes)

    def logits(bundles: list[Bundle]) -> Tensor:
        read = [start.cut(bundle.document, embedder.special) for bundle in bundles]
        result: Tensor = head(_SCALE * embedder.pooled(read))
        return result

    def loss(step: int) -> Tensor:
        bundles = data.train[step * BATCH : (step + 1) * BATCH]
        return F.cross_entropy(logits(bundles), torch.tensor([bundle.label for bundle in bundles]))

    @torch.no_grad()
    def measure() -> dict[str, list[float]]:
        found: list[float] = []
        for begin in range(0, len(data.test), BATCH):
            bundles = data.test[begin : begin + BATCH]
            labels = torch.tensor([bundle.label for bundle in bundles])
            found += (logits(bundles).argmax(dim=1) == labels).float().tolist()
        return {TASK: found}

    return Work(Trainee([(embedder.model, RATE), (head, HEAD_RATE)], loss), measure)


def baselines(data: Data, results: Results) -> None:
    """Measure logistic regression on the words: of the whole document, of its last part, and of the second page."""
    readers: dict[str, Callable[[Bundle], list[int]]] = {
        "words of the whole document": lambda bundle: bundle.document,
        "words of its last 126 tokens": lambda bundle: bundle.document[-126:],
        "words of the second page alone": lambda bundle: bundle.document[bundle.begins :],
    }
    for name, read in readers.items():
        results.measure(BASELINES, name, 0, lambda read=read: {TASK: _words(data, read)})


def _words(data: Data, read: Callable[[Bundle], list[int]]) -> list[float]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    texts = [[" ".join(map(str, read(bundle))) for bundle in bundles] for bundles in (data.train, data.test)]
    labels = [np.array([bundle.label for bundle in bundles]) for bundles in (data.train, data.test)]
    model = make_pipeline(TfidfVectorizer(token_pattern=r"\d+", sublinear_tf=True), LogisticRegression(C=100.0))
    model.fit(texts[0], labels[0])
    return [float(hit) for hit in model.predict(texts[1]) == labels[1]]


assert CUT.reads < LENGTH + 2  # else nothing is cut
