"""Evaluate a sentence-embedding checkpoint: retrieval at each length, and what became of short inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from posembed.quality.evaluate.fidelity import fidelity, short_texts
from posembed.quality.evaluate.ranking import CHECKPOINT, TRUNCATED, Cell, comparisons, hits, systems
from posembed.quality.models.embedder import Embedder
from posembed.quality.tasks.retrieval_set import Split, Task, make_set

Tell = Callable[[str], None]


def evaluate_embeddings(
    checkpoint: Embedder,
    original: Embedder,
    texts: Sequence[str],
    *,
    lengths: Sequence[int],
    usable: int,
    original_usable: int,
    tasks: Sequence[Task],
    documents: int,
    pool: int,
    short: int,
    split: Split = "test",
    seed: int = 0,
    tell: Tell = lambda _: None,
) -> dict[str, Any]:
    """Cells, comparisons and short-input fidelity as plain values.

    Args:
        checkpoint: what is judged.
        original: the model before it was extended, or the same one.
        texts: held-out texts of the split.
        lengths: of the documents, in tokens.
        usable: the checkpoint's longest input; longer documents are judged by the baselines alone.
        original_usable: the original's, which baselines cut to.
        tasks: which tasks.
        documents: of each cell.
        pool: documents that a query is ranked against.
        short: longest short text, in tokens without special ones; texts of 8 to so many are compared.
        split: whose names and numbers are drawn.
        seed: of every draw.
        tell: is told what is being done.
    """
    tokens = [checkpoint.encode(text) for text in texts]
    cells = []
    for task in tasks:
        for length in lengths:
            tell(f"{task} at {length} tokens")
            made = make_set(
                task, length, checkpoint.encode, tokens,
                split=split, documents=documents, pool=pool, seed=seed, special=checkpoint.special,
            )  # fmt: skip
            queries = original.embed(made.queries)
            own = queries if checkpoint is original else checkpoint.embed(made.queries)
            for name, embed in systems(checkpoint, original, original_usable).items():
                if name == CHECKPOINT and length > usable:
                    continue
                if name != CHECKPOINT and length <= original_usable and checkpoint is original:
                    continue  # nothing is cut: it would be the same number again
                vectors = embed(made.documents)
                found = hits(made, vectors, own if name == CHECKPOINT else queries)
                cells.append(Cell(task, length, name, found, np.asarray(made.depths, dtype=np.int64)))
    tell("short inputs")
    brief = short_texts(tokens, documents, short, split, seed)
    exact, reference = checkpoint.in_float32(), original.in_float32()
    return {
        "cells": [cell.to_dict() for cell in cells],
        "comparisons": comparisons(cells),
        "fidelity": fidelity(exact.embed(brief), reference.embed(brief)) | {"longest": short},
    }


def verdict(found: dict[str, Any]) -> list[str]:
    """Plain sentences: the checkpoint against truncation at each length, and short inputs."""
    sentences = []
    for entry in found["comparisons"]:
        if entry["second"] == TRUNCATED:
            sure = entry["p_holm"] < 0.05
            word = ("better" if entry["mean"] > 0 else "worse") if sure else "no difference that these documents show"
            sentences.append(
                f"{entry['task']} at {entry['length']} tokens: checkpoint − truncated = {entry['mean']:+.3f} "
                f"({entry['low']:+.3f} to {entry['high']:+.3f}), corrected p {entry['p_holm']:.2g}: {word}"
            )
    short = found["fidelity"]
    same = f"{short['equal']} of {short['texts']} vectors equal bit for bit"
    sentences.append(
        f"Short inputs (up to {short['longest']} tokens): cosine to the original {short['cosine']['mean']:.4f}, least "
        f"{short['cosine']['least']:.4f}; {same}"
    )
    return sentences
