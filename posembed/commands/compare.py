"""Train the arms, which differ in their position encoding alone, and measure what differs."""

from __future__ import annotations

import dataclasses
import datetime
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from posembed.corpus import Corpus, load_corpus, require_length
from posembed.errors import InvalidArgumentError, ResultsConflictError, WorkFailedError, WorkInterruptedError
from posembed.hardware import available_cores, environment, resolve_device, resolve_precision
from posembed.lab.baselines import baseline_losses
from posembed.lab.config import UnitConfig
from posembed.lab.losses import in_range_windows
from posembed.lab.results import SCHEMA, SCHEMA_VERSION, build_arm, build_difference, with_perplexity
from posembed.lab.runner import Event, run_units
from posembed.lab.train import RESULT, TABLE
from posembed.records.compare import ENCODINGS
from posembed.statistics import CONFIDENCE, mean_interval
from posembed.storage import differences, read_json, write_json

RESULTS, SETUP, UNITS, TABLES = "results.json", "setup.json", "units", "tables"


def compare(
    data: str = "stdlib",
    *,
    encodings: Sequence[str] = ("learned", "sinusoidal"),
    seeds: int = 1,
    first_seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    device: str = "cpu",
    precision: str = "auto",
    jobs: int | None = None,
    on_event: Event = lambda _name, _message: None,
    **settings: Any,
) -> dict[str, Any]:
    """Train one small Transformer per encoding and seed on the same text, and compare them.

    Every arm has the same seed, data order and initial weights, apart from its position part. Each arm × seed is a
    process of its own with a fixed number of threads, so the numbers do not depend on how many run side by side.

    Args:
        data: ``"stdlib"``, a text file, or a directory of text files.
        encodings: which of learned, sinusoidal, rope, alibi, none, learned-from-sinusoid.
        seeds: how many seeds.
        first_seed: the first of them.
        out: directory for ``results.json``, the tables and the units' files; without it nothing is kept.
        resume: go on with what ``out`` holds; finished units are not trained again.
        device: ``"cpu"``, ``"cuda"``, ….
        precision: ``"auto"`` (bf16 where the hardware has it), ``"bf16"`` or ``"fp32"``.
        jobs: processes side by side; by default one per core divided by ``threads``, one on an accelerator.
        on_event: called with a unit's name and its progress.
        settings: any other field of :class:`posembed.lab.config.UnitConfig`.

    Returns:
        The content of ``results.json``, see docs/formats/results.md.

    Raises:
        InvalidArgumentError: for an encoding, size or device that cannot be used.
        DataError: for a corpus that is missing, empty or too short.
        ResultsConflictError: if ``out`` holds other work, or any without ``resume``.
        WorkInterruptedError: on Ctrl-C, after every unit has saved itself.
        WorkFailedError: if no unit at all finished.
    """
    configs, corpus = _prepare(data, encodings, seeds, first_seed, device, precision, settings)
    if jobs is None:
        jobs = max(1, available_cores() // configs[0].threads) if configs[0].device == "cpu" else 1
    if jobs < 1:
        raise InvalidArgumentError(f"jobs={jobs} must be at least 1")
    if out is None:
        if resume:
            raise InvalidArgumentError("resume needs out, the directory that holds what is to be resumed")
        with tempfile.TemporaryDirectory(prefix="posembed-") as temporary:
            return _run(configs, corpus, Path(temporary), jobs, on_event, kept=False)
    folder = Path(out)
    if data != "stdlib" and Path(data).is_dir() and folder.absolute().is_relative_to(Path(data).absolute()):
        raise InvalidArgumentError(
            f"--out {out} lies inside --data {data}: its files would become part of the corpus; give another --out"
        )
    _claim(folder, configs, resume)
    return _run(configs, corpus, folder, jobs, on_event, kept=True)


def _prepare(
    data: str,
    encodings: Sequence[str],
    seeds: int,
    first_seed: int,
    device: str,
    precision: str,
    settings: dict[str, Any],
) -> tuple[list[UnitConfig], Corpus]:
    if not encodings:
        raise InvalidArgumentError(f"encodings is empty; choose from {', '.join(ENCODINGS)}")
    for encoding in encodings:
        if encoding not in ENCODINGS:
            raise InvalidArgumentError(f"encoding {encoding!r} is unknown; choose from {', '.join(ENCODINGS)}")
    if len(set(encodings)) < len(encodings):
        raise InvalidArgumentError(f"encodings {','.join(encodings)} name one twice")
    if seeds < 1:
        raise InvalidArgumentError(f"seeds={seeds} must be at least 1")
    allowed = {field.name for field in dataclasses.fields(UnitConfig)} - {"encoding", "seed", "data_sha256", "data"}
    unknown = sorted(set(settings) - allowed)
    if unknown:
        raise InvalidArgumentError(f"unknown settings {', '.join(unknown)}; allowed are {', '.join(sorted(allowed))}")
    settings = dict(settings)
    if "warmup_steps" not in settings:
        settings["warmup_steps"] = max(1, settings.get("steps", UnitConfig.steps) // 10)
    device = resolve_device(device)
    common = UnitConfig(
        data=data if data == "stdlib" else str(Path(data).absolute()),
        device=device,
        precision=resolve_precision(precision, device),
        seed=first_seed,
        **settings,
    )
    if common.tokenizer:
        common = dataclasses.replace(common, tokenizer=str(Path(common.tokenizer).absolute()))
    corpus = load_corpus(common.data, common.tokenizer)
    require_length(corpus, common.train_length, data)
    common = dataclasses.replace(common, data_sha256=corpus.sha256)
    return [
        dataclasses.replace(common, encoding=encoding, seed=first_seed + seed)
        for seed in range(seeds)
        for encoding in encodings
    ], corpus


def _setup(configs: Sequence[UnitConfig]) -> dict[str, Any]:
    common = configs[0].to_json()
    del common["encoding"], common["seed"]
    return common | {
        "encodings": list(dict.fromkeys(config.encoding for config in configs)),
        "seeds": sorted({config.seed for config in configs}),
    }


def _claim_of(configs: Sequence[UnitConfig]) -> dict[str, Any]:
    """What an output folder is for: the configuration, and the versions that its numbers depend on."""
    facts = environment(configs[0].device)
    return _setup(configs) | {name: facts[name] for name in ("posembed", "torch")}


def _claim(folder: Path, configs: Sequence[UnitConfig], resume: bool) -> None:
    """Make sure that ``folder`` is free, or holds this very work and may be resumed."""
    if folder.exists() and not folder.is_dir():
        raise ResultsConflictError(f"--out {folder} is a file; give a directory")
    setup = folder / SETUP
    if setup.exists():
        try:
            there = read_json(setup)
            if not isinstance(there, dict):
                raise ValueError("not an object")
        except (OSError, ValueError) as error:
            raise ResultsConflictError(
                f"--out {folder}: {SETUP} cannot be read ({error}); give another --out"
            ) from None
        difference = differences(there, _claim_of(configs))
        if difference:
            raise ResultsConflictError(f"--out {folder} holds the work of another configuration ({difference})")
        if not resume:
            raise ResultsConflictError(
                f"--out {folder} holds work of this configuration: go on with --resume, or give another --out"
            )
        return
    if folder.exists() and any(folder.iterdir()):
        raise ResultsConflictError(f"--out {folder} is not empty and not a run of posembed compare; give another --out")
    try:
        write_json(setup, _claim_of(configs))
    except OSError as error:
        raise ResultsConflictError(f"--out {folder} cannot be written ({error.strerror})") from None


def _run(
    configs: Sequence[UnitConfig], corpus: Corpus, folder: Path, jobs: int, on_event: Event, *, kept: bool
) -> dict[str, Any]:
    units = folder / UNITS
    todo = [config for config in configs if not (units / config.name / RESULT).exists()]
    for config in configs:
        if config not in todo:
            on_event(config.name, {"phase": "kept", "step": config.steps})
    try:
        failures = run_units(todo, units, jobs, on_event)
    except KeyboardInterrupt:
        raise WorkInterruptedError(
            f"stopped; what was trained so far is in {folder}: the same command with --resume goes on from there"
            if kept
            else "stopped; nothing was kept, because there was no --out"
        ) from None
    done = {
        config: _read_result(units / config.name / RESULT, config) for config in configs if config.name not in failures
    }
    if not done:
        raise WorkFailedError("no unit finished. " + "; ".join(f"{name}: {why}" for name, why in failures.items()))
    results = build_results(configs, done, failures, corpus)
    if kept:
        for config in done:
            table = units / config.name / TABLE
            if table.exists():
                (folder / TABLES).mkdir(exist_ok=True)
                shutil.copyfile(table, folder / TABLES / f"{config.name}.safetensors")
        write_json(folder / RESULTS, results)
    return results


def _read_result(file: Path, config: UnitConfig) -> dict[str, Any]:
    """Read a unit's result, which must be whole and of this very configuration."""
    try:
        result: dict[str, Any] = read_json(file)
        difference = differences(result["configuration"], config.to_json())
        missing = {"status", "message", "curve", "speed", "cost", "parameters", "in_range", "beyond"} - set(result)
        if missing:
            raise ValueError(f"without {', '.join(sorted(missing))}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WorkFailedError(f"{file} is damaged ({error}); delete it to train this unit again") from None
    if difference:
        raise ResultsConflictError(
            f"{file} is of another configuration ({difference}); delete it to train this unit again"
        )
    return result


def build_results(
    configs: Sequence[UnitConfig], done: dict[UnitConfig, dict[str, Any]], failures: dict[str, str], corpus: Corpus
) -> dict[str, Any]:
    """Gather the units' results into one document."""
    setup = _setup(configs)
    encodings: list[str] = setup["encodings"]
    units = {e: [result for config, result in done.items() if config.encoding == e] for e in encodings}
    failed = {
        e: {c.name: failures[c.name] for c in configs if c.encoding == e and c.name in failures} for e in encodings
    }
    arms = [build_arm(encoding, units[encoding], failed[encoding]) for encoding in encodings]
    reference = "learned" if "learned" in encodings else encodings[0]
    pairs = [build_difference(reference, other, units) for other in encodings if other != reference]
    found = [pair for pair in pairs if pair is not None]
    windows = in_range_windows(configs[0], corpus)
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "configuration": setup,
        "environment": environment(configs[0].device),
        "corpus": _describe(corpus),
        "evaluation": {
            "documents": windows.documents,
            "windows": len(windows.tokens),
            "tokens": int(windows.tokens[:, 1:].size),
            "interval_over": "documents and seeds" if len(setup["seeds"]) > 1 else "documents",
            "confidence": CONFIDENCE,
        },
        "baselines": {
            name: with_perplexity(mean_interval(losses))
            for name, losses in baseline_losses(corpus, windows, configs[0].model).items()
        },
        "arms": arms,
        "differences": found,
        "verdict": _verdict(arms, found),
    }


def _describe(corpus: Corpus) -> dict[str, Any]:
    sets = {"validation": corpus.validation, "test": corpus.test}
    return {
        "sha256": corpus.sha256,
        "vocab_size": corpus.vocab_size,
        "documents": {"train": corpus.train_documents} | {name: len(part) for name, part in sets.items()},
        "tokens": {"train": len(corpus.train) - corpus.train_documents}
        | {name: int(np.sum([len(document) for document in part])) for name, part in sets.items()},
        "skipped": list(corpus.skipped),
    }


def _verdict(arms: Sequence[dict[str, Any]], found: Sequence[dict[str, Any]]) -> list[str]:
    """Plain sentences: one for each pair of arms, one for each arm that did not finish."""
    sentences = [pair["verdict"] for pair in found]
    sentences += [f"{a['encoding']}: {a['status']} ({'; '.join(a['messages'])})" for a in arms if a["messages"]]
    return sentences or ["one encoding alone: nothing to compare it with"]
