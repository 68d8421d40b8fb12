"""An embedding model of 512 positions reads 1,024 and 2,048 tokens: every method, each table made for its length."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posembed.quality.evaluate.fidelity import fidelity, short_texts
from posembed.quality.evaluate.ranking import hits
from posembed.quality.models.embedding import load_embedder
from posembed.quality.models.position_table import only_table
from posembed.quality.search.longer_table import LongerTable
from posembed.quality.tasks.retrieval_set import make_set
from posembed.quality.texts import load_texts
from posembed.statistics import bootstrap_interval, difference, holm

DOCUMENTS = {1024: 200, 2048: 200}  # by length
SHORT_TEXTS, SHORT = 200, 126
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "tile": ("tile", {}),
    "tile, range 160": ("tile", {"range": 160}),
    "tile, range 128": ("tile", {"range": 128}),
    "linear": ("linear", {}),
    "cubic": ("cubic", {}),
    "stretch, range 192": ("stretch", {"range": 192}),
    "stretch, range 160": ("stretch", {"range": 160}),
    "stretch, range 160, cubic": ("stretch", {"range": 160, "kernel": "cubic"}),
    "stretch, range 160, keep 20": ("stretch", {"range": 160, "keep": 20}),
    "stretch, range 128, ratio 2": ("stretch", {"range": 128, "ratio": 2}),
    "grouped": ("grouped", {}),
    "hierarchical": ("hierarchical", {}),
    "repeat-last": ("repeat-last", {}),
    "mean": ("mean", {}),
    "mean, keep 1": ("mean", {"keep": 1}),
    "mean, keep 1, range 160": ("mean", {"keep": 1, "range": 160}),
    "mean, keep 128, range 160": ("mean", {"keep": 128, "range": 160}),
    "zeros": ("zeros", {}),
    "random": ("random", {"seed": 0}),
}
TRUNCATED, CHUNKED = "truncated", "chunks averaged"


def study(checkpoint: str) -> dict[str, Any]:
    """All cells: passkey retrieval on test documents, and what becomes of short inputs."""
    texts = load_texts("stdlib")["test"]
    table = only_table(checkpoint)
    cells: list[dict[str, Any]] = []
    short: dict[str, Any] = {}
    for length, documents in DOCUMENTS.items():
        embedder = load_embedder(checkpoint, precision="bf16")
        tokens = [embedder.encode(text) for text in texts]
        made = make_set("passkey", length, embedder.encode, tokens, documents=documents, special=embedder.special)
        queries = embedder.embed(made.queries)
        brief = short_texts(tokens, SHORT_TEXTS, SHORT, "test", 0)
        reference = embedder.in_float32().embed(brief)
        found = {
            TRUNCATED: hits(made, embedder.embed_truncated(made.documents, table.usable_length), queries),
            CHUNKED: hits(made, embedder.embed_chunked(made.documents, table.usable_length), queries),
        }
        longer = LongerTable(embedder.model, table, length)
        for name, (method, options) in METHODS.items():
            print(f"{name} at {length}", file=sys.stderr, flush=True)
            longer.put(method, options)
            found[name] = hits(made, embedder.embed(made.documents), queries)
            short.setdefault(name, {})[str(length)] = fidelity(
                embedder.in_float32().embed(brief), reference, max(map(len, brief))
            ).to_dict()
        cells += _cells(length, found)
    for cell, adjusted in zip(cells, holm([cell["over_truncated"]["p"] for cell in cells]), strict=True):
        cell["over_truncated"]["p_holm"] = adjusted
    return {
        "checkpoint": Path(checkpoint).name,
        "documents": {str(length): count for length, count in DOCUMENTS.items()},
        "cells": cells,
        "short": short,
    }


def _cells(length: int, found: dict[str, NDArray[np.int64]]) -> list[dict[str, Any]]:
    """Accuracy of each method, and its difference to cutting the same documents."""
    return [
        {
            "length": length,
            "method": name,
            "accuracy": bootstrap_interval(each),
            "over_truncated": difference(each, found[TRUNCATED]),
        }
        for name, each in found.items()
    ]
