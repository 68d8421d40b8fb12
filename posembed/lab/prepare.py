"""Prepare a comparison: turn its options into the configuration of each unit, and load the text."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from posembed.corpus import Corpus, load_corpus, require_length
from posembed.hardware import available_cores, resolve_device, resolve_precision
from posembed.records.compare import WARMUP_DIVISOR, CompareOptions
from posembed.records.unit import TrainingSettings, UnitConfig


def prepare_units(options: CompareOptions) -> tuple[list[UnitConfig], Corpus]:
    """Return one configuration for each seed and encoding, and the corpus that all are trained on.

    Raises:
        InvalidArgumentError: for a device that cannot be used here.
        DataError: for text that is missing, empty or too short.
    """
    device = resolve_device(options.device)
    shared = {each.name for each in dataclasses.fields(TrainingSettings)} & set(vars(options))
    warmup = options.warmup_steps
    resolved = {
        "data": options.data if options.data == "stdlib" else str(Path(options.data).absolute()),
        "tokenizer": str(Path(options.tokenizer).absolute()) if options.tokenizer else "",
        "device": device,
        "precision": resolve_precision(options.precision, device),
        "warmup_steps": max(1, options.steps // WARMUP_DIVISOR) if warmup is None else warmup,
    }
    common = UnitConfig(**{name: getattr(options, name) for name in shared} | resolved)
    corpus = load_corpus(common.data, common.tokenizer)
    require_length(corpus, common.train_length, options.data)
    common = dataclasses.replace(common, data_sha256=corpus.sha256)
    return [
        dataclasses.replace(common, encoding=encoding, seed=options.first_seed + seed)
        for seed in range(options.seeds)
        for encoding in options.encodings
    ], corpus


def parallel_units(options: CompareOptions) -> int:
    """Return how many units run side by side: as asked, else one per core and thread, one on an accelerator."""
    if options.jobs is not None:
        return options.jobs
    if not resolve_device(options.device).startswith("cpu"):
        return 1
    return max(1, available_cores() // options.threads)
