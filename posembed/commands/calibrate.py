"""``posembed calibrate``: train a checkpoint's position table alone, and write it as a normal checkpoint."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from posembed.checkpoint.staging import checked_target
from posembed.errors import InvalidArgumentError, ResultsConflictError, WorkFailedError
from posembed.extension.length_aware_file import length_aware_file
from posembed.extension.plan import plan_extension
from posembed.extension.write import check_plan
from posembed.hardware import resolve_precision
from posembed.quality.calibrate.budget import fit_into
from posembed.quality.calibrate.config import CalibrationConfig
from posembed.quality.calibrate.defaults import configuration, short_inputs
from posembed.quality.calibrate.objective import make_objective
from posembed.quality.calibrate.record import make_record, write_checkpoint
from posembed.quality.calibrate.start import Start, choose_start, require_sizes
from posembed.quality.calibrate.trainer import Report, TableTrainer, read_state
from posembed.quality.models.loading import kind_of, only_table
from posembed.quality.texts import load_texts, load_whole_texts
from posembed.storage import differences


def calibrate(
    checkpoint: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    data: str,
    length: int | None = None,
    range: int | None = None,  # noqa: A002 - the method's own name for it
    keep: int | None = None,
    document: int | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    batch: int | None = None,
    shift_rate: float | None = None,
    row_rate: float | None = None,
    facts: float = 0.5,
    every: int = 50,
    patience: int = 3,
    precision: str = "auto",
    seed: int = 0,
    length_aware: bool = False,
    resume: bool = False,
    force: bool = False,
    report: Report = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Train the position table of a checkpoint alone, on one's own unlabelled text, and write a normal checkpoint.

    Every other weight is frozen and gets no gradient. The rows of the first ``keep`` positions stay as they are, bit
    for bit, so that inputs which read no others give exactly what they gave. Sentence-embedding models are trained to
    find a document by the little that tells it from others; causal and masked language models by their own loss. The
    best table by held-out texts is written; if none is better than the one at the start, nothing is.

    Args:
        checkpoint: a directory of Transformers or sentence-transformers files, with one sequence table.
        out: the directory to write; it must not exist. While the work is under way, ``OUT.calibrating`` beside it holds
            what is needed to go on.
        data: ``"stdlib"``, a text file or a directory of text files; its training and validation sets are read.
        length: usable positions of the new table; left out, the table stays as long as it is.
        range: with a greater ``length``: so many first rows were really trained, and the new table begins by repeating
            them. That of an embedding model whose first rows need not stay in it (``length_aware``, or ``keep=0``)
            begins as their mean, behind the first row. Left out, an embedding model's method is chosen on validation
            texts (some minutes), a language model's table is repeated whole.
        keep: positions from the first on whose rows stay. Left out: as many as ``range``; with ``length_aware``, none
            of a language model's, and of an embedding model whose start is chosen, those of the inputs for which the
            old table is as good. Where a language model keeps fewer than it has, the others begin drawn out to the end.
        document: tokens of the longest training input, special tokens included. By default 1,024 for embedding models,
            or twice ``keep`` if that is more (half of it, down to 512, is met more often); for language models the
            whole length, a smaller number is read at random far positions (PoSE).
        steps: optimizer steps; 250 for embedding models, 400 for others.
        minutes: of training, about: a step of each size and a look are timed, and fewer steps are taken where not all
            fit. What comes before (choosing a start) and after (writing) is not counted. The record's configuration has
            the number of steps; given as ``steps`` it makes the same rows again.
        batch: training inputs of a step; 16 for embedding models, 8 for others.
        shift_rate: learning rate of the vector that all trained rows share; 0.0035 for embedding models, 0.001 for
            others.
        row_rate: learning rate of the single rows; 0 for embedding models, 0.01 for others.
        facts: of embedding models: share of the groups of documents that hide facts (English sentences about somebody,
            with the question that they answer); the others hide a word or two of the text in a passage of it.
        every: steps between two looks at the validation loss.
        patience: looks without a better loss, after which training ends.
        precision: ``"auto"`` (bf16 where the hardware has it), ``"bf16"`` or ``"fp32"``.
        seed: of every draw.
        length_aware: with a greater ``length``: write tables by length too, the old one and the calibrated one; of an
            embedding model every row of that moves. With :func:`posembed.load_length_aware` inputs of up to ``keep``
            tokens (of language models, or with a ``keep`` below 64, of the old length) keep every bit.
        resume: go on with what ``OUT.calibrating`` holds, if it is there: the result is the same.
        force: replace an existing ``out``.
        report: is told each step.
        tell: is told what is being done.
        should_stop: is asked after each step; work is kept and can be gone on with.

    Returns:
        The record that is written into the checkpoint as ``calibration.json``; docs/formats/calibration.md lists it.

    Raises:
        InvalidArgumentError: for a checkpoint of another kind, or sizes that cannot be.
        DataError: for data that are missing or too short.
        ResultsConflictError: if ``OUT.calibrating`` is of other work, or is there and ``resume`` is not given.
        CheckpointError: for files that cannot be loaded.
        WorkFailedError: if no table was better than the one at the start, or no step fits into ``minutes``.
        WorkInterruptedError: if ``should_stop`` said so.
    """
    out = Path(out)
    if minutes is not None and not 0 < minutes < math.inf:
        raise InvalidArgumentError(f"minutes={minutes} must be above 0 and finite")
    kind = kind_of(checkpoint)
    table = only_table(checkpoint)
    old = table.usable_length
    length = old if length is None else length
    if length_aware and keep is None and range is None and kind != "embedding":
        keep = 0  # short inputs read the old table, so nothing need stay
    require_sizes(checkpoint, old, length, range, keep)
    checked_target(out, Path(checkpoint), force)
    if length > old:
        plan = plan_extension(checkpoint, length, method="stretch", tables=[table.key])
        if length_aware:
            length_aware_file(plan)  # refuses what could not be loaded
        check_plan(plan)
    elif length_aware:
        raise InvalidArgumentError("length_aware=True is for a table that grows: give a greater length")
    state = out.parent / f"{out.name}.calibrating"
    if state.exists() and not resume:
        raise ResultsConflictError(f"{state} holds a calibration that was begun: go on with --resume, or delete it")
    precision = resolve_precision(precision, "cpu")
    chosen = {"steps": steps, "batch": batch, "shift_rate": shift_rate, "row_rate": row_rate}
    chosen["facts"] = facts if kind == "embedding" else 0.0

    def configured(start: Start, by_length: bool = length_aware) -> CalibrationConfig:
        return configuration(
            kind,
            start,
            old,
            data=data,
            length=length,
            document=document,
            length_aware=by_length,
            chosen=chosen,
            every=every,
            patience=patience,
            precision=precision,
            seed=seed,
        )

    # What cannot be is told before minutes of work; which rows stay may not be known yet.
    said = range if keep is None else keep
    by_choice = kind == "embedding" and length > old and said is None
    configured(Start("", {}, said or 0, 1, ()), length_aware and not by_choice)
    if by_choice and document is not None and document <= old and not state.exists():
        raise InvalidArgumentError(
            f"document={document} must be above {old}: up to so many first rows stay as they are, and how many is "
            "chosen on validation texts; or say with range or keep how many"
        )
    tell("reading texts")
    texts = load_texts(data) if kind == "embedding" else load_whole_texts(data)
    sha256 = hashlib.sha256("\0".join(texts["train"] + texts["validation"]).encode()).hexdigest()
    asked = {"length": length, "range": range, "keep": keep}
    timed = None if minutes is None else {"minutes": minutes, "steps": steps}
    if state.exists():
        begun = read_state(state)
        about = begun["about"]
        found = differences(about["asked"], asked)
        if begun["curve"]:  # the number of steps is settled
            found = found or _timed_otherwise(about.get("timed"), timed)
            chosen["steps"] = steps if timed is None else begun["configuration"]["steps"]
        if found:
            raise ResultsConflictError(
                f"{state} is the state of another calibration ({found}): delete it to start anew, or give another OUT"
            )
        start = Start(**about["start"])
    else:
        start = choose_start(checkpoint, kind, old, length, range, keep, data, precision, seed, length_aware, tell)
    config = configured(start)
    tell("loading the model and the texts")
    made, objective, model_sha256 = make_objective(checkpoint, config, start, texts)
    about = {"sha256": sha256, "model_sha256": model_sha256, "asked": asked}
    about["start"] = vars(start) | {"why": list(start.why)}
    trainer = TableTrainer(config, made, objective, about)
    if state.exists():
        trainer.restore(state)
    else:
        state.parent.mkdir(parents=True, exist_ok=True)
        trainer.save(state)  # choosing the start is part of the work
    if minutes is not None and not trainer.curve:
        tell("timing the first steps")
        each = fit_into(trainer, minutes, should_stop)
        trainer.about["timed"] = timed
        trainer.save(state)
        tell(f"{trainer.config.steps} of {config.steps} steps, about {each:.1f} s each")
    tell("calibrating")
    try:
        trainer.train(state, report, should_stop)
    except WorkFailedError:
        state.unlink(missing_ok=True)  # gone on with, it would fail again
        raise
    if trainer.best_loss >= trainer.start_loss:
        state.unlink()
        raise WorkFailedError(
            f"no table was better than the one at the start on held-out texts (loss {trainer.start_loss:.4f} there, "
            f"{min(e['validation'] for e in trainer.curve[1:]):.4f} at best): nothing is written; give more text, more "
            "--steps, or smaller rates"
        )
    short = short_inputs(kind, start.keep, old) if length_aware else None
    record = make_record(checkpoint, trainer, texts) | {"length_aware": length_aware, "short": short}
    tell("writing")
    write_checkpoint(Path(checkpoint), out, made, record, force, keep=start.keep, short=short)
    state.unlink()
    return record


def _timed_otherwise(there: dict[str, Any] | None, here: dict[str, Any] | None) -> str:
    """What differs in the time that was given; the most steps only where both were timed."""
    if there is not None and here is not None:
        return differences(there, here)
    return differences(*({"minutes": None if side is None else side["minutes"]} for side in (there, here)))
