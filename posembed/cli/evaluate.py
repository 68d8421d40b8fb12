"""``posembed evaluate``: evaluate a model on long inputs."""

from __future__ import annotations

import shlex
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from posembed.cli.command import command, names_of
from posembed.cli.names import in_options
from posembed.cli.output import (
    AsJson,
    Html,
    Model,
    prepare_html,
    print_json,
    say,
    standard_output,
    without_secrets,
    write_html,
)
from posembed.errors import InvalidArgumentError
from posembed.records.evaluate import EvaluateOptions

if TYPE_CHECKING:
    from posembed.records.evaluation import Evaluation

Mteb = Annotated[
    tuple[str, ...],
    Parameter(
        help="Run tasks of mteb instead: a task or benchmark of mteb (such as LongEmbed), whose data it downloads, or "
        "posembed for tasks made from --data, with --lengths in words. May be repeated."
    ),
]
MtebResults = Annotated[
    Path | None, Parameter(help="Folder for results in mteb's JSON. By default mteb's own, ~/.cache/mteb.")
]
# Options that mean something to tasks made from local text, and to tasks of mteb's own.
_LOCAL_TASKS = {"data", "lengths", "tasks", "documents", "documents_from", "seed"}
_ANY_TASKS = {"device", "trust_remote_code"}


@command()
def evaluate(
    checkpoint: Model,
    /,
    options: EvaluateOptions,
    *,
    mteb: Mteb = (),
    mteb_results: MtebResults = None,
    html: Html = None,
    as_json: AsJson = False,
) -> None:
    """Evaluate a model on long inputs, compared with truncation or a sliding window of the original model."""
    if mteb:
        if html is not None:
            raise InvalidArgumentError("`html` has no page for results of `mteb`: leave it out")
        _run_mteb(checkpoint, options, mteb, mteb_results, as_json=as_json)
        return
    if mteb_results is not None:
        raise InvalidArgumentError("`mteb_results` goes with `mteb`")
    if html is not None:
        prepare_html(html)
    from posembed.commands.evaluate import evaluate as run
    from posembed.report.terminal.progress import TerminalObserver

    with TerminalObserver() as observer:
        results = run(checkpoint, options, observer=observer)
    if html is not None:
        from posembed.report.html.evaluate import evaluate_page

        write_html(html, evaluate_page(_named(results)))
    if as_json:
        print_json(results.to_dict())
        return
    from posembed.report.terminal.evaluate import print_evaluation

    print_evaluation(_named(results), standard_output())
    if results.recorded_original is not None:
        words = ["posembed", *map(without_secrets, sys.argv[1:]), "--original", results.recorded_original]
        say(f"next: {shlex.join(words)}")


def _named(results: Evaluation) -> Evaluation:
    """Return the results with notes that name options, as the command line does."""
    return replace(results, notes=tuple(in_options(note, names_of(evaluate)) for note in results.notes))


def _run_mteb(
    checkpoint: Model, options: EvaluateOptions, names: tuple[str, ...], results: Path | None, *, as_json: bool
) -> None:
    from posembed.integrations.mteb.run import LOCAL, run
    from posembed.report.terminal.progress import TerminalObserver

    _refuse_unused(options, _ANY_TASKS | (_LOCAL_TASKS if LOCAL in names else set()))
    with TerminalObserver() as observer:
        found = run(
            checkpoint,
            [task for name in names for task in (_local_tasks(options) if name == LOCAL else [name])],
            results=results,
            device=options.device,
            trust_remote_code=options.trust_remote_code,
            observer=observer,
        )
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    from posembed.report.terminal.mteb import print_scores

    print_scores([(each.task_name, each.scores) for each in found.task_results], standard_output())


def _local_tasks(options: EvaluateOptions) -> list[object]:
    from posembed.integrations.mteb.tasks import DOCUMENTS, LENGTHS, local_tasks

    return local_tasks(
        options.data,
        tasks=options.tasks,
        lengths=LENGTHS if options.lengths is None else options.lengths,
        documents=DOCUMENTS if options.documents is None else options.documents,
        documents_from=options.documents_from or "all",
        seed=options.seed,
    )


def _refuse_unused(options: EvaluateOptions, used: set[str]) -> None:
    for field in fields(options):
        if field.name not in used and getattr(options, field.name) != field.default:
            raise InvalidArgumentError(
                f"`{field.name}` has no effect on these tasks of `mteb`: leave it out"
                + (", or add posembed to `mteb`" if field.name in _LOCAL_TASKS else "")
            )
