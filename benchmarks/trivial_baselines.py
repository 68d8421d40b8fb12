"""How far counting words gets on the retrieval tasks: BM25, and averages of input word vectors without a Transformer.

    hf download sentence-transformers/all-MiniLM-L6-v2 --local-dir all-MiniLM-L6-v2
    python -m benchmarks.trivial_baselines all-MiniLM-L6-v2      (about a minute on 2 cores; writes KEPT)
    python -m benchmarks.trivial_baselines --tables              (prints the pages' tables from KEPT)

The documents and queries are those of `posembed evaluate` (`--documents 400` and 200), and those of
`benchmarks.other_passkeys`. Inverse document frequencies are those of the 100 documents of a pool.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import other_passkeys
from benchmarks.pages import interval, keep, load, print_table
from posembed.hardware import environment
from posembed.quality.evaluate.lexical import Bm25Index, WordVectorIndex, words
from posembed.quality.evaluate.ranking import pools, ranked_first
from posembed.quality.models.embedder import Embedder
from posembed.quality.models.embedding import load_embedder
from posembed.quality.tasks.retrieval_set import RetrievalSet, make_set
from posembed.quality.texts import load_texts
from posembed.records.evaluate import Task
from posembed.statistics import bootstrap_interval

KEPT = Path(__file__).parents[1] / "docs" / "measured" / "trivial-baselines.json"
LENGTHS = (128, 256, 512, 1024, 2048, 4096)
# What the pages report: the task and its number of documents.
SETS: dict[str, tuple[Task, int]] = {
    "needle": ("needle", 200),
    "paragraph": ("paragraph", 200),
    "passkey": ("passkey", 400),
    "passkey, 200 documents": ("passkey", 200),
}
POOL, SEED = 100, 0
SYSTEMS = ("BM25", "word vectors, weighted by idf")
Score = Callable[[Any, Any], Any]


def rankers(embedder: Embedder) -> dict[str, Score]:
    """The two ways to score a pool: by words of the decoded documents, and by word vectors."""
    table = embedder.model.get_input_embeddings().weight.detach().float().numpy()

    def split(texts: Any) -> list[list[str]]:
        return [words(embedder.tokenizer.decode(list(text))) for text in texts]

    return dict(
        zip(
            SYSTEMS,
            (
                lambda documents, queries: Bm25Index(split(documents)).scores(split(queries)),
                lambda documents, queries: WordVectorIndex(documents, table).scores(queries),
            ),
            strict=True,
        )
    )


def made_sets(embedder: Embedder) -> Iterator[tuple[str, int, RetrievalSet]]:
    """Every set with its name and length."""
    texts = [embedder.encode(text) for text in load_texts("stdlib")["test"]]
    for name, (task, documents) in SETS.items():
        for length in LENGTHS:
            made = make_set(task, length, embedder.encode, texts, documents=documents, pool=POOL, seed=SEED)
            yield name, length, made
    for kind in other_passkeys.KINDS:
        for length in other_passkeys.LENGTHS:
            yield kind[0], length, other_passkeys.documents(kind, length, embedder, texts)


def measure(checkpoint: str) -> list[dict[str, Any]]:
    embedder = load_embedder(checkpoint)
    cells = []
    for name, length, made in made_sets(embedder):
        for system, score in rankers(embedder).items():
            scores = [score(made.documents[pool], made.queries[pool]) for pool in pools(made)]
            hits = np.concatenate([ranked_first(each) for each in scores])
            cells.append({"task": name, "length": length, "system": system, "accuracy": bootstrap_interval(hits)})
            print(f"{name}, {length} tokens, {system}: {hits.mean():.3f}")
    return cells


def rows(kept: dict[str, Any], name: str, lengths: tuple[int, ...] = LENGTHS) -> list[list[str]]:
    """System, and the share of documents ranked first at each length, with its interval."""
    cells = {(c["system"], c["length"]): c["accuracy"] for c in kept["cells"] if c["task"] == name}
    return [[system, *(interval(cells[system, length]) for length in lengths)] for system in SYSTEMS]


def other_rows(kept: dict[str, Any]) -> list[list[str]]:
    """Kind of document, length, and the accuracy of each system, of the documents of `benchmarks.other_passkeys`."""
    cells = {(c["task"], c["length"], c["system"]): c["accuracy"] for c in kept["cells"]}
    return [
        [kind[0], f"{length:,}", *(interval(cells[kind[0], length, system]) for system in SYSTEMS)]
        for kind in other_passkeys.KINDS
        for length in other_passkeys.LENGTHS
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", nargs="?")
    parser.add_argument("--tables", action="store_true")
    arguments = parser.parse_args()
    if not arguments.tables:
        if arguments.checkpoint is None:
            parser.error("name a checkpoint, or --tables")
        cells = measure(arguments.checkpoint)
        keep(KEPT, {"cells": cells, "pool": POOL, "seed": SEED, "environment": environment("cpu")})
    kept = load(KEPT)
    for name in SETS:
        print_table([name, *LENGTHS], rows(kept, name))
    print_table(["documents", "tokens", *SYSTEMS], other_rows(kept))


if __name__ == "__main__":
    main()
