"""``posembed.evaluate``: evaluate a checkpoint on long inputs made from local text."""

from __future__ import annotations

import datetime
import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from posembed.checkpoint.local_copy import local_copy
from posembed.checkpoint.source import Checkpoint
from posembed.errors import CheckpointError, InvalidArgumentError
from posembed.find.history import read_history
from posembed.hardware import environment, resolve_device, resolve_precision
from posembed.observer import SILENT, Callbacks, Observer
from posembed.quality.evaluate.evaluators import EVALUATORS
from posembed.quality.evaluate.provenance import provenance
from posembed.quality.models.kinds import kind_of
from posembed.quality.models.memory import memory_named
from posembed.quality.models.model_kind import ModelKind
from posembed.quality.models.position_table import usable_length
from posembed.records.base import takes
from posembed.records.choices import Precision
from posembed.records.evaluate import EvaluateOptions
from posembed.records.evaluation import Evaluation
from posembed.text_files import require_source

Path = str | os.PathLike[str]


@takes(EvaluateOptions)
def evaluate(
    checkpoint: Path, options: EvaluateOptions | None = None, *, observer: Observer = SILENT, **keywords: Any
) -> Evaluation:
    """Evaluate a checkpoint on long inputs, next to what the model could do before it was extended.

    A sentence-embedding model (with ``modules.json``) is evaluated by retrieval, compared with truncation, chunks,
    late chunks, averages of word vectors and BM25, and by the change in short inputs; so is a sparse encoder. A
    reranker or a multi-vector model is evaluated by how often it ranks the right document of a pool first. A causal or
    masked language model is evaluated by its loss at each position, compared with a sliding window of the original,
    and by what shuffling the far context costs.
    Documents, names and numbers come from the test set of ``data``, which neither the search for a method nor
    calibration reads.
    The same call gives the same numbers.

    Args:
        checkpoint: a directory of Transformers or sentence-transformers files.
        options: all options as one record, in place of keywords.
        observer: receives messages.
        **keywords: the fields of :class:`posembed.records.evaluate.EvaluateOptions`.

    Returns:
        A record; docs/formats/evaluate.md describes its ``to_dict()``.

    Raises:
        InvalidArgumentError: for an unsupported kind of model, or sizes that do not fit.
        DataError: for texts that are missing or too short.
        CheckpointError: for files that cannot be loaded.
        WorkFailedError: if a model gives a loss that is not finite.
    """
    observer = _observer(observer, keywords.pop("tell", None))
    options = EvaluateOptions.of(options, keywords)
    named: list[Path] = [checkpoint] if options.original is None else [checkpoint, options.original]
    copies = [local_copy(path, observer) for path in named]
    paths = [copy.path for copy in copies]
    kind = _common_kind(paths)
    opened = [copy.open() for copy in copies]
    known = provenance(opened[0], None if options.original is None else opened[-1])
    evaluator = EVALUATORS[kind.name]
    lengths = [usable_length(each) for each in opened]
    usable, device = (lengths[0], lengths[-1]), resolve_device(options.device)
    options = replace(
        options,
        lengths=evaluator.default_lengths(*usable) if options.lengths is None else options.lengths,
        device=device,
        precision=cast("Precision", resolve_precision(options.precision, device)),
        documents_from=options.documents_from or ("test" if any(map(_made_here, opened)) else "all"),
    )
    evaluator.check(options)
    require_source(options.data)
    texts = []
    if evaluator.reads_texts(options):
        observer.message("reading texts")
        texts = kind.read_texts(options.data)["test"]
    observer.message("loading models")
    with memory_named(device, "or evaluate shorter `lengths`"):
        models = [
            kind.load(path, options.precision, device=device, trust_remote_code=options.trust_remote_code)
            for path in paths
        ]
        setup = evaluator.setup(options, models[0], models[-1], usable)
        results = evaluator.measure(models[0], models[-1], texts, setup, observer)
    return Evaluation(
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        kind=kind.name,
        checkpoint=copies[0].shown,
        original=None if options.original is None else copies[-1].shown,
        configuration=setup,
        environment=environment(device),
        results=results,
        verdict=evaluator.verdict(results, compared=options.original is not None),
        notes=(*known.notes, *evaluator.notes(results)),
        recorded_original=known.recorded_original,
    )


def _made_here(opened: Checkpoint) -> bool:
    """Return whether posembed wrote a checkpoint: a search or a calibration may have read the texts."""
    try:
        return read_history(opened) is not None
    except CheckpointError:  # a record that cannot be read is one
        return True


def _common_kind(paths: list[Path]) -> ModelKind[Any]:
    kinds = [kind_of(path) for path in paths]
    if kinds[0] is not kinds[-1]:
        raise InvalidArgumentError(
            f"{paths[0]} is {kinds[0].description}, but its original {paths[-1]} is {kinds[-1].description}"
        )
    return kinds[0]


def _observer(observer: Observer, tell: Callable[[str], None] | None) -> Observer:
    if tell is None:
        return observer
    warnings.warn(
        "`tell` is now `observer`: pass posembed.observer.Callbacks(message=...); `tell` will be removed in 1.0",
        DeprecationWarning,
        stacklevel=3,
    )
    return Callbacks(message=tell)
