"""``posembed extend``: write a copy of a checkpoint whose position tables have another size."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from posembed.checkpoint.formats.opening import require_ending
from posembed.checkpoint.local_copy import opened_copy
from posembed.checkpoint.source import Checkpoint, CheckpointPath, open_checkpoint
from posembed.checkpoint.staging import checked_target
from posembed.extension.check.session import open_check
from posembed.extension.length_aware_place import tables_name
from posembed.extension.method_keywords import refuse_unknown_keywords
from posembed.extension.plan import ExtensionPlan, plan_extension
from posembed.extension.write import write_extension
from posembed.files import path_of
from posembed.observer import SILENT, Callbacks, Observer
from posembed.records.base import takes
from posembed.records.extend import ExtendOptions, PlanOptions, with_length
from posembed.records.search import MethodChoice


@takes(ExtendOptions)
def extend_checkpoint(
    path: CheckpointPath,
    out: str | os.PathLike[str],
    length: int | None = None,
    options: ExtendOptions | None = None,
    *,
    observer: Observer = SILENT,
    progress: Callable[[int, int], None] | None = None,
    **keywords: Any,
) -> ExtensionPlan:
    """Write a copy of a checkpoint whose position tables are longer; only the tables are held in memory.

    Everything is written under a hidden name beside ``out``, checked, flushed to the disk, then renamed: ``out`` is
    absent or whole at any moment.

    Args:
        path: a checkpoint, as in :func:`posembed.find_tables`. A directory gives a directory, a file a file.
        out: where the copy goes; it must not exist.
        length: usable positions of every sequence table.
        options: all options as one record, in place of keywords.
        observer: receives messages of the method search, and bytes written as progress named ``"writing"``.
        progress: deprecated; a function of bytes written and bytes in all. Pass ``observer``.
        **keywords: the fields of :class:`posembed.records.extend.ExtendOptions`, and options of a registered method.
            ``data`` chooses the method on validation texts, ``corpus`` by your own queries, ``length_aware`` writes
            length-aware tables too, ``dry_run`` writes nothing, ``check`` says whether the copy is loaded, or run,
            before it is put in place.

    Returns:
        The plan that was carried out; its ``choice`` says how the method was chosen, its ``checked`` whether the copy
        loads.

    Raises:
        InvalidArgumentError: for a call that cannot be right, or an extension that is not supported (a dry run returns
            a plan that says so).
        CheckpointError: for a source that is broken or unsafe; nothing is written.
        DataError: with ``data``, if there is too little text.
        NoBetterMethodError: with ``data`` or ``corpus``, if the model without a longer table serves as well; its
            ``choice`` has all that was measured. Nothing is written.
        WorkFailedError: if writing fails (a full disk, for one); nothing is left behind.
        ModelCheckError: if the copy does not load although the source does; it is not put in place.

    Example:
        >>> extend_checkpoint("my-bert", "long-bert", 2048, method="linear")  # doctest: +SKIP
    """
    settled = ExtendOptions.of(options, with_length(length, keywords))
    refuse_unknown_keywords(settled)
    if progress is not None:
        warnings.warn("progress= is now observer=", DeprecationWarning, stacklevel=2)
        observer = _Bytes(progress)
    plan = prepare_extension(path, out, settled, observer=observer)
    return plan if settled.dry_run else carry_out(plan, out, settled, observer=observer)


def prepare_extension(
    path: CheckpointPath,
    out: str | os.PathLike[str],
    options: ExtendOptions,
    *,
    observer: Observer = SILENT,
) -> ExtensionPlan:
    """Do everything of :func:`extend_checkpoint` except writing: check the target, choose the method, plan.

    A caller that shows the plan before it is carried out calls this, then :func:`carry_out`.
    """
    checkpoint = open_checkpoint(path)
    if not options.dry_run:
        if not checkpoint.root.is_dir() and checkpoint.index is None:
            require_ending(path_of("out", out), checkpoint.root)
        checked_target(path_of("out", out), checkpoint.root, options.force)  # before minutes of work, not after them
    if checkpoint.shadow is not None and (options.chooses or options.length_aware or not options.dry_run):
        if not options.chooses:
            from posembed.checkpoint.remote.faults import NoRangesError  # nothing of it is imported for a path

            with contextlib.suppress(NoRangesError):  # whole files only: the plan is made from the copy
                planned = plan_extension(checkpoint, options=_for_plan(options))
                if planned.blocked:  # known from headers and configuration: nothing is downloaded
                    return planned
        checkpoint = opened_copy(checkpoint, observer)
    choice = None
    if options.chooses:
        choice = _choose(checkpoint, options, observer)
        options = replace(
            options, data=None, corpus=None, queries=None, qrels=None, method=choice.method,
            method_options=choice.options,
        )  # fmt: skip
    plan = plan_extension(checkpoint, options=_for_plan(options))
    extra: dict[str, bytes] = {}
    if options.length_aware and not plan.blocked:
        from posembed.extension.length_aware_file import length_aware_file  # torch, which other extensions do without

        extra[tables_name(checkpoint)] = length_aware_file(
            plan, short=None if choice is None else choice.short, trust_remote_code=options.trust_remote_code
        )
    return replace(
        plan,
        choice=choice,
        length_aware=options.length_aware,
        extra_files=extra,
    )


def carry_out(
    plan: ExtensionPlan, out: str | os.PathLike[str], options: ExtendOptions, *, observer: Observer = SILENT
) -> ExtensionPlan:
    """Write what :func:`prepare_extension` planned, and return the plan with its ``out``."""
    plan.require_supported()  # before a check begins to build a model of that size
    full = options.verify == "full"
    with open_check(plan, options.check) as check:
        checked = write_extension(
            plan, Path(out), force=options.force, link=options.link, full=full, check=check, observer=observer
        )
    return replace(plan, out=Path(out), checked=checked)


def _for_plan(options: ExtendOptions) -> PlanOptions:
    return PlanOptions(**{name: getattr(options, name) for name in PlanOptions.__dataclass_fields__})


def _choose(checkpoint: Checkpoint, options: ExtendOptions, observer: Observer) -> MethodChoice:
    from posembed.quality.search.search import search_method  # loads models, which other extensions do without

    assert options.length is not None  # the record has checked it
    named = {name: getattr(options, name) for name in ("data", "corpus", "queries", "qrels")}
    return search_method(
        checkpoint,
        options.length,
        **{name: value for name, value in named.items() if value is not None},
        length_aware=options.length_aware,
        device=options.device,
        trust_remote_code=options.trust_remote_code,
        observer=observer,
    )


class _Bytes(Callbacks):
    """An observer of the old callback of bytes."""

    def __init__(self, function: Callable[[int, int], None]) -> None:
        super().__init__(progress=lambda update: function(update.done or 0, update.total or 0))
