"""How often titles, sections and needles rank their document first: as shipped, by chunks, and by longer tables.

    python -m benchmarks.real_texts.corpora corpora
    python -m benchmarks.real_texts MODEL corpora [NAME=CHECKPOINT …] [--only COLLECTION]
                                                      (adds to KEPT; a quarter of an hour on 2 cores for a collection)
    python -m benchmarks.real_texts --tables                              (prints the tables from KEPT)

Every system gives one vector a document, but for the best chunk, the best late chunk and BM25. A checkpoint of a longer
table embeds documents and queries by itself; its late chunks come from the same pass, and are as many as the chunks.
Pools have up to 100 documents.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.pages import interval, keep, load, print_table
from benchmarks.real_texts.sets import LENGTHS, TASKS, NamedSet, named_sets
from posembed.hardware import environment
from posembed.quality.evaluate.lexical import Bm25Index, words
from posembed.quality.evaluate.ranking import pools, ranked_first
from posembed.quality.models.embedder import Embedder
from posembed.quality.models.embedding import load_embedder
from posembed.quality.models.rows import unit
from posembed.statistics import bootstrap_interval, difference

KEPT = Path(__file__).parents[2] / "docs" / "measured" / "real-texts.json"
CUTS, CHUNK, BEGINNING = (256, 512), 128, 256
SHARES = (0.25, 0.5, 1.0)  # of the beginning's vector, beside the mean of the chunks
Ids = Sequence[Sequence[int]]
Scores = NDArray[np.float32]
Hits = NDArray[np.int64]


class Whole:
    """Documents embedded whole by one model, each once: all tasks of one length ask about the same ones."""

    def __init__(self, embedder: Embedder, name: str = "") -> None:
        self.embedder, self.name = embedder, name
        self.known: dict[tuple[int, ...], NDArray[np.float32]] = {}

    def embed(self, texts: Ids) -> NDArray[np.float32]:
        """Return the vectors of documents."""
        new = sorted({tuple(text) for text in texts} - self.known.keys(), key=len)
        if new:
            self.known |= dict(zip(new, self.embedder.embed(new), strict=True))
        return np.stack([self.known[tuple(text)] for text in texts])

    def scores(self, documents: Ids, queries: Ids) -> Iterator[tuple[str, Scores]]:
        """Yield the one system with its scores ``[queries, documents]``."""
        yield self.name, self.embedder.embed(queries, queries=True) @ self.embed(documents).T


class Longer(Whole):
    """Documents embedded whole by a longer table, and by the best of the chunks that the same pass gives."""

    def __init__(self, embedder: Embedder, name: str) -> None:
        super().__init__(embedder, name)
        self.parts: dict[tuple[int, ...], NDArray[np.float32]] = {}

    def scores(self, documents: Ids, queries: Ids) -> Iterator[tuple[str, Scores]]:
        """Yield the two systems with their scores ``[queries, documents]``."""
        new = sorted({tuple(text) for text in documents} - self.known.keys(), key=len)
        if new:
            whole, late = self.embedder.embed_late(new, (CHUNK,))
            self.known |= dict(zip(new, whole, strict=True))
            self.parts |= dict(zip(new, late[CHUNK], strict=True))
        asked = self.embedder.embed(queries, queries=True)
        yield self.name, asked @ self.embed(documents).T
        parts = [self.parts[tuple(text)] for text in documents]
        yield f"{self.name}, best late chunk", np.stack([(asked @ part.T).max(axis=1) for part in parts], axis=1)


class Shipped(Whole):
    """What the model as shipped gives."""

    def cut(self, texts: Ids, length: int) -> NDArray[np.float32]:
        """Return the vectors of documents cut to a number of tokens."""
        return self.embed([text[: length - self.embedder.special] for text in texts])

    def chunks(self, texts: Ids) -> list[NDArray[np.float32]]:
        """Return the vectors of each document's chunks."""
        return [self.embed(parts) for parts in self.embedder.cut(texts, CHUNK)]

    def scores(self, documents: Ids, queries: Ids) -> Iterator[tuple[str, Scores]]:
        """Yield each system with its scores ``[queries, documents]``."""
        asked = self.embedder.embed(queries, queries=True)
        for length in CUTS:
            yield f"cut to {length}", asked @ self.cut(documents, length).T
        parts = self.chunks(documents)
        mean, beginning = unit(np.stack([part.mean(axis=0) for part in parts])), self.cut(documents, BEGINNING)
        yield f"mean of {CHUNK - 2}-token chunks", asked @ mean.T
        for share in SHARES:
            yield f"that mean + {share} × the first {BEGINNING - 2}", asked @ unit(mean + share * beginning).T
        yield "best chunk", np.stack([(asked @ part.T).max(axis=1) for part in parts], axis=1)
        split: Callable[[Ids], list[list[str]]] = lambda texts: [  # noqa: E731
            words(self.embedder.tokenizer.decode(list(text))) for text in texts
        ]
        yield "BM25", Bm25Index(split(documents)).scores(split(queries))


