"""Fine-tune an embedding model on titles and sections of one collection of manuals; find those of another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from benchmarks.fine_tuning.pairs import Batch, validation_pool
from benchmarks.fine_tuning.rounds import Outcomes, Results, Study, Work
from benchmarks.fine_tuning.starts import CUT, LONG, ROWS, Models, Start
from benchmarks.fine_tuning.training import Trainee
from benchmarks.real_texts.__main__ import Shipped, hits_of
from benchmarks.real_texts.sets import NamedSet, retrieval_set
from posembed.quality.calibrate.contrastive import contrastive_loss
from posembed.quality.evaluate.ranking import hits
from posembed.quality.evaluate.short_pairs import short_pairs
from posembed.quality.models.embedder import Embedder
from posembed.quality.tasks.held_out import HeldOut
from posembed.quality.tasks.retrieval_set import RetrievalSet
from posembed.quality.texts import load_documents, load_texts
from posembed.records.evaluate import Task

NAME, MARKS = "retrieval", (0, 50, 100, 200)
BASELINES = "baselines"
TASKS: tuple[Task, ...] = ("title", "section")
SHORT = "short texts"
STARTS = (CUT, *LONG)
RATE = 2e-5  # the best of these after 50 steps, on validation pages that are cut
RATES, RATE_STEPS = (2e-5, 5e-5), 50
_SHORT_PAIRS, _SHORT_POOL, _SHORT_TOKENS = 200, 100, 126


@dataclass(frozen=True)
class Asked:
    """What a trained model is asked.

    Attributes:
        long: documents of 1,024 tokens with their titles, and with a section each.
        short: sentences and what follows them, none of them about the manuals.
    """

    long: Mapping[Task, RetrievalSet]
    short: RetrievalSet

    @classmethod
    def of(cls, folder: Path, embedder: Embedder) -> Asked:
        """Return the sets of a collection of manuals, and of the standard library's prose."""
        held_out = HeldOut([], load_documents(str(folder), "all"), everything=True)
        short = short_pairs(
            load_texts("stdlib")["test"],
            embedder.encode,
            _SHORT_TOKENS - embedder.special,
            documents=_SHORT_PAIRS,
            pool=_SHORT_POOL,
            split="test",
            seed=0,
        )
        assert short is not None
        return cls({task: retrieval_set(task, ROWS, held_out, embedder) for task in TASKS}, short)

    def outcomes(self, start: Start, embedder: Embedder) -> dict[str, list[float]]:
        """Return 1 for every query whose document ranks first."""
        embedder.model.eval()
        known: dict[tuple[int, ...], int] = {}
        for made in self.long.values():
            for document in made.documents:
                known.setdefault(document, len(known))
        vectors = embedder.embed([start.cut(list(document), embedder.special) for document in known])
        found: dict[str, list[float]] = {}
        for task, made in self.long.items():
            own = vectors[[known[document] for document in made.documents]]
            found[task] = hits(made, own, embedder.embed(made.queries, queries=True)).tolist()
        asked = embedder.embed(self.short.queries, queries=True)
        found[SHORT] = hits(self.short, embedder.embed(self.short.documents), asked).tolist()
        return found


def batch_loss(embedder: Embedder, start: Start, batch: Batch) -> Tensor:
    """Return the contrast of titles and of sections with the documents of a batch, with gradient."""
    documents = embedder.pooled([start.cut(document, embedder.special) for document in batch.documents])
    queries = embedder.pooled([*batch.titles, *batch.sections], queries=True)
    count = len(batch.titles)
    return (contrastive_loss(queries[:count], documents) + contrastive_loss(queries[count:], documents)) / 2


def study(models: Models, asked: Asked, batches: list[Batch]) -> Study:
    """Return all starts, trained on the same batches in the same order."""

    def work(start: Start) -> Work:
        embedder = start.embedder(models)
        trainee = Trainee([(embedder.model, RATE)], lambda step: batch_loss(embedder, start, batches[step]))
        return Work(trainee, lambda: asked.outcomes(start, embedder))

    return Study(NAME, MARKS, {start.name: _with(work, start) for start in STARTS})


def _with(work: Callable[[Start], Work], start: Start) -> Callable[[], Work]:
    return lambda: work(start)


def try_rates(models: Models, batches: list[Batch], folder: Path, results: Results) -> None:
    """Measure the loss on validation pages before training and after some steps at each rate; documents are cut."""
    for rate in (0.0, *RATES):
        results.measure("rates", f"{rate:.0e}", RATE_STEPS, lambda rate=rate: _tried(models, batches, folder, rate))


def _tried(models: Models, batches: list[Batch], folder: Path, rate: float) -> Outcomes:
    embedder = CUT.embedder(models)
    if rate:
        Trainee([(embedder.model, rate)], lambda step: batch_loss(embedder, CUT, batches[step])).advance(RATE_STEPS)
    return {"loss": [_pool_loss(embedder, validation_pool(folder, embedder))]}


def _pool_loss(embedder: Embedder, pool: Batch) -> float:
    import torch

    documents = torch.from_numpy(embedder.embed([CUT.cut(each, embedder.special) for each in pool.documents]))
    queries = [torch.from_numpy(embedder.embed(each, queries=True)) for each in (pool.titles, pool.sections)]
    return sum(float(contrastive_loss(each, documents)) for each in queries) / len(queries)


def baselines(models: Models, asked: Asked, results: Results) -> None:
    """Measure chunks of the model that was fine-tuned on cut documents; benchmarks.real_texts has them as shipped."""
    state = results.state(NAME, CUT.name)
    if not state.exists():
        return
    tuned = CUT.embedder(models)
    trainee = Trainee([(tuned.model, RATE)], lambda _: Tensor())
    trainee.restore(state)
    results.measure(BASELINES, CUT.name, trainee.step, lambda: _systems(asked, tuned))


def _systems(asked: Asked, embedder: Embedder) -> Outcomes:
    shipped = Shipped(embedder)
    found: dict[str, list[int]] = {}
    for task, made in asked.long.items():
        systems = hits_of(NamedSet("tools", task, ROWS, made), shipped.scores)
        found |= {f"{task}: {system}": outcomes for system, outcomes in systems.items()}
    return found
