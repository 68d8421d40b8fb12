"""``posembed evaluate``: from a checkpoint and local text to one document of results."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Sequence
from typing import Any, get_args

from posembed.errors import InvalidArgumentError
from posembed.hardware import environment, resolve_precision
from posembed.quality.evaluate.embeddings import evaluate_embeddings, verdict
from posembed.quality.evaluate.language import evaluate_language, language_verdict
from posembed.quality.models.embedder import Embedder
from posembed.quality.models.kinds import kind_named
from posembed.quality.models.loading import kind_of, load_embedder, usable_length
from posembed.quality.models.scorer import Scorer
from posembed.quality.tasks.retrieval_set import Task
from posembed.quality.texts import is_one_file, load_texts, load_whole_texts

SCHEMA, SCHEMA_VERSION = "posembed.evaluate", 1
TASKS: tuple[Task, ...] = get_args(Task)
LENGTHS = (128, 256, 512, 1024, 2048, 4096)
SHORT = 126  # tokens of a short text without special ones, where the models take so many


def evaluate(
    checkpoint: str | os.PathLike[str],
    *,
    original: str | os.PathLike[str] | None = None,
    data: str = "stdlib",
    lengths: Sequence[int] | None = None,
    tasks: Sequence[Task] = TASKS,
    documents: int = 200,
    pool: int = 100,
    short: int | None = None,
    precision: str = "auto",
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Judge a checkpoint on long inputs, beside what the model gave before it was extended.

    A sentence-embedding model (with ``modules.json``) by retrieval, beside truncation and chunk averaging, and by what
    became of short inputs; a causal or masked language model by its loss at each position, beside a sliding window of
    the original, with what shuffling the far context costs. Documents, names and numbers come from the test set of
    ``data``, which choosing and calibrating never read. The same call gives the same numbers.

    Args:
        checkpoint: a directory of Transformers or sentence-transformers files.
        original: the model before it was extended. Left out, the checkpoint is its own original.
        data: ``"stdlib"``, a text file or a directory of text files.
        lengths: of the documents in tokens; by default 128 to 4,096 in powers of two, for language models the
            original's length, twice and four times that, as far as the checkpoint goes. Where a document is longer than
            the checkpoint takes, the baselines stand alone.
        tasks: of embedding models: ``"passkey"``, ``"needle"``, ``"paragraph"``.
        documents: of each cell; for embedding models a multiple of ``pool``, for language models the most.
        pool: documents that a query is ranked against.
        short: longest short text in tokens, without special ones; by default 126, or what both models take.
        precision: ``"auto"`` (bf16 where the hardware has it), ``"bf16"`` or ``"fp32"``. Short inputs are always
            compared in float32.
        seed: of every draw.
        tell: is told what is being done.

    Returns:
        A plain document; docs/formats/evaluate.md lists its fields.

    Raises:
        InvalidArgumentError: for a checkpoint of another kind, or sizes that cannot be.
        DataError: for data that are missing or too short.
        CheckpointError: for files that cannot be loaded.
    """
    paths = [checkpoint] if original is None else [checkpoint, original]
    kinds = [kind_of(path) for path in paths]
    if len(set(kinds)) > 1:
        raise InvalidArgumentError(f"{paths[0]} is {kinds[0]} and its original {paths[1]} is {kinds[1]}")
    kind = kinds[0]
    limits = [usable_length(path) for path in paths]
    if lengths is None:
        lengths = LENGTHS if kind == "embedding" else [n * limits[-1] for n in (1, 2, 4) if n * limits[-1] <= limits[0]]
    if not lengths or min(lengths) < 64:
        raise InvalidArgumentError(f"lengths={list(lengths)} must be at least one number, each at least 64 tokens")
    precision = resolve_precision(precision, "cpu")
    setup: dict[str, Any] = {"data": data, "lengths": list(lengths), "documents": documents, "seed": seed}
    setup |= {"precision": precision, "usable_length": limits[0], "original_usable_length": limits[-1], "split": "test"}
    found: dict[str, Any]
    if kind == "embedding":
        _require_tasks(tasks)
        tell("reading texts")
        texts = load_texts(data)["test"]
        tell("loading models")
        models = [load_embedder(path, precision=precision) for path in paths]
        _require_alike(models[0], models[-1])
        most = min(limits) - models[0].special
        if short is not None and not 1 <= short <= most:
            raise InvalidArgumentError(f"short={short} must lie between 1 and {most}, which both models take")
        short = min(SHORT, most) if short is None else short
        setup |= {"tasks": list(tasks), "pool": pool, "short": short}
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
        sentences = verdict(found)
    else:
        if documents < 2:
            raise InvalidArgumentError(f"documents={documents} must be at least 2")
        tell("reading texts")
        sets = load_whole_texts(data)
        tell("loading models")
        loaded = [kind_named(kind).load(path, precision) for path in paths]
        if loaded[0].tokenizer.get_vocab() != loaded[-1].tokenizer.get_vocab():
            raise InvalidArgumentError(_OTHER)
        tokens = [loaded[0].encode(text) for text in sets["test"]]
        found = evaluate_language(
            Scorer.of(loaded[0]),
            Scorer.of(loaded[-1]),
            tokens,
            lengths=lengths,
            usable=limits[0],
            original_usable=limits[-1],
            documents=documents,
            one_file=is_one_file(data),
            seed=seed,
            tell=tell,
        )
        sentences = language_verdict(found)
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "kind": kind,
        "checkpoint": str(checkpoint),
        "original": None if original is None else str(original),
        "configuration": setup,
        "environment": environment("cpu"),
        **found,
        "verdict": sentences,
    }


_OTHER = "the original has another tokenizer or width than the checkpoint: name the model that was extended"


def _require_alike(checkpoint: Embedder, original: Embedder) -> None:
    widths = {embedder.model.config.hidden_size for embedder in (checkpoint, original)}
    if len(widths) > 1 or checkpoint.tokenizer.get_vocab() != original.tokenizer.get_vocab():
        raise InvalidArgumentError(_OTHER)


def _require_tasks(tasks: Sequence[Task]) -> None:
    for task in tasks:
        if task not in TASKS:
            raise InvalidArgumentError(f"tasks: {task!r} must be one of {', '.join(TASKS)}")
    if not tasks:
        raise InvalidArgumentError(f"tasks is empty; choose from {', '.join(TASKS)}")
