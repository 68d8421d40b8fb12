"""``posembed evaluate``: from a checkpoint and local text to one document of results."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Sequence
from typing import Any, get_args

from posembed.errors import InvalidArgumentError
from posembed.lab.evaluation.embeddings import evaluate_embeddings, require_lengths, verdict
from posembed.lab.evaluation.loading import kind_of, load_embedder, usable_length
from posembed.lab.evaluation.tasks import Task
from posembed.lab.evaluation.texts import load_texts
from posembed.lab.hardware import environment, resolve_precision

SCHEMA, SCHEMA_VERSION = "posembed.evaluate", 1
TASKS: tuple[Task, ...] = get_args(Task)
LENGTHS = (128, 256, 512, 1024, 2048, 4096)
SHORT = 126  # tokens of a short text without the two special ones


def evaluate(
    checkpoint: str | os.PathLike[str],
    *,
    original: str | os.PathLike[str] | None = None,
    data: str = "stdlib",
    lengths: Sequence[int] | None = None,
    tasks: Sequence[Task] = TASKS,
    documents: int = 200,
    pool: int = 100,
    short: int = SHORT,
    precision: str = "auto",
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Judge a sentence-embedding checkpoint on long inputs, beside truncation and chunk averaging.

    Documents, names and numbers come from the test set of ``data``, which choosing and calibrating never read. The
    same call gives the same numbers.

    Args:
        checkpoint: a directory of Transformers or sentence-transformers files.
        original: the model before it was extended: baselines cut to its length, and short inputs are compared with
            it. Left out, the checkpoint is its own original.
        data: ``"stdlib"``, a text file or a directory of text files.
        lengths: of the documents in tokens; by default 128 to 4,096 in powers of two. Where a document is longer
            than the checkpoint takes, the baselines stand alone.
        tasks: ``"passkey"``, ``"needle"``, ``"paragraph"``.
        documents: of each cell, a multiple of ``pool``.
        pool: documents that a query is ranked against.
        short: longest short text in tokens, without special ones.
        precision: of retrieval: ``"auto"`` (bf16 where the hardware has it), ``"bf16"`` or ``"fp32"``. Short inputs
            are always compared in float32.
        seed: of every draw.
        tell: is told what is being done.

    Returns:
        A plain document; docs/formats/evaluate.md lists its fields.

    Raises:
        InvalidArgumentError: for a checkpoint that is no embedding model, or sizes that cannot be.
        DataError: for data that are missing or too short.
        CheckpointError: for files that cannot be loaded.
    """
    lengths = list(LENGTHS if lengths is None else lengths)
    require_lengths(lengths)
    for task in tasks:
        if task not in TASKS:
            raise InvalidArgumentError(f"tasks: {task!r} must be one of {', '.join(TASKS)}")
    if not tasks:
        raise InvalidArgumentError(f"tasks is empty; choose from {', '.join(TASKS)}")
    paths = [checkpoint] if original is None else [checkpoint, original]
    for path in paths:
        if kind_of(path) != "embedding":
            raise InvalidArgumentError(f"{path} is no sentence-embedding model (it has no modules.json)")
    limits = [usable_length(path) for path in paths]
    precision = resolve_precision(precision, "cpu")
    tell("reading texts")
    texts = load_texts(data)["test"]
    tell("loading models")
    models = [load_embedder(path, precision=precision) for path in paths]
    found = evaluate_embeddings(
        models[0],
        models[-1],
        texts,
        lengths=lengths,
        usable=limits[0],
        original_usable=limits[-1],
        tasks=tasks,
        documents=documents,
        pool=pool,
        short=short,
        seed=seed,
        tell=tell,
    )
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "kind": "embedding",
        "checkpoint": str(checkpoint),
        "original": None if original is None else str(original),
        "configuration": {
            "data": data,
            "lengths": lengths,
            "tasks": list(tasks),
            "documents": documents,
            "pool": pool,
            "short": short,
            "precision": precision,
            "seed": seed,
            "usable_length": limits[0],
            "original_usable_length": limits[-1],
            "split": "test",
        },
        "environment": environment("cpu"),
        **found,
        "verdict": verdict(found),
    }
