"""``posembed calibrate``: train only the position table of a checkpoint, and write a normal checkpoint."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from posembed.checkpoint.local_copy import local_copy
from posembed.checkpoint.staging import checked_target
from posembed.errors import ResultsConflictError, WorkFailedError, WorkInterruptedError
from posembed.extension.length_aware_file import length_aware_file
from posembed.extension.plan import plan_extension
from posembed.extension.write import check_plan
from posembed.files import path_of, remove_leftovers
from posembed.generations import remove_generations
from posembed.observer import SILENT, Observer, Progress
from posembed.quality.calibrate.budget import fit_into
from posembed.quality.calibrate.objective import prepare
from posembed.quality.calibrate.request import Request
from posembed.quality.calibrate.result import make_result
from posembed.quality.calibrate.state import SavedState, conflict
from posembed.quality.calibrate.strategies import strategy_for
from posembed.quality.calibrate.strategy import Strategy, Texts
from posembed.quality.calibrate.trainer import TableTrainer
from posembed.quality.calibrate.write import write_checkpoint
from posembed.quality.models.kinds import trainable_kind_of
from posembed.records.base import takes
from posembed.records.calibrate import CalibrateOptions
from posembed.records.calibration import Calibration, CalibrationIdentity, TimeBudget
from posembed.storage import differences
from posembed.text_files import require_source
from posembed.torch_state import unchecked

Report = Callable[[Mapping[str, object]], object]


@takes(CalibrateOptions)
def calibrate(
    checkpoint: str | os.PathLike[str],
    out: str | os.PathLike[str],
    options: CalibrateOptions | None = None,
    *,
    observer: Observer = SILENT,
    report: Report | None = None,
    tell: Callable[[str], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
    **keywords: Any,
) -> Calibration:
    """Train the position table of a checkpoint alone, on your own unlabeled text, and write a normal checkpoint.

    Every other weight is frozen and gets no gradient. The rows of the first ``keep`` positions do not change by a bit,
    so inputs that read no other rows give exactly the same outputs. Sentence-embedding models are trained to find a
    document by the little that sets it apart from others; causal and masked language models by their own loss. The best
    table by validation texts is written; if none is better than the one at the start, nothing is.

    Args:
        checkpoint: a directory of Transformers or sentence-transformers files, with one sequence table.
        out: the directory to write; it must not exist, unless ``force`` is set. While the work is under way,
            ``OUT.calibrating`` beside it holds what is needed to resume.
        options: all options in one record; give either this or keywords.
        observer: receives messages and the progress of the training, and is asked after each step whether to stop.
        report: deprecated, use ``observer``: called with each step's progress.
        tell: deprecated, use ``observer``: called with each message.
        should_stop: deprecated, use ``observer``: asked after each step whether to stop.
        keywords: fields of :class:`posembed.records.calibrate.CalibrateOptions`, which documents each.

    Returns:
        The record that is written into the checkpoint as ``calibration.json`` (docs/formats/calibration.md).

    Raises:
        ArgumentTypeError: for an option that does not exist.
        InvalidArgumentError: for a checkpoint of another kind, or sizes that do not fit it.
        DataError: for data that are missing or too short.
        ResultsConflictError: if ``OUT.calibrating`` belongs to other work, or exists and ``resume`` is not set.
        CheckpointError: for files that cannot be loaded.
        WorkFailedError: if no table was better than the one at the start, or no step fits into ``minutes``.
        ModelCheckError: if the calibrated copy does not load although the source does.
        WorkInterruptedError: if the observer asked to stop; the work so far is kept.

    Example:
        >>> from posembed import calibrate
        >>> calibrate("my-embedder", "calibrated", data="stdlib", length=4096, range=160)  # doctest: +SKIP
    """
    options, out = CalibrateOptions.of(options, keywords), path_of("out", out)
    if (report, tell, should_stop) != (None, None, None):
        warnings.warn("report, tell and should_stop are deprecated: give an observer", DeprecationWarning, stacklevel=2)
        observer = _OldCallbacks(observer, report, tell, should_stop)
    copy = local_copy(checkpoint, observer)
    strategy = strategy_for(trainable_kind_of(copy.path))
    request = Request.open(copy, strategy.settle(options))
    state = out.parent / f"{out.name}.calibrating"
    _check(strategy, request, out, state)
    require_source(options.data)
    try:
        return _calibrate(strategy, request, out, state, observer)
    except KeyboardInterrupt:
        if not state.exists():
            raise
        raise WorkInterruptedError(
            f"stopped; the work that was last saved is kept in {state}: run again with resume=True"
        ) from None


def _calibrate(strategy: Strategy[Any], request: Request, out: Path, state: Path, observer: Observer) -> Calibration:
    options = request.options
    saved = _saved(state, observer) if state.exists() else None
    steps = options.steps if saved is None else _resumed_steps(saved, state, request)
    observer.message("reading texts")
    texts = strategy.kind.read_texts(options.data)
    start = strategy.choose_start(request, observer) if saved is None else saved.identity.start
    config = strategy.configuration(request.with_steps(steps), start)

    observer.message("loading the model and the texts")
    prepared = prepare(strategy, request, start, config, texts)
    identity = CalibrationIdentity(
        sha256=_fingerprint(texts), model_sha256=prepared.model_sha256, asked=request.sizes, start=start
    )
    trainer = TableTrainer(config, prepared.table, prepared.objective, identity)
    if saved is not None:
        trainer.restore(state, saved)
    else:
        state.parent.mkdir(parents=True, exist_ok=True)
        trainer.save(state)  # choosing the start is part of the work
    if options.minutes is not None and not trainer.curve:
        _fit_into_budget(trainer, TimeBudget(options.minutes, options.steps), state, observer)

    observer.message("calibrating")
    _train(trainer, state, observer)
    short = strategy.short_inputs(start.keep, request.old) if options.length_aware else None
    trained = prepared.table.written().detach()
    tasks = strategy.held_out_tasks(prepared.parts, config, trained, request, observer)
    result = make_result(request, trainer, texts, short=short, tasks=tasks)
    observer.message("writing")
    observer.message(write_checkpoint(request, out, prepared.table, result).sentence)
    remove_generations(state)
    return result


def _check(strategy: Strategy[Any], request: Request, out: Path, state: Path) -> None:
    """Refuse what cannot work, before minutes of work."""
    request.require_sizes()
    options = request.options
    checked_target(out, request.checkpoint.root, options.force)
    remove_leftovers(state)
    if request.grows:
        plan = plan_extension(request.checkpoint, request.length, method="stretch", tables=[request.table.key])
        if options.length_aware:
            length_aware_file(plan, trust_remote_code=options.trust_remote_code)  # refuses what could not be loaded
        check_plan(plan)
    started = state.exists()
    if started and not options.resume:
        raise ResultsConflictError(
            f"{state} holds a calibration that has not finished: resume it with resume=True, or delete it"
        )
    strategy.check(request, resumed=started)


def _saved(state: Path, observer: Observer) -> SavedState:
    """Return the newest undamaged state, and say if it is not the newest or cannot be checked.

    Raises:
        WorkFailedError: if every state is damaged.
    """
    found = SavedState.read(state)
    if found.warning:
        observer.warning(found.warning)
    if not found.sealed:
        observer.warning(unchecked(found.path))
    return found.value


def _resumed_steps(saved: SavedState, state: Path, request: Request) -> int | None:
    """Return the number of steps to configure: the settled one where it was made to fit into a time.

    Raises:
        ResultsConflictError: if the saved state belongs to other sizes, or another time budget.
    """
    options = request.options
    budget = None if options.minutes is None else TimeBudget(options.minutes, options.steps)
    found = differences(saved.identity.asked.to_dict(), request.sizes.to_dict())
    if saved.curve:  # the number of steps is settled
        found = found or _budget_differences(saved.identity.timed, budget)
    if found:
        raise ResultsConflictError(conflict(state, found))
    return saved.configuration.steps if saved.curve and budget is not None else options.steps


def _budget_differences(saved: TimeBudget | None, given: TimeBudget | None) -> str:
    """Return what differs in two time budgets; the number of steps counts only where both have one."""
    if saved is not None and given is not None:
        return differences(saved.to_dict(), given.to_dict())
    minutes = [None if budget is None else budget.minutes for budget in (saved, given)]
    return differences({"minutes": minutes[0]}, {"minutes": minutes[1]})


def _fit_into_budget(trainer: TableTrainer, budget: TimeBudget, state: Path, observer: Observer) -> None:
    """Settle the number of steps, and save it before anything is learned."""
    observer.message("timing the first steps")
    planned = trainer.config.steps
    seconds = fit_into(trainer, budget.minutes, observer)
    trainer.identity = replace(trainer.identity, timed=budget)
    trainer.save(state)
    trainer.save(state)  # the state before it must not settle the steps again: the rows would be others
    settled = f"{trainer.config.steps} of {planned} steps, about {seconds:.1f} s each"
    observer.message(settled)
    # Also as progress: a log leaves out messages that others follow at once.
    observer.progress(Progress("calibration", done=0, total=trainer.config.steps, phase="timing", detail=settled))


def _train(trainer: TableTrainer, state: Path, observer: Observer) -> None:
    """Train to the end; work that failed is not worth resuming."""
    try:
        trainer.train(state, observer)
    except WorkFailedError:
        remove_generations(state)  # resumed, it would fail again
        raise
    if trainer.best_loss >= trainer.start_loss:
        remove_generations(state)
        best = min(point.validation for point in trainer.curve[1:])
        raise WorkFailedError(
            f"no table was better than the one at the start on validation texts (loss {trainer.start_loss:.4f} at the "
            f"start, {best:.4f} at best), so nothing is written. Give more text, more `steps`, or smaller rates "
            "(`shift_rate`, `row_rate`)"
        )


def _fingerprint(texts: Texts) -> str:
    """Return the SHA-256 of the training and validation texts."""
    return hashlib.sha256("\0".join([*texts["train"], *texts["validation"]]).encode()).hexdigest()


class _OldCallbacks(Observer):
    """Calls the callbacks of 0.1 beside an observer."""

    def __init__(
        self,
        observer: Observer,
        report: Report | None,
        tell: Callable[[str], object] | None,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        self._observer, self._report, self._tell, self._should_stop = observer, report, tell, should_stop

    def message(self, text: str) -> None:
        """Pass a message on."""
        self._observer.message(text)
        if self._tell is not None:
            self._tell(text)

    def warning(self, text: str) -> None:
        """Pass a warning on."""
        self._observer.warning(text)
        if self._tell is not None:
            self._tell(text)

    def progress(self, update: Progress) -> None:
        """Pass an update on."""
        self._observer.progress(update)
        if self._report is not None and update.phase == "training":
            self._report(_as_message(update))

    def should_stop(self) -> bool:
        """Ask both."""
        return (self._should_stop is not None and self._should_stop()) or self._observer.should_stop()


def _as_message(update: Progress) -> dict[str, object]:
    """Return an update as 0.1 reported it."""
    return {
        "phase": update.phase,
        "step": update.done,
        "steps": update.total,
        "seconds": update.seconds,
        "loss": update.loss,
        "tokens_per_second": update.tokens_per_second,
    }
