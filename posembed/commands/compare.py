"""``posembed compare``: train small models that differ only in their position encoding, and compare them."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from posembed.corpus import Corpus
from posembed.errors import ArgumentTypeError, WorkFailedError, WorkInterruptedError
from posembed.lab import folder as output
from posembed.lab.gather import build_comparison
from posembed.lab.prepare import parallel_units, prepare_units
from posembed.lab.runner import run_units
from posembed.lab.unit_result import read_result
from posembed.observer import SILENT, Observer, Progress
from posembed.records.base import takes
from posembed.records.compare import CompareOptions
from posembed.records.comparison import Comparison
from posembed.records.unit import UnitConfig
from posembed.text_files import require_source

RESULTS = output.RESULTS
Event = Callable[[str, dict[str, object]], None]


@takes(CompareOptions)
def compare(
    data: str | None = None,
    options: CompareOptions | None = None,
    *,
    observer: Observer = SILENT,
    on_event: Event | None = None,
    **keywords: Any,
) -> Comparison:
    """Train one small Transformer per encoding and seed on the same text, and compare them.

    All arms share seed, data order and initial weights, apart from the position part. Each encoding and seed is a
    process of its own with a fixed number of threads, so the numbers do not depend on how many run side by side.

    Args:
        data: ``"stdlib"``, a text file, or a directory of text files; the option of this name.
        options: all options in one record; give either this or keywords.
        observer: receives the progress of each unit, and is asked whether to stop.
        on_event: deprecated, use ``observer``: called with a unit's name and its progress.
        keywords: fields of :class:`posembed.records.compare.CompareOptions`, which documents each.

    Returns:
        The comparison; its ``to_dict()`` is the content of ``results.json`` (docs/formats/results.md).

    Raises:
        ArgumentTypeError: for an option that does not exist.
        InvalidArgumentError: for an encoding, size or device that cannot be used.
        DataError: for a corpus that is missing, empty or too short.
        ResultsConflictError: if ``out`` holds other work, or any work without ``resume``.
        WorkInterruptedError: on Ctrl-C, after every unit has saved its state.
        WorkFailedError: if no unit finished.
    """
    if data is not None:
        if options is not None:
            raise ArgumentTypeError(f"give either options or data={data!r}, not both")
        keywords["data"] = data
    options = CompareOptions.of(options, keywords)
    if on_event is not None:
        warnings.warn("on_event is deprecated: give an observer", DeprecationWarning, stacklevel=2)
        observer = _EventObserver(on_event)
    if options.out is not None:  # before the work, not after it
        output.refuse_inside_data(options.out, options.data)
        output.refuse_other_content(options.out)
    require_source(options.data, options.tokenizer)
    observer.message("reading the corpus")
    configs, corpus = prepare_units(options)
    jobs = parallel_units(options)
    if options.out is None:
        with tempfile.TemporaryDirectory(prefix="posembed-") as temporary:
            return _run(configs, corpus, Path(temporary), jobs, observer, kept=False)
    if warning := output.claim(options.out, configs, resume=options.resume):
        observer.warning(warning)
    return _run(configs, corpus, options.out, jobs, observer, kept=True)


class _EventObserver(Observer):
    """Calls the ``on_event`` of 0.1: a unit's name, and its message as plain values."""

    def __init__(self, on_event: Event) -> None:
        self._on_event = on_event

    def progress(self, update: Progress) -> None:
        """Pass one update of a unit on."""
        super().progress(update)
        message: dict[str, object] = {"phase": update.phase}
        if update.done is not None:
            message["step"] = update.done
        if update.loss is not None:
            message |= {"loss": update.loss, "tokens_per_second": update.tokens_per_second}
        if update.detail or update.phase == "finished":
            message["message"] = update.detail
        self._on_event(update.name, message)


def _run(
    configs: Sequence[UnitConfig], corpus: Corpus, folder: Path, jobs: int, observer: Observer, *, kept: bool
) -> Comparison:
    try:
        return _gather(configs, corpus, folder, jobs, observer, kept=kept)
    except KeyboardInterrupt:
        raise WorkInterruptedError(
            f"stopped; the work so far is in {folder}: resume it with resume=True"
            if kept
            else "stopped; nothing was kept, because `out` was not given"
        ) from None


def _gather(
    configs: Sequence[UnitConfig], corpus: Corpus, folder: Path, jobs: int, observer: Observer, *, kept: bool
) -> Comparison:
    done = {c: read_result(output.unit_folder(folder, c), c) for c in configs if output.has_result(folder, c)}
    todo = [config for config in configs if config not in done]
    for config in done:
        observer.progress(Progress(config.name, done=config.steps, total=config.steps, phase="kept"))
    failures = run_units(todo, folder / output.UNITS, jobs, observer)
    done |= {c: read_result(output.unit_folder(folder, c), c) for c in todo if c.name not in failures}
    done = {config: done[config] for config in configs if config in done}  # in the order of the call
    if not done:
        raise WorkFailedError("no unit finished. " + "; ".join(f"{name}: {why}" for name, why in failures.items()))
    results = build_comparison(configs, done, failures, corpus)
    if kept:
        output.keep(folder, results, done)
    return results