def hits_of(each: NamedSet, scores: Callable[[Ids, Ids], Iterator[tuple[str, Scores]]]) -> dict[str, str]:
    """Return, for each system, 1 for every query whose document ranks first, and 0 for the others, as one word."""
    found: dict[str, str] = {}
    for pool in pools(each.made):
        for system, score in scores(each.made.documents[pool], each.made.queries[pool]):
            found[system] = found.get(system, "") + "".join(str(int(hit)) for hit in ranked_first(score))
    return found


def measure(model: str, folder: Path, checkpoints: dict[str, str], only: str | None = None) -> None:
    """Measure what is not kept yet, and keep it."""
    embedder = load_embedder(model)
    shipped = Shipped(embedder)
    longer = [Longer(load_embedder(path), name) for name, path in checkpoints.items()]
    kept = load(KEPT).get("hits", {})
    for each in named_sets(folder, embedder, only):
        key = f"{each.collection}, {each.task}, {each.length}"
        found = kept.setdefault(key, {})
        if "BM25" not in found:
            found |= hits_of(each, shipped.scores)
        for other in longer:
            if other.name not in found:
                found |= hits_of(each, other.scores)
        keep(KEPT, {"hits": kept, "environment": environment("cpu")})
        print(key, {name: round(float(_hits(word).mean()), 3) for name, word in found.items()}, flush=True)


def tables(kept: dict[str, Any]) -> None:
    """Print the pooled shares, and the paired differences from the better cut and from the best chunk."""
    for length in LENGTHS:
        pooled = {task: _pooled(kept["hits"], task, length) for task in TASKS}
        pooled = {task: hits for task, hits in pooled.items() if hits}
        if not pooled:
            continue
        cuts = {
            task: max((hits[f"cut to {cut}"] for cut in CUTS), key=lambda each: float(np.mean(each)))
            for task, hits in pooled.items()
        }
        chunks = {task: hits["best chunk"] for task, hits in pooled.items()}
        systems = list(dict.fromkeys(system for hits in pooled.values() for system in hits))
        shares = [
            [system, *(_cell(hits, system, lambda own: interval(bootstrap_interval(own))) for hits in pooled.values())]
            for system in systems
        ]
        print_table([f"{length:,} tokens", *(f"{task} ({len(cuts[task])})" for task in pooled)], shares)
        for name, others in (("the better cut", cuts), ("the best chunk", chunks)):
            differences = [
                [system, *(_less(hits, system, others[task]) for task, hits in pooled.items())] for system in systems
            ]
            print_table([f"{length:,} tokens, less {name}", *pooled], differences)


def _cell(hits: dict[str, Hits], system: str, shown: Callable[[Hits], str]) -> str:
    """Return what is shown of a system, or a dash where it was not measured."""
    return shown(hits[system]) if system in hits else "–"


def _less(hits: dict[str, Hits], system: str, other: Hits) -> str:
    return _cell(hits, system, lambda own: interval(difference(own, other), sign=True))


def _hits(word: str) -> Hits:
    return np.array(list(word), dtype=np.int64)


def _pooled(hits: dict[str, dict[str, str]], task: str, length: int) -> dict[str, Hits]:
    keys = [key for key in hits if key.endswith(f", {task}, {length}")]
    systems = [system for system in hits[keys[0]] if all(system in hits[key] for key in keys)] if keys else []
    return {system: np.concatenate([_hits(hits[key][system]) for key in keys]) for system in systems}


def main() -> None:
    """Measure, or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?")
    parser.add_argument("corpora", nargs="?", type=Path)
    parser.add_argument("checkpoints", nargs="*", metavar="NAME=CHECKPOINT")
    parser.add_argument("--only", metavar="COLLECTION", help="search the pages of this collection alone")
    parser.add_argument("--tables", action="store_true")
    given = parser.parse_args()
    if not given.tables:
        if given.corpora is None:
            parser.error("name a model and the folder of the corpora, or --tables")
        measure(given.model, given.corpora, dict(each.split("=", 1) for each in given.checkpoints), given.only)
    tables(load(KEPT))


if __name__ == "__main__":
    main()
