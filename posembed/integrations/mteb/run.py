"""Run tasks of mteb on a checkpoint; results are mteb's own."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from posembed.errors import InvalidArgumentError, WorkFailedError, first_line, require_package
from posembed.integrations.mteb.encoder import encoder
from posembed.observer import SILENT, Observer

#: What names all of :func:`posembed.integrations.mteb.tasks.local_tasks`.
LOCAL = "posembed"


def run(
    checkpoint: str | os.PathLike[str],
    tasks: Sequence[Any],
    *,
    results: str | os.PathLike[str] | None = None,
    device: str = "auto",
    trust_remote_code: bool = False,
    observer: Observer = SILENT,
) -> Any:
    """Run tasks on a checkpoint, and return mteb's ``ModelResult``; what is in ``results`` is not computed again.

    Args:
        checkpoint: as for :func:`~posembed.integrations.mteb.encoder.encoder`.
        tasks: tasks of mteb, or names of its tasks and benchmarks, such as ``"LongEmbed"``, whose data it downloads.
        results: folder for results in mteb's JSON; by default mteb's own, ``~/.cache/mteb``.
        device: as for the encoder.
        trust_remote_code: run Python code of the checkpoint's own.
        observer: receives the name of each task.

    Raises:
        InvalidArgumentError: for a name that mteb does not know, or a model that is no embedding model.
        CheckpointError: for files that cannot be loaded.
        WorkFailedError: if a task fails, such as one whose data cannot be downloaded; results so far are kept.
        MissingExtraError: if mteb is not installed.
    """
    require_package("mteb", "mteb", "evaluating with mteb")
    import mteb

    chosen = [task for each in tasks for task in (_named(each) if isinstance(each, str) else [each])]
    if not chosen:
        raise InvalidArgumentError("tasks=[] must have at least one task")
    model = encoder(checkpoint, device=device, trust_remote_code=trust_remote_code, observer=observer)
    kept = mteb.ResultCache(None if results is None else os.fspath(results))
    measured = None
    for task in chosen:
        observer.message(task.metadata.name)
        try:
            with warnings.catch_warnings(), _without_bars():
                warnings.simplefilter("ignore")  # of the libraries, about each other
                found = mteb.evaluate(model, task, cache=kept, show_progress_bar=False)
        except Exception as error:  # mteb and the libraries below it raise whatever happens to them
            raise WorkFailedError(f"{task.metadata.name} failed: {first_line(error)}") from None
        if measured is None:
            measured = found
        else:
            measured.task_results.extend(found.task_results)
    return measured


@contextlib.contextmanager
def _without_bars() -> Iterator[None]:
    """Let datasets draw no progress bar for texts that are in memory."""
    import datasets

    shown = datasets.are_progress_bars_disabled() is False
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


def _named(name: str) -> list[Any]:
    """Return the tasks of a name: a benchmark's, or the one of that name."""
    import mteb as library

    try:
        return list(library.get_benchmark(name).tasks)
    except KeyError:
        pass
    try:
        return list(library.get_tasks(tasks=[name]))
    except KeyError:
        raise InvalidArgumentError(
            f"mteb={name!r} must be the name of a task or benchmark of mteb {library.__version__}, such as LongEmbed, "
            f"or {LOCAL}"
        ) from None
